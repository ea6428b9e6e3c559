#include "pool/span.h"

#include <algorithm>

#include "pool/checks.h"

namespace pool {
namespace {

// The quotient of a multiplication by the rounded reciprocal is at most one too
// large, and never so if the rounding, times the largest offset, stays below
// one unit of the product. Longest span: 256 KiB; largest rounding: size - 1.
constexpr size_t kLongestSpan = 256 * 1024;

constexpr bool QuotientsAreExact(size_t shift) {
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const ClassIndex index(i);
    const size_t size = SizeClass::Size(index);
    const size_t bytes = SizeClass::SpanPages(index).bytes();
    const size_t reciprocal = ((size_t{1} << shift) + size - 1) / size;
    const size_t error = reciprocal * size - (size_t{1} << shift);
    if (bytes > kLongestSpan || bytes / size > 1024) return false;
    if (error * bytes >= size_t{1} << shift) return false;
  }
  return true;
}

}  // namespace

//! [Span::Open]
void Span::Open(size_t object_size) {
  static_assert(QuotientsAreExact(kReciprocalShift));
  size = object_size;
  reciprocal = ((size_t{1} << kReciprocalShift) + size - 1) / size;
  capacity = pages.bytes() / object_size;
  class_tag = static_cast<uint8_t>(SizeClass::Index(size) + 1);
  carved = 0;
  allocated = 0;
  home.Clear();
  ClearAllLive();
}
//! [Span::Open]

//! [Span::TakeRange]
// Those that came back first: they have been touched already.
size_t Span::TakeRange(void** objects, size_t n) {
  n = std::min(n, Left());
  const size_t used = std::min(n, AtHome());
  void** place = objects + n;
  size_t index = 0;
  for (size_t i = 0; i < used; ++i) {
    index = home.TakeLowest(index);
    *--place = Object(index);
  }
  while (place > objects) {
    *--place = Object(carved++);
    if (kChecks) Checks::Fresh(*place, size);
  }
  allocated += n;
  return n;
}
//! [Span::TakeRange]

//! [Span::PutBack]
bool Span::PutBack(size_t index) {
  if (!home.Add(index)) return false;
  --allocated;
  return true;
}
//! [Span::PutBack]

//! [Span::Abandon]
// In whatever order its members were written: they must agree from now on.
size_t Span::Abandon() {
  const size_t lost = carved - std::min(carved, allocated);
  allocated = carved;
  home.Clear();
  return lost;
}
//! [Span::Abandon]

void Span::Validate() const {
  CHECK(size > 0 && capacity * size <= pages.bytes());
  CHECK(allocated <= carved && carved <= capacity);
  CHECK(home.Count() == AtHome());
  for (size_t index = carved; index < HomeBits::kMost; ++index) {
    CHECK(!home.Has(index));
  }
}

void SpanList::Validate() const {
  const Span* previous = nullptr;
  for (const Span* span = first_; span != nullptr; span = span->next) {
    CHECK(span->previous == previous);
    previous = span;
  }
}

}  // namespace pool
