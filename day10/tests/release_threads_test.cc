// Pages go back to the system while others work: nobody loses a byte by it.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/pattern.h"
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/pool.h"

namespace pool {
namespace {

constexpr size_t kMiB = 1024 * 1024;

// A thread that takes and frees blocks of all sizes, each full of its pattern.
class Worker {
 public:
  explicit Worker(uint64_t seed) : random_(seed) {}

  void Step() {
    if (blocks_.size() < 60 && random_() % 2 == 0) {
      Block block{nullptr, 1 + random_() % (size_t{1} << (3 + random_() % 17))};
      block.start = Allocate(block.bytes);
      ASSERT_NE(block.start, nullptr);
      course::FillPattern(block.start, block.bytes, Key(block));
      blocks_.push_back(block);
    } else if (!blocks_.empty()) {
      std::swap(blocks_[random_() % blocks_.size()], blocks_.back());
      FreeLast();
    }
  }
  void FreeAll() {
    while (!blocks_.empty()) FreeLast();
  }

 private:
  struct Block {
    void* start;
    size_t bytes;
  };
  static uint64_t Key(const Block& block) {
    return reinterpret_cast<uintptr_t>(block.start);
  }

  void FreeLast() {
    const Block block = blocks_.back();
    blocks_.pop_back();
    ASSERT_EQ(course::FirstDamage(block.start, block.bytes, Key(block)),
              block.bytes);
    Deallocate(block.start);
  }

  std::mt19937_64 random_;
  std::vector<Block> blocks_;
};

// One thread releases for as long as the others work.
TEST(ReleaseThreads, WhatIsInUseStaysAsItIs) {
  constexpr size_t kThreads = 4;
  std::atomic<size_t> at_work{kThreads};
  std::atomic<size_t> released{0};
  course::RunGang(kThreads + 1, [&](size_t member) {
    if (member == kThreads) {
      do {
        released += ReleaseFreeMemory();
      } while (at_work > 0);
      return;
    }
    Worker worker(member);
    for (int step = 0; step < 6000; ++step) worker.Step();
    worker.FreeAll();
    --at_work;
  });
  EXPECT_GT(released, 0u);
  ReleaseFreeMemory();
  EXPECT_EQ(PageHeap::Get().Footprint().in_use, 0u);
  EXPECT_EQ(PageHeap::Get().Footprint().free, 0u);
  CentralCache::Get().Validate();
  PageHeap::Get().Validate();
}

// All of them release, reserve and work.
TEST(ReleaseThreads, AllMayReleaseAtOnce) {
  course::RunGang(4, [](size_t member) {
    Worker worker(member);
    for (int step = 0; step < 2000; ++step) {
      worker.Step();
      if (step % 50 == 0) ReleaseFreeMemory();
      if (step % 70 != 0) continue;
      ASSERT_TRUE(Reserve(300 + member * kMiB, 3));
    }
    worker.FreeAll();
  });
  ReleaseFreeMemory();
  EXPECT_EQ(PageHeap::Get().Footprint().in_use, 0u);
  PageHeap::Get().Validate();
}

}  // namespace
}  // namespace pool
