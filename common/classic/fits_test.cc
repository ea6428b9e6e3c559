// What sets the four fits apart: which hole they take.
#include <gtest/gtest.h>

#include "common/classic/best_fit.h"
#include "common/classic/first_fit.h"
#include "common/classic/next_fit.h"
#include "common/classic/segregated_fit.h"
#include "common/classic/test_range.h"

namespace course::classic {
namespace {

TEST(FirstFit, TakesTheLowestHoleThatFits) {
  TestRange range;
  FirstFit arena(range.start(), range.size());
  const std::vector<void*> holes = MakeHoles(&arena, {64, 256, 96, 128});
  EXPECT_EQ(arena.Allocate(96), holes[1]);
  EXPECT_EQ(arena.Validate(), "");
  EXPECT_EQ(arena.Allocate(64), holes[0]);
  EXPECT_EQ(arena.Validate(), "");
}

TEST(FirstFit, LooksAtHolesFromTheBottomUp) {
  TestRange range;
  FirstFit arena(range.start(), range.size());
  MakeHoles(&arena, {32, 48, 64, 128});
  const size_t before = arena.counters().search_steps;
  arena.Allocate(128);
  EXPECT_EQ(arena.counters().search_steps, before + 4);
}

TEST(FirstFit, TakesTheLowerPartOfAHoleAndLeavesTheRest) {
  TestRange range;
  FirstFit arena(range.start(), range.size());
  const std::vector<void*> holes = MakeHoles(&arena, {240});
  void* lower = arena.Allocate(48);
  EXPECT_EQ(lower, holes[0]);
  // 256 bytes of hole less 64 of block; the header of the rest comes first.
  EXPECT_EQ(arena.Allocate(176), static_cast<char*>(lower) + 64);
}

TEST(NextFit, GoesOnWhereItStopped) {
  TestRange range;
  NextFit arena(range.start(), range.size());
  const std::vector<void*> holes = MakeHoles(&arena, {64, 64, 64});
  EXPECT_EQ(arena.Allocate(64), holes[0]);
  arena.Deallocate(holes[0]);
  EXPECT_EQ(arena.Allocate(64), holes[1]) << "the lower hole is behind us";
  EXPECT_EQ(arena.Allocate(64), holes[2]);
  EXPECT_EQ(arena.Allocate(64), holes[0]) << "round at the top";
  EXPECT_EQ(arena.Validate(), "");
}

TEST(NextFit, GoesOnWithTheRestOfASplitHole) {
  TestRange range;
  NextFit arena(range.start(), range.size());
  const std::vector<void*> holes = MakeHoles(&arena, {48, 240, 48});
  EXPECT_EQ(arena.Allocate(112), holes[1]);
  EXPECT_EQ(arena.Allocate(48), static_cast<char*>(holes[1]) + 128);
}

TEST(NextFit, FollowsItsHoleIntoAMerge) {
  TestRange range;
  NextFit arena(range.start(), range.size());
  void* first = arena.Allocate(64);
  void* second = arena.Allocate(64);
  void* third = arena.Allocate(64);
  arena.Allocate(16);
  const std::vector<void*> later = MakeHoles(&arena, {64});
  arena.Deallocate(first);
  EXPECT_EQ(arena.Allocate(64), first);  // the search goes on behind it
  arena.Deallocate(third);
  arena.Deallocate(second);  // swallows the hole at which it would go on
  EXPECT_EQ(arena.Allocate(64), second);
  EXPECT_EQ(arena.Allocate(64), third);
  EXPECT_EQ(arena.Allocate(64), later[0]);
}

TEST(BestFit, TakesTheTightestHole) {
  TestRange range;
  BestFit arena(range.start(), range.size());
  const std::vector<void*> holes = MakeHoles(&arena, {512, 128, 96, 256});
  EXPECT_EQ(arena.Allocate(80), holes[2]);
  EXPECT_EQ(arena.Allocate(100), holes[1]);
  EXPECT_EQ(arena.Allocate(200), holes[3]);
  EXPECT_EQ(arena.Validate(), "");
}

TEST(BestFit, TakesTheLowestOfEqualHoles) {
  TestRange range;
  BestFit arena(range.start(), range.size());
  const std::vector<void*> holes = MakeHoles(&arena, {128, 96, 96, 96});
  EXPECT_EQ(arena.Allocate(48), holes[1]) << "no hole fits it exactly";
}

TEST(BestFit, LooksNoFurtherThanAnExactFit) {
  TestRange range;
  BestFit arena(range.start(), range.size());
  MakeHoles(&arena, {128, 96, 256, 512});
  const size_t before = arena.counters().search_steps;
  arena.Allocate(96);
  EXPECT_EQ(arena.counters().search_steps, before + 2);
}

TEST(SegregatedFit, FourClassesToEachDoubling) {
  EXPECT_EQ(SegregatedFit::ClassOf(32), 0);
  EXPECT_EQ(SegregatedFit::ClassOf(48), 2);
  EXPECT_EQ(SegregatedFit::ClassOf(64), 4);
  EXPECT_EQ(SegregatedFit::ClassOf(79), 4);
  EXPECT_EQ(SegregatedFit::ClassOf(80), 5);
  EXPECT_EQ(SegregatedFit::ClassOf(127), 7);
  EXPECT_EQ(SegregatedFit::ClassOf(1 << 20), 60);
  EXPECT_EQ(SegregatedFit::ClassOf(UINT32_MAX), SegregatedFit::kClasses - 1);
}

TEST(SegregatedFit, TakesItsOwnClassThenTheNextOneThatHasAHole) {
  TestRange range;
  SegregatedFit arena(range.start(), range.size());
  const std::vector<void*> holes = MakeHoles(&arena, {4080, 112, 1008});
  EXPECT_EQ(arena.Allocate(112), holes[1]) << "its own class";
  EXPECT_EQ(arena.Allocate(112), holes[2]) << "the next class with a hole";
  EXPECT_EQ(arena.Validate(), "");
}

TEST(SegregatedFit, SkipsTheTooSmallHolesOfItsOwnClass) {
  TestRange range;
  SegregatedFit arena(range.start(), range.size());
  // Blocks of 256 and 304 bytes are one class; the 256 is freed last, so it
  // is looked at first.
  const std::vector<void*> holes = MakeHoles(&arena, {288, 240});
  const size_t before = arena.counters().search_steps;
  EXPECT_EQ(arena.Allocate(280), holes[0]);
  EXPECT_EQ(arena.counters().search_steps, before + 2);
}

TEST(SegregatedFit, FindsAClassWithoutLookingAtEmptyOnes) {
  TestRange range;
  SegregatedFit arena(range.start(), range.size());
  const std::vector<void*> holes = MakeHoles(&arena, {16000});
  const size_t before = arena.counters().search_steps;
  EXPECT_EQ(arena.Allocate(16), holes[0]);
  EXPECT_EQ(arena.counters().search_steps, before + 1);
}

template <class Policy>
class EveryFit : public testing::Test {};
using Fits = testing::Types<FirstFit, NextFit, BestFit, SegregatedFit>;
TYPED_TEST_SUITE(EveryFit, Fits);

// Freed in each order of three: the middle one must merge with both sides.
TYPED_TEST(EveryFit, MergesWithBothNeighbours) {
  const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                           {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (const auto& order : orders) {
    TestRange range;
    TypeParam arena(range.start(), range.size());
    void* blocks[3];
    for (void*& block : blocks) block = arena.Allocate(48);
    arena.Allocate(16);
    for (int i : order) {
      arena.Deallocate(blocks[i]);
      ASSERT_EQ(arena.Validate(), "");
    }
    EXPECT_EQ(arena.Allocate(3 * 64 - kHeaderBytes), blocks[0]);
  }
}

TYPED_TEST(EveryFit, GrowsIntoTheWildernessOnlyWhenNoHoleFits) {
  TestRange range;
  TypeParam arena(range.start(), range.size());
  const std::vector<void*> holes = MakeHoles(&arena, {1000});
  const size_t top = arena.counters().high_water;
  EXPECT_EQ(arena.Allocate(900), holes[0]);
  EXPECT_EQ(arena.counters().high_water, top);
  arena.Allocate(900);
  EXPECT_EQ(arena.counters().high_water, top + 928);
}

TYPED_TEST(EveryFit, KeepsARestTooSmallToBeABlockInside) {
  TestRange range;
  TypeParam arena(range.start(), range.size());
  const std::vector<void*> holes = MakeHoles(&arena, {64});
  EXPECT_EQ(arena.Allocate(48), holes[0]);
  EXPECT_EQ(HeaderOf(holes[0])->bytes, 80u);
  EXPECT_EQ(arena.Validate(), "");
}

TYPED_TEST(EveryFit, ValidateFindsAWrongBoundaryTag) {
  TestRange range;
  TypeParam arena(range.start(), range.size());
  arena.Allocate(48);
  void* second = arena.Allocate(48);
  HeaderOf(second)->left_bytes = 32;
  EXPECT_NE(arena.Validate().find("boundary tag"), std::string::npos)
      << arena.Validate();
}

TYPED_TEST(EveryFit, ValidateFindsTwoFreeNeighbours) {
  TestRange range;
  TypeParam arena(range.start(), range.size());
  void* hole = arena.Allocate(112);
  arena.Allocate(16);
  arena.Deallocate(hole);
  // The hole cut in two without telling anyone, each half a sound block.
  Block* lower = HeaderOf(hole);
  Block* upper = lower + 2;
  *upper = Block{64, 64, 0, BlockState::kFree, nullptr, nullptr};
  lower->bytes = 64;
  HeaderOf(static_cast<char*>(hole) + 128)->left_bytes = 64;
  EXPECT_NE(arena.Validate().find("both free"), std::string::npos)
      << arena.Validate();
}

TYPED_TEST(EveryFit, ValidateFindsAHoleThatNoListHolds) {
  TestRange range;
  TypeParam arena(range.start(), range.size());
  const std::vector<void*> holes = MakeHoles(&arena, {64, 64, 64});
  Block* middle = HeaderOf(holes[1]);
  (middle->previous_hole)->next_hole = middle->next_hole;
  (middle->next_hole)->previous_hole = middle->previous_hole;
  EXPECT_NE(arena.Validate(), "");
}

}  // namespace
}  // namespace course::classic
