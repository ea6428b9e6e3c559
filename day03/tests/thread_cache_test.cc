#include "pool/thread_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "common/testing/gang.h"
#include "pool/central_cache.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

// Runs `body` on a thread of its own, which therefore has no cache yet.
template <typename Body>
void OnAFreshThread(Body body) {
  std::thread(body).join();
}

void* Allocate(size_t bytes) { return ThreadCache::Current().Allocate(bytes); }
void Deallocate(void* object, size_t bytes) {
  ThreadCache::Current().Deallocate(object, bytes);
}

// Objects of `bytes` that were handed out by the central cache: in callers'
// hands or in threads' caches.
size_t Out() { return CentralCache::Get().Footprint().out; }
size_t Cached() { return ThreadCache::Footprint().cached; }
size_t Fetches() { return ThreadCache::Footprint().fetches; }

TEST(ThreadCache, GivesBackTheObjectThatWasFreedLast) {
  void* object = Allocate(100);
  Deallocate(object, 100);
  EXPECT_EQ(Allocate(100), object);
  Deallocate(object, 100);
  ThreadCache::Current().Validate();
}

TEST(ThreadCache, AMissBringsABatchAndHitsBringNothing) {
  OnAFreshThread([] {
    const size_t out = Out();
    const size_t cached = Cached();
    const size_t fetches = Fetches();
    std::vector<void*> objects{Allocate(64)};
    const size_t batch = (Out() - out) / 64;
    EXPECT_GT(batch, 1u);
    EXPECT_EQ(Cached() - cached, (batch - 1) * 64);
    while (objects.size() < batch) objects.push_back(Allocate(64));
    EXPECT_EQ(Out() - out, batch * 64) << "all of these were hits";
    EXPECT_EQ(Cached(), cached);
    EXPECT_EQ(Fetches(), fetches + 1) << "one visit for all of them";
    for (void* object : objects) Deallocate(object, 64);
    EXPECT_EQ(Cached() - cached, batch * 64);
    ThreadCache::Current().Validate();
  });
}

TEST(ThreadCache, LargeObjectsComeInSmallBatches) {
  OnAFreshThread([] {
    const size_t out = Out();
    void* object = Allocate(SizeClass::kLargestSize);
    EXPECT_EQ(Out() - out, SizeClass::kLargestSize);
    Deallocate(object, SizeClass::kLargestSize);
    void* smaller = Allocate(16 * 1024);
    EXPECT_LE(Out() - out, SizeClass::kLargestSize + 64 * 1024);
    Deallocate(smaller, 16 * 1024);
  });
}

TEST(ThreadCache, AThreadThatMakesNoCallHasNoCache) {
  Deallocate(Allocate(8), 8);
  const size_t caches = ThreadCache::Footprint().caches;
  OnAFreshThread([] {});
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
