// Statistics that are read while threads work: no figure is torn, and what does
// not add up is no more than what was on its way. When they are quiet, all is
// exact.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "balance.h"
#include "common/testing/gang.h"
#include "common/testing/kernel_hooks.h"
#include "common/testing/seeds.h"
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/stats.h"
#include "pool/thread_cache.h"

namespace pool {
namespace {

constexpr size_t kMiB = 1024 * 1024;

// Places for blocks that all threads share: who finds one there has it. So a
// block is freed by any thread, and what is in use is what lies here.
class SharedBlocks {
 public:
  void Step(std::mt19937_64& random) {
    std::atomic<void*>& place = places_[random() % kPlaces];
    const size_t choice = random() % 500;
    if (choice == 0) {
      ReleaseFreeMemory();
    } else if (choice < 60) {
      void* block = place.exchange(nullptr);
      Deallocate(place.exchange(Reallocate(block, DrawSize(random))));
    } else if (choice < 120) {
      Deallocate(place.exchange(AllocateZeroed(1, DrawSize(random))));
    } else if (choice < 160) {
      Deallocate(place.exchange(AllocateAligned(DrawSize(random), 128)));
    } else if (choice < 350) {
      Deallocate(place.exchange(Allocate(DrawSize(random))));
    } else {
      Deallocate(place.exchange(nullptr));
    }
  }

  void FreeAll() {
    for (std::atomic<void*>& place : places_) {
      Deallocate(place.exchange(nullptr));
    }
  }

  // The next two REQUIRE that nobody else is here. In bytes.
  size_t InUse() const {
    size_t sum = 0;
    for (const std::atomic<void*>& place : places_) sum += UsableSize(place);
    return sum;
  }
  size_t Large() const {
    return static_cast<size_t>(std::count_if(
        places_.begin(), places_.end(), [](const std::atomic<void*>& place) {
          return place != nullptr &&
                 !PageHeap::Get().MapObjectToSpan(place)->HoldsClass();
        }));
  }

  static constexpr size_t kPlaces = 400;

 private:
  // Most are small; a few have up to 1 MiB.
  static size_t DrawSize(std::mt19937_64& random) {
    return 1 + random() % (size_t{1} << (4 + random() % 17));
  }

  std::vector<std::atomic<void*>> places_ =
      std::vector<std::atomic<void*>>(kPlaces);
};

// What one lock guards is never at odds with itself.
std::string TornFigure(const PoolStatistics& all) {
  for (const ClassStatistics& row : all.classes) {
    if (row.out.now != row.fetched - row.released) return "out";
    if (row.out.now != row.in_use.now + row.in_caches) return "in caches";
    if (row.capacity != row.out.now + row.free + row.uncarved) return "free";
    if (row.spans.now != row.spans_taken - row.spans_given_up) return "spans";
    if (row.out.now > row.out.peak) return "the peak of out";
    if (row.spans.now > row.spans.peak) return "the peak of spans";
    if (row.misses > row.fetched || row.releases > row.released) return "moved";
    if (row.lock.waited > row.lock.taken) return "waited";
  }
  for (const Gauge* gauge : {&all.free, &all.returned, &all.in_use}) {
    if (gauge->now > gauge->peak) return "a peak";
  }
  return "";
}

std::string CounterThatFell(const PoolStatistics& before,
                            const PoolStatistics& now) {
  for (size_t i = 0; i < PoolStatistics::kClasses; ++i) {
    const ClassStatistics& a = before.classes[i];
    const ClassStatistics& b = now.classes[i];
    if (b.misses < a.misses || b.fetched < a.fetched) return "fetched";
    if (b.releases < a.releases || b.released < a.released) return "released";
    if (b.spans_taken < a.spans_taken) return "spans taken";
    if (b.spans_given_up < a.spans_given_up) return "spans given up";
    if (b.out.peak < a.out.peak || b.in_use.peak < a.in_use.peak) return "peak";
    if (b.lock.taken < a.lock.taken) return "taken";
    if (b.lock.longest < a.lock.longest) return "longest";
  }
  if (now.large_taken < before.large_taken) return "large taken";
  if (now.map.bytes < before.map.bytes) return "map bytes";
  if (now.system.peak < before.system.peak) return "the peak of system";
  return "";
}

// The most that a slow road moves: a chunk, with the page at its edge.
constexpr size_t kMostAtOnce = 17 * kMiB;

std::string Disagreement(const PoolStatistics& before,
                         const PoolStatistics& now) {
  std::string fault = TornFigure(now);
  if (!fault.empty()) return fault + " is torn";
  fault = CounterThatFell(before, now);
  if (!fault.empty()) return fault + " fell";
  const size_t unaccounted = static_cast<size_t>(std::abs(now.unaccounted));
  if (unaccounted > now.changes * kMostAtOnce) {
    return std::to_string(now.unaccounted) +
           " bytes are unaccounted for, with " + std::to_string(now.changes) +
           " changes";
  }
  return "";
}

constexpr size_t kThreads = 16;
constexpr int kRounds = 5;

// Threads that work, and one that looks at them.
class Workshop {
 public:
  explicit Workshop(uint64_t seed) : seed_(seed) {}

