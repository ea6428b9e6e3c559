#include "pool/memory_pool.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <vector>

#include "pool/bytes.h"
#include "pool/system_memory.h"

namespace {

TEST(MemoryPool, ServesAndTakesBack) {
  memory_pool* pool = memory_pool_create(8, 100, 10);
  ASSERT_NE(pool, nullptr);
  std::vector<void*> objects;
  for (int i = 0; i < 1000; ++i) {
    objects.push_back(memory_alloc(pool));
    ASSERT_NE(objects.back(), nullptr);
  }
  for (void* object : objects) EXPECT_EQ(memory_free(pool, object), nullptr);
  free_memory_pool(pool);
}

TEST(MemoryPool, HandsBackAForeignPointer) {
  memory_pool* pool = memory_pool_create(8, 10, 0);
  int local;
  EXPECT_EQ(memory_free(pool, &local), &local);
  free_memory_pool(pool);
}

TEST(MemoryPool, NeverGrowsWhenGrowIsZero) {
  memory_pool* pool = memory_pool_create(8, 2, 0);
  memory_alloc(pool);
  memory_alloc(pool);
  EXPECT_EQ(memory_alloc(pool), nullptr);
  free_memory_pool(pool);
}

TEST(MemoryPool, AlignsForAnyTypeOfThatSize) {
  for (size_t size = 1; size <= 256; ++size) {
    memory_pool* pool = memory_pool_create(size, 4, 4);
    for (size_t alignment = 1; alignment <= alignof(max_align_t);
         alignment *= 2) {
      if (size % alignment != 0) continue;
      EXPECT_TRUE(pool::IsAligned(memory_alloc(pool), alignment)) << size;
    }
    free_memory_pool(pool);
  }
}

TEST(MemoryPool, RefusesSizesThatNoObjectHas) {
  errno = 0;
  EXPECT_EQ(memory_pool_create(0, 1, 1), nullptr);
  EXPECT_EQ(errno, EINVAL);
  errno = 0;
  EXPECT_EQ(memory_pool_create(SIZE_MAX, 1, 1), nullptr);
  EXPECT_EQ(errno, EINVAL);
}

TEST(MemoryPool, SaysSoWhenThereIsNoMemory) {
  static const pool::KernelCalls real = pool::RealKernelCalls();
  static const pool::KernelCalls refusing = {
      real.page_size, [](size_t) -> void* { return nullptr; }, real.unmap,
      real.discard};
  const pool::KernelCalls* previous = pool::SetKernelCalls(&refusing);
  errno = 0;
  EXPECT_EQ(memory_pool_create(8, 1, 1), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  pool::SetKernelCalls(previous);
}

TEST(MemoryPool, LeavesNothingBehind) {
  const size_t before = pool::ReadSystemFootprint().mapped;
  memory_pool* pool = memory_pool_create(24, 10, 10);
  for (int i = 0; i < 1000; ++i) memory_alloc(pool);
  free_memory_pool(pool);
  free_memory_pool(nullptr);
  EXPECT_EQ(pool::ReadSystemFootprint().mapped, before);
}

}  // namespace
