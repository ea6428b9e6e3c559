// What is the buddy system's own: halving, and merging with buddies only.
#include "common/classic/buddy.h"

#include <gtest/gtest.h>

#include "common/classic/test_range.h"

namespace course::classic {
namespace {

size_t BlockBytes(void* user) { return HeaderOf(user)->bytes; }

TEST(Buddy, RoundsABlockUpToAPowerOfTwo) {
  TestRange range;
  Buddy arena(range.start(), range.size());
  EXPECT_EQ(BlockBytes(arena.Allocate(0)), 32u);
  EXPECT_EQ(BlockBytes(arena.Allocate(16)), 32u);
  EXPECT_EQ(BlockBytes(arena.Allocate(17)), 64u);
  EXPECT_EQ(BlockBytes(arena.Allocate(48)), 64u);
  EXPECT_EQ(BlockBytes(arena.Allocate(49)), 128u);
  EXPECT_EQ(BlockBytes(arena.Allocate(1024)), 2048u) << "16 for the header";
  EXPECT_EQ(arena.Validate(), "");
}

TEST(Buddy, MergesBuddies) {
  TestRange range;
  Buddy arena(range.start(), range.size());
  void* lower = arena.Allocate(100);
  void* upper = arena.Allocate(100);
  arena.Allocate(200);  // the buddy of both together
  arena.Deallocate(lower);
  arena.Deallocate(upper);
  EXPECT_EQ(arena.Validate(), "");
  EXPECT_EQ(arena.Allocate(200), lower);
}

TEST(Buddy, LeavesFreeNeighboursApartThatAreNotBuddies) {
  TestRange range;
  Buddy arena(range.start(), range.size());
  void* blocks[4];
  for (void*& block : blocks) block = arena.Allocate(100);
  arena.Deallocate(blocks[1]);
  arena.Deallocate(blocks[2]);  // beside it, but the other pair's
  EXPECT_EQ(arena.Validate(), "");
  size_t holes_of_128 = 0;
  for (const BlockView& block : arena.Blocks()) {
    holes_of_128 += !block.live && block.bytes == 128;
  }
  EXPECT_EQ(holes_of_128, 2u);
  arena.Deallocate(blocks[3]);
  arena.Deallocate(blocks[0]);
  EXPECT_EQ(arena.Free().holes, 1u) << "all merged, step by step";
}

TEST(Buddy, WaitsForAWholeBuddy) {
  TestRange range;
  Buddy arena(range.start(), range.size());
  void* small = arena.Allocate(100);
  arena.Allocate(100);
  void* large = arena.Allocate(200);
  arena.Deallocate(small);
  arena.Deallocate(large);  // its buddy is half free only
  EXPECT_EQ(arena.Validate(), "");
  EXPECT_EQ(HeaderOf(large)->bytes, 256u);
}

TEST(Buddy, SplittingCountsAStepForEachOrderLookedAt) {
  TestRange range;
  Buddy arena(range.start(), range.size());
  arena.Allocate(16);  // 32 bytes out of 64 KiB: orders 5 to 16
  EXPECT_EQ(arena.counters().search_steps, 12u);
  arena.Allocate(16);
  EXPECT_EQ(arena.counters().search_steps, 13u) << "its buddy is there now";
}

TEST(Buddy, UsesTheLargestPowerOfTwoOfItsRange) {
  TestRange range;
  Buddy arena(range.start(), range.size() - 16);
  EXPECT_EQ(arena.size(), range.size() / 2);
  EXPECT_NE(arena.Allocate(range.size() / 2 - kHeaderBytes), nullptr);
  EXPECT_EQ(arena.Allocate(0), nullptr);
}

TEST(Buddy, ValidateFindsABlockAtTheWrongPlace) {
  TestRange range;
  Buddy arena(range.start(), range.size());
  void* blocks[4];
  for (void*& block : blocks) block = arena.Allocate(16);
  // 32 + 64 + 32 tile as well as 4 × 32 do, but 64 cannot stand at 32.
  HeaderOf(blocks[1])->bytes = 64;
  arena.Deallocate(blocks[2]);
  EXPECT_NE(arena.Validate(), "");
}

TEST(Buddy, ValidateFindsBuddiesThatDidNotMerge) {
  TestRange range;
  Buddy arena(range.start(), range.size());
  void* lower = arena.Allocate(100);
  arena.Allocate(100);
  arena.Deallocate(lower);
  Block* first = HeaderOf(lower);  // cut in two without telling anyone
  first->bytes = 64;
  first[2] = Block{64, 0, 0, BlockState::kFree, nullptr, nullptr};
  EXPECT_NE(arena.Validate().find("both free"), std::string::npos)
      << arena.Validate();
}

}  // namespace
}  // namespace course::classic