  void Work(size_t member) {
    std::mt19937_64 random(seed_ + member);
    for (int round = 0; round < kRounds; ++round) {
      for (int step = 0; step < 1500; ++step) blocks_.Step(random);
      --working_;
      quiet_.ArriveAndWait();
      quiet_.ArriveAndWait();
    }
  }

  void Look() {
    PoolStatistics before = Statistics();
    for (int round = 0; round < kRounds; ++round) {
      while (working_ > 0 && fault_.empty()) {
        const PoolStatistics now = Statistics();
        fault_ = Disagreement(before, now);
        before = now;
        ++looks_;
      }
      quiet_.ArriveAndWait();
      LookAtQuiet();
      working_ = kThreads;
      quiet_.ArriveAndWait();
    }
  }

  void FreeAll() { blocks_.FreeAll(); }

  const std::string& fault() const { return fault_; }
  size_t looks() const { return looks_; }

 private:
  void LookAtQuiet() {
    const PoolStatistics all = Statistics();
    EXPECT_EQ(Imbalance(all), "");
    EXPECT_EQ(all.in_use.now, blocks_.InUse());
    EXPECT_EQ(all.large_blocks.now, blocks_.Large());
    EXPECT_LE(all.large_blocks.peak,
              std::max(peak_, SharedBlocks::kPlaces + 2 * kThreads));
    EXPECT_GE(all.threads.now, kThreads);
  }

  const uint64_t seed_;
  const size_t peak_ = Statistics().large_blocks.peak;
  SharedBlocks blocks_;
  course::Barrier quiet_{kThreads + 1};
  std::atomic<size_t> working_{kThreads};
  // Of the one who looks.
  std::string fault_;
  size_t looks_ = 0;
};

TEST(StatisticsOfThreads, AgreeWithThemselvesAtAnyTime) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    Workshop workshop(seed);
    course::RunGang(kThreads + 1, [&](size_t member) {
      member < kThreads ? workshop.Work(member) : workshop.Look();
    });
    ASSERT_EQ(workshop.fault(), "");
    EXPECT_GT(workshop.looks(), 0u);
    workshop.FreeAll();
    const PoolStatistics all = Statistics();
    ASSERT_EQ(Imbalance(all), "");
    EXPECT_EQ(all.in_use.now, 0u);
    EXPECT_EQ(all.large_blocks.now, 0u);
  }
}

