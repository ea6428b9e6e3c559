// Blocks beyond the classes, and those aligned to more than a page: whole pages
// from the page heap, and no page more than they need.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include "common/testing/kernel_faults.h"
#include "common/testing/pattern.h"
#include "pool/immortal.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;
constexpr size_t kSmallestLarge = SizeClass::kLargestSize + 1;

constexpr size_t kSizes[] = {
    kSmallestLarge, SizeClass::kLargestSize + kPageSize,
    300 * kKiB,     kMiB - 1,
    kMiB,           kMiB + 1,
    5 * kMiB,       16 * kMiB,
    16 * kMiB + 1,  33 * kMiB - 7,
    300 * kMiB};

PageHeapFootprint Footprint() { return PageHeap::Get().Footprint(); }

// All that the page heap counts, but for what it keeps for its own books.
void ExpectSamePages(const PageHeapFootprint& before) {
  const PageHeapFootprint now = Footprint();
  EXPECT_EQ(now.system, before.system);
  EXPECT_EQ(now.in_use, before.in_use);
  EXPECT_EQ(now.free + now.returned, before.free + before.returned);
  PageHeap::Get().Validate();
}

// A block whose first and last bytes are its owner's. (To touch all of 300 MiB
// would take the machine's memory, and show no more.)
class Block {
 public:
  explicit Block(size_t bytes, size_t alignment = 0)
      : bytes_(bytes), edge_(std::min(bytes, kPageSize)) {
    const size_t before = Footprint().in_use;
    start_ = static_cast<char*>(
        alignment == 0 ? Allocate(bytes) : AllocateAligned(bytes, alignment));
    if (start_ == nullptr) return;
    in_use_ = Footprint().in_use - before;
    course::FillPattern(start_, edge_, Key());
    course::FillPattern(start_ + bytes_ - edge_, edge_, Key());
  }

  char* start() const { return start_; }
  // By so much did it raise what the page heap has in use.
  size_t in_use() const { return in_use_; }

  void Free() const {
    const size_t last = bytes_ - edge_;
    EXPECT_EQ(course::FirstDamage(start_ + last, edge_, Key()), edge_);
    if (last >= edge_) {
      EXPECT_EQ(course::FirstDamage(start_, edge_, Key()), edge_);
    }
    Deallocate(start_);
  }

 private:
  uint64_t Key() const { return reinterpret_cast<uintptr_t>(start_); }

  size_t bytes_;
  size_t edge_;  // so many bytes at each end
  char* start_;
  size_t in_use_ = 0;
};

TEST(Large, ABlockHasExactlyThePagesThatItNeeds) {
  const PageHeapFootprint empty = Footprint();
  std::vector<Block> blocks;
  for (const size_t bytes : kSizes) {
    blocks.emplace_back(bytes);
    ASSERT_NE(blocks.back().start(), nullptr) << bytes;
    EXPECT_TRUE(IsAligned(blocks.back().start(), kPageSize));
    EXPECT_EQ(blocks.back().in_use(), RoundUp(bytes, kPageSize)) << bytes;
  }
  for (const Block& block : blocks) block.Free();
  EXPECT_EQ(Footprint().in_use, empty.in_use);
  PageHeap::Get().Validate();
}

// The pages that were passed over for the alignment's sake go back at once.
TEST(Large, AnAlignedBlockKeepsNoSurplusPages) {
  const size_t in_use = Footprint().in_use;
  for (size_t alignment = 2 * kPageSize; alignment <= 64 * kMiB;
       alignment *= 2) {
    for (const size_t bytes :
         {size_t{1}, size_t{100}, kPageSize, kPageSize + 1, 70 * kKiB,
          SizeClass::kLargestSize, kSmallestLarge, 5 * kMiB + 3}) {
      const Block first(bytes, alignment);
      const Block second(bytes, alignment);
      for (const Block& block : {first, second}) {
        ASSERT_NE(block.start(), nullptr) << bytes << " at " << alignment;
        ASSERT_TRUE(IsAligned(block.start(), alignment));
        ASSERT_EQ(block.in_use(), RoundUp(bytes, kPageSize))
            << bytes << " at " << alignment;
      }
      second.Free();
      first.Free();
    }
    PageHeap::Get().Validate();
  }
  EXPECT_EQ(Footprint().in_use, in_use);
}

