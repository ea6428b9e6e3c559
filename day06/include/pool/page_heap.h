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
// is neither split nor merged with its neighbours, and so a page, once it has
// been cut, is of the same span for ever.
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
#include "pool/page_map.h"
#include "pool/span.h"

namespace pool {

struct PageHeapFootprint {
  size_t system;    // bytes taken from the system for pages
  size_t in_use;    // of those, in spans that are in use
  size_t free;      // in spans that came back
  size_t uncut;     // in the chunk that is being cut
  size_t tails;     // lost at the edges of chunks
  size_t metadata;  // bytes taken from the system beside them: for Span
                    // objects, and for the page map
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

  // As many spans of as many pages, all or none. REQUIRES: `spans` is empty.
  bool NewSpans(PageCount pages, size_t count, SpanList& spans) EXCLUDES(lock_);

  // Takes back what NewSpan gave. REQUIRES: none of its objects is out.
  void ReleaseSpanToPageHeap(Span* span) EXCLUDES(lock_);

  // The span that an object lies in. Takes no lock. REQUIRES: the object was
  // handed out and is not free.
  Span* MapObjectToSpan(const void* object) const {
    return page_map_.Find(PageId::Of(object));
  }

  PageHeapFootprint Footprint() EXCLUDES(lock_);
  void Validate() EXCLUDES(lock_);

 private:
  Span* TakeSpan(PageCount pages) REQUIRES(lock_);
  void KeepSpan(Span* span) REQUIRES(lock_);
  Span* CutSpan(PageCount pages) REQUIRES(lock_);
  bool SystemAllocSpan(PageCount pages) REQUIRES(lock_);
  bool KeepUncut() REQUIRES(lock_);

  // Written under the lock, read by anyone.
  PageMap page_map_;

  // Not on a cache line that others read.
  alignas(kCacheLine) Mutex lock_;
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
