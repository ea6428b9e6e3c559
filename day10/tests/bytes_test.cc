#include "pool/bytes.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace pool {
namespace {

TEST(Rounding, StaysOnAMultipleAndReachesTheNext) {
  for (size_t unit = 1; unit <= kPageSize; unit *= 2) {
    for (size_t n = 0; n < 3; ++n) {
      EXPECT_EQ(RoundUp(n * unit, unit), n * unit);
      EXPECT_EQ(RoundUp(n * unit + 1, unit), (n + 1) * unit);
      EXPECT_EQ(RoundDown(n * unit + unit - 1, unit), n * unit);
    }
  }
}

TEST(Rounding, KnowsPowersOfTwo) {
  EXPECT_FALSE(IsPowerOfTwo(0));
  EXPECT_TRUE(IsPowerOfTwo(1));
  EXPECT_FALSE(IsPowerOfTwo(3));
  EXPECT_TRUE(IsPowerOfTwo(size_t{1} << 63));
  EXPECT_FALSE(IsPowerOfTwo(SIZE_MAX));
}

TEST(Rounding, SeesTheAlignmentOfAnAddress) {
  EXPECT_TRUE(IsAligned(reinterpret_cast<void*>(0x40), 64));
  EXPECT_FALSE(IsAligned(reinterpret_cast<void*>(0x48), 16));
  EXPECT_TRUE(IsAligned(reinterpret_cast<void*>(0x48), 8));
}

TEST(PageCount, HoldsItsBytes) {
  EXPECT_EQ(PageCount(3).bytes(), 3 * kPageSize);
  EXPECT_EQ(PagesFor(0), PageCount(0));
  EXPECT_EQ(PagesFor(1), PageCount(1));
  EXPECT_EQ(PagesFor(kPageSize), PageCount(1));
  EXPECT_EQ(PagesFor(kPageSize + 1), PageCount(2));
}

TEST(PageId, IsTheSameForEachByteOfAPage) {
  char* const page = reinterpret_cast<char*>(7 * kPageSize);
  EXPECT_EQ(PageId::Of(page), PageId(7));
  EXPECT_EQ(PageId::Of(page + kPageSize - 1), PageId(7));
  EXPECT_EQ(PageId::Of(page + kPageSize), PageId(8));
  EXPECT_EQ(PageId(7).Start(), page);
}

TEST(PageId, MovesByCounts) {
  EXPECT_EQ(PageId(7) + PageCount(3), PageId(10));
  EXPECT_EQ(PageId(10) - PageCount(3), PageId(7));
  EXPECT_EQ(PageId(10) - PageId(7), PageCount(3));
  EXPECT_LT(PageId(7), PageId(8));
}

// What must not compile: a size where a count is meant, a count where a page
// is.
TEST(PageTypes, AreNotTakenForOneAnother) {
  EXPECT_FALSE((std::is_convertible_v<size_t, PageCount>));
  EXPECT_FALSE((std::is_convertible_v<size_t, PageId>));
  EXPECT_FALSE((std::is_convertible_v<PageCount, size_t>));
  EXPECT_FALSE((std::is_constructible_v<PageId, PageCount>));
}

}  // namespace
}  // namespace pool
