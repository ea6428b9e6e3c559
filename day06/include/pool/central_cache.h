// CentralCache: the middle layer. Threads' caches take objects from it and give
// them back, many at a time. It takes whole spans from the page heap, and gives
// them back when all their objects have come home.
//
// Owner: the process has one, Get(). Thread-safe: each class has a bucket, with
// a lock that guards it, and the classes share nothing. No other lock is taken
// while one is held: who needs the page heap lets go first, and looks again
// afterwards, since the world may have changed meanwhile.
//
//   class 0    lock  open ──► span ──► span        full ──► span
//   class 1    lock  open ──► span                 full
//     …
//   class 207  lock  open                          full ──► span ──► span
//
// What always holds:
//  - A span that is here is in use, and on one list of its class: on `full`, if
//    all its objects are out, else on `open`.
//  - The last object to come home sends its span to the heap. Only a span that
//    was reserved may be idle here, until it is used.
//  - Buckets lie on cache lines of their own: to take one lock does not slow
//    down who takes another.
//  - spans = out + free + uncarved + tails, in bytes.
#ifndef POOL_CENTRAL_CACHE_H_
#define POOL_CENTRAL_CACHE_H_

#include <cstddef>

#include "pool/bytes.h"
#include "pool/macros.h"
#include "pool/mutex.h"
#include "pool/size_class.h"
#include "pool/span.h"

namespace pool {

struct CentralCacheFootprint {
  size_t spans;     // bytes in spans from the page heap
  size_t out;       // of those, in objects that were handed out
  size_t free;      // in objects that came back
  size_t uncarved;  // in objects that were never handed out
  size_t tails;     // behind the last objects of spans: never used
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
  size_t FetchRangeObj(void*& start, void*& end, size_t n, size_t size);

  // Takes back the objects of the class of `size` that are linked from start
  // on. Each goes home to its span.
  void ReleaseListToSpans(void* start, size_t size);

  // Makes sure that the class of `size` has `count` objects to give; spans that
  // are new for that have been touched. False, and nothing has changed, when
  // the system has no memory for them. REQUIRES: count * size <= kMaxBytes.
  bool Reserve(size_t size, size_t count);

  CentralCacheFootprint Footprint();
  void Validate();

 private:
  // One class: its lock, and the spans that it guards.
  struct alignas(kCacheLine) Bucket {
    Mutex lock;
    SpanList open GUARDED_BY(lock);  // have objects to give
    SpanList full GUARDED_BY(lock);  // have none
  };

  // An open span, or nullptr when the system has no memory. Lets go of the lock
  // for a while if it has to ask for one.
  static Span* GetOneSpan(Bucket& bucket, ClassIndex index)
      REQUIRES(bucket.lock);
  static size_t TakeFrom(Bucket& bucket, Span* span, void*& start, void*& end,
                         size_t n) REQUIRES(bucket.lock);
  static void PutBack(Bucket& bucket, Span* span, void* object, SpanList& idle)
      REQUIRES(bucket.lock);

  Bucket buckets_[SizeClass::kCount];
};

}  // namespace pool

#endif  // POOL_CENTRAL_CACHE_H_
