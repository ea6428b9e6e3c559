// ThreadCache: the top layer. Each thread has its own, so there are no locks:
// most calls take an object from a list, or put one on it, and that is all.
//
// Owner: one thread. Others may only read the lists' lengths (Footprint).
//
// A thread's pointer to its cache is never null. Before the thread's first call
// it points to a cache that all such threads share, the unborn one. Its lists
// are empty and nobody puts anything on them, so a call finds nothing there,
// takes the slow road, and that makes the thread's own cache. Allocate need not
// ask whether the cache is there; Deallocate does.
//
// What always holds:
//  - Every object on list i has SizeClass::Size(i) bytes and is on no other
//    list, of this cache or another.
//  - A thread that cannot have a cache, for want of memory, is served by the
//    central cache, object by object.
#ifndef POOL_THREAD_CACHE_H_
#define POOL_THREAD_CACHE_H_

#include <atomic>
#include <cstddef>

#include "pool/central_cache.h"
#include "pool/free_list.h"
#include "pool/macros.h"
#include "pool/size_class.h"

namespace pool {

struct ThreadCacheFootprint {
  size_t caches;    // caches that there are
  size_t cached;    // bytes in objects on their lists
  size_t metadata;  // bytes taken from the system for the caches themselves
  size_t fetches;   // times that a list of theirs was empty: locks taken
};

class ThreadCache {
 public:
  constexpr ThreadCache() = default;
  ThreadCache(const ThreadCache&) = delete;
  ThreadCache& operator=(const ThreadCache&) = delete;

  // The calling thread's own, or the unborn one.
  static ThreadCache& Current() { return *current_; }

  // An object for `bytes`; nullptr, and errno is ENOMEM, when the system has no
  // memory. REQUIRES: bytes <= SizeClass::kLargestSize.
  void* Allocate(size_t bytes);

  // Takes back what any thread's Allocate(bytes) returned.
  void Deallocate(void* object, size_t bytes);

  // Of all caches that there are now, together.
  static ThreadCacheFootprint Footprint();
  // REQUIRES: called by the owner.
  void Validate() const;

 private:
  // The list is empty: brings a batch and returns one object of it.
  NOINLINE void* FetchFromCentralCache(ClassIndex index, size_t size);
  // The thread has no cache yet: makes one, or does without.
  NOINLINE static void DeallocateSlow(void* object, ClassIndex index);

  // Makes the calling thread's cache. nullptr when the system has no memory.
  static ThreadCache* Create();

  // No other thread writes, so this need not be an atomic addition.
  void CountFetch() {
    fetches_.store(fetches_.load(std::memory_order_relaxed) + 1,
                   std::memory_order_relaxed);
  }

  // Written by the owning thread only; others read the lengths and the counter.
  FreeList lists_[SizeClass::kCount];
  std::atomic<size_t> fetches_{0};

  // Of the list of all caches; the lock in thread_cache.cc guards it.
  ThreadCache* next_cache_ = nullptr;

  static ThreadCache unborn_;
  CONSTINIT static thread_local ThreadCache* current_;
};

//! [ThreadCache::Allocate]
inline void* ThreadCache::Allocate(size_t bytes) {
  const ClassIndex index = SizeClass::ForRequest(bytes);
  FreeList& list = lists_[index];
  if (list.Empty()) {
    return FetchFromCentralCache(index, SizeClass::Size(index));
  }
  return list.Pop();
}
//! [ThreadCache::Allocate]

//! [ThreadCache::Deallocate]
inline void ThreadCache::Deallocate(void* object, size_t bytes) {
  const ClassIndex index = SizeClass::ForRequest(bytes);
  if (this == &unborn_) return DeallocateSlow(object, index);
  lists_[index].Push(object);
}
//! [ThreadCache::Deallocate]

}  // namespace pool

#endif  // POOL_THREAD_CACHE_H_
