// The statistics of a child: the equation holds there, too, and what was lost
// in the fork is said to be.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "balance.h"
#include "common/testing/child.h"
#include "common/testing/gang.h"
#include "common/testing/kernel_hooks.h"
#include "pool/central_cache.h"
#include "pool/macros.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/stats.h"
#include "pool/system_memory.h"

// There if the thread sanitizer is: it allows no threads after a fork.
void ThreadSanitizer() __asm__("__tsan_init") __attribute__((weak));

namespace pool {
namespace {

constexpr size_t kMiB = 1024 * 1024;

void CheckBalance() {
  const std::string faults = Imbalance(Statistics());
  if (!faults.empty()) std::fprintf(stderr, "%s\n", faults.c_str());
  CHECK(faults.empty());
}

// Some of each kind, and all of it given back: the equation holds after each.
void LiveOn() {
  CheckBalance();
  std::vector<void*> blocks;
  for (size_t bytes = 1; bytes < 3 * kMiB; bytes += bytes / 3 + 1) {
    blocks.push_back(Allocate(bytes));
    CheckBalance();
  }
  for (void* block : blocks) Deallocate(block);
  CheckBalance();
  ReleaseFreeMemory();
  CheckBalance();
}

// A thread that stops in the middle of something until the test is over.
class StoppedThread {
 public:
  // `work` calls Stop(), which returns when the test is over.
  explicit StoppedThread(const std::function<void(StoppedThread*)>& work)
      : thread_([this, work] { work(this); }) {
    stopped_.ArriveAndWait();
  }
  ~StoppedThread() { Finish(); }
  StoppedThread(const StoppedThread&) = delete;
  StoppedThread& operator=(const StoppedThread&) = delete;

  void Finish() {
    if (!thread_.joinable()) return;
    go_on_.ArriveAndWait();
    thread_.join();
  }

  // Only the first time.
  void Stop() {
    if (std::exchange(has_stopped_, true)) return;
    stopped_.ArriveAndWait();
    go_on_.ArriveAndWait();
  }

 private:
  course::Barrier stopped_{2};
  course::Barrier go_on_{2};
  bool has_stopped_ = false;
  std::thread thread_;
};

class StatisticsInAChild : public testing::Test {
 protected:
  void SetUp() override {
    if (&ThreadSanitizer != nullptr) {
      GTEST_SKIP() << "the thread sanitizer allows no threads after a fork";
    }
    Deallocate(Allocate(1));
    LiveOn();
  }
};

TEST_F(StatisticsInAChild, AreThoseOfTheParentIfNothingWasGoingOn) {
  void* small = Allocate(100);
  void* large = Allocate(kMiB);
  const PoolStatistics before = Statistics();
  EXPECT_EQ(course::RunInChild([&] {
              const PoolStatistics all = Statistics();
              CHECK(all.system.now == before.system.now);
              CHECK(all.in_use.now == before.in_use.now);
              CHECK(all.large_blocks.now == before.large_blocks.now);
              CHECK(all.threads.now == 1 && all.abandoned.now == 0);
              Deallocate(small);
              Deallocate(large);
              LiveOn();
            }),
            "");
  Deallocate(small);
  Deallocate(large);
}

// Its lists are lost with it; what callers have is not.
TEST_F(StatisticsInAChild, SayWhatOtherThreadsHadCached) {
  StoppedThread other([](StoppedThread* self) {
    std::vector<void*> blocks(100);
    for (void*& block : blocks) block = Allocate(1000);
    void* kept = blocks.back();
    blocks.pop_back();
    for (void* block : blocks) Deallocate(block);
    self->Stop();
    Deallocate(kept);
  });
  const PoolStatistics before = Statistics();
  EXPECT_EQ(before.threads.now, 2u);
  EXPECT_GT(before.in_thread_caches.now, 0u);
  const ClassStatistics& row = before.classes[SizeClass::Index(1008)];
  EXPECT_EQ(course::RunInChild([&] {
              const PoolStatistics all = Statistics();
              CHECK(all.threads.now == 1);
              CHECK(all.abandoned.now == row.in_caches * row.size);
              CHECK(all.in_use.now == before.in_use.now);
              LiveOn();
              CHECK(Statistics().abandoned.now == all.abandoned.now);
            }),
            "");
}

// It stops in the kernel's map, with the lock of the page heap.
TEST_F(StatisticsInAChild, SayWhatThePageHeapHadFree) {
  void* mine = Allocate(kMiB);
  Deallocate(Allocate(4 * kMiB));
  const PoolStatistics before = Statistics();
  StoppedThread* self = nullptr;
  const course::KernelHooks hooks([&] {
    if (self != nullptr) self->Stop();
  });
  StoppedThread other([&](StoppedThread* thread) {
    self = thread;
    Deallocate(Allocate(before.free.now + before.returned.now + kMiB));
  });
  EXPECT_EQ(course::RunInChild([&] {
              const PoolStatistics all = Statistics();
              CHECK(all.free.now == 0 && all.returned.now == 0);
              CHECK(all.abandoned.now == before.free.now + before.returned.now);
              CHECK(all.large_in_use == before.large_in_use);
              Deallocate(mine);
              LiveOn();
            }),
            "");
  other.Finish();
  Deallocate(mine);
}

// A kernel whose mappings begin in the middle of one of our pages, so that a
// chunk always has an edge to give back.
class CrookedKernel {
 public:
  CrookedKernel() { previous_ = SetKernelCalls(&kTable); }
  ~CrookedKernel() { SetKernelCalls(previous_); }
  CrookedKernel(const CrookedKernel&) = delete;
  CrookedKernel& operator=(const CrookedKernel&) = delete;

