#include "pool/thread_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "common/testing/gang.h"
#include "pool/bytes.h"
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
  ThreadCache::Current().Deallocate(object, SizeClass::ForRequest(bytes));
}

// Objects of `bytes` that were handed out by the central cache: in callers'
// hands or in threads' caches.
size_t Out() { return CentralCache::Get().Footprint().out; }
// Objects that came back to the central cache, and all of its spans.
size_t Free() { return CentralCache::Get().Footprint().free; }
size_t Spans() { return CentralCache::Get().Footprint().spans; }
size_t Cached() { return ThreadCache::Footprint().cached; }
size_t Fetches() { return ThreadCache::Footprint().fetches; }

TEST(ThreadCache, GivesBackTheObjectThatWasFreedLast) {
  void* object = Allocate(100);
  Deallocate(object, 100);
  EXPECT_EQ(Allocate(100), object);
  Deallocate(object, 100);
  ThreadCache::Current().Validate();
}

// Slow start: each miss lets the list be one longer, and brings as many as the
// list may hold, but no more than a batch. The first miss brings a cache line's
// worth of tiny objects. Where the open spans have less, it brings that, and
// the next one has to open a new span.
void SeeMissesBringMore(size_t bytes) {
  OnAFreshThread([bytes] {
    std::vector<void*> objects;
    const size_t batch = SizeClass::NumMoveSize(bytes);
    size_t max_size = 0;
    bool used_up = false;
    const size_t cached = Cached();
    for (size_t miss = 0; miss < 3 * batch; ++miss) {
      max_size = std::max(max_size + 1, kCacheLine / bytes);
      const size_t out = Out();
      const size_t spans = Spans();
      objects.push_back(Allocate(bytes));
      const size_t brought = (Out() - out) / bytes;
      EXPECT_LE(brought, std::min(max_size, batch));
      EXPECT_TRUE(!used_up || Spans() > spans);
      used_up = brought < std::min(max_size, batch);
      EXPECT_EQ(Cached() - cached, (brought - 1) * bytes);
      while (Cached() != cached) objects.push_back(Allocate(bytes));
    }
    for (void* object : objects) Deallocate(object, bytes);
    ThreadCache::Current().Validate();
  });
}

TEST(ThreadCache, AMissBringsMoreEachTimeUpToABatch) {
  for (size_t bytes : {8, 16, 32, 64, 256}) SeeMissesBringMore(bytes);
}

// The list has room for all that a miss brought, the caller's object included.
void SeeAFreeAfterAMissStaysHere(size_t bytes) {
  OnAFreshThread([bytes] {
    std::vector<void*> objects;
    const size_t cached = Cached();
    for (size_t miss = 0; miss < 3 * SizeClass::NumMoveSize(bytes); ++miss) {
      void* object = Allocate(bytes);
      const size_t here = Cached();
      const size_t free = Free();
      Deallocate(object, bytes);
      EXPECT_EQ(Cached(), here + bytes) << bytes << " bytes, miss " << miss;
      EXPECT_EQ(Free(), free) << bytes << " bytes, miss " << miss;
      while (Cached() != cached) objects.push_back(Allocate(bytes));
    }
    for (void* object : objects) Deallocate(object, bytes);
  });
}

TEST(ThreadCache, AFreeAfterAMissGivesNothingBack) {
  for (size_t bytes : {8, 16, 32, 48, 64, 256, 2048}) {
    SeeAFreeAfterAMissStaysHere(bytes);
  }
}

// Takes all objects of a size that the central cache has. The next ones come
// from the beginning of a new span.
std::vector<void*> TakeAll(size_t bytes) {
  std::vector<void*> objects;
  size_t out = Out();
  for (const size_t spans = Spans(); Spans() == spans;) {
    out = Out();
    objects.push_back(Allocate(bytes));
  }
  // There was nothing left but this new span.
  const size_t span = SizeClass::SpanPages(SizeClass::Index(bytes)).bytes();
  while (Out() - out < span / bytes * bytes) objects.push_back(Allocate(bytes));
  return objects;
}

