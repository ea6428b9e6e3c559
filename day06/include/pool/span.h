// Span: a run of pages, cut into objects of one class. SpanList: spans in a
// row.
//
// Owner: the page heap, while the span is free; the central cache, while it is
// in use. The owner's lock guards it; neither class has one of its own.
//
//   pages   │   8 KiB   │   8 KiB   │   8 KiB   │   8 KiB   │
//   objects ├────┬────┬────┬────┬────┬────┬────┬───────────┬┤
//           │ out│free│ out│free│ out│ not yet carved      ││ tail
//           └────┴────┴────┴────┴────┴────┴────┴───────────┴┘
//
// What always holds, while the span is in use:
//  - An object is whole inside its span: capacity * size <= pages.bytes(). What
//    is left behind the last one (the tail) is never used.
//  - Objects are carved in address order: what is not needed is not touched.
//  - allocated + free.Length() == carved <= capacity.
#ifndef POOL_SPAN_H_
#define POOL_SPAN_H_

#include <cstddef>
#include <cstdint>

#include "pool/bytes.h"
#include "pool/free_list.h"

namespace pool {

enum class SpanState : uint8_t { kFree, kInUse };

struct Span {
  // Makes the span, fresh or used before, one of objects of `object_size`.
  // None of its old objects is left. REQUIRES: object_size <= pages.bytes().
  void Open(size_t object_size);

  bool Full() const { return allocated == capacity; }
  bool Idle() const { return allocated == 0; }

  // Hands out up to n objects, linked from start to end; returns how many.
  // REQUIRES: n >= 1 and not Full().
  size_t TakeRange(void*& start, void*& end, size_t n);

  // Takes back one object. REQUIRES: it was handed out by this span.
  void PutBack(void* object);

  void* Start() const { return first.Start(); }
  PageId End() const { return first + pages; }  // the page behind the last
  // Bytes at the end that no object covers.
  size_t Tail() const { return pages.bytes() - capacity * size; }

  void Validate() const;

  // The page heap's.
  PageId first;
  PageCount pages;
  SpanState state = SpanState::kFree;

  // Of whoever owns it: the spans beside it in a SpanList.
  Span* next = nullptr;
  Span* previous = nullptr;

  // The central cache's, while the span is in use.
  size_t size = 0;       // of an object, in bytes
  size_t capacity = 0;   // objects that there is room for
  size_t carved = 0;     // of those, objects that were handed out ever
  size_t allocated = 0;  // of those, objects that are out now
  FreeList free;         // and those that came back

 private:
  void* Carve();
};

class SpanList {
 public:
  constexpr SpanList() = default;
  SpanList(const SpanList&) = delete;
  SpanList& operator=(const SpanList&) = delete;

  bool Empty() const { return first_ == nullptr; }
  // nullptr, when there is none. The others follow by Span::next.
  Span* First() const { return first_; }

  //! [SpanList::PushFront]
  // REQUIRES: the span is on no list.
  void PushFront(Span* span) {
    span->previous = nullptr;
    span->next = first_;
    if (first_ != nullptr) first_->previous = span;
    first_ = span;
  }
  //! [SpanList::PushFront]

  //! [SpanList::Remove]
  // REQUIRES: the span is on this list.
  void Remove(Span* span) {
    Span*& link = span->previous == nullptr ? first_ : span->previous->next;
    link = span->next;
    if (link != nullptr) link->previous = span->previous;
    span->next = span->previous = nullptr;
  }
  //! [SpanList::Remove]

  // nullptr, when there is none.
  Span* PopFront() {
    Span* span = first_;
    if (span != nullptr) Remove(span);
    return span;
  }

  void Validate() const;

 private:
  Span* first_ = nullptr;
};

}  // namespace pool

#endif  // POOL_SPAN_H_
