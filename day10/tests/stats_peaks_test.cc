// Peaks: they rise with what they are peaks of, and stay when it falls.
#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "balance.h"
#include "common/testing/gang.h"
#include "fake_kernel.h"
#include "pool/bytes.h"
#include "pool/gauge.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/stats.h"

namespace pool {
namespace {

// Time stands still here: what is idle stays where a test left it.
const FakeKernel still;

constexpr size_t kMiB = 1024 * 1024;

TEST(Gauge, KnowsTheHighestThatItWas) {
  Gauge gauge = {};
  gauge += 5;
  gauge -= 3;
  EXPECT_EQ(gauge.now, 2u);
  EXPECT_EQ(gauge.peak, 5u);
  gauge += 2;
  EXPECT_EQ(gauge.peak, 5u);
  gauge += 2;
  EXPECT_EQ(gauge.peak, 6u);
  gauge -= 6;
  EXPECT_EQ(gauge.now, 0u);
  EXPECT_EQ(gauge.peak, 6u);
}

// The heap is looked at whenever it is higher than ever by a thirty-second: no
// more than that, a chunk and a thread's lists may have come later.
TEST(Peaks, KnowOfManySmallBlocks) {
  constexpr size_t kBlock = 512;
  const size_t count = (Statistics().system.peak + 16 * kMiB) / kBlock;
  std::vector<void*> blocks(count);
  for (void*& block : blocks) block = Allocate(kBlock);
  for (void* block : blocks) Deallocate(block);
  const PoolStatistics all = Statistics();
  const size_t unseen = 8 * kMiB + count * kBlock / 32;
  EXPECT_GE(all.in_use.peak + unseen, count * kBlock);
  EXPECT_LE(all.in_use.peak, all.system.peak);
  const ClassStatistics& row = all.classes[SizeClass::Index(kBlock)];
  EXPECT_GE(row.out.peak, count);
  EXPECT_GE(row.spans.peak, count * kBlock / (64 * 1024));
  EXPECT_GE(row.in_use.peak + unseen / kBlock, count);
}

// No snapshot is taken while the block is there. More than there ever was, so
// that the heap has to grow.
TEST(Peaks, KnowOfABlockThatIsGone) {
  for (const size_t factor : {1, 2}) {
    const size_t bytes = Statistics().system.peak * factor + 16 * kMiB;
    Deallocate(Allocate(bytes));
    ReleaseFreeMemory();
    const PoolStatistics all = Statistics();
    EXPECT_GE(all.system.peak, bytes);
    EXPECT_GE(all.in_use.peak, bytes);
    EXPECT_GE(all.free.peak, bytes);
    EXPECT_GE(all.returned.peak, bytes);
    EXPECT_LT(all.in_use.now, bytes);
  }
}

// So with calloc, and with realloc.
TEST(Peaks, KnowOfABlockThatCameInAnotherWay) {
  size_t bytes = Statistics().system.peak + 16 * kMiB;
  Deallocate(AllocateZeroed(1, bytes));
  EXPECT_GE(Statistics().in_use.peak, bytes);
  bytes = Statistics().system.peak + 16 * kMiB;
  Deallocate(Reallocate(Allocate(kMiB), bytes));
  EXPECT_GE(Statistics().in_use.peak, bytes);
}

// A peak of what only a snapshot can see.
TEST(Peaks, OfWhatASnapshotSaw) {
  std::vector<void*> blocks(3000);
  for (void*& block : blocks) block = Allocate(256);
  const PoolStatistics full = Statistics();
  for (void* block : blocks) Deallocate(block);
  const PoolStatistics freed = Statistics();
  ReleaseFreeMemory();
  const PoolStatistics after = Statistics();
  EXPECT_GE(after.in_use.peak, full.in_use.now);
  EXPECT_GE(after.asked.peak, full.asked.now);
  EXPECT_GE(after.tails.peak, full.tails.now);
  EXPECT_GE(after.in_thread_caches.peak, freed.in_thread_caches.now);
  EXPECT_GE(after.in_central_cache.peak, freed.in_central_cache.now);
  EXPECT_GE(after.classes[SizeClass::Index(256)].in_use.peak, 3000u);
}

TEST(Peaks, OfThreads) {
  constexpr size_t kThreads = 9;
  Deallocate(Allocate(1));
  const size_t before = Statistics().threads.now;
  course::Barrier all_there(kThreads);
  course::RunGang(kThreads, [&](size_t) {
    Deallocate(Allocate(1));
    all_there.ArriveAndWait();
  });
  EXPECT_EQ(Statistics().threads.now, before);
  EXPECT_EQ(Statistics().threads.peak, before + kThreads);
}

TEST(Peaks, OfLargeBlocks) {
  const size_t before = Statistics().large_blocks.peak;
  std::vector<void*> blocks(before + 5);
  for (void*& block : blocks) block = Allocate(kMiB);
  for (void* block : blocks) Deallocate(block);
  for (int i = 0; i < 20; ++i) Deallocate(Allocate(kMiB));
  EXPECT_EQ(Statistics().large_blocks.peak, before + 5);
}

}  // namespace
}  // namespace pool
