// Statistics, and their forms: what the pool says of itself.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <string>
#include <vector>

#include "common/contract/later_call.h"
#include "common/contract/promises.h"
#include "common/testing/accounts.h"
#include "common/testing/gang.h"
#include "common/testing/kernel_faults.h"
#include "common/testing/pace.h"
#include "common/testing/sizes.h"
#include "common/workloads/random.h"

namespace course {
namespace {

using StatisticsPromise = Promise<Facade::kHasStatistics>;

[[maybe_unused]] std::vector<FilledBlock> SomeBlocks(size_t count) {
  Random random(count);
  std::vector<FilledBlock> blocks;
  for (size_t i = 0; i < count; ++i) {
    blocks.push_back(FilledBlock::New(random.Pareto(1, 512 * kKiB)));
  }
  return blocks;
}

[[maybe_unused]] void FreeAll(const std::vector<FilledBlock>& blocks) {
  for (const FilledBlock& block : blocks) EXPECT_TRUE(block.Free());
}

const StatisticsPromise kSum(
    "Statistics", "TheSystemIsTheSumOfItsParts", [](auto facade) {
      using F = decltype(facade);
      EXPECT_TRUE(Fine(CheckAccounts<F>(Company::kAlone)));
      const std::vector<FilledBlock> blocks = SomeBlocks(1000);
      EXPECT_TRUE(Fine(CheckAccounts<F>(Company::kAlone)));
      FreeAll(blocks);
      EXPECT_TRUE(Fine(CheckAccounts<F>(Company::kAlone)));
      F::ReleaseFreeMemory();
      EXPECT_TRUE(Fine(CheckAccounts<F>(Company::kAlone)));
    });

const StatisticsPromise kInUse(
    "Statistics", "WhatIsInUseFollowsEachBlock", [](auto facade) {
      for (const size_t bytes :
           {size_t{0}, size_t{1}, size_t{64}, size_t{1000}, 40 * kKiB,
            kLargestClass, kLargestClass + 1, 5 * kMiB}) {
        const auto before = facade.Statistics();
        const FilledBlock block = FilledBlock::New(bytes);
        const auto held = facade.Statistics();
        EXPECT_GE(held.in_use.now, before.in_use.now + bytes) << bytes;
        EXPECT_GE(held.in_use.peak, held.in_use.now) << bytes;
        EXPECT_TRUE(block.Free());
        EXPECT_EQ(facade.Statistics().in_use.now, before.in_use.now) << bytes;
      }
    });

const StatisticsPromise kAsked("Statistics", "NoMoreIsAskedForThanIsInUse",
                               [](auto facade) {
                                 const std::vector<FilledBlock> blocks =
                                     SomeBlocks(1000);
                                 const auto all = facade.Statistics();
                                 EXPECT_LE(all.asked.now, all.in_use.now);
                                 FreeAll(blocks);
                                 const auto after = facade.Statistics();
                                 EXPECT_LE(after.asked.now, after.in_use.now);
                               });

const StatisticsPromise kClasses(
    "Statistics", "TheClassesAgreeWithTheSums", [](auto facade) {
      const std::vector<FilledBlock> blocks = SomeBlocks(1000);
      for (size_t i = 0; i < blocks.size(); i += 3) {
        EXPECT_TRUE(blocks[i].Free());
      }
      const auto all = facade.Statistics();
      size_t in_use = all.large_in_use;
      size_t cached = 0;
      size_t waiting = 0;
      for (const auto& row : all.classes) {
        const size_t there = row.in_caches + row.free + row.uncarved;
        EXPECT_EQ(row.in_use.now + there, row.capacity) << row.size;
        EXPECT_EQ(row.in_use.now + row.in_caches, row.out.now) << row.size;
        EXPECT_EQ(row.fetched - row.released, row.out.now) << row.size;
        EXPECT_EQ(row.spans_taken - row.spans_given_up, row.spans.now);
        in_use += row.in_use.now * row.size;
        cached += row.in_caches * row.size;
        waiting += (row.free + row.uncarved) * row.size;
      }
      EXPECT_EQ(all.in_use.now, in_use);
      EXPECT_EQ(all.in_thread_caches.now, cached);
      EXPECT_EQ(all.in_central_cache.now, waiting);
      for (size_t i = 0; i < blocks.size(); ++i) {
        EXPECT_TRUE(i % 3 == 0 || blocks[i].Free());
      }
    });

// What holds memory, in a row. (What counts calls and locks may rise.)
template <typename Statistics>
std::vector<size_t> WhereMemoryIs(const Statistics& all) {
  std::vector<size_t> row = {all.system.now,
                             all.in_use.now,
                             all.in_thread_caches.now,
                             all.in_central_cache.now,
                             all.tails.now,
                             all.free.now + all.returned.now,
                             all.metadata.now,
                             all.large_in_use,
                             all.large_blocks.now,
                             all.large_taken,
                             all.map.bytes,
                             all.unmap.bytes};
  for (const auto& each : all.classes) {
    row.insert(row.end(),
               {each.in_use.now, each.in_caches, each.spans.now, each.misses});
  }
  return row;
}

const StatisticsPromise kFailure(
    "Statistics", "AFailedAllocationMovesNothing", [](auto facade) {
      FreeAll(SomeBlocks(10));
      const std::vector<size_t> before = WhereMemoryIs(facade.Statistics());
      for (const size_t bytes : ImpossibleSizes()) {
        EXPECT_EQ(Facade::Allocate(bytes), nullptr);
      }
      EXPECT_EQ(WhereMemoryIs(facade.Statistics()), before);
      const size_t calls = facade.Statistics().map.calls;
      {
        KernelFaults faults;
        faults.RefuseAll(KernelCall::kMap);
        EXPECT_TRUE(IsRefused([] { return Facade::Allocate(1024 * kMiB); }));
      }
      EXPECT_EQ(WhereMemoryIs(facade.Statistics()), before);
      EXPECT_GT(facade.Statistics().map.calls, calls) << "a call all the same";
    });

const StatisticsPromise kThreads(
    "Statistics", "MayBeReadWhileOthersAllocate", [](auto facade) {
      using F = decltype(facade);
      const size_t rounds = Paced(300, 10);
      std::atomic<size_t> at_work{4};
      RunGang(8, [&](size_t member) {
        if (member < 4) {
          Random random(member);
          for (size_t round = 0; round < rounds; ++round) {
            FreeAll(SomeBlocks(1 + random.Below(40)));
            if (round % 16 == 0) F::ReleaseFreeMemory();
          }
          --at_work;
        }
        do {
          ASSERT_TRUE(Fine(CheckAccounts<F>(Company::kOthers)));
        } while (at_work > 0);
      });
      EXPECT_TRUE(Fine(CheckAccounts<F>(Company::kAlone)));
    });

}  // namespace
}  // namespace course