// The threads are gone, and what they counted is not: each asked for 33 bytes,
// and got 48.
TEST(StatisticsOfThreads, KeepWhatEndedThreadsCounted) {
  constexpr size_t kEach = 500;
  ReleaseFreeMemory();
  const PoolStatistics before = Statistics();
  std::vector<std::vector<void*>> blocks(kThreads);
  course::RunGang(kThreads, [&](size_t member) {
    for (size_t i = 0; i < kEach; ++i) {
      blocks[member].push_back(Allocate(33));
      if (i % 10 == 0) blocks[member].push_back(Allocate(300'000));
    }
  });
  EXPECT_EQ(Imbalance(Statistics()), "") << "while their caches are there";
  ReleaseFreeMemory();  // and now they are not
  const PoolStatistics after = Statistics();
  const ClassIndex index = SizeClass::Index(48);
  const ClassStatistics& row = after.classes[index];
  EXPECT_EQ(row.in_use.now - before.classes[index].in_use.now,
            kThreads * kEach);
  EXPECT_EQ(row.in_caches, before.classes[index].in_caches);
  EXPECT_EQ(after.large_taken - before.large_taken, kThreads * kEach / 10);
  EXPECT_EQ(after.threads.now, before.threads.now);
  EXPECT_EQ(Imbalance(after), "");
  if (before.classes[index].misses == 0) {
    EXPECT_EQ(row.asked, 33 * row.in_use.now);
  }
  for (const auto& mine : blocks) {
    for (void* block : mine) Deallocate(block);
  }
}

// A thread asks the kernel for a chunk, which holds no lock that a snapshot has
// looked at by then: the system does not count the chunk yet, but the heap will
// when its lock is free. To count the threads is what a snapshot does next.
TEST(StatisticsOfThreads, KnowOfAChunkThatIsOnItsWay) {
  Deallocate(Allocate(1));
  std::atomic<bool> looks{false};
  std::atomic<bool> is_over{false};
  const course::KernelHooks hooks([&] {
    if (is_over.exchange(true)) return;
    const size_t taken = ThreadCache::Locks().taken;
    looks = true;
    while (ThreadCache::Locks().taken == taken) std::this_thread::yield();
  });
  void* block = nullptr;
  std::thread grows([&block, bytes = Statistics().system.now + kMiB] {
    block = Allocate(bytes);
  });
  while (!looks) std::this_thread::yield();
  const PoolStatistics all = Statistics();
  grows.join();
  EXPECT_TRUE(all.unaccounted == 0 || all.changes > 0)
      << all.unaccounted << " bytes, and nothing has happened";
  Deallocate(block);
  EXPECT_EQ(Imbalance(Statistics()), "");
}

// Few places, large blocks, and no more of them at once than threads.
TEST(StatisticsOfThreads, LargeBlocksAreNeverMoreThanThereCanBe) {
  const size_t before = Statistics().large_blocks.peak;
  course::RunGang(kThreads, [](size_t) {
    for (int i = 0; i < 3000; ++i) Deallocate(Allocate(300'000));
  });
  EXPECT_LE(Statistics().large_blocks.peak, std::max(before, kThreads));
  EXPECT_EQ(Statistics().large_blocks.now, 0u);
}

// One thread visits spans under a lock; another wants that lock meanwhile.
template <typename Visit, typename Want>
void MeetAtALock(Visit visit, Want want) {
  std::atomic<int> stage{0};
  std::thread other([&] {
    while (stage != 1) std::this_thread::yield();
    stage = 2;
    want();
  });
  visit([&] {
    if (stage != 0) return;  // once is enough
    stage = 1;
    while (stage != 2) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
  });
  other.join();
}

// Whether the other thread comes before the lock is free again, nobody can
// promise. So it is tried until it did.
template <typename Read, typename Visit, typename Want>
void ExpectWaitsToBeCounted(Read read, Visit visit, Want want) {
  const LockStatistics before = read();
  LockStatistics now = before;
  while (now.waited == before.waited) {
    MeetAtALock(visit, want);
    now = read();
  }
  EXPECT_GT(now.taken, before.taken + 1);
  EXPECT_GT(now.longest, 0u);
  EXPECT_GE(now.longest, before.longest);
  EXPECT_EQ(read().waited, now.waited) << "nobody was there";
}

TEST(LockStatistics, CountWaitsForAClass) {
  constexpr size_t kSize = 272;
  void* block = Allocate(kSize);
  const ClassIndex index = SizeClass::Index(kSize);
  ExpectWaitsToBeCounted([&] { return Statistics().classes[index].lock; },
                         [&](const auto& body) {
                           CentralCache::Get().ForEachSpan(
                               index, [&](const Span&) { body(); });
                         },
                         [] { Deallocate(Allocate(kSize)); });
  Deallocate(block);
}

TEST(LockStatistics, CountWaitsForThePageHeap) {
  Deallocate(Allocate(kMiB));
  ExpectWaitsToBeCounted([] { return Statistics().heap_lock; },
                         [](const auto& body) {
                           PageHeap::Get().ForEachSpan(
                               [&](PageId, PageCount, SpanState) { body(); });
                         },
                         [] { Deallocate(Allocate(kMiB)); });
}

// A thread's first call, and its end.
TEST(LockStatistics, CountTheListOfThreads) {
  Deallocate(Allocate(1));
  const size_t before = Statistics().thread_lock.taken;
  const size_t looks = Statistics().thread_lock.taken - before;
  std::thread([] { Deallocate(Allocate(1)); }).join();
  EXPECT_EQ(Statistics().thread_lock.taken - before, 2 * looks + 2);
}

}  // namespace
}  // namespace pool
