// The window: addresses that chunks are mapped at, one behind the other. None
// of them is held before, and none is lost for nothing.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "common/testing/pattern.h"
#include "common/workloads/resident.h"
#include "fake_kernel.h"
#include "pool/arena.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/tuning.h"

namespace pool {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;
constexpr size_t kGiB = 1024 * kMiB;
// A block of so many bytes is a chunk of its own.
constexpr size_t kLarge = 17 * kMiB;

// What the allocator asked the kernel.
struct Asked {
  uintptr_t start;
  size_t bytes;
  bool granted;

  uintptr_t End() const { return start + bytes; }
};

// A kernel that writes down what it is asked, and has as much room in one piece
// as it is told.
class WatchfulKernel {
 public:
  explicit WatchfulKernel(size_t room = SIZE_MAX) {
    room_ = room;
    rooms_.clear();
    maps_at_.clear();
    most_ = SIZE_MAX;
    kernel_->find_room = FindRoom;
    kernel_->map_at = MapAt;
    kernel_->map = Map;
  }

  // Only so many bytes at once.
  void MapAtMost(size_t bytes) { most_ = bytes; }

  const std::vector<Asked>& rooms() const { return rooms_; }
  const std::vector<Asked>& maps_at() const { return maps_at_; }
  // As far as it was found: where it begins, and where what was found ends.
  uintptr_t WindowStart() const {
    return RoundUp(rooms_.back().start, tuning::kHugePageBytes);
  }
  uintptr_t WindowEnd() const { return rooms_.back().End(); }

 private:
  // The room begins half-way between two multiples of a huge page.
  static void* FindRoom(size_t bytes) {
    constexpr size_t kHuge = tuning::kHugePageBytes;
    uintptr_t start = 0;
    if (bytes <= room_) {
      void* found = RealKernelCalls().find_room(bytes + 2 * kHuge);
      start = RoundUp(reinterpret_cast<uintptr_t>(found), kHuge) + kHuge / 2;
    }
    rooms_.push_back({start, bytes, start != 0});
    return reinterpret_cast<void*>(start);
  }
  static void* MapAt(void* there, size_t bytes) {
    void* start =
        bytes <= most_ ? RealKernelCalls().map_at(there, bytes) : nullptr;
    maps_at_.push_back(
        {reinterpret_cast<uintptr_t>(there), bytes, start != nullptr});
    return start;
  }
  static void* Map(size_t bytes) {
    return bytes <= most_ ? RealKernelCalls().map(bytes) : nullptr;
  }

  static inline size_t room_;
  static inline size_t most_;
  static inline std::vector<Asked> rooms_;
  static inline std::vector<Asked> maps_at_;
  FakeKernel kernel_;
};

uintptr_t AddressOf(const void* block) {
  return reinterpret_cast<uintptr_t>(block);
}

TEST(Window, IsSoughtOnceAndHoldsNothing) {
  const size_t before = course::ReadStatus("VmSize:");
  const WatchfulKernel kernel;
  std::vector<void*> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back(Allocate(kLarge));
  ASSERT_EQ(kernel.rooms().size(), 1u);
  EXPECT_EQ(kernel.rooms()[0].bytes, tuning::kWindowBytes);
  EXPECT_TRUE(kernel.rooms()[0].granted);
  EXPECT_LT(course::ReadStatus("VmSize:") - before, 10 * kLarge + 30 * kMiB);
  for (void* block : blocks) Deallocate(block);
}

TEST(Window, IsHalvedUntilThereIsRoom) {
  const WatchfulKernel kernel(3 * kGiB);
  void* block = Allocate(64);
  ASSERT_EQ(kernel.rooms().size(), 6u);  // 64, 32, 16, 8, 4, 2
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(kernel.rooms()[i].bytes, tuning::kWindowBytes >> i);
    EXPECT_EQ(kernel.rooms()[i].granted, i == 5);
  }
  EXPECT_NE(Arena::TagOf(block), 0u);
  EXPECT_EQ(AddressOf(block) / kMiB, kernel.WindowStart() / kMiB);
  Deallocate(block);
}

TEST(Window, IsNotSoughtAgainWhereThereIsNone) {
  const WatchfulKernel kernel(0);
  for (int i = 0; i < 10; ++i) ASSERT_NE(Allocate(kLarge), nullptr);
  ASSERT_EQ(kernel.rooms().size(), 11u);  // 64 GiB … 64 MiB
  EXPECT_EQ(kernel.rooms().back().bytes, tuning::kSmallestWindowBytes);
  EXPECT_EQ(kernel.maps_at().size(), 0u);
}

