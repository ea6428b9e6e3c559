#include "pool/thread_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

#include "fake_kernel.h"
#include "pool/bytes.h"
#include "pool/central_cache.h"
#include "pool/magazine.h"
#include "pool/tuning.h"
#include "thread_caches.h"

namespace pool {
namespace {

// Time stands still here: what is idle stays where a test left it.
const FakeKernel still;

// How many objects the longest magazine of the class holds.
size_t Room(size_t bytes) {
  const size_t length = tuning::kMagazineLengths[LongestKind(bytes)];
  return std::min(
      length, std::max(tuning::kMagazineBytes / bytes, tuning::kMagazineLeast));
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
    constexpr size_t kBusy = 150;  // from this class on, 10 of them
    for (size_t i = 60; i < kBusy; ++i) {
      const size_t size = SizeClass::Size(ClassIndex(i));
      DeallocateAll(AllocateMany(2 * Room(size), size), size);
    }
    size_t fetches = 0;
    for (int round = 0; round < 10; ++round) {
      fetches = Fetches();
      for (size_t i = kBusy; i < kBusy + 10; ++i) {
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
}  // namespace
}  // namespace pool