// Up to a page, it is the pages that align a large block.
TEST(Large, ALargeBlockMayAskForASmallAlignment) {
  for (size_t alignment = 1; alignment <= kPageSize; alignment *= 2) {
    const Block block(kSmallestLarge, alignment);
    ASSERT_NE(block.start(), nullptr);
    EXPECT_TRUE(IsAligned(block.start(), kPageSize));
    EXPECT_EQ(block.in_use(), RoundUp(kSmallestLarge, kPageSize));
    block.Free();
  }
}

// Much of it would be needed to get an aligned block by luck: what is left
// beside one serves others.
TEST(Large, WhatIsLeftBesideAnAlignedBlockServesOthers) {
  const Block block(kMiB, 64 * kMiB);
  ASSERT_NE(block.start(), nullptr);
  const size_t system = Footprint().system;
  std::vector<Block> others;
  for (int i = 0; i < 50; ++i) {
    others.emplace_back(kMiB);
    ASSERT_NE(others.back().start(), nullptr);
  }
  EXPECT_EQ(Footprint().system, system);
  for (const Block& other : others) other.Free();
  block.Free();
}

// Round after round, in another order each time, and the heap does not grow:
// what comes back is merged, and cut anew.
TEST(Large, WhatIsFreedServesAgain) {
  std::set<size_t> after_rounds;
  for (size_t round = 0; round < 8; ++round) {
    std::vector<Block> blocks;
    for (const size_t bytes : kSizes) blocks.emplace_back(bytes);
    std::rotate(blocks.begin(), blocks.begin() + round, blocks.end());
    for (size_t i = 0; i < blocks.size(); i += 2) blocks[i].Free();
    for (size_t i = 1; i < blocks.size(); i += 2) blocks[i].Free();
    after_rounds.insert(Footprint().system);
  }
  EXPECT_EQ(after_rounds.size(), 1u);
  // What was cut is whole again.
  const size_t system = Footprint().system;
  const Block whole(300 * kMiB);
  EXPECT_EQ(Footprint().system, system);
  whole.Free();
}

void ExpectRefused(void* block) {
  EXPECT_EQ(block, nullptr);
  EXPECT_EQ(errno, ENOMEM);
  errno = 0;
}

TEST(Large, WhatCannotBeIsRefusedAndCostsNothing) {
  Block(kMiB).Free();
  const PageHeapFootprint before = Footprint();
  errno = 0;
  for (const size_t bytes :
       {size_t{1} << 47, size_t{1} << 50, size_t{1} << 62,
        kMaxBytes - kPageSize, kMaxBytes - 1, kMaxBytes, kMaxBytes + 1,
        SIZE_MAX - kPageSize, SIZE_MAX - 1, SIZE_MAX}) {
    ExpectRefused(Allocate(bytes));
    for (size_t alignment = 1; alignment != 0; alignment *= 2) {
      ExpectRefused(AllocateAligned(bytes, alignment));
    }
    EXPECT_FALSE(Reserve(bytes, 1));
    EXPECT_EQ(errno, ENOMEM);
    errno = 0;
  }
  for (size_t alignment = size_t{1} << 47; alignment != 0; alignment *= 2) {
    ExpectRefused(AllocateAligned(1, alignment));
    ExpectRefused(AllocateAligned(kMiB, alignment));
  }
  ExpectSamePages(before);
}

TEST(Large, AnAlignmentThatIsNoPowerOfTwoIsRefused) {
  const PageHeapFootprint before = Footprint();
  for (const size_t alignment :
       {size_t{0}, size_t{3}, size_t{24}, kPageSize - 1, kPageSize + 1,
        3 * kPageSize, 65 * kMiB, SIZE_MAX}) {
    for (const size_t bytes : {size_t{0}, size_t{100}, kMiB, SIZE_MAX}) {
      errno = 0;
      EXPECT_EQ(AllocateAligned(bytes, alignment), nullptr);
      EXPECT_EQ(errno, EINVAL);
    }
  }
  ExpectSamePages(before);
}

