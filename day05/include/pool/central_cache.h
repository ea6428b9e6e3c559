// CentralCache: the middle layer. Threads' caches take objects from it and give
// them back, many at a time. It takes whole spans from the page heap, and gives
// them back when all their objects have come home.
//
// Owner: the process has one, Get(). Thread-safe: one lock guards all of it. No
// other lock is taken while it is held: who needs the page heap lets go first,
// and looks again afterwards, since the world may have changed meanwhile.
//
//   class 0    open ──► span ──► span        full ──► span
//   class 1    open ──► span                 full
//     …
//   class 207  open                          full ──► span ──► span
//
// What always holds:
//  - A span that is here is in use, and on one list of its class: on `full`, if
//    all its objects are out, else on `open`.
//  - No span here is idle: the last object to come home sends it to the heap.
//  - Each page of a span that is here leads to it in the page map.
//  - spans = out + free + uncarved + tails, in bytes.
#ifndef POOL_CENTRAL_CACHE_H_
#define POOL_CENTRAL_CACHE_H_

#include <cstddef>

#include "pool/free_list.h"
#include "pool/macros.h"
#include "pool/mutex.h"
#include "pool/page_map.h"
#include "pool/size_class.h"
#include "pool/span.h"

namespace pool {

struct CentralCacheFootprint {
  size_t spans;     // bytes in spans from the page heap
  size_t out;       // of those, in objects that were handed out
  size_t free;      // in objects that came back
  size_t uncarved;  // in objects that were never handed out
  size_t tails;     // behind the last objects of spans: never used
  size_t metadata;  // bytes taken from the system beside them, for the page map
};

class CentralCache {
 public:
  constexpr CentralCache() = default;
  CentralCache(const CentralCache&) = delete;
  CentralCache& operator=(const CentralCache&) = delete;

  // The process's own. It needs no constructor to run first, and never dies.
  static CentralCache& Get();

  // Hands out up to n objects of the class of `size`, linked from start to end,
  // whose own link is nullptr. Returns how many: at least one, or 0 when the
  // system has no memory.
  // REQUIRES: n >= 1.
  size_t FetchRangeObj(void*& start, void*& end, size_t n, size_t size)
      EXCLUDES(lock_);

  // Takes back the objects of the class of `size` that are linked from start
  // on. Each goes home to its span.
  void ReleaseListToSpans(void* start, size_t size) EXCLUDES(lock_);

  CentralCacheFootprint Footprint() EXCLUDES(lock_);
  void Validate() EXCLUDES(lock_);

 private:
  // The spans of one class.
  struct Bucket {
    SpanList open;  // have objects to give
    SpanList full;  // have none
  };

  // An open span, or nullptr when the system has no memory. Lets go of the lock
  // for a while if it has to ask for one.
  Span* GetOneSpan(Bucket& bucket, ClassIndex index) REQUIRES(lock_);
  bool AddSpan(Bucket& bucket, Span* span, size_t size) REQUIRES(lock_);
  size_t TakeFrom(Bucket& bucket, Span* span, void*& start, void*& end,
                  size_t n) REQUIRES(lock_);
  void PutBack(Bucket& bucket, Span* span, void* object, SpanList& idle)
      REQUIRES(lock_);

  Mutex lock_;
  Bucket buckets_[SizeClass::kCount] GUARDED_BY(lock_);
  PageMap page_map_ GUARDED_BY(lock_);
};

}  // namespace pool

#endif  // POOL_CENTRAL_CACHE_H_
