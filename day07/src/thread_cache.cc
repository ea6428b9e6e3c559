#include "pool/thread_cache.h"

#include <pthread.h>

#include <algorithm>
#include <cerrno>

#include "pool/immortal.h"
#include "pool/mutex.h"
#include "pool/object_pool.h"

namespace pool {
namespace {

// All caches, so that they can be counted. To allocate or free, a thread
// with a cache takes the lock twice in its life: at its first call, and at its
// end.
CONSTINIT Mutex registry_lock;
CONSTINIT Immortal<ObjectPool<ThreadCache>> caches GUARDED_BY(registry_lock);
CONSTINIT ThreadCache* first_cache GUARDED_BY(registry_lock) = nullptr;

// The key whose destructor is called when a thread ends. A thread_local object
// with a destructor would do that, too, but registering it calls malloc.
CONSTINIT pthread_key_t exit_key GUARDED_BY(registry_lock) = 0;
CONSTINIT bool has_exit_key GUARDED_BY(registry_lock) = false;

// So often a list longer than a batch may be too long before it shrinks.
constexpr uint32_t kMaxOverages = 3;

}  // namespace

CONSTINIT ThreadCache ThreadCache::unborn_;
CONSTINIT ThreadCache ThreadCache::dead_;
CONSTINIT thread_local ThreadCache* ThreadCache::current_ =
    &ThreadCache::unborn_;

//! [ThreadCache::Own]
ThreadCache* ThreadCache::Own() {
  if (this == &unborn_) return Create();
  return this == &dead_ ? nullptr : this;
}
//! [ThreadCache::Own]

//! [ThreadCache::Create]
ThreadCache* ThreadCache::Create() {
  ThreadCache* cache;
  pthread_key_t key;
  {
    const MutexLock lock(registry_lock);
    if (!has_exit_key) has_exit_key = pthread_key_create(&exit_key, Exit) == 0;
    if (!has_exit_key) return nullptr;
    key = exit_key;
    cache = caches.value.New();
    if (cache == nullptr) return nullptr;
    cache->next_cache_ = first_cache;
    if (first_cache != nullptr) first_cache->previous_cache_ = cache;
    first_cache = cache;
  }
  // Set before pthread_setspecific, which may allocate and finds a cache then.
  // A free must not touch errno, not even where that call fails.
  current_ = cache;
  const int saved_errno = errno;
  const bool will_be_told = pthread_setspecific(key, cache) == 0;
  errno = saved_errno;
  if (will_be_told) return cache;
  // Nobody would tell of this thread's end, so it had better own nothing.
  Exit(cache);
  current_ = &unborn_;
  return nullptr;
}
//! [ThreadCache::Create]

//! [ThreadCache::Exit]
// The thread ends, or cannot have a cache after all.
void ThreadCache::Exit(void* dying) {
  ThreadCache* cache = static_cast<ThreadCache*>(dying);
  current_ = &dead_;
  cache->ReleaseAll();
  const MutexLock lock(registry_lock);
  ThreadCache*& link = cache->previous_cache_ == nullptr
                           ? first_cache
                           : cache->previous_cache_->next_cache_;
  link = cache->next_cache_;
  if (link != nullptr) link->previous_cache_ = cache->previous_cache_;
  caches.value.Delete(cache);
}
//! [ThreadCache::Exit]

//! [ThreadCache::AllocateSlow]
void* ThreadCache::AllocateSlow(ClassIndex index) {
  FreeList& list = lists_[index];
  if (list.Empty()) {
    return FetchFromCentralCache(index, SizeClass::Size(index));
  }
  list.LowerLowWater();
  return list.Pop();
}
//! [ThreadCache::AllocateSlow]

//! [ThreadCache::FetchFromCentralCache]
void* ThreadCache::FetchFromCentralCache(ClassIndex index, size_t size) {
  ThreadCache* cache = Own();
  const size_t wanted =
      cache == nullptr ? 1 : cache->GrowForBatch(cache->lists_[index], size);
  void* start;
  void* end;
  const size_t count =
      CentralCache::Get().FetchRangeObj(start, end, wanted, size);
  if (count == 0) {
    errno = ENOMEM;
    return nullptr;
  }
  // The first is the caller's.
  if (count > 1) {
    cache->lists_[index].PushRange(NextObj(start), end, count - 1);
  }
  return start;
}
//! [ThreadCache::FetchFromCentralCache]

//! [ThreadCache::GrowForBatch]
// The list ran empty, so it was too short. It grows one by one until it holds a
// batch, and then by a batch. Only the first step is longer for tiny objects:
// it brings a cache line's worth, since threads whose objects lie in one line
// slow each other down. Returns how many objects to fetch.
size_t ThreadCache::GrowForBatch(FreeList& list, size_t size) {
  CountFetch();
  const size_t batch = SizeClass::NumMoveSize(size);
  const size_t first = std::max<size_t>(1, kCacheLine / size);
  GrowList(list, size,
           list.MaxSize() == 0      ? first
           : list.MaxSize() < batch ? 1
                                    : batch);
  return std::clamp<size_t>(list.MaxSize(), 1, batch);
}
//! [ThreadCache::GrowForBatch]

//! [ThreadCache::DeallocateSlow]
void ThreadCache::DeallocateSlow(void* object, ClassIndex index) {
  const size_t size = SizeClass::Size(index);
  ThreadCache* cache = Own();
  if (cache != nullptr) {
    FreeList& list = cache->lists_[index];
    cache->ListTooLong(list, size);
    if (!list.Full()) return list.Push(object);
  }
  NextObj(object) = nullptr;
  CentralCache::Get().ReleaseListToSpans(object, size);
}
//! [ThreadCache::DeallocateSlow]

//! [ThreadCache::ListTooLong]
// Gives a batch back. A list shorter than a batch may then grow by one; a
// longer one that is too long again and again shrinks by a batch: its thread
// frees what others allocate, and has no use for it.
void ThreadCache::ListTooLong(FreeList& list, size_t size) {
  const size_t batch = SizeClass::NumMoveSize(size);
  Release(list, size, std::min(list.Length(), batch));
  if (list.MaxSize() < batch) {
    GrowList(list, size, 1);
  } else if (list.MaxSize() > batch && ++list.Overages() > kMaxOverages) {
    ShrinkList(list, size, std::min(batch, list.MaxSize() - batch));
    list.Overages() = 0;
  }
}
//! [ThreadCache::ListTooLong]

//! [ThreadCache::GrowList]
// As far as the bytes go that all lists may hold together.
void ThreadCache::GrowList(FreeList& list, size_t size, size_t by) {
  if (capacity_ + by * size > kMaxCacheBytes) Scavenge();
  by = std::min(by, (kMaxCacheBytes - capacity_) / size);
  list.SetMaxSize(list.MaxSize() + by);
  capacity_ += by * size;
}
//! [ThreadCache::GrowList]

void ThreadCache::ShrinkList(FreeList& list, size_t size, size_t by) {
  list.SetMaxSize(list.MaxSize() - by);
  capacity_ -= by * size;
}

//! [ThreadCache::Scavenge]
// Every list gives up half of the objects that it did not need since the last
// time, rounded up, and half of its max_size, but for what is still on it.
void ThreadCache::Scavenge() {
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    FreeList& list = lists_[i];
    const size_t size = SizeClass::Size(ClassIndex(i));
    Release(list, size, (list.LowWater() + 1) / 2);
    const size_t keep = std::max(list.Length(), list.MaxSize() / 2);
    ShrinkList(list, size, list.MaxSize() - keep);
    list.ResetLowWater();
  }
}
//! [ThreadCache::Scavenge]

//! [ThreadCache::Release]
// Moves n of the list's objects to the central cache.
void ThreadCache::Release(FreeList& list, size_t size, size_t n) {
  if (n == 0) return;
  void* start;
  void* end;
  list.PopRange(start, end, n);
  CentralCache::Get().ReleaseListToSpans(start, size);
}
//! [ThreadCache::Release]

void ThreadCache::ReleaseAll() {
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    Release(lists_[i], SizeClass::Size(ClassIndex(i)), lists_[i].Length());
  }
}

//! [ThreadCache::Reserve]
// The thread's cache itself takes memory, too: it is made now, if need be.
bool ThreadCache::Reserve(size_t bytes, size_t count) {
  if (Own() == nullptr && this != &dead_) return false;
  const size_t size = SizeClass::Size(SizeClass::ForRequest(bytes));
  return CentralCache::Get().Reserve(size, count);
}
//! [ThreadCache::Reserve]

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
  size_t capacity = 0;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    lists_[i].Validate();
    CHECK(lists_[i].Length() <= lists_[i].MaxSize());
    capacity += lists_[i].MaxSize() * SizeClass::Size(ClassIndex(i));
  }
  CHECK(capacity == capacity_ && capacity <= kMaxCacheBytes);
}

}  // namespace pool
