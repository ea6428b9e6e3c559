// Threads with caches, for the tests of them: their calls, and where the
// objects are then.
#ifndef POOL_TESTS_THREAD_CACHES_H_
#define POOL_TESTS_THREAD_CACHES_H_

#include <cstddef>
#include <thread>

#include "pool/central_cache.h"
#include "pool/size_class.h"
#include "pool/thread_cache.h"

namespace pool {
namespace {

// Runs `body` on a thread of its own, which has no cache yet, and finds none
// that others left, and no magazines. The calling thread's cache is empty.
template <typename Body>
void OnAFreshThread(Body body) {
  ThreadCache::Current().ReleaseAll();
  CentralCache::Get().EmptyDepots();
  std::thread(body).join();
}

[[maybe_unused]] void* Allocate(size_t bytes) {
  return ThreadCache::Current().Allocate(bytes);
}
[[maybe_unused]] void Deallocate(void* object, size_t bytes) {
  const ClassIndex index = SizeClass::ForRequest(bytes);
  if (!ThreadCache::Current().Deallocate(object, SizeClass::TagOf(index))) {
    ThreadCache::DeallocateSlow(object, index);
  }
}

// Objects of `bytes` that were handed out by the central cache: in callers'
// hands or in threads' caches.
[[maybe_unused]] size_t Out() { return CentralCache::Get().Footprint().out; }
// Objects that came back to the central cache, and all of its spans.
[[maybe_unused]] size_t Free() { return CentralCache::Get().Footprint().free; }
[[maybe_unused]] size_t Spans() {
  return CentralCache::Get().Footprint().spans;
}
[[maybe_unused]] size_t Cached() { return ThreadCache::Footprint().cached; }
[[maybe_unused]] size_t Fetches() { return ThreadCache::Footprint().fetches; }

}  // namespace
}  // namespace pool

#endif  // POOL_TESTS_THREAD_CACHES_H_
