// How threads come by their caches, and what becomes of those who get none.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "common/testing/gang.h"
#include "pool/system_memory.h"
#include "pool/thread_cache.h"
#include "thread_caches.h"

namespace pool {
namespace {

TEST(ThreadCache, AThreadThatMakesNoCallHasNoCache) {
  Deallocate(Allocate(8), 8);
  const size_t caches = ThreadCache::Footprint().caches;
  std::thread([] {}).join();
  EXPECT_EQ(ThreadCache::Footprint().caches, caches);
}

TEST(ThreadCache, AThreadsFirstCallMayBeAFree) {
  void* object = Allocate(48);
  OnAFreshThread([object] {
    const size_t cached = Cached();
    Deallocate(object, 48);
    EXPECT_EQ(Cached(), cached + 48);
    EXPECT_EQ(Allocate(48), object) << "and the object is this thread's now";
    ThreadCache::Current().Validate();
    Deallocate(object, 48);
  });
}

// All start at once, and each gets a cache of its own.
TEST(ThreadCache, ManyThreadsMayBeBornAtOnce) {
  for (int round = 0; round < 20; ++round) {
    std::vector<ThreadCache*> caches(16);
    std::vector<void*> objects(16);
    course::Barrier all_alive(16);
    course::RunGang(16, [&](size_t member) {
      objects[member] = Allocate(32);
      memset(objects[member], static_cast<int>(member), 32);
      caches[member] = &ThreadCache::Current();
      all_alive.ArriveAndWait();
      ASSERT_EQ(*static_cast<char*>(objects[member]), char(member));
    });
    EXPECT_EQ(std::set<ThreadCache*>(caches.begin(), caches.end()).size(), 16u);
    EXPECT_EQ(std::set<void*>(objects.begin(), objects.end()).size(), 16u);
    for (void* object : objects) Deallocate(object, 32);
  }
}

std::atomic<bool> refuse{false};
constexpr KernelCalls kRefusing = {
    [] { return RealKernelCalls().page_size(); },
    [](size_t bytes) {
      return refuse ? nullptr : RealKernelCalls().map(bytes);
    },
    [](void* start, size_t bytes) {
      return RealKernelCalls().unmap(start, bytes);
    },
    [](void* start, size_t bytes) {
      return RealKernelCalls().discard(start, bytes);
    }};

// More threads at once than there is room for caches, and no memory for more:
// some do without a cache, and nothing is lost.
TEST(ThreadCache, AThreadThatCannotHaveACacheDoesWithout) {
  constexpr size_t kThreads = 100;
  const KernelCalls* previous = SetKernelCalls(&kRefusing);
  std::vector<void*> objects;
  for (size_t i = 0; i < kThreads; ++i) objects.push_back(Allocate(32));
  const size_t caches = ThreadCache::Footprint().caches;
  const size_t out = Out();
  size_t caches_then = 0;
  size_t out_then = 0;
  course::Barrier step(kThreads);
  refuse = true;
  course::RunGang(kThreads, [&](size_t member) {
    Deallocate(objects[member], 32);
    objects[member] = nullptr;
    step.ArriveAndWait();
    objects[member] = Allocate(32);
    if (objects[member] != nullptr) memset(objects[member], 1, 32);
    step.ArriveAndWait();
    if (member == 0) {
      caches_then = ThreadCache::Footprint().caches;
      out_then = Out();
    }
    step.ArriveAndWait();
  });
  refuse = false;
  SetKernelCalls(previous);
  EXPECT_LT(caches_then, caches + kThreads) << "each thread got a cache";
  EXPECT_EQ(out_then, out) << "one went back for each that was fetched";
  std::set<void*> distinct(objects.begin(), objects.end());
  EXPECT_EQ(distinct.count(nullptr), 0u)
      << "as many came back as were asked for";
  EXPECT_EQ(distinct.size(), kThreads);
  for (void* object : objects) Deallocate(object, 32);
}
}  // namespace
}  // namespace pool
