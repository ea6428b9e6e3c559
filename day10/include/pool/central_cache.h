// CentralCache: the middle layer. Threads' caches take objects from it and give
// them back, many at a time. It takes whole spans from the page heap, and gives
// them back when all their objects have come home.
//
// Owner: the process has one, Get(). Thread-safe: each class has a bucket, with
// a lock that guards it, and the classes share nothing. No other lock is taken
// while one is held: who needs the page heap lets go first, and looks again
// afterwards, since the world may have changed meanwhile.
//
//              depot                 shelves
//   class 0    magazines  lock       none left: span ──► span
//                                    1 left:    span
//                                    2 … 3:     span ──► span
//     …                              4 … 7:
//   class 207  magazines  lock       …
//
// A thread exchanges whole magazines with the depot of the class; only where
// the depot has none are objects taken from spans, from the one with the fewest
// left: the others get a chance to be whole again. What nobody took from a
// depot for a while goes home to the spans (ReclaimIdle).
//
// What always holds:
//  - A span that is here is in use, and on the shelf of its class that says how
//    many objects it has left.
//  - An object that is out of its span is with a caller, with a thread's cache
//    or in the depot.
//  - The last object to come home sends its span to the heap. Only a span that
//    was reserved may be idle here, until it is used.
//  - Buckets lie on cache lines of their own: to take one lock does not slow
//    down who takes another.
//  - The pages of a span that is here have its class's tag (arena.h).
//  - spans = out + free + uncarved + tails, in bytes.
//  - What is counted for a class is what its spans say: Footprint need not look
//    at them.
#ifndef POOL_CENTRAL_CACHE_H_
#define POOL_CENTRAL_CACHE_H_

#include <atomic>
#include <cstddef>

#include "pool/bytes.h"
#include "pool/gauge.h"
#include "pool/macros.h"
#include "pool/magazine.h"
#include "pool/mutex.h"
#include "pool/size_class.h"
#include "pool/span.h"

namespace pool {

struct CentralCacheFootprint {
  size_t spans;     // bytes in spans from the page heap
  size_t out;       // of those, in objects that were handed out
  size_t free;      // in objects that came back, to the depot or their span
  size_t uncarved;  // in objects that were never handed out
  size_t tails;     // behind the last objects of spans: never used
  // Of what is out: free before a fork, and lost in it.
  size_t abandoned;
};

// Of one class. The first seven are sums since the process began.
struct ClassCounts {
  size_t fetches;      // times that somebody took objects,
  size_t fetched;      // and so many objects they took
  size_t releases;     // times that somebody brought some back,
  size_t released;     // and so many they brought
  size_t carved;       // objects cut from spans that are here now
  size_t spans_taken;  // from the page heap
  size_t spans_given_up;
  Gauge out;    // objects that were handed out
  Gauge spans;  // that are here
};

class CentralCache {
 public:
  constexpr CentralCache() = default;
  CentralCache(const CentralCache&) = delete;
  CentralCache& operator=(const CentralCache&) = delete;

  // The process's own. It needs no constructor to run first, and never dies.
  static CentralCache& Get();

  // Hands out up to n objects of the class of `size`, from its spans. Returns
  // how many: at least one, or 0 when the system has no memory. REQUIRES: n
  // >= 1.
  size_t FetchRangeObj(void** objects, size_t n, size_t size);

  // Takes back n objects of the class of `size`. Each goes home to its span.
  // What is no such object, or is at home already, ends the process: its free
  // went unnoticed until now.
  void ReleaseListToSpans(void* const* objects, size_t n, size_t size);

  // A magazine with objects from the depot, in exchange for an empty one (or
  // for nothing). nullptr, and `empty` is the caller's still, if it has none.
  Magazine* TakeLoaded(ClassIndex index, Magazine* empty);

  // Leaves a magazine with objects in the depot, in exchange for an empty one.
  // nullptr, if it has none.
  Magazine* LeaveLoaded(ClassIndex index, Magazine* loaded);

