// The pool behind std::pmr: containers, and the standard library's own arenas
// and pools on top of it.
#include "pool/memory_resource.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory_resource>
#include <string>
#include <utility>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/kernel_faults.h"
#include "pool/bytes.h"
#include "pool/page_heap.h"
#include "pool/pool.h"

namespace pool {
namespace {

constexpr size_t kMiB = 1024 * 1024;

// Bytes in spans that are not idle, when nobody's cache keeps one.
size_t InUse() {
  ReleaseFreeMemory();
  return PageHeap::Get().Footprint().in_use;
}

// Everything that a body takes from the pool comes back.
void ExpectNoLeak(const std::function<void()>& body) {
  const size_t before = InUse();
  body();
  EXPECT_EQ(InUse(), before);
}

// A map of texts, too long to be kept within the string itself.
void FillMap(std::pmr::memory_resource* resource) {
  std::pmr::map<int, std::pmr::string> map(resource);
  for (int i = 0; i < 5'000; ++i) map[i].assign(i % 300, 'x');
  for (int i = 0; i < 5'000; i += 3) map.erase(i);
  EXPECT_EQ(map[299].size(), 299u);
  // The strings take their memory where the map takes its own.
  EXPECT_EQ(map[299].get_allocator().resource(), resource);
}

TEST(MemoryResource, ContainersLiveInThePool) {
  ExpectNoLeak([] {
    FillMap(PoolResource());
    std::pmr::vector<int> numbers(100'000, 7, PoolResource());
    EXPECT_GE(UsableSize(numbers.data()), 100'000 * sizeof(int));
  });
}

TEST(MemoryResource, AnArenaTakesItsChunksFromThePool) {
  ExpectNoLeak([] {
    std::pmr::monotonic_buffer_resource arena(PoolResource());
    const size_t before = PageHeap::Get().Footprint().in_use;
    for (int i = 0; i < 10'000; ++i) (void)arena.allocate(1'000, 8);
    EXPECT_GE(PageHeap::Get().Footprint().in_use - before, 10'000u * 1'000);
    FillMap(&arena);
  });
}

TEST(MemoryResource, TheLibrarysPoolsTakeTheirChunksFromOurs) {
  ExpectNoLeak([] {
    std::pmr::unsynchronized_pool_resource pools(PoolResource());
    FillMap(&pools);
    pools.release();
    FillMap(&pools);
    std::pmr::synchronized_pool_resource shared(PoolResource());
    course::Gang(4, [&shared](size_t) { FillMap(&shared); }).Join();
  });
}

TEST(MemoryResource, EveryAlignmentIsKept) {
  std::pmr::memory_resource* resource = PoolResource();
  ExpectNoLeak([resource] {
    for (size_t alignment = 1; alignment <= kMiB; alignment *= 2) {
      for (const size_t bytes :
           {size_t{0}, size_t{1}, size_t{4}, size_t{8}, size_t{9}, size_t{100},
            size_t{5'000}, 3 * kMiB}) {
        void* one = resource->allocate(bytes, alignment);
        void* other = resource->allocate(bytes, alignment);
        EXPECT_TRUE(IsAligned(one, alignment)) << bytes << ", " << alignment;
        EXPECT_TRUE(IsAligned(other, alignment)) << bytes << ", " << alignment;
        EXPECT_NE(one, other);
        resource->deallocate(one, bytes, alignment);
        resource->deallocate(other, bytes, alignment);
      }
    }
  });
}

TEST(MemoryResource, AllOfThemAreEqual) {
  memory_resource mine;
  EXPECT_EQ(PoolResource(), PoolResource());
  EXPECT_TRUE(mine.is_equal(*PoolResource()));
  EXPECT_TRUE(mine == *PoolResource());
  EXPECT_FALSE(mine.is_equal(*std::pmr::new_delete_resource()));
  void* block = mine.allocate(100);
  PoolResource()->deallocate(block, 100);
  // So memory is handed over, not copied.
  std::pmr::vector<int> from(1'000, 5, &mine);
  const int* data = from.data();
  std::pmr::vector<int> to(PoolResource());
  to = std::move(from);
  EXPECT_EQ(to.data(), data);
}

TEST(MemoryResource, ItMayBeTheDefault) {
  ExpectNoLeak([] {
    std::pmr::memory_resource* before =
        std::pmr::set_default_resource(PoolResource());
    {
      std::pmr::vector<int> numbers(1'000, 5);
      EXPECT_GE(UsableSize(numbers.data()), 1'000 * sizeof(int));
    }
    std::pmr::set_default_resource(before);
  });
}

TEST(MemoryResource, WhatCannotBeIsRefused) {
  std::pmr::memory_resource* resource = PoolResource();
  const std::vector<size_t> sizes = {kMaxBytes, kMaxBytes + 1, SIZE_MAX};
  for (const size_t bytes : sizes) {
    for (const size_t alignment : {1, 16, 64, 1 << 20}) {
      EXPECT_THROW((void)resource->allocate(bytes, alignment), std::bad_alloc);
    }
  }
}

TEST(MemoryResource, ARefusalLeavesAnArenaAsItWas) {
  ExpectNoLeak([] {
    std::pmr::monotonic_buffer_resource arena(PoolResource());
    auto* kept = static_cast<char*>(arena.allocate(100'000));
    kept[99'999] = 1;
    ReleaseFreeMemory();
    course::KernelFaults faults;
    faults.RefuseFrom(1);
    EXPECT_THROW((void)arena.allocate(500 * kMiB), std::bad_alloc);
    EXPECT_GE(faults.refused(), 1u);
    faults.Recover();
    EXPECT_EQ(kept[99'999], 1);
    auto* next = static_cast<char*>(arena.allocate(1'000'000));
    next[0] = 1;
  });
}

}  // namespace
}  // namespace pool
