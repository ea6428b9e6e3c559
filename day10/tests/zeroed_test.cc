// AllocateZeroed: pages that the kernel has just given are zero without being
// touched, all others are cleared.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "common/testing/kernel_faults.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"

namespace pool {
namespace {

constexpr size_t kPart = 33 * kPageSize;  // large enough for pages of its own

// Of the block's pages, those that the kernel has brought.
size_t PagesInMemory(const void* block, size_t bytes) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> is_there((bytes + page - 1) / page);
  EXPECT_EQ(mincore(const_cast<void*>(block), bytes, is_there.data()), 0);
  return static_cast<size_t>(
      std::count_if(is_there.begin(), is_there.end(),
                    [](unsigned char bits) { return (bits & 1) != 0; }));
}

bool IsZero(const void* block, size_t bytes) {
  const char* start = static_cast<const char*>(block);
  return start[0] == 0 && memcmp(start, start + 1, bytes - 1) == 0;
}

void* Dirty(void* block, size_t bytes) { return memset(block, 0xA5, bytes); }

// A block like no other that the heap could serve without the kernel.
size_t MoreThanIsFree() {
  const PageHeapFootprint heap = PageHeap::Get().Footprint();
  return heap.free + heap.returned + 32 * kPart;
}

// A block that moves leaves pages behind. They are among all that can be had
// without the kernel now.
TEST(Zeroed, PagesThatABlockHasLeftReadAsZero) {
  constexpr size_t kBytes = 32 * kPart;
  void* block = Dirty(Allocate(kBytes), kBytes);
  std::vector<void*> blocks = {Reallocate(block, kBytes + MoreThanIsFree())};
  const size_t piece = std::max(kPart, MoreThanIsFree() / 100);
  course::KernelFaults faults;
  faults.RefuseAll(course::KernelCall::kMap);
  while (void* zeroed = AllocateZeroed(1, piece)) {
    EXPECT_TRUE(IsZero(zeroed, piece));
    blocks.push_back(zeroed);
  }
  EXPECT_GE(blocks.size(), 2u);
  for (void* zeroed : blocks) Deallocate(zeroed);
}

TEST(Zeroed, FreshPagesAreNotTouched) {
  const size_t bytes = MoreThanIsFree();
  void* block = AllocateZeroed(1, bytes);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(PagesInMemory(block, bytes), 0u);
  EXPECT_TRUE(IsZero(block, bytes));
  Deallocate(block);
}

// They were used, and the kernel has taken them back since.
TEST(Zeroed, ReturnedPagesAreNotTouched) {
  const size_t bytes = MoreThanIsFree();
  void* block = Dirty(Allocate(bytes), bytes);
  Deallocate(block);
  ASSERT_GE(ReleaseFreeMemory(), bytes);
  void* again = AllocateZeroed(bytes / 4, 4);
  EXPECT_EQ(again, block);
  EXPECT_EQ(PagesInMemory(again, bytes), 0u);
  EXPECT_TRUE(IsZero(again, bytes));
  Deallocate(again);
}

TEST(Zeroed, UsedPagesAreCleared) {
  const size_t bytes = MoreThanIsFree();
  void* block = AllocateZeroed(1, bytes);  // zero when it was handed out,
  Deallocate(Dirty(block, bytes));         // but not any more
  for (const size_t wanted : {bytes, bytes - 5 * kPart, bytes - 9 * kPart}) {
    void* again = AllocateZeroed(1, wanted);
    EXPECT_EQ(again, block);
    EXPECT_TRUE(IsZero(again, wanted)) << wanted;
    Deallocate(Dirty(again, wanted));
  }
}

// What was cut off a returned span is as fresh as it was; what was cut off a
// free one is as used.
TEST(Zeroed, PartsAreWhatTheWholeWas) {
  const size_t bytes = MoreThanIsFree();
  void* block = Dirty(Allocate(bytes), bytes);
  Deallocate(block);
  ReleaseFreeMemory();
  void* first = AllocateZeroed(1, bytes - 8 * kPart);
  void* second = AllocateZeroed(1, 8 * kPart);
  ASSERT_EQ(first, block);
  EXPECT_EQ(PagesInMemory(first, bytes - 8 * kPart), 0u);
  Deallocate(Dirty(first, bytes - 8 * kPart));
  first = AllocateZeroed(1, kPart);
  void* next = AllocateZeroed(1, bytes - 9 * kPart);
  EXPECT_TRUE(IsZero(first, kPart));
  EXPECT_TRUE(IsZero(next, bytes - 9 * kPart));
  EXPECT_TRUE(IsZero(second, 8 * kPart));
  for (void* part : {first, second, next}) Deallocate(part);
}

// A free span and a returned one side by side, joined for one request: half of
// its pages are not zero.
TEST(Zeroed, WhatWasPutTogetherIsCleared) {
  const size_t bytes = 2 * MoreThanIsFree();
  void* whole = Allocate(bytes);
  Deallocate(whole);
  void* left = Dirty(Allocate(bytes / 2), bytes / 2);
  void* right = Dirty(Allocate(bytes / 2), bytes / 2);
  ASSERT_EQ(left, whole);
  ASSERT_EQ(right, static_cast<char*>(whole) + bytes / 2);
  Deallocate(left);
  ReleaseFreeMemory();
  Deallocate(right);
  course::KernelFaults faults;
  faults.RefuseAll(course::KernelCall::kMap);  // no other way is left
  void* again = AllocateZeroed(1, bytes);
  ASSERT_NE(again, nullptr);
  EXPECT_TRUE(IsZero(again, bytes));
  Deallocate(again);
}

// A block that grew in place took pages of another state. When it comes back it
// is used, whatever it was.
TEST(Zeroed, PagesOfABlockThatGrewAreCleared) {
  const size_t bytes = MoreThanIsFree();
  Deallocate(Dirty(Allocate(bytes), bytes));
  ReleaseFreeMemory();
  void* block = AllocateZeroed(1, bytes - 16 * kPart);
  ASSERT_EQ(Reallocate(block, bytes - kPart), block);
  Dirty(block, bytes - kPart);
  ASSERT_EQ(Reallocate(block, bytes - 20 * kPart), block);
  void* behind = AllocateZeroed(1, 19 * kPart);
  EXPECT_TRUE(IsZero(behind, 19 * kPart));
  Deallocate(behind);
  Deallocate(block);
}

// Objects of a class, and blocks beyond the classes: wherever they lay before.
TEST(Zeroed, EachSizeIsClearedHoweverOftenItWasUsed) {
  for (const size_t bytes :
       {size_t{1}, size_t{8}, size_t{100}, size_t{1000}, 5 * kPageSize,
        SizeClass::kLargestSize, SizeClass::kLargestSize + 1, kPart}) {
    for (int round = 0; round < 5; ++round) {
      std::vector<void*> blocks(50);
      for (void*& block : blocks) {
        block = AllocateZeroed(1, bytes);
        ASSERT_TRUE(bytes == 1 || IsZero(block, bytes)) << bytes;
        ASSERT_EQ(*static_cast<char*>(block), 0);
        Dirty(block, UsableSize(block));
      }
      for (void* block : blocks) Deallocate(block);
    }
  }
}

}  // namespace
}  // namespace pool
