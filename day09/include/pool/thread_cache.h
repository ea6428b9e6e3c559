// ThreadCache: the top layer. Each thread has its own, so there are no locks:
// most calls take an object from a list, or put one on it, and that is all.
//
// Owner: one thread. Others may only read the lists' lengths (Footprint).
//
// A thread is born, alive, and dead; its pointer to a cache is never null.
//  - Unborn: the pointer leads to a cache that all such threads share, whose
//    lists are empty and may hold nothing. So they are empty and full at once,
//    each call takes the slow road, and that makes the thread's own cache.
//  - Alive: the thread has its own cache.
//  - Dead: when the thread ends, its objects go back to the central cache, and
//    the pointer leads to another shared cache that is empty and full at once.
//    Whoever calls later still (destructors of others, libc) is served by the
//    central cache, object by object, and makes no new cache.
//  - Watched: where each call is looked at (watch.h), a living thread's pointer
//    leads to a third such cache, and the slow road knows the thread's own.
// The road that is taken a million times asks for none of this.
//
// (One hole stays: a thread whose very first call comes after the last of those
// destructors gets a cache that nobody empties. No key can tell of its end.)
//
// How long a list may become is learnt by use. It begins at 0 and grows with
// each visit to the central cache, slowly at first (slow start). Together
// the lists may hold kMaxCacheBytes. When that is not enough, every list gives
// up half of what it had no use for since the last time.
//
// What always holds:
//  - Every object on list i has SizeClass::Size(i) bytes and is on no other
//    list, of this cache or another.
//  - A list is at most MaxSize() long; the sum of MaxSize() * size over the
//    lists is capacity_, and at most kMaxCacheBytes.
//  - A thread that cannot have a cache, for want of memory or of a key, is
//    served as a dead one is, and tries again with each call.
#ifndef POOL_THREAD_CACHE_H_
#define POOL_THREAD_CACHE_H_

#include <pthread.h>

#include <atomic>
#include <cstddef>

#include "pool/bytes.h"
#include "pool/central_cache.h"
#include "pool/free_list.h"
#include "pool/gauge.h"
#include "pool/macros.h"
#include "pool/mutex.h"
#include "pool/size_class.h"

namespace pool {

struct ThreadCacheFootprint {
  size_t caches;    // caches that there are
  size_t cached;    // bytes in objects on their lists
  size_t metadata;  // bytes taken from the system for the caches themselves
  size_t fetches;   // times that a list of theirs was empty: locks taken
  // Bytes in objects on lists that were lost in a fork.
  size_t abandoned;
  Gauge threads;    // as `caches`, and the most there were
  LockCounts lock;  // of the list of caches
};

// Of one class, in all caches.
struct CachedClass {
  size_t objects;  // on their lists
  // Bytes by which the requests that had to fetch, ever, were smaller than what
  // they got. There are as many of them as the central cache counts fetches.
  size_t waste;
};

// Whole lists to a cache line, and no line shared with another thread's cache.
class alignas(kCacheLine) ThreadCache {
  static_assert(kCacheLine % sizeof(FreeList) == 0);

 public:
  // What one thread's lists may hold together, in bytes.
  static constexpr size_t kMaxCacheBytes = 4 * 1024 * 1024;

  constexpr ThreadCache() = default;
  ThreadCache(const ThreadCache&) = delete;
  ThreadCache& operator=(const ThreadCache&) = delete;

  // The calling thread's own, or the unborn, the watched or the dead one.
  static ThreadCache& Current() { return *current_; }

  // An object for `bytes`; nullptr, and errno is ENOMEM, when the system has no
  // memory. REQUIRES: bytes <= SizeClass::kLargestSize.
  void* Allocate(size_t bytes);

  // An object of this class, for a request of `bytes`, while each call is
  // looked at. REQUIRES: Watch::On(), and bytes <= SizeClass::Size(index).
  static void* AllocateWatched(ClassIndex index, size_t bytes) noexcept;

  // Takes back what any thread's Allocate returned, if it is of this class.
  void Deallocate(void* object, ClassIndex index);

