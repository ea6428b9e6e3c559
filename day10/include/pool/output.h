// Output: text, piece by piece, to whoever takes it. It needs no malloc: what
// it says may be about malloc, and be said from within it.
//
// Owner: one thread, on its stack. No locks. A buffer of some hundred bytes,
// so that it fits on a small thread's stack.
//
// What always holds:
//  - Pieces reach the sink in order; the last one when the Output ends.
//  - errno is as it was, except where a file could not be written.
#ifndef POOL_OUTPUT_H_
#define POOL_OUTPUT_H_

#include <signal.h>

#include <cstddef>

namespace pool {

// Takes `length` bytes of text; `context` is what it was given with.
using TextSink = void (*)(void* context, const char* text, size_t length);

class Output {
 public:
  Output(TextSink sink, void* context) : sink_(sink), context_(context) {}
  ~Output() { Flush(); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  Output& operator<<(const char* text);
  Output& operator<<(char c);
  Output& operator<<(size_t number);
  Output& operator<<(const void* pointer);  // as 0x…

  // The number and, behind a point, so many digits of it: Fixed(1234, 2) is
  // 12.34.
  Output& Fixed(size_t number, size_t digits);

  // Text at the left or the right end of a column `width` characters wide. What
  // is longer is not cut.
  Output& Left(const char* text, size_t width);
  Output& Right(const char* text, size_t width);
  Output& Right(size_t number, size_t width);

  void Flush();

 private:
  Output& Spaces(size_t count);

  TextSink sink_;
  void* context_;
  size_t length_ = 0;
  char buffer_[256];
};

// Formats a number or two into a short text of its own, for Output::Right. All
// are rounded to what is shown.
class ShortText {
 public:
  // 1536 is "1.5 KiB", 100 is "100 B".
  static ShortText Bytes(size_t bytes);
  // In tenths of a percent: of 8, 1 is "12.5 %". "-", where whole is 0. Only
  // the whole is "100.0 %", and less than that is 99.9 % at most.
  static ShortText Percent(size_t part, size_t whole);
  // A million and more in short: 2500000 is "2.5 M".
  static ShortText Count(size_t count);
  // 2500 is "2.5 us".
  static ShortText Nanoseconds(size_t nanoseconds);

  const char* text() const { return text_; }

 private:
  static void Append(void* self, const char* text, size_t length);

  char text_[32] = {};
  size_t length_ = 0;
};

// What is done meanwhile is no business of the program's: it does not change
// errno, does not end a thread that was cancelled (whoever called has promised
// to return), and does not end a process whose reader has gone (SIGPIPE).
class Aside {
 public:
  Aside();
  ~Aside();
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

 private:
  const int errno_;
  int cancel_state_ = 0;
  bool had_sigpipe_ = false;
  sigset_t signals_;
};

// An open file for an Output to write to.
class OutputFile {
 public:
  // Makes the file, or empties the one that is there. %p in the path stands for
  // the number of this process: each one has a file of its own.
  explicit OutputFile(const char* path);
  // Writes to an open file, which stays open.
  explicit OutputFile(int descriptor) : descriptor_(descriptor) {}
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // From now on text is gathered there and written when it is full, or at the
  // end: few calls, so that what several processes say at once does not mix.
  // REQUIRES: the room outlives this.
  void Gather(char* room, size_t size) {
    room_ = room;
    size_ = size;
  }

  // Has all been written so far? If not, errno says why when it is closed.
  bool Good() const { return error_ == 0; }
  // False, and errno says why, when not all has been written. Once.
  bool Close();

  // A sink; the context is the OutputFile.
  static void Write(void* file, const char* text, size_t length);

 private:
  void WriteOut(const char* text, size_t length);
  void WriteGathered();

  int descriptor_ = -1;
  bool opened_here_ = false;
  int error_ = 0;
  char* room_ = nullptr;
  size_t size_ = 0;
  size_t gathered_ = 0;
};

}  // namespace pool

#endif  // POOL_OUTPUT_H_
