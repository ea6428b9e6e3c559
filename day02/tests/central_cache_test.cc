#include "pool/central_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "pool/bytes.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

// Remembers what the kernel has given, so that a block can be held against it.
class KernelLedger {
 public:
  KernelLedger() {
    mappings_.clear();
    previous_ = SetKernelCalls(&kCalls);
  }
  ~KernelLedger() { SetKernelCalls(previous_); }

  // Is every byte of the block inside one mapping?
  static bool Holds(const void* block, size_t bytes) {
    const char* start = static_cast<const char*>(block);
    auto entry = mappings_.upper_bound(start);
    if (entry == mappings_.begin()) return false;
    --entry;
    return start + bytes <= entry->first + entry->second;
  }

 private:
  static void* Map(size_t bytes) {
    void* start = RealKernelCalls().map(bytes);
    mappings_[static_cast<const char*>(start)] = bytes;
    return start;
  }
  static bool Unmap(void* start, size_t bytes) {
    const char* from = static_cast<const char*>(start);
    auto entry = --mappings_.upper_bound(from);
    const auto [mapped, length] = *entry;
    mappings_.erase(entry);
    if (from > mapped) mappings_[mapped] = static_cast<size_t>(from - mapped);
    const char* end = mapped + length;
    if (from + bytes < end) {
      mappings_[from + bytes] = static_cast<size_t>(end - (from + bytes));
    }
    return RealKernelCalls().unmap(start, bytes);
  }
  static constexpr KernelCalls kCalls = {
      [] { return RealKernelCalls().page_size(); }, Map, Unmap,
      [](void* start, size_t bytes) {
        return RealKernelCalls().discard(start, bytes);
      }};
  static inline std::map<const char*, size_t> mappings_;
  const KernelCalls* previous_;
};

// For all 208 classes, over the ends of several chunks: a block lies inside the
// memory that the kernel gave, in full, and beside the others.
TEST(CentralCache, NoBlockCrossesTheEndOfItsChunk) {
  const KernelLedger ledger;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const ClassIndex index(i);
    const size_t size = SizeClass::Size(index);
    CentralCache cache;
    std::set<char*> blocks;
    const size_t count = 3 * 64 * 1024 / size + 5;
    for (size_t k = 0; k < count; ++k) {
      char* block = static_cast<char*>(cache.Allocate(index));
      ASSERT_TRUE(IsAligned(block, SizeClass::Alignment(size))) << size;
      ASSERT_TRUE(KernelLedger::Holds(block, size)) << size << ", block " << k;
      memset(block, 0x5A, size);
      ASSERT_TRUE(blocks.insert(block).second) << size;
    }
    const char* end = nullptr;
    for (char* block : blocks) {
      ASSERT_GE(block, end) << size;
      end = block + size;
    }
    for (char* block : blocks) cache.Deallocate(block, index);
    cache.Validate();
  }
}

TEST(CentralCache, CountsWhatCallersHold) {
  CentralCache cache;
  const ClassIndex index = SizeClass::Index(1024);
  void* first = cache.Allocate(index);
  void* second = cache.Allocate(index);
  EXPECT_EQ(cache.Footprint().in_use, 2048u);
  cache.Deallocate(first, index);
  EXPECT_EQ(cache.Footprint().in_use, 1024u);
  cache.Deallocate(second, index);
  EXPECT_EQ(cache.Footprint().in_use, 0u);
  EXPECT_GT(cache.Footprint().free, 0u);
}

TEST(CentralCache, AccountsForEachByteThatItTookFromTheSystem) {
  const size_t before = ReadSystemFootprint().mapped;
  {
    CentralCache cache;
    for (size_t i = 0; i < SizeClass::kCount; ++i)
      cache.Allocate(ClassIndex(i));
    const CentralCacheFootprint footprint = cache.Footprint();
    EXPECT_EQ(ReadSystemFootprint().mapped - before,
              footprint.blocks + footprint.metadata);
    EXPECT_LE(footprint.in_use + footprint.free, footprint.blocks);
  }
  EXPECT_EQ(ReadSystemFootprint().mapped, before) << "and gives them back";
}

TEST(CentralCache, UsesABlockAgainInItsOwnClassOnly) {
  CentralCache cache;
  void* block = cache.Allocate(SizeClass::Index(64));
  cache.Deallocate(block, SizeClass::Index(64));
  EXPECT_NE(cache.Allocate(SizeClass::Index(72)), block);
  EXPECT_EQ(cache.Allocate(SizeClass::Index(64)), block);
}

TEST(CentralCacheDeathTest, AForeignPointerEndsTheProcessWithOneLine) {
  CentralCache cache;
  int local;
  EXPECT_DEATH(cache.Deallocate(&local, SizeClass::Index(8)),
               "central_cache.cc:[0-9]+: CHECK failed");
  cache.Allocate(SizeClass::Index(8));
  EXPECT_DEATH(cache.Deallocate(&local, SizeClass::Index(8)), "CHECK failed");
}

TEST(CentralCache, ServesManyThreadsAtOnce) {
  CentralCache cache;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 8; ++t) {
    threads.emplace_back([&cache, t] {
      std::vector<char*> mine;
      const ClassIndex index = SizeClass::Index(16 + 8 * (t % 2));
      for (int i = 0; i < 2000; ++i) {
        mine.push_back(static_cast<char*>(cache.Allocate(index)));
        memset(mine.back(), static_cast<int>(t), 16);
      }
      for (char* block : mine) {
        for (int i = 0; i < 16; ++i) ASSERT_EQ(block[i], static_cast<char>(t));
        cache.Deallocate(block, index);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cache.Footprint().in_use, 0u);
  cache.Validate();
}

}  // namespace
}  // namespace pool
