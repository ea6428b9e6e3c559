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
#include "pool/magazine.h"
#include "pool/system_memory.h"
#include "pool/tuning.h"

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

void* Allocate(size_t bytes) { return ThreadCache::Current().Allocate(bytes); }
void Deallocate(void* object, size_t bytes) {
  const ClassIndex index = SizeClass::ForRequest(bytes);
  if (!ThreadCache::Current().Deallocate(object, SizeClass::TagOf(index))) {
    ThreadCache::DeallocateSlow(object, index);
  }
}

// Objects of `bytes` that were handed out by the central cache: in callers'
// hands or in threads' caches.
size_t Out() { return CentralCache::Get().Footprint().out; }
// Objects that came back to the central cache, and all of its spans.
size_t Free() { return CentralCache::Get().Footprint().free; }
size_t Spans() { return CentralCache::Get().Footprint().spans; }
size_t Cached() { return ThreadCache::Footprint().cached; }
size_t Fetches() { return ThreadCache::Footprint().fetches; }

// How many objects the longest magazine of the class holds.
size_t Room(size_t bytes) {
  const size_t length = tuning::kMagazineLengths[LongestKind(bytes)];
  return std::min(length, std::max<size_t>(tuning::kMagazineBytes / bytes, 1));
}

TEST(ThreadCache, GivesBackTheObjectThatWasFreedLast) {
  void* object = Allocate(100);
  Deallocate(object, 100);
  EXPECT_EQ(Allocate(100), object);
  Deallocate(object, 100);
  ThreadCache::Current().Validate();
}

// Each miss fills a magazine, and comes with a longer one than the last: of 16,
// 64, 128 objects, but of no more than 64 KiB. Where the open spans have less,
// it brings that, and the next one has to open a new span.
void SeeMissesBringMore(size_t bytes, const std::vector<size_t>& rooms) {
  OnAFreshThread([&] {
    std::vector<void*> objects;
    bool used_up = false;
    const size_t cached = Cached();
    for (const size_t room : rooms) {
      const size_t out = Out();
      const size_t spans = Spans();
      objects.push_back(Allocate(bytes));
      const size_t brought = (Out() - out) / bytes;
      EXPECT_LE(brought, room) << bytes;
      EXPECT_TRUE(!used_up || Spans() > spans) << bytes;
      used_up = brought < room;
      EXPECT_EQ(Cached() - cached, (brought - 1) * bytes);
      while (Cached() != cached) objects.push_back(Allocate(bytes));
    }
    for (void* object : objects) Deallocate(object, bytes);
    ThreadCache::Current().Validate();
  });
}

TEST(ThreadCache, AMissBringsMoreEachTimeUpToTheLongestMagazine) {
  for (const size_t bytes : {8, 16, 32, 64, 256, 512}) {
    SeeMissesBringMore(bytes, {16, 64, 128, 128, 128, 128});
  }
  SeeMissesBringMore(1024, {16, 64, 64, 64});
  SeeMissesBringMore(2048, {16, 32, 32, 32});
  SeeMissesBringMore(16 * 1024, {4, 4, 4});
  SeeMissesBringMore(80 * 1024, {1, 1, 1});
}

// A new span has enough for the first miss of each class of few bytes.
TEST(ThreadCache, TheFirstMissFillsAShortMagazine) {
  for (const size_t bytes : {8, 64, 512, 2048}) {
    OnAFreshThread([bytes] {
      const size_t out = Out();
      Deallocate(Allocate(bytes), bytes);
      EXPECT_EQ(Out() - out, 16 * bytes);
    });
  }
}

