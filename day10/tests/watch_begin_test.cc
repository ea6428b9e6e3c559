// How the watching begins, and what becomes of it in a fork and without memory.
// Each case is a process of its own, whose parent never calls the pool.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "balance.h"
#include "common/testing/captured.h"
#include "common/testing/child.h"
#include "common/testing/gang.h"
#include "common/testing/kernel_faults.h"
#include "common/testing/kernel_hooks.h"
#include "pool/macros.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/stats.h"

// There if the thread sanitizer is: it allows no threads after a fork.
void ThreadSanitizer() __asm__("__tsan_init") __attribute__((weak));

namespace pool {
namespace {

constexpr size_t kMiB = 1024 * 1024;
constexpr char kToNobody[] = "text:/dev/null";

// Runs body() in a child; what it expects, it says there.
template <typename Body>
void InAProgram(Body body) {
  EXPECT_EQ(course::RunInChild([&] {
              body();
              std::fflush(stdout);
              if (testing::Test::HasFailure()) _exit(1);
            }),
            "");
}

template <typename Body>
void InAWatchedProgram(Body body) {
  InAProgram([&] {
    setenv("POOL_STATS", kToNobody, 1);
    body();
  });
}

TEST(WatchBegins, WithTheFirstCall) {
  InAWatchedProgram([] {
    void* block = Allocate(123);
    const PoolStatistics all = Statistics();
    EXPECT_TRUE(all.asked_is_exact);
    EXPECT_EQ(all.asked.now, 123u);
    EXPECT_EQ(all.allocations, 1u);
    Deallocate(block);
    EXPECT_EQ(Statistics().asked.now, 0u);
  });
}

TEST(WatchBegins, AlsoWithAQuestion) {
  InAWatchedProgram([] {
    EXPECT_TRUE(Statistics().asked_is_exact);
    EXPECT_EQ(Imbalance(Statistics()), "");
    void* block = Allocate(123);
    EXPECT_EQ(Statistics().asked.now, 123u);
    Deallocate(block);
  });
}

TEST(WatchBegins, OnAnyThread) {
  if (&ThreadSanitizer != nullptr) GTEST_SKIP() << "no threads after a fork";
  InAWatchedProgram([] {
    course::RunGang(8, [](size_t) {
      for (int i = 0; i < 100; ++i) Deallocate(Allocate(10));
    });
    const PoolStatistics all = Statistics();
    EXPECT_TRUE(all.asked_is_exact);
    EXPECT_EQ(all.allocations, 800u);
    EXPECT_EQ(all.asked.now, 0u);
  });
}

// The environment that it then has is the one that counts.
TEST(WatchBegins, NeverLater) {
  InAProgram([] {
    unsetenv("POOL_STATS");
    Deallocate(Allocate(1));
    setenv("POOL_STATS", kToNobody, 1);
    void* block = Allocate(100);
    const PoolStatistics all = Statistics();
    EXPECT_FALSE(all.asked_is_exact);
    EXPECT_EQ(all.allocations, 0u);
    EXPECT_EQ(all.hits, 0u);
    for (const ClassStatistics& row : all.classes) {
      EXPECT_EQ(row.allocations + row.hits, 0u);
    }
    Deallocate(block);
  });
}

// A call that succeeds has no error to tell of, whatever it took to begin.
TEST(WatchBegins, WithoutATraceInErrno) {
  for (const bool has_standard_error : {true, false}) {
    for (const char* setting : {"1", "maybe", kToNobody}) {
      InAProgram([&] {
        if (!has_standard_error) close(STDERR_FILENO);
        setenv("POOL_STATS", setting, 1);
        setenv("POOL_STATS_SIGNAL", "64", 1);
        errno = EDOM;
        Deallocate(nullptr);
        void* block = Allocate(10);
        CHECK(errno == EDOM);
        Deallocate(block);
        CHECK(errno == EDOM);
      });
    }
  }
}

TEST(WatchBegins, WithALineForWhatIsNotUnderstood) {
  InAProgram([] {
    setenv("POOL_STATS", "maybe", 1);
    const std::string said = course::StandardErrorOf([] {
      for (int i = 0; i < 10; ++i) Deallocate(Allocate(100));
    });
    EXPECT_EQ(said,
              "pool: POOL_STATS=maybe is not understood; it takes 1, "
              "json:PATH, text:PATH, prometheus:PATH, or 0 for none\n");
    EXPECT_FALSE(Statistics().asked_is_exact);
  });
}

// The table cannot grow, and so some blocks are missed; but no call is.
TEST(Watched, WithoutMemorySaysThatItIsNotExact) {
  InAWatchedProgram([] {
    constexpr size_t kBlocks = 50'000;
    ASSERT_TRUE(Reserve(64, kBlocks + 1000));
    std::vector<void*> blocks;
    {
      course::KernelFaults faults;
      faults.RefuseFrom(1);
      for (size_t i = 0; i < kBlocks; ++i) blocks.push_back(Allocate(60));
    }
    PoolStatistics all = Statistics();
    EXPECT_FALSE(all.asked_is_exact);
    EXPECT_EQ(all.allocations, kBlocks);
    const ClassStatistics& row = all.classes[SizeClass::Index(64)];
    EXPECT_EQ(row.allocations, kBlocks);
    EXPECT_EQ(row.hits + row.misses, kBlocks);
    EXPECT_EQ(all.hits, row.hits);
    EXPECT_EQ(all.asked.now, kBlocks * 60) << "estimated, by like requests";
    EXPECT_EQ(Imbalance(all), "");
    // Some of these were never noted.
    for (void* block : blocks) Deallocate(block);
    all = Statistics();
    EXPECT_EQ(all.in_use.now, 0u);
    EXPECT_EQ(all.asked.now, 0u);
    EXPECT_EQ(Imbalance(all), "");
  });
}

TEST(Watched, AChildGoesOn) {
  InAWatchedProgram([] {
    void* block = Allocate(1000);
    void* large = Allocate(kMiB);
    InAProgram([&] {
      EXPECT_TRUE(Statistics().asked_is_exact);
      EXPECT_EQ(Statistics().asked.now, kMiB + 1000);
      Deallocate(large);
      void* fresh = Allocate(7);
      EXPECT_EQ(Statistics().asked.now, 1007u);
      EXPECT_EQ(Statistics().allocations, 3u);
      Deallocate(fresh);
      Deallocate(block);
      EXPECT_EQ(Statistics().asked.now, 0u);
      EXPECT_EQ(Imbalance(Statistics()), "");
    });
    EXPECT_EQ(Statistics().asked.now, kMiB + 1000);
    Deallocate(large);
    Deallocate(block);
  });
}

// What other threads asked for is still there; nobody was in the middle of it.
TEST(Watched, AChildKnowsTheBlocksOfOtherThreads) {
  if (&ThreadSanitizer != nullptr) GTEST_SKIP() << "no threads after a fork";
  InAWatchedProgram([] {
    Deallocate(Allocate(1));
    void* block = nullptr;
    course::Barrier there(2);
    course::Barrier done(2);
    std::thread other([&] {
      block = Allocate(999);
      for (int i = 0; i < 100; ++i) Deallocate(Allocate(50));
      there.ArriveAndWait();
      done.ArriveAndWait();
    });
    there.ArriveAndWait();
    InAProgram([&] {
      EXPECT_TRUE(Statistics().asked_is_exact);
      EXPECT_EQ(Statistics().asked.now, 999u);
      Deallocate(block);
      EXPECT_EQ(Statistics().asked.now, 0u);
      EXPECT_EQ(Imbalance(Statistics()), "");
    });
    done.ArriveAndWait();
    other.join();
    Deallocate(block);
  });
}

// Another thread was in the middle of the table: some blocks are forgotten, and
// the child says so and lives on.
TEST(Watched, AChildWhoseTableIsDamagedSaysThatItIsNotExact) {
  if (&ThreadSanitizer != nullptr) GTEST_SKIP() << "no threads after a fork";
  InAWatchedProgram([] {
    constexpr size_t kBlocks = 50'000;
    ASSERT_TRUE(Reserve(64, kBlocks + 1000));
    course::Barrier stopped(2);
    course::Barrier go_on(2);
    bool is_over = false;
    // The next thread adopts its cache, and all magazines that it needs.
    std::thread([] {
      std::vector<void*> blocks(1000);
      for (void*& block : blocks) block = Allocate(60);
      for (void* block : blocks) Deallocate(block);
    }).join();
    // No chunk is needed: it is a table that grows.
    const course::KernelHooks hooks([&] {
      if (is_over) return;
      is_over = true;
      stopped.ArriveAndWait();
      go_on.ArriveAndWait();
    });
    std::vector<void*> blocks;
    std::thread other([&] {
      Deallocate(Allocate(64));
      while (!is_over) blocks.push_back(Allocate(60));
    });
    stopped.ArriveAndWait();
    InAProgram([&] {
      EXPECT_FALSE(Statistics().asked_is_exact);
      for (void* block : blocks) Deallocate(block);
      for (int i = 0; i < 1000; ++i) Deallocate(Allocate(70));
      EXPECT_GE(Statistics().allocations, blocks.size() + 1000);
      EXPECT_LE(Statistics().asked.peak, Statistics().system.peak);
    });
    go_on.ArriveAndWait();
    other.join();
    for (void* block : blocks) Deallocate(block);
    EXPECT_TRUE(Statistics().asked_is_exact && Statistics().asked.now == 0);
  });
}

}  // namespace
}  // namespace pool
