#include "pool/output.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pool {
namespace {

constexpr size_t kMostDigits = 20;  // of a size_t

size_t Length(const char* text) {
  size_t length = 0;
  while (text[length] != '\0') ++length;
  return length;
}

// The digits of a number, behind as many zeros as it takes to make `least`.
// Returns how many there are.
size_t Digits(size_t number, size_t base, size_t least, char* digits) {
  char reversed[kMostDigits];
  size_t count = 0;
  do {
    reversed[count++] = "0123456789abcdef"[number % base];
    number /= base;
  } while (number != 0);
  while (count < least && count < kMostDigits) reversed[count++] = '0';
  for (size_t i = 0; i < count; ++i) digits[i] = reversed[count - 1 - i];
  return count;
}

// A number in tenths of a unit, rounded. (A unit is no more than 2^60, so that
// nothing overflows.)
size_t Tenths(size_t number, size_t unit) {
  return number / unit * 10 + (number % unit * 10 + unit / 2) / unit;
}

// A number in the largest unit of which it has one: the first unit is `base`,
// each of the others is `base` times the one before. By the rounded figure:
// what would read 1024.0 KiB is 1.0 MiB.
void WriteInUnits(Output& output, size_t number, size_t base,
                  const char* const* units, size_t unit_count) {
  size_t unit = base;
  while (--unit_count > 0 && Tenths(number, unit) >= base * 10) {
    unit *= base;
    ++units;
  }
  output.Fixed(Tenths(number, unit), 1) << ' ' << *units;
}

// The next four write to an Output that ends with the call.
void WriteBytes(Output&& output, size_t bytes) {
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB",
                                           "TiB", "PiB", "EiB"};
  if (bytes < 1024) {
    output << bytes << " B";
  } else {
    WriteInUnits(output, bytes, 1024, kUnits, 6);
  }
}

void WriteCount(Output&& output, size_t count) {
  static constexpr const char* kUnits[] = {"k", "M", "G", "T", "P", "E"};
  if (count < 1000000) {
    output << count;
  } else {
    WriteInUnits(output, count, 1000, kUnits, 6);
  }
}

void WritePercent(Output&& output, size_t part, size_t whole) {
  if (whole == 0) {
    output << '-';
    return;
  }
  const bool is_whole = part >= whole;
  while (part > SIZE_MAX / 2000 || whole > SIZE_MAX / 2) {
    part /= 2;
    whole /= 2;
  }
  if (whole == 0) whole = 1;
  size_t thousandths = (part * 1000 + whole / 2) / whole;
  // 100.0 % is only said of what is all.
  if (thousandths == 1000 && !is_whole) thousandths = 999;
  output.Fixed(thousandths, 1) << " %";
}

void WriteNanoseconds(Output&& output, size_t nanoseconds) {
  static constexpr const char* kUnits[] = {"us", "ms", "s"};
  if (nanoseconds < 1000) {
    output << nanoseconds << " ns";
  } else {
    WriteInUnits(output, nanoseconds, 1000, kUnits, 3);
  }
}

// The path of a file, in place. If it does not fit, length is the whole room.
struct Path {
  static void Append(void* self, const char* text, size_t count) {
    Path& path = *static_cast<Path*>(self);
    for (size_t i = 0; i < count; ++i) {
      if (path.length < sizeof(path.text)) path.text[path.length++] = text[i];
    }
  }

  char text[PATH_MAX];
  size_t length = 0;
};

// With the number of this process for each %p.
void WritePath(Output&& output, const char* path) {
  while (*path != '\0') {
    if (path[0] == '%' && path[1] == 'p') {
      output << static_cast<size_t>(getpid());
      path += 2;
    } else {
      output << *path++;
    }
  }
}

}  // namespace

//! [Aside]
Aside::Aside() : errno_(errno) {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state_);
  sigset_t pending;
  sigpending(&pending);
  had_sigpipe_ = sigismember(&pending, SIGPIPE) == 1;
  sigset_t sigpipe;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &sigpipe, &signals_);
}

// A signal that came meanwhile, and was ours, goes.
Aside::~Aside() {
  sigset_t sigpipe;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  const timespec now = {};
  while (!had_sigpipe_ && sigtimedwait(&sigpipe, nullptr, &now) < 0 &&
         errno == EINTR) {
  }
  pthread_sigmask(SIG_SETMASK, &signals_, nullptr);
  pthread_setcancelstate(cancel_state_, nullptr);
  errno = errno_;
}
//! [Aside]

