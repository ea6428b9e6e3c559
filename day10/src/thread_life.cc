// A thread's life as its cache sees it: born, alive, dead, and what of it there
// is in the child of a fork. And all caches together, as they are counted.
#include <pthread.h>

#include <algorithm>
#include <cerrno>

#include "pool/checks.h"
#include "pool/immortal.h"
#include "pool/mutex.h"
#include "pool/object_pool.h"
#include "pool/thread_cache.h"
#include "pool/watch.h"

// What pthread_atfork calls, with the library that asks as the last argument.
// When the process ends, a library's handlers are forgotten with it. There are
// forks after that, and ours is for the whole process: no library.
extern "C" int __register_atfork(void (*prepare)(), void (*parent)(),
                                 void (*child)(), void* library) noexcept;

namespace pool {
namespace {

// All caches, so that they can be counted, and those of them that no thread
// has. To allocate or free, a thread with a cache takes the lock twice in its
// life: at its first call, and at its end.
CONSTINIT Mutex registry_lock;
CONSTINIT Immortal<ObjectPool<ThreadCache>> caches GUARDED_BY(registry_lock);
CONSTINIT ThreadCache* first_cache GUARDED_BY(registry_lock) = nullptr;
CONSTINIT ThreadCache* first_orphan GUARDED_BY(registry_lock) = nullptr;
CONSTINIT size_t orphans GUARDED_BY(registry_lock) = 0;
// There never were fewer orphans since the last look.
CONSTINIT size_t idle_orphans GUARDED_BY(registry_lock) = 0;
CONSTINIT Gauge threads GUARDED_BY(registry_lock) = {};

// Bytes in the magazines of caches that are gone; written while there is one
// thread.
CONSTINIT size_t abandoned = 0;

// The key whose destructor is called when a thread ends. A thread_local object
// with a destructor would do that, too, but registering it calls malloc.
CONSTINIT pthread_key_t exit_key GUARDED_BY(registry_lock) = 0;
CONSTINIT bool has_exit_key GUARDED_BY(registry_lock) = false;
CONSTINIT bool has_fork_handler GUARDED_BY(registry_lock) = false;

//! [RegisterForkHandler]
void RegisterForkHandler() REQUIRES(registry_lock) {
  if (has_fork_handler) return;
  has_fork_handler =
      __register_atfork(nullptr, nullptr, ThreadCache::AfterFork, nullptr) == 0;
}

// If possible, before there are threads. A fork that has begun calls no handler
// that is registered meanwhile: its child would know nothing of the lock that
// another thread holds to make the first cache of all.
__attribute__((constructor)) void RegisterEarly() {
  const MutexLock lock(registry_lock);
  RegisterForkHandler();
}
//! [RegisterForkHandler]

}  // namespace

//! [ThreadCache::Own]
ThreadCache* ThreadCache::Own() {
  return current_ == &unborn_ ? Create() : own_;
}
//! [ThreadCache::Own]

//! [ThreadCache::Create]
ThreadCache* ThreadCache::Create() {
  ThreadCache* cache;
  pthread_key_t key;
  {
    const MutexLock lock(registry_lock);
    RegisterForkHandler();
    if (!has_exit_key) has_exit_key = pthread_key_create(&exit_key, Exit) == 0;
    if (!has_exit_key) return nullptr;
    key = exit_key;
    cache = AdoptOrMake();
    if (cache == nullptr) return nullptr;
    cache->owner_ = pthread_self();
    threads += 1;
  }
  // Set before pthread_setspecific, which may allocate and finds a cache then.
  // A free must not touch errno, not even where that call fails.
  own_ = cache;
  current_ = Watch::On() ? &watched_ : cache;
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

//! [ThreadCache::AdoptOrMake]
// The last orphan first: what it has is the likeliest to be in the CPU's cache.
ThreadCache* ThreadCache::AdoptOrMake() {
  ThreadCache* cache = TakeOrphan();
  if (cache != nullptr) return cache;
  cache = caches.value.New();
  if (cache == nullptr) return nullptr;
  cache->next_cache_ = first_cache;
  if (first_cache != nullptr) first_cache->previous_cache_ = cache;
  first_cache = cache;
  return cache;
}

ThreadCache* ThreadCache::TakeOrphan() {
  ThreadCache* cache = first_orphan;
  if (cache == nullptr) return nullptr;
  first_orphan = cache->next_orphan_;
  --orphans;
  idle_orphans = std::min(idle_orphans, orphans);
  return cache;
}

void ThreadCache::LeaveOrphan(ThreadCache* cache) {
  cache->owner_ = kNobody;
  cache->next_orphan_ = first_orphan;
  first_orphan = cache;
  ++orphans;
}
//! [ThreadCache::AdoptOrMake]

//! [ThreadCache::Exit]
// The thread ends, or cannot have a cache after all.
void ThreadCache::Exit(void* dying) {
  ThreadCache* cache = static_cast<ThreadCache*>(dying);
  current_ = &dead_;
  own_ = nullptr;
  const MutexLock lock(registry_lock);
  LeaveOrphan(cache);
  threads -= 1;
}
//! [ThreadCache::Exit]

//! [ThreadCache::ReleaseOrphans]
// As long as it takes to empty one, it is this thread's.
void ThreadCache::ReleaseOrphans(size_t most) {
  for (; most > 0; --most) {
    ThreadCache* cache;
    {
      const MutexLock lock(registry_lock);
      cache = TakeOrphan();
      if (cache == nullptr) return;
      cache->owner_ = pthread_self();
    }
    for (size_t i = 0; i < SizeClass::kCount; ++i) {
      cache->Release(ClassIndex(i));
    }
    const MutexLock lock(registry_lock);
    cache->LeaveWaste();
    Forget(cache);
    caches.value.Delete(cache);
  }
}

// Not among all caches any more.
void ThreadCache::Forget(ThreadCache* cache) {
  ThreadCache*& link = cache->previous_cache_ == nullptr
                           ? first_cache
                           : cache->previous_cache_->next_cache_;
  link = cache->next_cache_;
  if (link != nullptr) link->previous_cache_ = cache->previous_cache_;
}

bool ThreadCache::ReleaseIdleOrphans(size_t most) {
  size_t idle;
  {
    const MutexLock lock(registry_lock);
    idle = idle_orphans;
  }
  ReleaseOrphans(std::min(idle, most));
  const MutexLock lock(registry_lock);
  const bool is_all = idle <= most;
  idle_orphans = is_all ? orphans : std::min(idle - most, orphans);
  return is_all;
}
//! [ThreadCache::ReleaseOrphans]

// It is gone: what it counted is kept where the dead ones count.
void ThreadCache::LeaveWaste() const {
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const size_t waste = waste_[i].load(std::memory_order_relaxed);
    if (waste == 0) continue;  // a short life has used few classes
    dead_.waste_[i].fetch_add(waste, std::memory_order_relaxed);
  }
}

void ThreadCache::ReleaseAll() {
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    if (own_ != nullptr) own_->Release(ClassIndex(i));
  }
  ReleaseOrphans(SIZE_MAX);
}

