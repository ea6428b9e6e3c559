#include "pool/span.h"

#include <algorithm>

#include "pool/macros.h"

namespace pool {

//! [Span::Open]
void Span::Open(size_t object_size) {
  size = object_size;
  capacity = pages.bytes() / object_size;
  carved = 0;
  allocated = 0;
  free.Clear();
}
//! [Span::Open]

//! [Span::Carve]
// REQUIRES: carved < capacity.
void* Span::Carve() { return static_cast<char*>(Start()) + size * carved++; }
//! [Span::Carve]

//! [Span::TakeRange]
// Those that came back first: they have been touched already.
size_t Span::TakeRange(void*& start, void*& end, size_t n) {
  n = std::min(n, capacity - allocated);
  allocated += n;
  size_t count = std::min(n, free.Length());
  if (count > 0) {
    free.PopRange(start, end, count);
  } else {
    start = end = Carve();
    count = 1;
  }
  for (; count < n; ++count) {
    NextObj(end) = Carve();
    end = NextObj(end);
  }
  NextObj(end) = nullptr;
  return n;
}
//! [Span::TakeRange]

//! [Span::PutBack]
void Span::PutBack(void* object) {
  free.Push(object);
  --allocated;
}
//! [Span::PutBack]

void Span::Validate() const {
  free.Validate();
  CHECK(size > 0 && capacity * size <= pages.bytes());
  CHECK(carved <= capacity);
  CHECK(allocated + free.Length() == carved);
  for (void* object = free.First(); object != nullptr;
       object = NextObj(object)) {
    const size_t offset = static_cast<size_t>(static_cast<char*>(object) -
                                              static_cast<char*>(Start()));
    CHECK(offset % size == 0 && offset / size < carved);
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
