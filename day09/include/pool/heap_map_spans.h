// HeapMapSpans: what the heap map shows, span by span, in the order of
// addresses.
//
// Owner: one thread, for as long as it draws. No locks of its own. Read takes
// those of the layers one after the other: first the page heap's, for where
// spans are and what state they have, then that of each class, for what is in
// its spans. No memory is taken under any of them.
//
// What always holds:
//  - Each span begins where the one before ends, or behind that: no page is
//    there twice. All of them were there at one moment, under one lock.
//  - What is in a span of objects was seen a moment later. A span in use that
//    no class knew then, or not with these pages, counts as a large block.
//  - The bytes of all spans are the sum of the parts; so are those of each
//  span.
#ifndef POOL_HEAP_MAP_SPANS_H_
#define POOL_HEAP_MAP_SPANS_H_

#include <cstddef>
#include <cstdint>

#include "pool/bytes.h"
#include "pool/output.h"
#include "pool/span.h"

namespace pool {

// Where bytes are. The first four are of spans with objects.
struct HeapMapParts {
  size_t out;       // in objects that were handed out
  size_t back;      // in objects that came back
  size_t uncarved;  // in objects that were never handed out
  size_t tails;     // behind the last objects
  size_t large;     // in large blocks
  size_t free;      // in free pages
  size_t returned;  // in pages that the kernel holds no memory for

  size_t Sum() const {
    return out + back + uncarved + tails + large + free + returned;
  }
  HeapMapParts& operator+=(const HeapMapParts& other);
};

struct HeapMapSpan {
  enum class Kind : uint8_t { kObjects, kLarge, kFree, kReturned };

  size_t bytes() const { return pages.bytes(); }
  PageId End() const { return first + pages; }
  HeapMapParts Parts() const;

  PageId first;
  PageCount pages;
  Kind kind;
  // Of spans with objects, else 0.
  size_t size;       // of an object, in bytes
  size_t allocated;  // objects that are out: in use, or in threads' caches
  size_t carved;     // objects that were out ever
  size_t capacity;   // objects that there is room for
};

class HeapMapSpans {
 public:
  HeapMapSpans() = default;
  ~HeapMapSpans() { FreeRoom(); }
  HeapMapSpans(const HeapMapSpans&) = delete;
  HeapMapSpans& operator=(const HeapMapSpans&) = delete;

  // Looks at the heap. False, when the system has no memory for what is seen.
  // REQUIRES: was not called before, and the caller holds no lock.
  bool Read();

  const HeapMapSpan* begin() const { return spans_; }
  const HeapMapSpan* end() const { return spans_ + count_; }
  size_t size() const { return count_; }

  const HeapMapParts& Totals() const { return totals_; }

 private:
  bool MakeRoom(size_t count);
  void FreeRoom();
  size_t ReadPageHeap();
  void ReadClasses();
  void Note(const Span& span);

  HeapMapSpan* spans_ = nullptr;
  size_t room_ = 0;   // spans that there is memory for
  size_t count_ = 0;  // spans that are there
  HeapMapParts totals_ = {};
};

// The forms of the map, in files of their own.
void WriteHeapMapSvg(const HeapMapSpans& spans, Output& output);
void WriteHeapMapJson(const HeapMapSpans& spans, Output& output);

}  // namespace pool

#endif  // POOL_HEAP_MAP_SPANS_H_