// Threads that make one pair of calls each, one after the other, and all stay.
void PairOnThreads(size_t threads, size_t bytes, std::set<uintptr_t>* lines) {
  OnAFreshThread([=] {
    void* object = Allocate(bytes);
    Deallocate(object, bytes);
    EXPECT_TRUE(
        lines->insert(reinterpret_cast<uintptr_t>(object) / kCacheLine).second)
        << "an earlier thread has an object of " << bytes << " bytes there";
    if (threads > 1) PairOnThreads(threads - 1, bytes, lines);
  });
}

// If they did, each write by one would take the line away from the other.
TEST(ThreadCache, FreshThreadsShareNoCacheLine) {
  for (size_t bytes : {8, 16, 32}) {
    OnAFreshThread([bytes] {
      const std::vector<void*> taken = TakeAll(bytes);
      std::set<uintptr_t> lines;
      PairOnThreads(8, bytes, &lines);
      EXPECT_EQ(lines.size(), 8u);
      for (void* object : taken) Deallocate(object, bytes);
    });
  }
}

TEST(ThreadCache, HitsTakeNothingFromTheCentralCache) {
  OnAFreshThread([] {
    std::vector<void*> objects;
    for (int i = 0; i < 100; ++i) objects.push_back(Allocate(64));
    for (void* object : objects) Deallocate(object, 64);
    const size_t fetches = Fetches();
    const size_t out = Out();
    for (int round = 0; round < 50; ++round) {
      for (void*& object : objects) object = Allocate(64);
      for (void* object : objects) Deallocate(object, 64);
    }
    // The list has learnt how long to be, so few rounds still miss.
    EXPECT_LE(Fetches() - fetches, 20u);
    EXPECT_LE(Out() - out, 20 * SizeClass::NumMoveSize(64) * 64);
  });
}

std::vector<void*> AllocateMany(size_t count, size_t bytes) {
  std::vector<void*> objects;
  while (objects.size() < count) objects.push_back(Allocate(bytes));
  return objects;
}

void DeallocateAll(const std::vector<void*>& objects, size_t bytes) {
  for (void* object : objects) Deallocate(object, bytes);
}

