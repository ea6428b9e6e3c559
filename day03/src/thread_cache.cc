#include "pool/thread_cache.h"

#include <algorithm>
#include <cerrno>

#include "pool/immortal.h"
#include "pool/mutex.h"
#include "pool/object_pool.h"

namespace pool {
namespace {

// A fetch brings this many objects, and at most this many bytes of them.
constexpr size_t kBatchObjects = 32;
constexpr size_t kBatchBytes = 64 * 1024;

size_t BatchFor(size_t size) {
  return std::clamp<size_t>(kBatchBytes / size, 1, kBatchObjects);
}

// All caches, so that they can be counted. To allocate or free, a thread takes
// the lock once in its life: when it gets its cache.
CONSTINIT Mutex registry_lock;
CONSTINIT Immortal<ObjectPool<ThreadCache>> caches GUARDED_BY(registry_lock);
CONSTINIT ThreadCache* first_cache GUARDED_BY(registry_lock) = nullptr;

}  // namespace

CONSTINIT ThreadCache ThreadCache::unborn_;
CONSTINIT thread_local ThreadCache* ThreadCache::current_ =
    &ThreadCache::unborn_;

//! [ThreadCache::Create]
ThreadCache* ThreadCache::Create() {
  const MutexLock lock(registry_lock);
  ThreadCache* cache = caches.value.New();
  if (cache == nullptr) return nullptr;
  cache->next_cache_ = first_cache;
  first_cache = cache;
  current_ = cache;
  return cache;
}
//! [ThreadCache::Create]

//! [ThreadCache::FetchFromCentralCache]
void* ThreadCache::FetchFromCentralCache(ClassIndex index, size_t size) {
  ThreadCache* cache = this == &unborn_ ? Create() : this;
  void* start;
  void* end;
  const size_t wanted = cache == nullptr ? 1 : BatchFor(size);
  const size_t count =
      CentralCache::Get().FetchRangeObj(start, end, wanted, size);
  if (count == 0) {
    errno = ENOMEM;
    return nullptr;
  }
  if (cache == nullptr) return start;
  cache->CountFetch();

  // The first is the caller's.
  void* object = start;
  for (void* rest = NextObj(object); rest != nullptr;) {
    void* next = NextObj(rest);
    cache->lists_[index].Push(rest);
    rest = next;
  }
  return object;
}
//! [ThreadCache::FetchFromCentralCache]

//! [ThreadCache::DeallocateSlow]
void ThreadCache::DeallocateSlow(void* object, ClassIndex index) {
  ThreadCache* cache = Create();
  if (cache != nullptr) {
    cache->lists_[index].Push(object);
  } else {
    CentralCache::Get().ReleaseObj(object, SizeClass::Size(index));
  }
}
//! [ThreadCache::DeallocateSlow]

ThreadCacheFootprint ThreadCache::Footprint() {
  const MutexLock lock(registry_lock);
  ThreadCacheFootprint sum = {};
  for (const ThreadCache* cache = first_cache; cache != nullptr;
       cache = cache->next_cache_) {
    ++sum.caches;
    sum.fetches += cache->fetches_.load(std::memory_order_relaxed);
    for (size_t i = 0; i < SizeClass::kCount; ++i) {
      sum.cached += cache->lists_[i].Length() * SizeClass::Size(ClassIndex(i));
    }
  }
  sum.metadata = caches.value.Footprint().blocks;
  return sum;
}

void ThreadCache::Validate() const {
  for (const FreeList& list : lists_) list.Validate();
}

}  // namespace pool