TEST(Window, ChunksLieSideBySide) {
  const WatchfulKernel kernel;
  std::vector<void*> blocks;
  for (int i = 0; i < 20; ++i) blocks.push_back(Allocate(kLarge));
  ASSERT_EQ(kernel.maps_at().size(), 20u);
  uintptr_t next = kernel.WindowStart();
  EXPECT_EQ(next % tuning::kHugePageBytes, 0u);
  for (int i = 0; i < 20; ++i, next += kLarge) {
    EXPECT_EQ(kernel.maps_at()[i].start, next);
    EXPECT_TRUE(kernel.maps_at()[i].granted);
    EXPECT_EQ(AddressOf(blocks[i]), next);
  }
}

// Somebody else has mapped something where the next chunk would lie.
TEST(Window, WhatOthersHaveIsPassedOver) {
  const WatchfulKernel kernel;
  void* first = Allocate(kLarge);
  const uintptr_t next = kernel.WindowStart() + kLarge;
  ASSERT_EQ(AddressOf(first), next - kLarge);
  char* theirs = static_cast<char*>(
      mmap(reinterpret_cast<void*>(next + kMiB), kMiB, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
  ASSERT_EQ(AddressOf(theirs), next + kMiB);
  memset(theirs, 0x5A, kMiB);

  void* second = Allocate(kLarge);
  ASSERT_NE(second, nullptr);
  EXPECT_FALSE(kernel.maps_at()[1].granted);
  memset(second, 1, kLarge);
  EXPECT_EQ(std::count(theirs, theirs + kMiB, 0x5A), kMiB);
  EXPECT_TRUE(AddressOf(second) >= next + kLarge ||
              AddressOf(second) + kLarge <= kernel.WindowStart());
  void* third = Allocate(kLarge);
  EXPECT_EQ(AddressOf(third), next + kLarge);
  for (void* block : {first, second, third}) Deallocate(block);
  ReleaseFreeMemory();
  EXPECT_EQ(std::count(theirs, theirs + kMiB, 0x5A), kMiB);
  PageHeap::Get().Validate();
  munmap(theirs, kMiB);
}

// 5,000 times 4 GiB are more than all addresses of the window.
TEST(Window, WhatFailsUsesNothingUp) {
  WatchfulKernel kernel;
  void* first = Allocate(kLarge);
  kernel.MapAtMost(kGiB);
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(Allocate(4 * kGiB), nullptr);
  void* second = Allocate(kLarge);
  EXPECT_EQ(AddressOf(second), AddressOf(first) + kLarge);
  EXPECT_TRUE(kernel.maps_at().back().granted);
  void* small = Allocate(64);
  EXPECT_NE(Arena::TagOf(small), 0u);
  PageHeap::Get().Validate();
}

// As the first call of all, too.
TEST(Window, WhatFailsAtFirstUsesNothingUp) {
  WatchfulKernel kernel;
  kernel.MapAtMost(0);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(Allocate(64), nullptr);
  kernel.MapAtMost(SIZE_MAX);
  void* block = Allocate(64);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(kernel.rooms().size(), 1u);
  EXPECT_EQ(AddressOf(block) / kMiB, kernel.WindowStart() / kMiB);
}

// What is longer than the rest of the window lies elsewhere, and the rest
// stays.
TEST(Window, ABlockThatIsTooLongLeavesTheRest) {
  const WatchfulKernel kernel(64 * kMiB);
  void* first = Allocate(kLarge);
  const size_t asked = kernel.maps_at().size();
  void* long_one = Allocate(80 * kMiB);
  ASSERT_NE(long_one, nullptr);
  EXPECT_EQ(kernel.maps_at().size(), asked);
  void* second = Allocate(kLarge);
  EXPECT_EQ(AddressOf(second), AddressOf(first) + kLarge);
}

// Two pieces of 32 MiB would be as long as the room, which does not begin at a
// huge page, as they do.
TEST(Window, EndsWhereTheRoomEnds) {
  const WatchfulKernel kernel(64 * kMiB);
  for (int i = 0; i < 3; ++i) ASSERT_NE(Allocate(32 * kMiB), nullptr);
  ASSERT_EQ(kernel.maps_at().size(), 1u);
  EXPECT_EQ(kernel.maps_at()[0].start, kernel.WindowStart());
}

// To the end, and beyond: nothing is mapped, and no page has a tag, where the
// window is not.
TEST(Window, ASmallOneIsUsedToItsEnd) {
  const WatchfulKernel kernel(64 * kMiB);
  std::vector<void*> blocks;
  for (uint64_t i = 0; i < 10; ++i) {
    blocks.push_back(Allocate(kLarge));
    ASSERT_NE(blocks.back(), nullptr);
    course::FillPattern(blocks.back(), kLarge, i);
  }
  EXPECT_EQ(kernel.maps_at().size(), 3u);
  for (const Asked& asked : kernel.maps_at()) {
    EXPECT_GE(asked.start, kernel.WindowStart());
    EXPECT_LE(asked.End(), kernel.WindowEnd());
  }
  std::vector<uintptr_t> starts;
  for (uint64_t i = 0; i < 10; ++i) {
    ASSERT_EQ(course::FirstDamage(blocks[i], kLarge, i), kLarge) << i;
    starts.push_back(AddressOf(blocks[i]));
  }
  std::sort(starts.begin(), starts.end());
  for (size_t i = 1; i < starts.size(); ++i) {
    EXPECT_LE(starts[i - 1] + kLarge, starts[i]) << "two chunks overlap";
  }
  for (void* block : blocks) Deallocate(block);
  PageHeap::Get().Validate();
}

// Small chunks at the end of the window, some in and some out.
TEST(Window, ServesSmallBlocksAcrossItsEnd) {
  const WatchfulKernel kernel(64 * kMiB);
  std::vector<void*> blocks;
  for (uint64_t i = 0; i < 100 * kMiB / 4096; ++i) {
    blocks.push_back(Allocate(4096));
    ASSERT_NE(blocks.back(), nullptr);
    course::FillPattern(blocks.back(), 4096, i);
  }
  for (uint64_t i = 0; i < blocks.size(); ++i) {
    ASSERT_EQ(course::FirstDamage(blocks[i], 4096, i), 4096u) << i;
    ASSERT_EQ(UsableSize(blocks[i]), 4096u);
    Deallocate(blocks[i]);
  }
  ReleaseFreeMemory();
  EXPECT_EQ(PageHeap::Get().Footprint().in_use, 0u);
  PageHeap::Get().Validate();
}

// A kernel's page that is larger than ours: each piece that it is asked to take
// back is whole pages of it, and each chunk, wherever it lies.
constexpr size_t kKernelPage = 64 * kKiB;

void* MapAligned(size_t bytes) {
  EXPECT_EQ(bytes % kKernelPage, 0u);
  const uintptr_t start =
      reinterpret_cast<uintptr_t>(RealKernelCalls().map(bytes + kKernelPage));
  return start == 0 ? nullptr
                    : reinterpret_cast<void*>(RoundUp(start, kKernelPage));
}

bool UnmapAligned(void* start, size_t bytes) {
  EXPECT_TRUE(IsAligned(start, kKernelPage));
  EXPECT_EQ(bytes % kKernelPage, 0u);
  return RealKernelCalls().unmap(start, bytes);
}

void UseChunksOfOddLengths() {
  std::vector<void*> blocks;
  for (size_t pages = 2049; pages < 2049 + 12; ++pages) {
    blocks.push_back(Allocate(pages * kPageSize));
    ASSERT_NE(blocks.back(), nullptr);
  }
  for (void* block : blocks) Deallocate(block);
  EXPECT_EQ(ReadSystemFootprint().refused, 0u);
  PageHeap::Get().Validate();
  // All that was mapped is on the books.
  const PoolStatistics all = Statistics();
  EXPECT_EQ(all.unaccounted, 0);
}

TEST(Window, ChunksAreWholePagesOfTheKernel) {
  FakeKernel kernel;
  kernel->page_size = [] { return kKernelPage; };
  kernel->map = MapAligned;
  kernel->unmap = UnmapAligned;
  UseChunksOfOddLengths();
}

TEST(Window, ChunksOutsideAreWholePagesOfTheKernelToo) {
  FakeKernel kernel;
  kernel->page_size = [] { return kKernelPage; };
  kernel->map = MapAligned;
  kernel->unmap = UnmapAligned;
  kernel->find_room = nullptr;
  UseChunksOfOddLengths();
}

}  // namespace
}  // namespace pool
