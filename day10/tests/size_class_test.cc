#include "pool/size_class.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <type_traits>

namespace pool {
namespace {

constexpr size_t kLast = SizeClass::kCount - 1;

// The rule of the classes, told another way: the step that a size is rounded
// by.
size_t StepAt(size_t bytes) {
  if (bytes <= 128) return 8;
  if (bytes <= 1024) return 16;
  if (bytes <= 8 * 1024) return 128;
  if (bytes <= 64 * 1024) return 1024;
  return 8 * 1024;
}

TEST(SizeClass, RoundsEachSizeUpToTheNextStep) {
  for (size_t bytes = 1; bytes <= SizeClass::kLargestSize; ++bytes) {
    const ClassIndex index = SizeClass::Index(bytes);
    ASSERT_EQ(SizeClass::Size(index), RoundUp(bytes, StepAt(bytes))) << bytes;
    ASSERT_EQ(SizeClass::Index(SizeClass::Size(index)), index) << bytes;
  }
}

TEST(SizeClass, NumbersTheClassesWithoutAGap) {
  size_t next = 0;
  for (size_t bytes = 1; bytes <= SizeClass::kLargestSize; ++bytes) {
    const size_t index = SizeClass::Index(bytes);
    ASSERT_TRUE(index == next || index + 1 == next) << bytes;
    if (index == next) ++next;
  }
  EXPECT_EQ(next, SizeClass::kCount);
}

TEST(SizeClass, GrowsFromClassToClass) {
  for (size_t i = 1; i <= kLast; ++i) {
    ASSERT_GT(SizeClass::Size(ClassIndex(i)),
              SizeClass::Size(ClassIndex(i - 1)));
  }
}

TEST(SizeClass, ServesARequestWithEnoughBytesAndTheRightAlignment) {
  for (size_t bytes = 0; bytes <= SizeClass::kLargestSize; ++bytes) {
    const size_t size = SizeClass::Size(SizeClass::ForRequest(bytes));
    ASSERT_GE(size, bytes);
    ASSERT_EQ(SizeClass::Alignment(size), bytes <= 8 ? 8u : 16u) << bytes;
    ASSERT_EQ(size % SizeClass::Alignment(size), 0u) << bytes;
  }
}

TEST(SizeClass, TakesTheSmallestClassThatIsAlignedWell) {
  EXPECT_EQ(SizeClass::Size(SizeClass::ForRequest(0)), 8u);
  EXPECT_EQ(SizeClass::Size(SizeClass::ForRequest(8)), 8u);
  EXPECT_EQ(SizeClass::Size(SizeClass::ForRequest(9)), 16u);
  EXPECT_EQ(SizeClass::Size(SizeClass::ForRequest(17)), 32u);
  EXPECT_EQ(SizeClass::Size(SizeClass::ForRequest(112)), 112u);
  EXPECT_EQ(SizeClass::Size(SizeClass::ForRequest(113)), 128u);
  EXPECT_EQ(SizeClass::Size(SizeClass::ForRequest(129)), 144u);
}

// The promise: from 129 bytes on, at most a ninth of a block is rounding.
TEST(SizeClass, WastesAtMostANinthAbove128Bytes) {
  for (size_t bytes = 129; bytes <= SizeClass::kLargestSize; ++bytes) {
    const size_t size = SizeClass::Size(SizeClass::ForRequest(bytes));
    ASSERT_LE((size - bytes) * 9, size) << bytes;
  }
}

TEST(SizeClass, MovesManySmallObjectsAtATimeAndFewLargeOnes) {
  EXPECT_EQ(SizeClass::NumMoveSize(8), 128u);
  EXPECT_EQ(SizeClass::NumMoveSize(32), 128u);
  EXPECT_EQ(SizeClass::NumMoveSize(48), 16u);
  EXPECT_EQ(SizeClass::NumMoveSize(1024), 16u);
  EXPECT_EQ(SizeClass::NumMoveSize(1152), 4u);
  EXPECT_EQ(SizeClass::NumMoveSize(SizeClass::kLargestSize), 4u);
}

// The promise for spans: less than an eighth is lost behind the last object.
TEST(SizeClass, ASpanOfEveryClassLosesLessThanAnEighth) {
  for (size_t i = 0; i <= kLast; ++i) {
    const size_t size = SizeClass::Size(ClassIndex(i));
    const size_t bytes = SizeClass::SpanPages(ClassIndex(i)).bytes();
    ASSERT_GE(bytes, size) << "no room for one object";
    ASSERT_LT(bytes % size * 8, bytes) << size;
    ASSERT_LE(bytes, 32 * kPageSize) << size;
  }
}

// Four batches or 64 KiB, one object at least, and then no page more than the
// promise takes.
TEST(SizeClass, ASpanOfEveryClassHasTheFewestPagesThatDo) {
  for (size_t i = 0; i <= kLast; ++i) {
    const size_t size = SizeClass::Size(ClassIndex(i));
    const size_t pages = SizeClass::SpanPages(ClassIndex(i)).value();
    const size_t least = std::max(
        size,
        std::min<size_t>(4 * SizeClass::NumMoveSize(size) * size, 64 * 1024));
    ASSERT_GE(pages * kPageSize, least) << size;
    for (size_t fewer = 1; fewer < pages; ++fewer) {
      const size_t bytes = fewer * kPageSize;
      ASSERT_TRUE(bytes < least || bytes % size * 8 >= bytes) << size;
    }
  }
}

TEST(SizeClass, SpansOfSomeClasses) {
  const auto pages_for = [](size_t size) {
    return SizeClass::SpanPages(SizeClass::Index(size)).value();
  };
  EXPECT_EQ(pages_for(16), 1u);     // four batches of 128, just so
  EXPECT_EQ(pages_for(24), 2u);     // one page would hold fewer
  EXPECT_EQ(pages_for(1024), 8u);   // four batches of 16
  EXPECT_EQ(pages_for(36864), 9u);  // 8 would hold one object, and lose 7/16
  EXPECT_EQ(pages_for(73728), 9u);  // one object
  EXPECT_EQ(pages_for(262144), 32u);
}

TEST(SizeClass, AnIndexIsNotTakenForBytesByMistake) {
  EXPECT_FALSE((std::is_convertible_v<size_t, ClassIndex>));
}

}  // namespace
}  // namespace pool
