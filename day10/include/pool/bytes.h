// Bytes, pages, and the arithmetic between them: the vocabulary of every layer.
//
// A raw size_t always means bytes. A number of pages and the number *of* a page
// have types of their own, because the three are easily taken for one another
// and a mix-up is off by a factor of 8192.
#ifndef POOL_BYTES_H_
#define POOL_BYTES_H_

#include <cstddef>
#include <cstdint>

namespace pool {

// The allocator's page, in bytes. A constant, so that a division by it is a
// shift. The kernel's page is another thing: 4 KiB on most machines, up to
// 64 KiB on some, and read at run time (system_memory.h).
inline constexpr size_t kPageShift = 13;
inline constexpr size_t kPageSize = size_t{1} << kPageShift;

// What the CPUs pass to each other at a time, in bytes. Two threads that write
// to one line slow each other down, even where they share no byte of it.
inline constexpr size_t kCacheLine = 64;

// No object may be larger than this: the distance between two of its bytes has
// to fit in ptrdiff_t. It is glibc's limit, too.
inline constexpr size_t kMaxBytes = PTRDIFF_MAX;

//! [rounding]
constexpr bool IsPowerOfTwo(size_t n) { return n != 0 && (n & (n - 1)) == 0; }

// The next multiple of `unit` at or above `bytes`. `unit` is a power of two:
// adding unit - 1 carries into the bits that matter, and the mask clears the
// rest, with no division.
constexpr size_t RoundUp(size_t bytes, size_t unit) {
  return (bytes + unit - 1) & ~(unit - 1);
}

constexpr size_t RoundDown(size_t bytes, size_t unit) {
  return bytes & ~(unit - 1);
}
//! [rounding]

inline bool IsAligned(const void* address, size_t alignment) {
  return (reinterpret_cast<uintptr_t>(address) & (alignment - 1)) == 0;
}

//! [pages]
// How many pages.
class PageCount {
 public:
  constexpr PageCount() = default;
  explicit constexpr PageCount(size_t value) : value_(value) {}

  constexpr size_t value() const { return value_; }
  constexpr size_t bytes() const { return value_ << kPageShift; }

 private:
  size_t value_ = 0;
};

// Which page: the address divided by kPageSize.
class PageId {
 public:
  constexpr PageId() = default;
  explicit constexpr PageId(uintptr_t value) : value_(value) {}

  // The page that `address` lies on.
  static PageId Of(const void* address) {
    return PageId(reinterpret_cast<uintptr_t>(address) >> kPageShift);
  }

  constexpr uintptr_t value() const { return value_; }
  void* Start() const { return reinterpret_cast<void*>(value_ << kPageShift); }

 private:
  uintptr_t value_ = 0;
};
//! [pages]

// As many pages as it takes to hold `bytes`.
constexpr PageCount PagesFor(size_t bytes) {
  return PageCount(RoundUp(bytes, kPageSize) >> kPageShift);
}

constexpr bool operator==(PageCount a, PageCount b) {
  return a.value() == b.value();
}
constexpr bool operator!=(PageCount a, PageCount b) { return !(a == b); }
constexpr bool operator<(PageCount a, PageCount b) {
  return a.value() < b.value();
}
constexpr PageCount operator+(PageCount a, PageCount b) {
  return PageCount(a.value() + b.value());
}
constexpr PageCount operator-(PageCount a, PageCount b) {
  return PageCount(a.value() - b.value());
}

// A page and a count give a page; two pages give a count. Two pages cannot be
// added: the sum would mean nothing.
constexpr bool operator==(PageId a, PageId b) { return a.value() == b.value(); }
constexpr bool operator!=(PageId a, PageId b) { return !(a == b); }
constexpr bool operator<(PageId a, PageId b) { return a.value() < b.value(); }
constexpr PageId operator+(PageId page, PageCount count) {
  return PageId(page.value() + count.value());
}
constexpr PageId operator-(PageId page, PageCount count) {
  return PageId(page.value() - count.value());
}
constexpr PageCount operator-(PageId end, PageId start) {
  return PageCount(end.value() - start.value());
}

}  // namespace pool

#endif  // POOL_BYTES_H_
