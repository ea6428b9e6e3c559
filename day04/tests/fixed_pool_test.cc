#include "pool/fixed_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <vector>

#include "pool/system_memory.h"

namespace pool {
namespace {

std::vector<char*> Take(FixedPool& pool, size_t count) {
  std::vector<char*> objects;
  for (size_t i = 0; i < count; ++i) {
    objects.push_back(static_cast<char*>(pool.Allocate()));
  }
  return objects;
}

TEST(FixedPool, TakesNoMemoryBeforeTheFirstObject) {
  const size_t before = ReadSystemFootprint().mapped;
  FixedPool pool(16, 16, 100, 100);
  EXPECT_EQ(pool.Footprint().blocks, 0u);
  EXPECT_EQ(ReadSystemFootprint().mapped, before);
}

TEST(FixedPool, HandsOutInAddressOrderAtFirst) {
  FixedPool pool(24, 8, 100, 0);
  const std::vector<char*> objects = Take(pool, 100);
  for (size_t i = 1; i < objects.size(); ++i) {
    EXPECT_EQ(objects[i], objects[i - 1] + 24);
  }
}

TEST(FixedPool, WithoutGrowthSaysSo) {
  FixedPool pool(8, 8, 3, 0);
  const std::vector<char*> objects = Take(pool, 3);
  EXPECT_EQ(pool.Allocate(), nullptr);
  EXPECT_EQ(pool.Allocate(), nullptr);
  EXPECT_EQ(pool.Deallocate(objects[1]), nullptr);
  EXPECT_EQ(pool.Allocate(), objects[1]);
}

TEST(FixedPool, WithNothingAtAllSaysSo) {
  FixedPool pool(8, 8, 0, 0);
  EXPECT_EQ(pool.Allocate(), nullptr);
  pool.Validate();
}

TEST(FixedPool, FirstBlockHoldsInitAndFurtherOnesGrow) {
  FixedPool pool(8, 8, 2, 5);
  const std::vector<char*> objects = Take(pool, 2);
  EXPECT_EQ(pool.Footprint().free, 0u);
  Take(pool, 1);
  EXPECT_EQ(pool.Footprint().free, 4 * 8u);
  Take(pool, 5);
  EXPECT_EQ(pool.Footprint().free, 4 * 8u);
  EXPECT_EQ(pool.Footprint().in_use, 8 * 8u);
}

TEST(FixedPool, GivesLastHomeFirstOut) {
  FixedPool pool(64, 16, 10, 10);
  const std::vector<char*> objects = Take(pool, 10);
  for (int i : {4, 7, 2}) EXPECT_EQ(pool.Deallocate(objects[i]), nullptr);
  EXPECT_EQ(pool.Allocate(), objects[2]);
  EXPECT_EQ(pool.Allocate(), objects[7]);
  EXPECT_EQ(pool.Allocate(), objects[4]);
}

// Sizes that are no power of two and alignments from 1 to 4096: each object
// aligned, inside its pool, and apart from all others.
TEST(FixedPool, ServesAnySizeAndAlignment) {
  for (size_t size : {1, 2, 3, 5, 8, 12, 24, 33, 100, 1000, 8191}) {
    for (size_t alignment = 1; alignment <= 4096; alignment *= 4) {
      FixedPool pool(size, alignment, 7, 3);
      const std::vector<char*> objects = Take(pool, 20);
      for (char* object : objects) {
        ASSERT_TRUE(IsAligned(object, alignment)) << size << " " << alignment;
        memset(object, static_cast<int>(size), size);
      }
      const std::set<char*> sorted(objects.begin(), objects.end());
      char* end = nullptr;
      for (char* object : sorted) {
        ASSERT_GE(object, end) << size << " " << alignment;
        end = object + size;
      }
      for (char* object : objects) ASSERT_EQ(pool.Deallocate(object), nullptr);
      pool.Validate();
    }
  }
}

TEST(FixedPool, HandsBackWhatIsNotItsOwn) {
  FixedPool pool(48, 16, 4, 4);
  FixedPool other(48, 16, 4, 4);
  const std::vector<char*> objects = Take(pool, 3);
  const FixedPoolFootprint before = pool.Footprint();
  int local;
  void* const foreign[] = {
      nullptr,
      &local,
      other.Allocate(),
      objects[0] - 1,       // the block's header
      objects[0] + 1,       // inside an object
      objects[1] + 16,      // inside, though aligned
      objects[2] + 48,      // never handed out
      objects[2] + 2 * 48,  // behind the block's end
  };
  for (void* pointer : foreign) EXPECT_EQ(pool.Deallocate(pointer), pointer);
  EXPECT_EQ(pool.Footprint().in_use, before.in_use);
  EXPECT_EQ(pool.Footprint().free, before.free);
  pool.Validate();
}

TEST(FixedPool, RefusesTheSameObjectTwiceInARowInDebugBuilds) {
  if (!kDebugBuild) GTEST_SKIP() << "this is a check of debug builds";
  FixedPool pool(16, 16, 4, 4);
  const std::vector<char*> objects = Take(pool, 3);
  EXPECT_EQ(pool.Deallocate(objects[1]), nullptr);
  EXPECT_EQ(pool.Deallocate(objects[1]), objects[1]);
  pool.Validate();
  EXPECT_EQ(pool.Allocate(), objects[1]);
  EXPECT_NE(pool.Allocate(), objects[1]);
}

TEST(FixedPool, KeepsOneEmptyBlockAndGivesTheOthersBack) {
  FixedPool pool(kPageSize, 16, 3, 3);
  const size_t one_block = SystemSize(3 * kPageSize + 64);
  const std::vector<char*> objects = Take(pool, 12);
  EXPECT_EQ(pool.Footprint().blocks, 4 * one_block);
  for (char* object : objects) EXPECT_EQ(pool.Deallocate(object), nullptr);
  EXPECT_EQ(pool.Footprint().blocks, one_block);
  EXPECT_EQ(pool.Footprint().in_use, 0u);
  pool.Validate();
}

TEST(FixedPool, AtTheEdgeOfABlockDoesNotCallTheKernelEachTime) {
  FixedPool pool(kPageSize, 16, 3, 3);
  Take(pool, 3);
  pool.Deallocate(pool.Allocate());
  const size_t calls = ReadSystemFootprint().map_calls;
  for (int i = 0; i < 100; ++i) pool.Deallocate(pool.Allocate());
  EXPECT_EQ(ReadSystemFootprint().map_calls, calls);
}

TEST(FixedPool, GivesEverythingBackWhenItDies) {
  const size_t before = ReadSystemFootprint().mapped;
  {
    FixedPool pool(100, 4, 10, 10);
    Take(pool, 95);
    EXPECT_EQ(ReadSystemFootprint().mapped, before + pool.Footprint().blocks);
  }
  EXPECT_EQ(ReadSystemFootprint().mapped, before);
}

TEST(FixedPool, RefusesBlocksThatCannotBe) {
  FixedPool huge(kMaxBytes / 2, 16, 3, 3);
  EXPECT_EQ(huge.Allocate(), nullptr);
  FixedPool wraps(size_t{1} << 62, 16, 4, 4);
  EXPECT_EQ(wraps.Allocate(), nullptr);
  FixedPool rounds_to_nothing(SIZE_MAX, 16, 4, 4);
  EXPECT_EQ(rounds_to_nothing.Allocate(), nullptr);
  FixedPool many(8, 8, SIZE_MAX / 8, 1);
  EXPECT_EQ(many.Allocate(), nullptr);
  FixedPool more_than_an_index_can_count(1, 1, UINT32_MAX, 1);
  EXPECT_EQ(more_than_an_index_can_count.Allocate(), nullptr);
}

TEST(FixedPoolDeathTest, AnAlignmentThatCannotBeEndsTheProcess) {
  for (size_t alignment : {0, 3, 8192}) {
    EXPECT_DEATH(FixedPool(8, alignment, 1, 1), "CHECK failed: IsPowerOfTwo");
  }
}

// Validate is what other tests rely on, so it is shown a fault of each kind.
TEST(FixedPoolDeathTest, ValidateSeesALinkThatWasOverwritten) {
  FixedPool pool(16, 16, 10, 10);
  const std::vector<char*> objects = Take(pool, 5);
  for (int i : {0, 1, 2}) pool.Deallocate(objects[i]);
  pool.Validate();
  const uint32_t kLoop = 2;
  const uint32_t kNowhere = 77;
  const uint32_t kEnd = UINT32_MAX;
  for (const uint32_t link : {kLoop, kNowhere, kEnd}) {
    EXPECT_DEATH(
        {
          memcpy(objects[2], &link, sizeof(link));
          pool.Validate();
        },
        "fixed_pool.cc:[0-9]+: CHECK failed");
  }
}

}  // namespace
}  // namespace pool