// A kernel that gives so much at a time and no more.
class StingyKernel {
 public:
  explicit StingyKernel(size_t most) {
    most_ = most;
    table_ = RealKernelCalls();
    table_.map_at = nullptr;
    table_.map = [](size_t bytes) {
      return bytes <= most_ ? RealKernelCalls().map(bytes) : nullptr;
    };
    previous_ = SetKernelCalls(&table_);
  }
  ~StingyKernel() { SetKernelCalls(previous_); }
  StingyKernel(const StingyKernel&) = delete;
  StingyKernel& operator=(const StingyKernel&) = delete;

 private:
  static inline size_t most_;
  KernelCalls table_;
  const KernelCalls* previous_;
};

// Enough for a leaf of the page map, and for 128 pages.
constexpr size_t kMostAtATime = kMiB + kPageSize;

TEST(Large, WhereTheUsualIsTooMuchTheNeededWillDo) {
  for (const size_t pages : {1, 8, 9, 32, 33, 127, 128}) {
    const StingyKernel kernel(kMostAtATime);
    const auto heap = std::make_unique<Immortal<PageHeap>>();
    errno = EDOM;
    Span* span = heap->value.NewSpan(PageCount(pages));
    ASSERT_NE(span, nullptr) << pages;
    EXPECT_EQ(errno, EDOM);
    memset(span->Start(), 1, span->pages.bytes());
    const size_t system = heap->value.Footprint().system;
    EXPECT_GE(system, pages * kPageSize);
    EXPECT_LE(system, (pages + 1) * kPageSize);
    heap->value.Validate();
    EXPECT_EQ(heap->value.NewSpan(PageCount(129)), nullptr);
    EXPECT_EQ(heap->value.Footprint().system, system);
    heap->value.Validate();
  }
}

// The call to the kernel that is about the Span object, or the page map, fails
// in the same way; afterwards all is as if nobody had asked.
TEST(Large, EachRefusalLeavesThePageHeapAsItWas) {
  course::KernelFaults faults;
  for (uint64_t k = 1; k <= 2; ++k) {
    faults.Restart();
    faults.RefuseFrom(k);
    const auto heap = std::make_unique<Immortal<PageHeap>>();
    EXPECT_EQ(heap->value.NewSpan(PageCount(40)), nullptr);
    EXPECT_GE(faults.refused(), 1u);
    EXPECT_EQ(heap->value.Footprint().system, 0u);
    EXPECT_EQ(heap->value.Footprint().in_use, 0u);
    faults.Recover();
    EXPECT_NE(heap->value.NewSpan(PageCount(40)), nullptr);
    EXPECT_EQ(heap->value.Footprint().in_use, 40 * kPageSize);
    heap->value.Validate();
  }
}

TEST(Large, ARefusedBlockLeavesTheOthersAlone) {
  const Block held(5 * kMiB);
  const PageHeapFootprint before = Footprint();
  const size_t too_much = before.free + before.returned + kMiB;
  course::KernelFaults faults;
  faults.RefuseFrom(1);
  errno = 0;
  ExpectRefused(Allocate(too_much));
  ExpectRefused(AllocateAligned(too_much, 64 * kMiB));
  EXPECT_FALSE(Reserve(too_much, 10));
  EXPECT_EQ(errno, ENOMEM);
  EXPECT_GE(faults.refused(), 3u);
  ExpectSamePages(before);
  held.Free();
  faults.Recover();
  const Block served(too_much);
  EXPECT_NE(served.start(), nullptr);
  served.Free();
}

TEST(Large, WhatWasReservedTakesNoCallToTheKernel) {
  for (const size_t bytes : {kSmallestLarge, 3 * kMiB + 5, 20 * kMiB}) {
    constexpr size_t kCount = 25;
    ASSERT_TRUE(Reserve(bytes, kCount));
    course::KernelFaults faults;
    std::vector<Block> blocks;
    for (size_t i = 0; i < kCount; ++i) blocks.emplace_back(bytes);
    EXPECT_EQ(faults.calls(), 0u) << bytes;
    for (const Block& block : blocks) block.Free();
  }
}

TEST(Large, WhatIsReservedIsNotInUse) {
  const size_t in_use = Footprint().in_use;
  ASSERT_TRUE(Reserve(10 * kMiB, 4));
  EXPECT_EQ(Footprint().in_use, in_use);
  EXPECT_GE(Footprint().free + Footprint().returned, 40 * kMiB);
  EXPECT_TRUE(Reserve(10 * kMiB, 0));
  PageHeap::Get().Validate();
}

}  // namespace
}  // namespace pool
