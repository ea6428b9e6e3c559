// A program that was started with POOL_STATS: each call is counted, and what
// was asked for is known to the byte.
#include <gtest/gtest.h>
#include <pthread.h>
#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "balance.h"
#include "common/testing/gang.h"
#include "common/testing/kernel_faults.h"
#include "common/testing/seeds.h"
#include "common/testing/sizes.h"
#include "pool/bytes.h"
#include "pool/macros.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/stats.h"

namespace pool {
namespace {

using course::kMiB;

// Before anybody asks the pool for anything. What is printed at the end, nobody
// wants to see.
[[maybe_unused]] const bool is_watched = [] {
  setenv("POOL_STATS", "text:/dev/null", 1);
  Deallocate(Allocate(1));
  return true;
}();

struct Counts {
  size_t asked;
  size_t allocations;
  size_t hits;
};

Counts Now() {
  const PoolStatistics all = Statistics();
  EXPECT_TRUE(all.asked_is_exact);
  return {all.asked.now, all.allocations, all.hits};
}

// What changed since it was made.
class Change {
 public:
  void Expect(size_t asked, size_t allocations) const {
    const Counts now = Now();
    EXPECT_EQ(now.asked - before_.asked, asked);
    EXPECT_EQ(now.allocations - before_.allocations, allocations);
  }

