// PoolAllocator under the standard library's containers: their memory is the
// pool's, aligned as their elements need it, and all of it comes back.
#include "pool/allocator.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/kernel_faults.h"
#include "pool/bytes.h"
#include "pool/page_heap.h"
#include "pool/pool.h"

namespace pool {
namespace {

template <typename T>
using Vector = std::vector<T, PoolAllocator<T>>;
template <typename T>
using List = std::list<T, PoolAllocator<T>>;
using String =
    std::basic_string<char, std::char_traits<char>, PoolAllocator<char>>;
template <typename Key, typename T>
using Map =
    std::map<Key, T, std::less<>, PoolAllocator<std::pair<const Key, T>>>;
template <typename Key, typename T>
using HashMap = std::unordered_map<Key, T, std::hash<Key>, std::equal_to<>,
                                   PoolAllocator<std::pair<const Key, T>>>;

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

// Ends the process if the address is not one that the pool gave.
bool IsTheirs(const void* element) { return UsableSize(element) > 0; }

using Traits = std::allocator_traits<PoolAllocator<int>>;
static_assert(Traits::is_always_equal::value);
static_assert(std::is_empty_v<PoolAllocator<int>>);
static_assert(sizeof(Vector<int>) == sizeof(std::vector<int>));
static_assert(std::is_nothrow_move_assignable_v<Vector<int>>);
static_assert(std::is_same_v<Traits::rebind_alloc<long>, PoolAllocator<long>>);
static_assert(PoolAllocator<int>() == PoolAllocator<long>());
static_assert(!(PoolAllocator<int>() != PoolAllocator<long>()));

TEST(Allocator, AVectorLivesInThePool) {
  ExpectNoLeak([] {
    Vector<int> numbers;
    for (int i = 0; i < 100'000; ++i) numbers.push_back(i);
    EXPECT_TRUE(IsTheirs(numbers.data()));
    EXPECT_GE(PageHeap::Get().Footprint().in_use, 100'000 * sizeof(int));
    for (int i = 0; i < 100'000; ++i) ASSERT_EQ(numbers[i], i);
  });
}

TEST(Allocator, NodesAreMadeOfThePool) {
  ExpectNoLeak([] {
    Map<int, String> map;
    HashMap<int, int> hash_map;
    List<int> list;
    std::deque<int, PoolAllocator<int>> deque;
    std::multiset<int, std::greater<>, PoolAllocator<int>> set;
    for (int i = 0; i < 10'000; ++i) {
      map[i] = String(i % 100, 'x');
      hash_map[i] = -i;
      list.push_front(i);
      deque.push_front(i);
      set.insert(i % 10);
    }
    EXPECT_TRUE(IsTheirs(map[99].data()));
    for (int i = 0; i < 10'000; i += 2) {
      map.erase(i);
      hash_map.erase(i);
      deque.pop_back();
    }
    list.remove_if([](int i) { return i % 2 == 0; });
    EXPECT_EQ(map.size() + hash_map.size(), 10'000u);
    EXPECT_EQ(map[77], String(77, 'x'));
    EXPECT_EQ(hash_map[9'999], -9'999);
    EXPECT_EQ(list.back(), 1);
    EXPECT_EQ(deque.back(), 5'000);
    EXPECT_EQ(set.count(3), 1'000u);
  });
}

TEST(Allocator, SharedObjectsAndTheirCountsAreOneBlock) {
  ExpectNoLeak([] {
    std::weak_ptr<String> weak;
    {
      auto shared = std::allocate_shared<String>(PoolAllocator<String>(),
                                                 size_t{1'000}, 'y');
      weak = shared;
      const auto other = shared;
      EXPECT_EQ(other.use_count(), 2);
      EXPECT_TRUE(IsTheirs(other->data()));
    }
    EXPECT_TRUE(weak.expired());
  });
}

template <size_t kAlignment>
void UseAligned() {
  struct alignas(kAlignment) Aligned {
    char first = 'a';
  };
  ExpectNoLeak([] {
    Vector<Aligned> vector;
    List<Aligned> list;
    for (int i = 0; i < 100; ++i) {
      vector.emplace_back();
      list.emplace_back();
      ASSERT_TRUE(IsAligned(&vector.front(), kAlignment)) << kAlignment;
      ASSERT_TRUE(IsAligned(&list.back(), kAlignment)) << kAlignment;
    }
    PoolAllocator<Aligned> allocator;
    for (const size_t count : {0, 1, 3, 1'000}) {
      Aligned* array = allocator.allocate(count);
      EXPECT_TRUE(count == 0 || IsAligned(array, kAlignment));
      allocator.deallocate(array, count);
    }
  });
}

TEST(Allocator, ElementsAreAlignedAsTheyAsk) {
  UseAligned<1>();
  UseAligned<2>();
  UseAligned<8>();
  UseAligned<16>();
  UseAligned<32>();
  UseAligned<64>();
  UseAligned<4'096>();
  UseAligned<2 * kPageSize>();
}

TEST(Allocator, NoElementsAreABlockToo) {
  PoolAllocator<int> allocator;
  int* one = allocator.allocate(0);
  int* other = allocator.allocate(0);
  EXPECT_NE(one, nullptr);
  EXPECT_NE(one, other);
  allocator.deallocate(one, 0);
  allocator.deallocate(other, 0);
}

TEST(Allocator, ContainersHandTheirMemoryOver) {
  ExpectNoLeak([] {
    Vector<int> from(1'000, 5);
    const int* data = from.data();
    Vector<int> to;
    to = std::move(from);
    EXPECT_EQ(to.data(), data);
    Vector<int> third(10, 6);
    swap(to, third);
    EXPECT_EQ(third.data(), data);

    List<int> odd = {1, 3, 5};
    List<int> even = {2, 4};
    const int* two = &even.front();
    odd.splice(++odd.begin(), even);
    EXPECT_EQ(odd, (List<int>{1, 2, 4, 3, 5}));
    EXPECT_EQ(&*++odd.begin(), two);

    // A block of one allocator is any other one's, of the same type.
    int* block = PoolAllocator<int>().allocate(7);
    PoolAllocator<int>(PoolAllocator<char>()).deallocate(block, 7);
  });
}

TEST(Allocator, WhatOneThreadFillsAnotherMayDestroy) {
  ExpectNoLeak([] {
    constexpr size_t kThreads = 4;
    Map<int, String> maps[kThreads];
    course::Gang(kThreads, [&maps](size_t thread) {
      for (int i = 0; i < 1'000; ++i) maps[thread][i] = String(i, 'z');
    }).Join();
    course::Gang(kThreads, [&maps](size_t thread) {
      maps[(thread + 1) % kThreads].clear();
    }).Join();
  });
}

TEST(Allocator, SizesThatCannotBeAreRefused) {
  struct Large {
    char bytes[1'000];
  };
  struct alignas(64) Aligned {
    char bytes[64];
  };
  PoolAllocator<Large> large;
  PoolAllocator<Aligned> aligned;
  EXPECT_THROW((void)large.allocate(SIZE_MAX), std::bad_array_new_length);
  EXPECT_THROW((void)large.allocate(SIZE_MAX / 1'000 + 1),
               std::bad_array_new_length);
  EXPECT_THROW((void)aligned.allocate(SIZE_MAX / 64 + 1),
               std::bad_array_new_length);
  // What fits in size_t, but in no memory, is bad_alloc.
  EXPECT_THROW((void)aligned.allocate(SIZE_MAX / 64), std::bad_alloc);
  EXPECT_THROW((void)PoolAllocator<char>().allocate(SIZE_MAX), std::bad_alloc);
  EXPECT_THROW((void)PoolAllocator<char>().allocate(PTRDIFF_MAX),
               std::bad_alloc);
}

TEST(Allocator, ARefusalLeavesTheContainerAsItWas) {
  ExpectNoLeak([] {
    Vector<int> numbers(1'000'000, 3);
    ReleaseFreeMemory();
    course::KernelFaults faults;
    faults.RefuseFrom(1);
    EXPECT_THROW(numbers.reserve(100'000'000), std::bad_alloc);
    EXPECT_GE(faults.refused(), 1u);
    EXPECT_EQ(numbers.size(), 1'000'000u);
    EXPECT_EQ(numbers.back(), 3);
    faults.Recover();
    numbers.reserve(2'000'000);
    EXPECT_EQ(numbers.back(), 3);
  });
}

}  // namespace
}  // namespace pool