Output& Output::operator<<(const char* text) {
  while (*text != '\0') *this << *text++;
  return *this;
}

Output& Output::operator<<(char c) {
  if (length_ == sizeof(buffer_)) Flush();
  buffer_[length_++] = c;
  return *this;
}

Output& Output::operator<<(size_t number) { return Fixed(number, 0); }

Output& Output::operator<<(const void* pointer) {
  char digits[kMostDigits];
  const size_t count =
      Digits(reinterpret_cast<uintptr_t>(pointer), 16, 1, digits);
  *this << "0x";
  for (size_t i = 0; i < count; ++i) *this << digits[i];
  return *this;
}

Output& Output::Fixed(size_t number, size_t digits_behind) {
  char digits[kMostDigits];
  const size_t count = Digits(number, 10, digits_behind + 1, digits);
  for (size_t i = 0; i < count; ++i) {
    if (i > 0 && i + digits_behind == count) *this << '.';
    *this << digits[i];
  }
  return *this;
}

Output& Output::Left(const char* text, size_t width) {
  *this << text;
  const size_t length = Length(text);
  return Spaces(length < width ? width - length : 0);
}

Output& Output::Right(const char* text, size_t width) {
  const size_t length = Length(text);
  return Spaces(length < width ? width - length : 0) << text;
}

Output& Output::Right(size_t number, size_t width) {
  char digits[kMostDigits + 1];
  digits[Digits(number, 10, 1, digits)] = '\0';
  return Right(digits, width);
}

void Output::Flush() {
  if (length_ > 0) sink_(context_, buffer_, length_);
  length_ = 0;
}

Output& Output::Spaces(size_t count) {
  while (count-- > 0) *this << ' ';
  return *this;
}

// The texts are whole when these outputs end, which is before the return.
ShortText ShortText::Bytes(size_t bytes) {
  ShortText result;
  WriteBytes(Output(Append, &result), bytes);
  return result;
}

ShortText ShortText::Percent(size_t part, size_t whole) {
  ShortText result;
  WritePercent(Output(Append, &result), part, whole);
  return result;
}

ShortText ShortText::Count(size_t count) {
  ShortText result;
  WriteCount(Output(Append, &result), count);
  return result;
}

ShortText ShortText::Nanoseconds(size_t nanoseconds) {
  ShortText result;
  WriteNanoseconds(Output(Append, &result), nanoseconds);
  return result;
}

void ShortText::Append(void* self, const char* text, size_t length) {
  ShortText& result = *static_cast<ShortText*>(self);
  for (size_t i = 0; i < length; ++i) {
    if (result.length_ < sizeof(result.text_) - 1) {
      result.text_[result.length_++] = text[i];
    }
  }
}

OutputFile::OutputFile(const char* path) : opened_here_(true) {
  const Aside aside;
  Path whole;
  WritePath(Output(Path::Append, &whole), path);
  if (whole.length == sizeof(whole.text)) {
    error_ = ENAMETOOLONG;
  } else {
    whole.text[whole.length] = '\0';
    do {
      descriptor_ =
          open(whole.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    } while (descriptor_ < 0 && errno == EINTR);
    if (descriptor_ < 0) error_ = errno;
  }
}

OutputFile::~OutputFile() {
  const Aside aside;
  Close();
}

bool OutputFile::Close() {
  WriteGathered();
  if (opened_here_ && descriptor_ >= 0) {
    const Aside aside;
    // The descriptor is gone even when close says EINTR.
    if (close(descriptor_) != 0 && errno != EINTR && error_ == 0) {
      error_ = errno;
    }
  }
  descriptor_ = -1;
  if (error_ != 0) errno = error_;
  return error_ == 0;
}

//! [Write]
void OutputFile::Write(void* file, const char* text, size_t length) {
  OutputFile& self = *static_cast<OutputFile*>(file);
  if (length > self.size_ - self.gathered_) self.WriteGathered();
  if (length > self.size_) return self.WriteOut(text, length);
  std::memcpy(self.room_ + self.gathered_, text, length);
  self.gathered_ += length;
}

void OutputFile::WriteGathered() {
  WriteOut(room_, gathered_);
  gathered_ = 0;
}

void OutputFile::WriteOut(const char* text, size_t length) {
  const Aside aside;
  while (length > 0 && error_ == 0) {
    const ssize_t written = write(descriptor_, text, length);
    if (written > 0) {
      text += written;
      length -= static_cast<size_t>(written);
    } else if (written == 0) {
      error_ = EIO;  // or we would try for ever
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
}
//! [Write]

}  // namespace pool