 private:
  static void* Map(size_t bytes) {
    const KernelCalls& real = RealKernelCalls();
    char* start = static_cast<char*>(real.map(bytes + kSmallestKernelPage));
    const bool is_even = reinterpret_cast<uintptr_t>(start) % kPageSize == 0;
    real.unmap(is_even ? start : start + bytes, kSmallestKernelPage);
    return is_even ? start + kSmallestKernelPage : start;
  }

  static inline const KernelCalls kTable = {RealKernelCalls().page_size, Map,
                                            RealKernelCalls().unmap,
                                            RealKernelCalls().discard};
  const KernelCalls* previous_;
};

// The system counts the chunk already, and the page heap does not yet: nobody
// in the child will ever have it.
TEST_F(StatisticsInAChild, DoNotAccountForAChunkThatWasOnItsWay) {
  if (RealKernelCalls().page_size() != kSmallestKernelPage) {
    GTEST_SKIP() << "the kernel's pages are not smaller than ours";
  }
  const PoolStatistics before = Statistics();
  const CrookedKernel crooked;
  StoppedThread* self = nullptr;
  const course::KernelHooks hooks([] {},
                                  [&] {
                                    if (self != nullptr) self->Stop();
                                  });
  StoppedThread other([&](StoppedThread* thread) {
    self = thread;
    Deallocate(Allocate(before.free.now + before.returned.now + kMiB));
  });
  EXPECT_EQ(course::RunInChild([&] {
              const ptrdiff_t lost = Statistics().unaccounted;
              CHECK(lost > static_cast<ptrdiff_t>(before.free.now));
              for (size_t bytes = 1; bytes < 3 * kMiB; bytes *= 2) {
                Deallocate(Allocate(bytes));
                CHECK(Statistics().unaccounted == lost);
              }
              ReleaseFreeMemory();
              const PoolStatistics all = Statistics();
              CHECK(all.unaccounted == lost && all.changes == 0);
            }),
            "");
}

// It stops with the lock of a class.
void StopInClass(StoppedThread* self, size_t size) {
  CentralCache::Get().ForEachSpan(SizeClass::Index(size),
                                  [self](const Span&) { self->Stop(); });
}

TEST_F(StatisticsInAChild, SayWhatAClassHadFree) {
  constexpr size_t kSize = 448;
  std::vector<void*> blocks(300);
  for (void*& block : blocks) block = Allocate(kSize);
  std::vector<void*> mine;
  for (size_t i = 0; i < blocks.size(); ++i) {
    i % 3 == 0 ? mine.push_back(blocks[i]) : Deallocate(blocks[i]);
  }
  ReleaseFreeMemory();
  const PoolStatistics before = Statistics();
  const ClassStatistics& row = before.classes[SizeClass::Index(kSize)];
  ASSERT_EQ(row.in_use.now, 100u);
  ASSERT_GT(row.free, 0u);
  StoppedThread other([](StoppedThread* self) { StopInClass(self, kSize); });
  EXPECT_EQ(course::RunInChild([&] {
              const PoolStatistics all = Statistics();
              CHECK(all.abandoned.now == row.free * kSize);
              CHECK(all.in_use.now == before.in_use.now);
              CHECK(all.large_in_use == before.large_in_use);
              for (void* block : mine) Deallocate(block);
              LiveOn();
            }),
            "");
  other.Finish();
  for (void* block : mine) Deallocate(block);
}

// What was reserved is lost. It is in no list any more, but it is somewhere.
TEST_F(StatisticsInAChild, AccountForWhatAClassHadReserved) {
  constexpr size_t kSize = 464;
  void* mine = Allocate(kSize);
  ASSERT_TRUE(Reserve(kSize, 5000));
  const PoolStatistics before = Statistics();
  StoppedThread other([](StoppedThread* self) { StopInClass(self, kSize); });
  EXPECT_EQ(course::RunInChild([&] {
              const PoolStatistics all = Statistics();
              CHECK(all.large_blocks.now == before.large_blocks.now);
              CHECK(all.in_use.now + all.abandoned.now >=
                    before.in_use.now + 5000 * kSize - kPageSize);
              CHECK(all.heap_in_use == before.heap_in_use);
              LiveOn();
            }),
            "");
  other.Finish();
  Deallocate(mine);
}

// What a class's requests were like is known from before the fork, or from
// none of them: no request was of 0 bytes.
TEST_F(StatisticsInAChild, EstimateWhatWasAskedFor) {
  constexpr size_t kSize = 480;
  std::vector<void*> mine(200);
  for (void*& block : mine) block = Allocate(kSize - 15);
  const size_t asked = Statistics().classes[SizeClass::Index(kSize)].asked;
  EXPECT_EQ(asked, mine.size() * (kSize - 15));
  StoppedThread other([](StoppedThread* self) { StopInClass(self, kSize); });
  EXPECT_EQ(course::RunInChild([&] {
              const PoolStatistics all = Statistics();
              const ClassStatistics& row = all.classes[SizeClass::Index(kSize)];
              CHECK(row.asked >= asked / 2);
              for (void* block : mine) Deallocate(block);
              LiveOn();
            }),
            "");
  other.Finish();
  for (void* block : mine) Deallocate(block);
}

}  // namespace
}  // namespace pool
