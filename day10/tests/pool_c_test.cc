// The C face: the façade's promises under C's names. pool_c_test.c is the part
// that a C compiler sees.
#include "pool/pool_c.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/testing/captured.h"
#include "common/testing/json.h"
#include "common/testing/kernel_faults.h"
#include "common/testing/pattern.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"

extern "C" int UsePoolFromC(size_t count);
extern "C" int WriteReportsFromC(const char* path);

namespace pool {
namespace {

constexpr size_t kMiB = 1024 * 1024;
constexpr size_t kSizes[] = {0, 1, 8, 9, 100, 5000, 256 * 1024, 5 * kMiB};

TEST(PoolC, ServesAProgramInC) {
  EXPECT_EQ(UsePoolFromC(10), 0);
  EXPECT_EQ(UsePoolFromC(1000), 0);
}

TEST(PoolC, GivesWhatTheFacadeTakesBackAndTheOtherWayRound) {
  for (const size_t bytes : kSizes) {
    void* from_c = pool_allocate(bytes);
    ASSERT_NE(from_c, nullptr);
    EXPECT_GE(pool_usable_size(from_c), bytes);
    EXPECT_EQ(pool_usable_size(from_c), UsableSize(from_c));
    Deallocate(from_c, bytes);
    pool_deallocate(Allocate(bytes));
    pool_deallocate_sized(Allocate(bytes), bytes);
  }
  pool_deallocate(nullptr);
  pool_deallocate_sized(nullptr, 100);
  EXPECT_EQ(pool_usable_size(nullptr), 0u);
}

TEST(PoolC, KeepsTheContentsOfABlockWhoseSizeChanges) {
  for (const size_t old_bytes : kSizes) {
    for (const size_t bytes : kSizes) {
      void* block = pool_allocate(old_bytes);
      course::FillPattern(block, old_bytes, 7);
      block = pool_reallocate(block, bytes);
      EXPECT_EQ(block == nullptr, bytes == 0) << old_bytes << " to " << bytes;
      const size_t kept = std::min(old_bytes, bytes);
      if (block == nullptr) continue;
      ASSERT_EQ(course::FirstDamage(block, kept, 7), kept);
      pool_deallocate_sized(block, bytes);
    }
  }
  void* block = pool_reallocate(nullptr, 100);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(pool_reallocate(block, 0), nullptr);
}

TEST(PoolC, ClearsUsedMemory) {
  for (const size_t bytes : {size_t{24}, size_t{5000}, 3 * kMiB}) {
    for (int round = 0; round < 3; ++round) {
      auto* block = static_cast<char*>(pool_allocate_zeroed(bytes / 8, 8));
      ASSERT_NE(block, nullptr);
      EXPECT_TRUE(std::all_of(block, block + bytes,
                              [](char byte) { return byte == 0; }));
      memset(block, 0xff, bytes);
      pool_deallocate(block);
    }
  }
}

TEST(PoolC, AlignsToEveryPowerOfTwo) {
  for (size_t alignment = 1; alignment <= 4 * kMiB; alignment *= 2) {
    for (const size_t bytes : kSizes) {
      void* block = pool_allocate_aligned(bytes, alignment);
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % alignment, 0u);
      EXPECT_GE(pool_usable_size(block), bytes);
      pool_deallocate(block);
    }
  }
}

void ExpectError(int error, const void* block) {
  EXPECT_EQ(block, nullptr);
  EXPECT_EQ(errno, error);
  errno = 0;
}

TEST(PoolC, SaysWhatCannotBe) {
  errno = 0;
  ExpectError(EINVAL, pool_allocate_aligned(8, 0));
  ExpectError(EINVAL, pool_allocate_aligned(8, 24));
  void* held = pool_allocate(100);
  memset(held, 1, 100);
  for (const size_t bytes : {size_t{PTRDIFF_MAX}, SIZE_MAX / 2 + 1, SIZE_MAX}) {
    ExpectError(ENOMEM, pool_allocate(bytes));
    ExpectError(ENOMEM, pool_allocate_aligned(bytes, 64));
    ExpectError(ENOMEM, pool_allocate_zeroed(1, bytes));
    ExpectError(ENOMEM, pool_reallocate(held, bytes));
    EXPECT_FALSE(pool_reserve(bytes, 1));
    EXPECT_EQ(errno, ENOMEM);
  }
  ExpectError(ENOMEM, pool_allocate_zeroed(SIZE_MAX / 16 + 2, 16));
  EXPECT_EQ(static_cast<char*>(held)[99], 1);
  pool_deallocate(held);
}

TEST(PoolC, ReportsARefusalAndLosesNothing) {
  void* held = pool_allocate(5 * kMiB);
  memset(held, 1, 5 * kMiB);
  (void)pool_release_free_memory();
  const size_t in_use = PageHeap::Get().Footprint().in_use;
  const size_t too_much = PageHeap::Get().Footprint().returned + 64 * kMiB;
  {
    course::KernelFaults faults;
    faults.RefuseFrom(1);
    errno = 0;
    ExpectError(ENOMEM, pool_allocate(too_much));
    ExpectError(ENOMEM, pool_allocate_zeroed(too_much / 8, 8));
    ExpectError(ENOMEM, pool_reallocate(held, too_much));
    EXPECT_FALSE(pool_reserve(too_much, 2));
    EXPECT_GE(faults.refused(), 4u);
  }
  EXPECT_EQ(PageHeap::Get().Footprint().in_use, in_use);
  EXPECT_EQ(static_cast<char*>(held)[5 * kMiB - 1], 1);
  held = pool_reallocate(held, too_much);
  ASSERT_NE(held, nullptr);
  EXPECT_EQ(static_cast<char*>(held)[5 * kMiB - 1], 1);
  pool_deallocate(held);
}

TEST(PoolC, PreparesAndGivesBack) {
  ASSERT_TRUE(pool_reserve(1000, 500));
  {
    course::KernelFaults faults;
    void* blocks[500];
    for (void*& block : blocks) block = pool_allocate(1000);
    EXPECT_EQ(faults.calls(), 0u);
    for (void* block : blocks) pool_deallocate_sized(block, 1000);
  }
  EXPECT_GE(pool_release_free_memory(), 500u * 1000);
  EXPECT_EQ(PageHeap::Get().Footprint().free, 0u);
}

// Nobody has asked for a profile.
TEST(PoolC, WritesReports) {
  EXPECT_EQ(WriteReportsFromC("/dev/null"), 1 | 2);
  EXPECT_EQ(errno, ENOTSUP);
  EXPECT_EQ(WriteReportsFromC("/no such folder/at all"), 0);
}

TEST(PoolC, WritesTheReportThatItsNameSays) {
  std::string path = testing::TempDir() + "pool_c_XXXXXX.json";
  const int file = mkstemps(path.data(), 5);
  ASSERT_GE(file, 0);
  EXPECT_TRUE(pool_write_statistics(path.c_str()));
  EXPECT_NO_THROW(course::ParseJson(course::ContentsOf(file))["bytes"]);
  EXPECT_TRUE(pool_write_heap_map(path.c_str()));
  EXPECT_NO_THROW(course::ParseJson(course::ContentsOf(file))["spans"]);
  close(file);
  unlink(path.c_str());
}

TEST(PoolC, SaysWhyAReportCannotBeWritten) {
  for (const auto write : {pool_write_statistics, pool_write_heap_map}) {
    errno = 0;
    EXPECT_FALSE(write("/no such folder/at all"));
    EXPECT_EQ(errno, ENOENT);
  }
}

}  // namespace
}  // namespace pool
