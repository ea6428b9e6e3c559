// A program that was started with POOL_STATS, and a snapshot that meets the
// table of blocks while it grows.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "common/testing/kernel_hooks.h"
#include "pool/pool.h"
#include "pool/stats.h"
#include "pool/thread_cache.h"

namespace pool {
namespace {

// Before anybody asks the pool for anything. What is printed at the end, nobody
// wants to see.
[[maybe_unused]] const bool is_watched = [] {
  setenv("POOL_STATS", "text:/dev/null", 1);
  Deallocate(Allocate(1));
  return true;
}();

// The kernel's answer comes while the snapshot is taken: what the system has
// was read, and the table's size was not.
TEST(WatchedRaces, KnowOfATableThatGrows) {
  constexpr size_t kBlocks = 40'000;
  ASSERT_TRUE(Reserve(16, kBlocks));
  std::atomic<size_t> tables{0};
  std::atomic<size_t> looks{0};
  std::atomic<bool> begins{false};
  std::atomic<bool> is_over{false};
  const course::KernelHooks hooks([&] {
    // (The kernel may be asked twice for one table, until it lies well.)
    if (!begins || looks != tables) return;
    const size_t taken = ThreadCache::Locks().taken;
    ++tables;
    while (ThreadCache::Locks().taken == taken) std::this_thread::yield();
  });
  std::thread other([&] {
    std::vector<void*> blocks(kBlocks);
    Deallocate(Allocate(16));
    begins = true;
    for (void*& block : blocks) {
      block = Allocate(16);
      while (looks != tables) std::this_thread::yield();
    }
    begins = false;
    is_over = true;
    for (void* block : blocks) Deallocate(block);
  });
  while (!is_over) {
    if (looks == tables) {
      std::this_thread::yield();
      continue;
    }
    const PoolStatistics all = Statistics();
    EXPECT_TRUE(all.unaccounted == 0 || all.changes > 0)
        << all.unaccounted << " bytes, and nothing has happened";
    ++looks;
  }
  other.join();
  EXPECT_GT(looks, 16u);
  EXPECT_EQ(Statistics().unaccounted, 0);
}

}  // namespace
}  // namespace pool