  // Leaves a magazine, whatever is in it, for nothing.
  void Leave(ClassIndex index, Magazine* magazine);

  // A span, as from PageHeap::NewSpan; but before the heap grows, the depots
  // give up what is idle.
  Span* NewSpan(PageCount pages, PageCount alignment = PageCount(1));

  // Sends the objects home that lay in a depot all the time since the last
  // call: from class to class, `most` magazines at most. False, if there are
  // classes left; the next call goes on there. Other threads that come
  // meanwhile pass by.
  bool ReclaimIdle(size_t most = ~size_t{0});

  // All of them.
  void EmptyDepots();

  // Makes sure that the class of `size` has `count` objects to give; spans that
  // are new for that have been touched. False, and nothing has changed, when
  // the system has no memory for them. REQUIRES: count * size <= kMaxBytes.
  bool Reserve(size_t size, size_t count);

  // Gives the spans that were reserved and not used to the page heap.
  void ReleaseIdleSpans();

  // For the child of a fork: where another thread was half-way through a change
  // to a class, the free objects of that class are abandoned.
  void AfterFork();

  // What was counted for a class. Takes its lock.
  ClassCounts Counts(ClassIndex index);
  LockCounts Locks(ClassIndex index) const {
    return buckets_[index].lock.Counts();
  }
  size_t Abandoned() const { return abandoned_; }
  CentralCacheFootprint Footprint();

  // Calls visit(span) for each span of the class, under its lock.
  template <typename Visit>
  void ForEachSpan(ClassIndex index, const Visit& visit) {
    Bucket& bucket = buckets_[index];
    const MutexLock lock(bucket.lock);
    for (const SpanList& shelf : bucket.shelves) {
      const Span* span = shelf.First();
      for (; span != nullptr; span = span->next) visit(*span);
    }
  }

  void Validate();

 private:
  // A span's shelf: the number of bits of the number of objects that it has
  // left. None left: shelf 0; then each shelf has twice as many as the one
  // before, and a span seldom changes its shelf.
  static constexpr size_t kShelves = 12;
  static constexpr size_t kNoneLeft = 0;
  static_assert(HomeBits::kMost < size_t{1} << (kShelves - 1));

  // One class: its lock, and what it guards.
  struct alignas(kCacheLine) Bucket {
    Mutex lock;
    Depot depot GUARDED_BY(lock);
    SpanList shelves[kShelves] GUARDED_BY(lock);
    ClassCounts counts GUARDED_BY(lock) = {};
  };

  static size_t ShelfOf(const Span* span);
  // The one with the fewest objects left, but some; or nullptr.
  static Span* FirstOpen(const Bucket& bucket) REQUIRES(bucket.lock);
  // The same, and a new one if need be; nullptr when the system has no memory.
  // Lets go of the lock for a while if it has to ask for one.
  Span* GetOneSpan(Bucket& bucket, ClassIndex index) REQUIRES(bucket.lock);
  static size_t TakeFrom(Bucket& bucket, Span* span, void** objects, size_t n)
      REQUIRES(bucket.lock);
  static bool PutBack(Bucket& bucket, ClassIndex index, void* object,
                      SpanList& idle) REQUIRES(bucket.lock);
  static void AddSpan(Bucket& bucket, Span* span) REQUIRES(bucket.lock);
  static void RemoveSpan(Bucket& bucket, Span* span, SpanList& idle)
      REQUIRES(bucket.lock);
  size_t Reclaim(ClassIndex index, void (Depot::*take)(MagazineStack&, size_t),
                 size_t most);
  static void ValidateCounts(const Bucket& bucket) REQUIRES(bucket.lock);

  Bucket buckets_[SizeClass::kCount];
  std::atomic<bool> reclaiming_{false};
  size_t reclaim_next_ = 0;  // a class; of whoever is reclaiming
  size_t abandoned_ = 0;     // written while there is one thread
};

}  // namespace pool

#endif  // POOL_CENTRAL_CACHE_H_
