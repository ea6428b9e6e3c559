// PageHeap: the bottom layer. It takes memory from the system, some megabytes
// at a time, cuts spans from it, and keeps those that come back.
//
// Owner: the process has one, Get(). Thread-safe: one lock guards all of it.
//
//   chunk  ┌──────┬────────┬──────┬──────┬─────────────────────────┐
//          │ span │  span  │ span │ span │ uncut                   │
//          └──────┴────────┴──────┴──────┴─────────────────────────┘
//                                        ▲ next_              end_ ▲
//
// A span that comes back serves the next request for exactly as many pages. It
// is neither split nor merged with its neighbours.
//
// What always holds:
//  - Every page is in one span, or uncut, or lost at a chunk's edge.
//  - A free span is on the list of its length and belongs to the heap; one in
//    use belongs to whoever asked for it.
//  - system = in use + free + uncut + tails, in bytes.
#ifndef POOL_PAGE_HEAP_H_
#define POOL_PAGE_HEAP_H_

#include <cstddef>

#include "pool/bytes.h"
#include "pool/macros.h"
#include "pool/mutex.h"
#include "pool/object_pool.h"
#include "pool/span.h"

namespace pool {

struct PageHeapFootprint {
  size_t system;    // bytes taken from the system for pages
  size_t in_use;    // of those, in spans that are in use
  size_t free;      // in spans that came back
  size_t uncut;     // in the chunk that is being cut
  size_t tails;     // lost at the edges of chunks
  size_t metadata;  // bytes taken from the system beside them, for Span objects
};

class PageHeap {
 public:
  // The longest span that there is.
  static constexpr PageCount kMaxPages = PageCount(32);

  constexpr PageHeap() = default;
  PageHeap(const PageHeap&) = delete;
  PageHeap& operator=(const PageHeap&) = delete;

  // The process's own. It needs no constructor to run first, and never dies.
  static PageHeap& Get();

  // A span of as many pages, in use from now on, or nullptr when the system has
  // no memory. What its pages hold is undefined. REQUIRES: 1 <= pages <=
  // kMaxPages.
  Span* NewSpan(PageCount pages) EXCLUDES(lock_);

  // Takes back what NewSpan gave. REQUIRES: none of its objects is out.
  void ReleaseSpanToPageHeap(Span* span) EXCLUDES(lock_);

  PageHeapFootprint Footprint() EXCLUDES(lock_);
  void Validate() EXCLUDES(lock_);

 private:
  Span* CutSpan(PageCount pages) REQUIRES(lock_);
  bool SystemAllocSpan() REQUIRES(lock_);
  bool KeepUncut() REQUIRES(lock_);

  Mutex lock_;
  SpanList free_[kMaxPages.value() + 1] GUARDED_BY(lock_);  // [n]: of n pages
  ObjectPool<Span> spans_ GUARDED_BY(lock_);
  PageId next_ GUARDED_BY(lock_);  // the chunk that is being cut:
  PageId end_ GUARDED_BY(lock_);   // what is left of it
  size_t system_ GUARDED_BY(lock_) = 0;
  size_t in_use_ GUARDED_BY(lock_) = 0;
  size_t tails_ GUARDED_BY(lock_) = 0;
};

}  // namespace pool

#endif  // POOL_PAGE_HEAP_H_
