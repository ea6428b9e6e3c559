// Allocate and Deallocate, used by many threads.
//
// Blocks are checked by their own contents, without the shadow heap: its lock
// would order calls that the allocator itself has to order.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <vector>

#include "common/contract/promises.h"
#include "common/testing/gang.h"
#include "common/testing/pace.h"
#include "common/testing/sizes.h"
#include "common/workloads/random.h"

namespace course {
namespace {

using Blocks = std::vector<FilledBlock>;

size_t SomeSize(Random& random) { return random.Pareto(1, 4 * kKiB); }

Blocks NewBlocks(size_t count, Random& random) {
  Blocks blocks;
  blocks.reserve(count);
  while (blocks.size() < count) {
    blocks.push_back(FilledBlock::New(SomeSize(random)));
  }
  return blocks;
}

// How many were not as they should be.
int FreeAndCount(const Blocks& blocks) {
  int damaged = 0;
  for (const FilledBlock& block : blocks) damaged += block.Free() ? 0 : 1;
  return damaged;
}

TEST(Threads, SixteenAtOnce) {
  const size_t rounds = Paced(4000, 60);
  std::atomic<int> damaged{0};
  RunGang(16, [&](size_t member) {
    Random random(member);
    for (size_t round = 0; round < rounds; ++round) {
      damaged += FreeAndCount(NewBlocks(1 + random.Below(20), random));
    }
  });
  EXPECT_EQ(damaged, 0);
}

TEST(Threads, SixteenAtOnceWithOneSize) {
  const size_t turns = Paced(120000, 1500);
  std::atomic<int> damaged{0};
  RunGang(16, [&](size_t) {
    FilledBlock held[8];
    for (FilledBlock& block : held) block = FilledBlock::New(64);
    for (size_t i = 0; i < turns; ++i) {
      FilledBlock& block = held[i % 8];
      damaged += block.Free() ? 0 : 1;
      block = FilledBlock::New(64);
    }
    for (const FilledBlock& block : held) damaged += block.Free() ? 0 : 1;
  });
  EXPECT_EQ(damaged, 0);
}

TEST(Threads, EachMayFreeWhatAnotherAllocated) {
  constexpr size_t kThreads = 8;
  const size_t rounds = Paced(1000, 10);
  std::vector<Blocks> left(kThreads);
  Barrier barrier(kThreads);
  std::atomic<int> damaged{0};
  RunGang(kThreads, [&](size_t member) {
    Random random(member);
    for (size_t round = 0; round < rounds; ++round) {
      left[member] = NewBlocks(60, random);
      barrier.ArriveAndWait();
      damaged += FreeAndCount(left[(member + 1) % kThreads]);
      barrier.ArriveAndWait();
    }
  });
  EXPECT_EQ(damaged, 0);
}

TEST(Threads, SomeOnlyFree) {
  constexpr size_t kThreads = 8;
  const size_t blocks = Paced(10000, 300);
  Random random(1);
  std::vector<Blocks> shares(kThreads);
  for (Blocks& share : shares) share = NewBlocks(blocks, random);
  std::atomic<int> damaged{0};
  // Their very first call is a free.
  RunGang(kThreads,
          [&](size_t member) { damaged += FreeAndCount(shares[member]); });
  EXPECT_EQ(damaged, 0);
  EXPECT_EQ(FreeAndCount(NewBlocks(blocks, random)), 0) << "afterwards";
}

TEST(Threads, SomeOnlyAllocate) {
  constexpr size_t kThreads = 8;
  const size_t blocks = Paced(10000, 300);
  std::vector<Blocks> left(kThreads);
  RunGang(kThreads, [&](size_t member) {
    Random random(member);
    left[member] = NewBlocks(blocks, random);
  });
  // The threads are gone; what they left is ours.
  for (const Blocks& share : left) EXPECT_EQ(FreeAndCount(share), 0);
}

TEST(Threads, TwoHundredComeAndGo) {
  constexpr size_t kAtOnce = 20;
  constexpr int kGenerations = 10;
  const size_t kept = Paced(800, 40);
  std::vector<Blocks> inherited(kAtOnce);
  std::atomic<int> damaged{0};
  for (int generation = 0; generation < kGenerations; ++generation) {
    RunGang(kAtOnce, [&](size_t member) {
      Random random(generation * kAtOnce + member);
      Blocks blocks = NewBlocks(kept, random);
      damaged += FreeAndCount(inherited[member]);
      damaged += FreeAndCount(NewBlocks(kept / 4, random));
      inherited[member] = blocks;
    });
  }
  for (const Blocks& blocks : inherited) damaged += FreeAndCount(blocks);
  EXPECT_EQ(damaged, 0);
}

TEST(Threads, TwoHundredAtOnce) {
  const size_t blocks = Paced(1000, 25);
  std::atomic<int> damaged{0};
  RunGang(200, [&](size_t member) {
    Random random(member);
    damaged += FreeAndCount(NewBlocks(blocks, random));
  });
  EXPECT_EQ(damaged, 0);
}

}  // namespace
}  // namespace course