 private:
  const Counts before_ = Now();
};

TEST(Watched, EachSizeIsKnownToTheByte) {
  for (const size_t bytes : course::ClassEdges()) {
    const Change change;
    void* block = Allocate(bytes);
    change.Expect(bytes, 1);
    Deallocate(block);
    change.Expect(0, 1);
  }
}

TEST(Watched, NothingIsABlock) {
  const Change change;
  void* block = Allocate(0);
  change.Expect(0, 1);
  Deallocate(block);
  Deallocate(nullptr);
  change.Expect(0, 1);
}

TEST(Watched, BlocksOfEachKind) {
  const Change change;
  void* zeroed = AllocateZeroed(7, 13);
  change.Expect(91, 1);
  void* aligned = AllocateAligned(100, 64);
  change.Expect(191, 2);
  void* strictly = AllocateAligned(3, 4 * kPageSize);
  change.Expect(194, 3);
  void* large = Allocate(kMiB + 1);
  change.Expect(kMiB + 195, 4);
  void* large_zeroed = AllocateZeroed(3, kMiB);
  change.Expect(4 * kMiB + 195, 5);
  Deallocate(zeroed, 91);
  DeallocateAligned(aligned, 100, 64);
  DeallocateAligned(strictly, 3, 4 * kPageSize);
  Deallocate(large);
  change.Expect(3 * kMiB, 5);
  Deallocate(large_zeroed, 3 * kMiB);
  change.Expect(0, 5);
}

TEST(Watched, WhatCouldNotBeHadIsNoBlock) {
  const Change change;
  EXPECT_EQ(Allocate(SIZE_MAX), nullptr);
  EXPECT_EQ(AllocateZeroed(SIZE_MAX, 2), nullptr);
  EXPECT_EQ(AllocateAligned(100, 3), nullptr);
  void* block = Allocate(100);
  EXPECT_EQ(Reallocate(block, SIZE_MAX / 2), nullptr);
  change.Expect(100, 1);
  Deallocate(block);
}

TEST(Watched, AnObjectThatIsResized) {
  const Change change;
  void* block = Reallocate(nullptr, 1010);
  change.Expect(1010, 1);
  EXPECT_EQ(Reallocate(block, 1024), block);
  change.Expect(1024, 1);
  EXPECT_EQ(Reallocate(block, 600), block) << "in place, as it was before";
  change.Expect(600, 1);
  void* moved = Reallocate(block, 3000);
  change.Expect(3000, 2);
  moved = Reallocate(moved, 10);
  change.Expect(10, 3);
  EXPECT_EQ(Reallocate(moved, 0), nullptr);
  change.Expect(0, 3);
}

TEST(Watched, ALargeBlockThatIsResized) {
  const Change change;
  void* block = Allocate(8 * kMiB);
  EXPECT_EQ(Reallocate(block, 7 * kMiB + 3), block);
  change.Expect(7 * kMiB + 3, 1);
  EXPECT_EQ(Reallocate(block, 4 * kMiB), block) << "gives up its last pages";
  change.Expect(4 * kMiB, 1);
  void* moved = Reallocate(block, 300 * kMiB);
  ASSERT_NE(moved, block);
  change.Expect(300 * kMiB, 2);
  EXPECT_EQ(Reallocate(moved, 350 * kMiB), moved) << "it got room to grow";
  change.Expect(350 * kMiB, 2);
  void* small = Reallocate(moved, 100);
  change.Expect(100, 3);
  Deallocate(small);
  change.Expect(0, 3);
}

// The block stays where it is, since there is no other. Nevertheless its owner
// asked for less.
TEST(Watched, ABlockThatStaysForWantOfMemory) {
  ReleaseFreeMemory();
  void* block = Allocate(200'000);
  std::vector<Span*> others;
  while (const size_t longest = Statistics().largest_free) {
    others.push_back(PageHeap::Get().NewSpan(PagesFor(longest)));
  }
  const Change change;
  {
    course::KernelFaults faults;
    faults.RefuseFrom(1);
    EXPECT_EQ(Reallocate(block, 5000), block);
  }
  change.Expect(size_t{5000} - 200'000, 0);
  for (Span* other : others) PageHeap::Get().ReleaseSpanToPageHeap(other);
  Deallocate(block);
}

// One that comes from the thread's own list.
TEST(Watched, HitsAreCounted) {
  constexpr size_t kSize = 336;
  const ClassIndex index = SizeClass::Index(kSize);
  const ClassStatistics before = Statistics().classes[index];
  std::thread([] {
    for (int i = 0; i < 1000; ++i) Deallocate(Allocate(kSize - 3));
  }).join();
  const ClassStatistics after = Statistics().classes[index];
  EXPECT_EQ(after.allocations - before.allocations, 1000u);
  EXPECT_EQ(after.hits - before.hits, 999u);
  EXPECT_EQ(after.misses - before.misses, 1u);
}

// A base so high that no peak of before matters.
TEST(Watched, ThePeakIsKnownToTheByte) {
  const size_t high = Statistics().asked.peak + kMiB;
  void* base = Allocate(high);
  size_t peak = Statistics().asked.now;
  EXPECT_EQ(Statistics().asked.peak, peak);
  Deallocate(Allocate(100));
  peak += 100;
  EXPECT_EQ(Statistics().asked.peak, peak);
  void* block = Allocate(99);
  EXPECT_EQ(Statistics().asked.peak, peak) << "one byte less";
  // For a moment there are both.
  block = Reallocate(block, 3000);
  peak += 99 + 3000 - 100;
  EXPECT_EQ(Statistics().asked.peak, peak);
  Deallocate(block);
  Deallocate(base);
  EXPECT_EQ(Statistics().asked.peak, peak);
}

// A caller who makes every call, and knows what it asked for.
class Caller {
 public:
  explicit Caller(uint64_t seed) : random_(seed) {}

  void Step() {
    const size_t choice = random_() % 64;
    if (choice == 0) {
      ReleaseFreeMemory();
    } else if (blocks_.size() < 200 && choice < 32) {
      Obtain();
    } else if (!blocks_.empty()) {
      std::swap(blocks_[random_() % blocks_.size()], blocks_.back());
      const auto [block, bytes] = blocks_.back();
      blocks_.pop_back();
      asked_ -= bytes;
      choice < 42 ? Resize(block) : Deallocate(block);
    }
  }

  void FreeAll() {
    for (const auto& [block, bytes] : std::exchange(blocks_, {})) {
      Deallocate(block);
    }
    asked_ = 0;
  }

  size_t asked() const { return asked_; }
  size_t calls() const { return calls_; }  // that gave a block
  std::vector<size_t> AskedByClass() const {
    std::vector<size_t> rows(SizeClass::kCount);
    for (const auto& [block, bytes] : blocks_) {
      const Span* span = PageHeap::Get().MapObjectToSpan(block);
      if (span->HoldsClass()) rows[span->Class()] += bytes;
    }
    return rows;
  }

 private:
  // Most are small, a few have up to 4 MiB.
  size_t DrawSize() { return random_() % (size_t{1} << (3 + random_() % 20)); }

  void Obtain() {
    const size_t bytes = DrawSize();
    switch (random_() % 4) {
      case 0:
        Enter(AllocateAligned(bytes, size_t{1} << random_() % 18), bytes);
        break;
      case 1:
        Enter(AllocateZeroed(1, bytes), bytes);
        break;
      default:
        Enter(Allocate(bytes), bytes);
    }
    ++calls_;
  }

  void Resize(void* block) {
    const size_t bytes = 1 + DrawSize();
    void* resized = Reallocate(block, bytes);
    Enter(resized, bytes);
    if (resized != block) ++calls_;
  }

  void Enter(void* block, size_t bytes) {
    CHECK(block != nullptr);
    blocks_.push_back({block, bytes});
    asked_ += bytes;
  }

  std::mt19937_64 random_;
  std::vector<std::pair<void*, size_t>> blocks_;
  size_t asked_ = 0;
  size_t calls_ = 0;
};

TEST(Watched, EachStepOfACallerWhoMakesEveryCall) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    const PoolStatistics before = Statistics();
    Caller caller(seed);
    for (int step = 0; step < 1000; ++step) {
      caller.Step();
      const PoolStatistics all = Statistics();
      ASSERT_EQ(Imbalance(all), "");
      ASSERT_TRUE(all.asked_is_exact);
      ASSERT_EQ(all.asked.now - before.asked.now, caller.asked());
      ASSERT_EQ(all.allocations - before.allocations, caller.calls());
      const std::vector<size_t> asked = caller.AskedByClass();
      for (size_t i = 0; i < SizeClass::kCount; ++i) {
        const ClassStatistics& row = all.classes[i];
        ASSERT_EQ(row.asked - before.classes[i].asked, asked[i]);
        ASSERT_EQ(row.allocations, row.hits + row.misses);
      }
    }
    caller.FreeAll();
    Change().Expect(0, 0);
    ASSERT_EQ(Statistics().asked.now, before.asked.now);
  }
}

TEST(Watched, ABlockThatAnotherThreadFrees) {
  const Change change;
  std::vector<void*> blocks;
  std::thread([&] {
    for (size_t bytes = 1; bytes < kMiB; bytes *= 3) {
      blocks.push_back(Allocate(bytes));
    }
  }).join();
  std::thread([&] {
    for (void* block : blocks) Deallocate(block);
  }).join();
  change.Expect(0, blocks.size());
}

// After our own destructor of the thread: it has no lists any more.
TEST(Watched, WhatADeadThreadTakesAndFrees) {
  static pthread_key_t key;
  static void* block;
  const Change change;
  block = Allocate(1000);
  ASSERT_EQ(pthread_key_create(&key,
                               [](void* value) {
                                 if (value == &key) {
                                   pthread_setspecific(key, &block);
                                   return;
                                 }
                                 Deallocate(block);
                                 block = Allocate(777);
                                 Deallocate(Allocate(50));
                               }),
            0);
  std::thread([] {
    Deallocate(Allocate(8));
    pthread_setspecific(key, &key);
  }).join();
  pthread_key_delete(key);
  change.Expect(777, 4);
  Deallocate(block);
  change.Expect(0, 4);
}

TEST(Watched, ManyThreadsAtOnce) {
  constexpr size_t kThreads = 8;
  const Counts before = Now();
  std::vector<Caller> callers;
  for (uint64_t i = 0; i < kThreads; ++i) callers.emplace_back(i);
  course::Barrier quiet(kThreads);
  course::RunGang(kThreads, [&](size_t member) {
    for (size_t round = 0; round < 4; ++round) {
      Caller& caller = callers[(member + round) % kThreads];
      for (int step = 0; step < 1000; ++step) caller.Step();
      quiet.ArriveAndWait();
      if (member == 0) {
        Counts expected = before;
        for (const Caller& each : callers) {
          expected.asked += each.asked();
          expected.allocations += each.calls();
        }
        EXPECT_EQ(Now().asked, expected.asked);
        EXPECT_EQ(Now().allocations, expected.allocations);
        EXPECT_EQ(Imbalance(Statistics()), "");
      }
      quiet.ArriveAndWait();
    }
  });
  for (Caller& caller : callers) caller.FreeAll();
  EXPECT_EQ(Now().asked, before.asked);
}

}  // namespace
}  // namespace pool