TEST(ThreadCache, AThreadThatOnlyFreesKeepsLittle) {
  const std::vector<void*> objects = AllocateMany(20'000, 64);
  OnAFreshThread([&] {
    const size_t cached = Cached();
    const size_t out = Out();
    for (void* object : objects) {
      Deallocate(object, 64);
      ASSERT_LE(Cached() - cached, 2 * SizeClass::NumMoveSize(64) * 64);
    }
    EXPECT_EQ(out - Out(), 20'000 * 64 - (Cached() - cached))
        << "the others went back";
    ThreadCache::Current().Validate();
  });
}

TEST(ThreadCache, SurplusGoesBackABatchAtATime) {
  constexpr size_t kCount = 5'000;
  const size_t batch = SizeClass::NumMoveSize(64);
  const std::vector<void*> objects = AllocateMany(kCount, 64);
  OnAFreshThread([&] {
    size_t visits = 0;
    for (void* object : objects) {
      const size_t out = Out();
      Deallocate(object, 64);
      const size_t gone = (out - Out()) / 64;
      ASSERT_LE(gone, batch);
      visits += gone > 0 ? 1 : 0;
    }
    // A few more at first, while the list is shorter than a batch.
    EXPECT_LE(visits, kCount / batch + batch);
  });
}

// A list that was long once, and whose thread now frees what others allocate.
TEST(ThreadCache, AListThatIsTooLongAgainAndAgainShrinks) {
  std::vector<void*> from_elsewhere = AllocateMany(20'000, 64);
  OnAFreshThread([&] {
    const size_t cached = Cached();
    DeallocateAll(AllocateMany(5'000, 64), 64);
    EXPECT_GT(Cached() - cached, 1'000 * 64u);
    DeallocateAll(from_elsewhere, 64);
    EXPECT_LE(Cached() - cached, 2 * SizeClass::NumMoveSize(64) * 64);
    ThreadCache::Current().Validate();
  });
}

TEST(ThreadCache, AMultiplierBringsMoreEachTimeUpToALongerBatch) {
  SizeClass::SetBatchMultiplier(4);
  for (size_t bytes : {64, 256, 2048}) SeeMissesBringMore(bytes);
  SizeClass::SetBatchMultiplier(1);
}

// Threads work on, whatever a batch is just now.
TEST(ThreadCache, TheMultiplierMayChangeAtAnyTime) {
  std::atomic<int> working{3};
  course::RunGang(4, [&](size_t member) {
    if (member == 0) {
      for (size_t by = 1; working > 0; by = by * 7 % 1024 + 1) {
        SizeClass::SetBatchMultiplier(by);
      }
      return;
    }
    for (size_t round = 0; round < 60; ++round) {
      const size_t bytes = 16 << (round % 8);
      DeallocateAll(AllocateMany(2000 - round, bytes), bytes);
      ThreadCache::Current().Validate();
    }
    --working;
  });
  SizeClass::SetBatchMultiplier(1);
  CentralCache::Get().Validate();
}

TEST(ThreadCache, HoldsNoMoreThanItsShareWhateverTheClasses) {
  OnAFreshThread([] {
    const size_t cached = Cached();
    for (int round = 0; round < 6; ++round) {
      for (size_t i = 0; i < SizeClass::kCount; ++i) {
        const size_t size = SizeClass::Size(ClassIndex(i));
        DeallocateAll(AllocateMany(20, size), size);
        ASSERT_LE(Cached() - cached, ThreadCache::kMaxCacheBytes) << size;
      }
      ThreadCache::Current().Validate();
    }
    EXPECT_GT(Cached() - cached, ThreadCache::kMaxCacheBytes / 4);
  });
}

// One size fills the cache and is not used again. Another needs the room: the
// first has to give it up, or each round would be served by the central cache.
TEST(ThreadCache, ScavengingTakesFromListsThatAreNotUsed) {
  OnAFreshThread([] {
    constexpr size_t kIdle = 32 * 1024;
    constexpr size_t kBusy = 16 * 1024;
    for (int round = 0; round < 100; ++round) {
      DeallocateAll(AllocateMany(110, kIdle), kIdle);
    }
    size_t fetches = 0;
    for (int round = 0; round < 200; ++round) {
      fetches = Fetches();
      DeallocateAll(AllocateMany(150, kBusy), kBusy);
    }
    EXPECT_EQ(Fetches(), fetches) << "the last round found all it needed";
    ThreadCache::Current().Validate();
  });
}

// Scavenging leaves a mark at each list's length, and takes up to the half of
// it the next time: by then the list may have become shorter.
TEST(ThreadCache, AListThatBecomesShorterTakesItsMarkAlong) {
  OnAFreshThread([] {
    DeallocateAll(AllocateMany(50, 64), 64);
    // Somewhat more than one cache's share, so that it is scavenged.
    DeallocateAll(AllocateMany(150, 32 * 1024), 32 * 1024);
    std::vector<void*> objects;
    while (objects.size() < 50) {
      objects.push_back(Allocate(64));
      ThreadCache::Current().Validate();
    }
    DeallocateAll(objects, 64);
  });
}

TEST(ThreadCache, ReleaseAllLeavesNothingAndTheCacheServesAgain) {
  OnAFreshThread([] {
    const size_t cached = Cached();
    for (const size_t size : {8, 64, 1000, 5000, 262'144, 64}) {
      DeallocateAll(AllocateMany(20, size), size);
      const size_t kept = Cached() - cached;
      EXPECT_GT(kept, 0u);
      const size_t out = Out();
      ThreadCache::Current().ReleaseAll();
      EXPECT_EQ(Cached(), cached);
      EXPECT_EQ(Out(), out - kept);
      ThreadCache::Current().Validate();
    }
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