//! [ThreadCache::AfterFork]
// The objects of other threads are lost: how far a magazine had come, nobody
// knows. Orphans are whole, unless another thread was just changing the lists
// of caches: then those are made anew, and the memory that caches come from.
void ThreadCache::AfterFork() {
  CentralCache::Get().AfterFork();
  Watch::AfterFork();
  if (registry_lock.HeldByThisThread()) return;
  const bool sound = !registry_lock.LeftBehind();
  registry_lock.MakeNew();
  const MutexLock lock(registry_lock);
  ThreadCache* cache = first_cache;
  first_cache = first_orphan = nullptr;
  orphans = idle_orphans = 0;
  size_t kept = 0;
  while (cache != nullptr) {
    ThreadCache* next = cache->next_cache_;
    const bool is_mine = cache->owner_ == pthread_self();
    if (is_mine || (sound && cache->owner_ == kNobody)) {
      ++kept;
      cache->previous_cache_ = nullptr;
      cache->next_cache_ = first_cache;
      if (first_cache != nullptr) first_cache->previous_cache_ = cache;
      first_cache = cache;
      if (!is_mine) LeaveOrphan(cache);
    } else {
      if (kChecks) Checks::AfterFork();  // there were others
      abandoned += cache->CachedBytes();
      cache->LeaveWaste();
      if (sound) caches.value.Delete(cache);
    }
    cache = next;
  }
  threads.now = kept - orphans;
  if (!sound) caches.value.Abandon(kept);
}
//! [ThreadCache::AfterFork]

ThreadCacheFootprint ThreadCache::Footprint() {
  CachedClass classes[SizeClass::kCount];
  return CountClasses(classes);
}

LockCounts ThreadCache::Locks() { return registry_lock.Counts(); }

//! [ThreadCache::CountClasses]
ThreadCacheFootprint ThreadCache::CountClasses(CachedClass* classes) {
  ThreadCacheFootprint sum = CountCaches(classes);
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    if (classes[i].objects == 0) continue;
    sum.cached += classes[i].objects * SizeClass::Size(ClassIndex(i));
  }
  sum.metadata += MagazineFootprint();
  return sum;
}

ThreadCacheFootprint ThreadCache::CountCaches(CachedClass* classes) {
  ThreadCacheFootprint sum = {};
  const MutexLock lock(registry_lock);
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    classes[i] = {0, dead_.waste_[i].load(std::memory_order_relaxed)};
  }
  for (const ThreadCache* cache = first_cache; cache != nullptr;
       cache = cache->next_cache_) {
    ++sum.caches;
    sum.fetches += cache->fetches_.load(std::memory_order_relaxed);
    for (size_t i = 0; i < SizeClass::kCount; ++i) {
      classes[i].objects += cache->CachedObjects(ClassIndex(i));
      classes[i].waste += cache->waste_[i].load(std::memory_order_relaxed);
    }
  }
  sum.metadata = caches.value.Footprint().blocks;
  sum.abandoned = abandoned;
  sum.threads = threads;
  sum.lock = registry_lock.Counts();
  return sum;
}
//! [ThreadCache::CountClasses]

}  // namespace pool
