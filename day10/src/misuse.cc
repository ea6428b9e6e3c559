#include "pool/misuse.h"

#include <cstddef>
#include <cstdint>

#include "pool/macros.h"

namespace pool {
namespace {

// One line of text, in place. What does not fit is left out.
class Line {
 public:
  Line& operator<<(const char* text) {
    while (*text != '\0') Put(*text++);
    return *this;
  }
  Line& operator<<(size_t number) { return Number(number, 10); }
  Line& operator<<(const void* pointer) {
    *this << "0x";
    return Number(reinterpret_cast<uintptr_t>(pointer), 16);
  }

  [[noreturn]] void ReportAndAbort() {
    text_[length_] = '\n';
    text_[length_ + 1] = '\0';
    CheckFailed(text_);
  }

 private:
  Line& Number(size_t number, size_t base) {
    char digits[20];
    size_t count = 0;
    do {
      digits[count++] = "0123456789abcdef"[number % base];
      number /= base;
    } while (number != 0);
    while (count > 0) Put(digits[--count]);
    return *this;
  }
  void Put(char c) {
    if (length_ < sizeof(text_) - 2) text_[length_++] = c;
  }

  char text_[160];
  size_t length_ = 0;
};

}  // namespace

void ReportNoBlock(const char* call, const void* pointer,
                   const Span* span) noexcept {
  Line line;
  line << "pool: " << call << "(" << pointer << "): ";
  if (span == nullptr) {
    line << "not a block of this pool";
  } else if (span->state != SpanState::kInUse) {
    line << "not allocated, or freed before: its pages are free";
  } else if (!span->HoldsClass()) {
    line << "inside the block of " << span->BlockPages().bytes()
         << " bytes that begins at " << span->Block();
  } else if (const size_t index = span->IndexOf(pointer);
             index < span->capacity) {
    line << "inside the block of " << span->size << " bytes that begins at "
         << static_cast<const void*>(static_cast<char*>(span->Start()) +
                                     index * span->size);
  } else {
    line << "behind the last block of " << span->size << " bytes of its pages";
  }
  line.ReportAndAbort();
}

void ReportWrongSize(const char* call, const void* pointer, size_t said,
                     size_t asked, size_t size) noexcept {
  Line line;
  line << "pool: " << call << "(" << pointer << "): said to have " << said
       << " bytes, asked for with " << asked << "; a block of " << size
       << " bytes";
  line.ReportAndAbort();
}

void ReportWrongAlignment(const char* call, const void* pointer,
                          size_t alignment, size_t size) noexcept {
  Line line;
  line << "pool: " << call << "(" << pointer << "): said to be aligned to "
       << alignment << "; a block of " << size << " bytes";
  line.ReportAndAbort();
}

void ReportOverrun(const char* call, const void* pointer, size_t asked,
                   size_t size) noexcept {
  Line line;
  line << "pool: " << call << "(" << pointer << "): written to behind its end";
  if (asked != kNoSize) line << ", which is at " << asked << " bytes";
  line << "; a block of " << size << " bytes";
  line.ReportAndAbort();
}

void ReportUnderrun(const char* call, const void* pointer,
                    size_t size) noexcept {
  Line line;
  line << "pool: " << call << "(" << pointer
       << "): written to before its start; a block of " << size << " bytes";
  line.ReportAndAbort();
}

void ReportWrittenWhenFree(const char* call, const void* pointer, size_t offset,
                           size_t size) noexcept {
  Line line;
  line << "pool: " << call << " found " << pointer
       << " written to after it was free, at byte " << offset << "; a block of "
       << size << " bytes";
  line.ReportAndAbort();
}

void ReportFreedTwice(const char* call, const void* pointer,
                      const Span* span) noexcept {
  Line line;
  line << "pool: " << call << "(" << pointer << "): free already; a block of "
       << (span->HoldsClass() ? span->size : span->BlockPages().bytes())
       << " bytes";
  line.ReportAndAbort();
}

}  // namespace pool