// The magazine has room for all that a miss brought, the caller's object
// included.
void SeeAFreeAfterAMissStaysHere(size_t bytes) {
  OnAFreshThread([bytes] {
    std::vector<void*> objects;
    const size_t cached = Cached();
    for (size_t miss = 0; miss < 10; ++miss) {
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
  const auto pair = [=] {
    void* object = Allocate(bytes);
    Deallocate(object, bytes);
    EXPECT_TRUE(
        lines->insert(reinterpret_cast<uintptr_t>(object) / kCacheLine).second)
        << "an earlier thread has an object of " << bytes << " bytes there";
    if (threads > 1) PairOnThreads(threads - 1, bytes, lines);
  };
  std::thread(pair).join();
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
    EXPECT_EQ(Fetches(), fetches);
    EXPECT_EQ(Out(), out);
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

TEST(ThreadCache, AThreadThatOnlyFreesKeepsTwoMagazines) {
  const std::vector<void*> objects = AllocateMany(20'000, 64);
  OnAFreshThread([&] {
    const size_t cached = Cached();
    const size_t out = Out();
    for (void* object : objects) {
      Deallocate(object, 64);
      ASSERT_LE(Cached() - cached, 2 * Room(64) * 64);
    }
    EXPECT_EQ(out - Out(), 20'000 * 64 - (Cached() - cached))
        << "the others went back";
    ThreadCache::Current().Validate();
  });
}

TEST(ThreadCache, SurplusGoesBackAMagazineAtATime) {
  constexpr size_t kCount = 5'000;
  const std::vector<void*> objects = AllocateMany(kCount, 64);
  OnAFreshThread([&] {
    size_t visits = 0;
    for (void* object : objects) {
      const size_t out = Out();
      Deallocate(object, 64);
      const size_t gone = (out - Out()) / 64;
      ASSERT_LE(gone, Room(64));
      visits += gone > 0 ? 1 : 0;
    }
    // A few more at first, while the magazines are shorter.
    EXPECT_LE(visits, kCount / Room(64) + 2);
    EXPECT_GE(visits, kCount / Room(64) - 2);
  });
}

// What one thread gave away comes to another whole: in one visit, and from no
// span. The other is one that has come back for more, and has long magazines.
TEST(ThreadCache, AMissTakesAFullMagazineThatAnotherThreadLeft) {
  OnAFreshThread([] {
    const std::vector<void*> objects = AllocateMany(20 * Room(64), 64);
    std::thread([&] { DeallocateAll(objects, 64); }).join();
    const size_t spans = Spans();
    std::vector<void*> mine;
    while (mine.size() < 15 * Room(64)) {
      const size_t out = Out();
      mine.push_back(Allocate(64));
      if (Out() == out) continue;
      EXPECT_EQ(Out() - out, Room(64) * 64);
    }
    EXPECT_EQ(Spans(), spans);
    DeallocateAll(mine, 64);
    ThreadCache::Current().Validate();
  });
}

// Just between two magazines: the spare one serves, and nobody is asked.
TEST(ThreadCache, ToAndFroOverAnEdgeTakesNothingFromTheCentralCache) {
  OnAFreshThread([] {
    for (const size_t count : {1, 15, 16, 17, 127, 128, 129, 300}) {
      std::vector<void*> objects = AllocateMany(count, 64);
      for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 3; ++i) objects.push_back(Allocate(64));
        for (int i = 0; i < 3; ++i) {
          Deallocate(objects.back(), 64);
          objects.pop_back();
        }
      }
      const size_t fetches = Fetches();
      const size_t out = Out();
      for (int round = 0; round < 100; ++round) {
        for (int i = 0; i < 10; ++i) objects.push_back(Allocate(64));
        for (int i = 0; i < 10; ++i) {
          Deallocate(objects.back(), 64);
          objects.pop_back();
        }
      }
      EXPECT_LE(Fetches() - fetches, 1u) << count;
      EXPECT_LE(Out() - out, Room(64) * 64) << count;
      DeallocateAll(objects, 64);
    }
  });
}

TEST(ThreadCache, HoldsNoMoreThanItsShareWhateverTheClasses) {
  OnAFreshThread([] {
    const size_t cached = Cached();
    for (int round = 0; round < 6; ++round) {
      for (size_t i = 0; i < SizeClass::kCount; ++i) {
        const size_t size = SizeClass::Size(ClassIndex(i));
        DeallocateAll(AllocateMany(20, size), size);
        ASSERT_LE(Cached() - cached, tuning::kThreadBytes) << size;
      }
      ThreadCache::Current().Validate();
    }
    EXPECT_GT(Cached() - cached, tuning::kThreadBytes / 4);
  });
}

// Many classes fill the cache and are not used again. Others need the room: the
// first have to give theirs up, or each round would be served by the central
// cache.
TEST(ThreadCache, RoomIsTakenFromClassesThatAreNotUsed) {
  OnAFreshThread([] {
    constexpr size_t kBusy = 150;  // from this class on, 20 of them
    for (size_t i = 60; i < kBusy; ++i) {
      const size_t size = SizeClass::Size(ClassIndex(i));
      DeallocateAll(AllocateMany(2 * Room(size), size), size);
    }
    size_t fetches = 0;
    for (int round = 0; round < 10; ++round) {
      fetches = Fetches();
      for (size_t i = kBusy; i < kBusy + 20; ++i) {
        const size_t size = SizeClass::Size(ClassIndex(i));
        DeallocateAll(AllocateMany(2 * Room(size), size), size);
      }
      ThreadCache::Current().Validate();
    }
    EXPECT_EQ(Fetches(), fetches) << "the last round found all it needed";
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