  // Gives all objects back to their spans.
  void ReleaseAll();

  // Makes sure that `count` further objects for `bytes` can be had with no call
  // to the system and no new span, as long as no other thread takes them.
  // False when the system has no memory. REQUIRES: as for Allocate, and
  // count * bytes <= kMaxBytes.
  bool Reserve(size_t bytes, size_t count);

  // For the child of a fork: what other threads left half changed is abandoned,
  // in the layers below, too, and so are their caches (fork.cc).
  static void AfterFork();

  // Of all caches that there are now, together.
  static ThreadCacheFootprint Footprint();
  static LockCounts Locks();
  // The same, and for each class; `classes` has room for SizeClass::kCount.
  static ThreadCacheFootprint CountClasses(CachedClass* classes);
  // REQUIRES: called by the owner.
  void Validate() const;

 private:
  // The list is empty, or about to be shorter than it was for long. (noexcept:
  // else the façade, which is, must stay on the stack to catch.)
  NOINLINE static void* AllocateSlow(size_t bytes) noexcept;
  // From the list, if the thread has a cache and the list is not empty.
  static void* TakeOrFetch(ThreadCache* cache, ClassIndex index, size_t bytes);
  // The list is empty: brings a batch and returns one object of it.
  static void* FetchFromCentralCache(ThreadCache* cache, ClassIndex index,
                                     size_t bytes);
  // The list is full: makes room, or does without.
  NOINLINE static void DeallocateSlow(void* object, ClassIndex index) noexcept;

  // The calling thread's cache, made now if need be. nullptr when it is dead,
  // or when the system has no memory.
  static ThreadCache* Own();
  static ThreadCache* Create();
  static void Exit(void* cache);

  size_t GrowForBatch(FreeList& list, size_t size);
  void ListTooLong(FreeList& list, size_t size);
  void GrowList(FreeList& list, size_t size, size_t by);
  void ShrinkList(FreeList& list, size_t size, size_t by);
  void Release(FreeList& list, size_t size, size_t n);
  void Scavenge();
  size_t CachedBytes() const;

  // No other thread writes, so this need not be an atomic addition.
  static void Count(std::atomic<size_t>& counter, size_t n) {
    counter.store(counter.load(std::memory_order_relaxed) + n,
                  std::memory_order_relaxed);
  }
  static void CountWaste(ThreadCache* cache, ClassIndex index, size_t waste);
  void LeaveWaste() const;

  // Written by the owning thread only; others read the lengths and the
  // counters. (The dead one's counters are written by all.)
  FreeList lists_[SizeClass::kCount];
  std::atomic<size_t> waste_[SizeClass::kCount] = {};  // see CachedClass
  std::atomic<size_t> fetches_{0};
  size_t capacity_ = 0;  // bytes that the lists may hold

  // Whose it is, and its place in the list of all caches: written under the
  // lock in thread_cache.cc.
  pthread_t owner_ = 0;
  ThreadCache* next_cache_ = nullptr;
  ThreadCache* previous_cache_ = nullptr;

  static ThreadCache unborn_;
  static ThreadCache watched_;
  static ThreadCache dead_;
  CONSTINIT static thread_local ThreadCache* current_;
  // The cache that the thread has, also while it is watched; else nullptr.
  CONSTINIT static thread_local ThreadCache* own_;
};

//! [ThreadCache::Allocate]
inline void* ThreadCache::Allocate(size_t bytes) {
  const ClassIndex index = SizeClass::ForRequest(bytes);
  FreeList& list = lists_[index];
  if (list.AtLowWater()) return AllocateSlow(bytes);
  return list.Pop();
}
//! [ThreadCache::Allocate]

//! [ThreadCache::Deallocate]
inline void ThreadCache::Deallocate(void* object, ClassIndex index) {
  FreeList& list = lists_[index];
  if (list.Full()) return DeallocateSlow(object, index);
  list.Push(object);
}
//! [ThreadCache::Deallocate]

}  // namespace pool

#endif  // POOL_THREAD_CACHE_H_
