#include "pool/central_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "common/testing/gang.h"
#include "pool/bytes.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

// Remembers what the kernel has given, so that an object can be held against
// it. Nothing is given back while it watches.
class KernelLedger {
 public:
  KernelLedger() {
    mappings_.clear();
    previous_ = SetKernelCalls(&kCalls);
  }
  ~KernelLedger() { SetKernelCalls(previous_); }

  // Is every byte of the object inside one mapping?
  static bool Holds(const void* object, size_t bytes) {
    const char* start = static_cast<const char*>(object);
    auto entry = mappings_.upper_bound(start);
    if (entry == mappings_.begin()) return false;
    --entry;
    return start + bytes <= entry->first + entry->second;
  }

  static inline bool refuse = false;

 private:
  static void* Map(size_t bytes) {
    if (refuse) return nullptr;
    void* start = RealKernelCalls().map(bytes);
    mappings_[static_cast<const char*>(start)] = bytes;
    return start;
  }
  static constexpr KernelCalls kCalls = {
      [] { return RealKernelCalls().page_size(); }, Map,
      [](void* start, size_t bytes) {
        return RealKernelCalls().unmap(start, bytes);
      },
      [](void* start, size_t bytes) {
        return RealKernelCalls().discard(start, bytes);
      }};
  static inline std::map<const char*, size_t> mappings_;
  const KernelCalls* previous_;
};

// A range as FetchRangeObj hands it out, held against its promises.
std::vector<char*> Fetch(CentralCache& cache, size_t n, size_t size) {
  void* start = nullptr;
  void* end = nullptr;
  const size_t count = cache.FetchRangeObj(start, end, n, size);
  std::vector<char*> objects;
  if (count == 0) return objects;
  for (void* object = start; object != nullptr; object = NextObj(object)) {
    objects.push_back(static_cast<char*>(object));
    if (objects.size() > count) break;
  }
  EXPECT_EQ(objects.size(), count);
  EXPECT_EQ(objects.back(), end);
  EXPECT_LE(count, n);
  return objects;
}

void Release(CentralCache& cache, const std::vector<char*>& objects,
             size_t size) {
  for (size_t i = 1; i < objects.size(); ++i) {
    NextObj(objects[i - 1]) = objects[i];
  }
  cache.ReleaseRange(objects.front(), objects.back(), objects.size(), size);
}

// For all 208 classes, over the ends of chunks: an object lies in full inside
// the memory that the kernel gave, and beside the others.
TEST(CentralCache, NoObjectCrossesTheEndOfItsChunk) {
  const KernelLedger ledger;
  static CentralCache cache;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const size_t size = SizeClass::Size(ClassIndex(i));
    std::set<char*> objects;
    while (objects.size() * size <= 5 << 18) {  // more than a chunk
      for (char* object : Fetch(cache, 100, size)) {
        ASSERT_TRUE(IsAligned(object, SizeClass::Alignment(size))) << size;
        ASSERT_TRUE(KernelLedger::Holds(object, size)) << size;
        ASSERT_TRUE(objects.insert(object).second) << size;
      }
    }
    const char* end = nullptr;
    for (char* object : objects) {
      ASSERT_GE(object, end) << size;
      end = object + size;
      memset(object, 0x5A, size);
    }
    Release(cache, {objects.begin(), objects.end()}, size);
    cache.Validate();
  }
}

TEST(CentralCache, CarvesInAddressOrder) {
  static CentralCache cache;
  const std::vector<char*> objects = Fetch(cache, 50, 48);
  ASSERT_EQ(objects.size(), 50u);
  for (size_t i = 1; i < 50; ++i) EXPECT_EQ(objects[i], objects[i - 1] + 48);
}

// A multiple of 16 stands on a multiple of 16, whatever was carved before it.
TEST(CentralCache, AlignsObjectsWhateverWasCarvedBefore) {
  static CentralCache cache;
  for (const size_t before : {8, 24, 120}) {
    for (const size_t size : {16, 32, 48, 1024, 256 * 1024}) {
      ASSERT_EQ(Fetch(cache, 1, before).size(), 1u);
      const std::vector<char*> objects = Fetch(cache, 2, size);
      ASSERT_EQ(objects.size(), 2u);
      EXPECT_TRUE(IsAligned(objects[0], 16)) << size << " after " << before;
      EXPECT_TRUE(IsAligned(objects[1], 16)) << size << " after " << before;
    }
  }
}

TEST(CentralCache, HandsOutAgainWhatCameBack) {
  static CentralCache cache;
  const std::vector<char*> first = Fetch(cache, 20, 64);
  Release(cache, first, 64);
  const std::vector<char*> other = Fetch(cache, 20, 80);
  const std::vector<char*> second = Fetch(cache, 20, 64);
  EXPECT_EQ(std::set<char*>(second.begin(), second.end()),
            std::set<char*>(first.begin(), first.end()));
  for (char* object : other) {
    EXPECT_EQ(std::count(first.begin(), first.end(), object), 0);
  }
}

// The objects that came back were linked to each other then, and to others.
TEST(CentralCache, ARangeEndsWhereItsCountSays) {
  static CentralCache cache;
  const std::vector<char*> first = Fetch(cache, 20, 64);
  Release(cache, first, 64);
  std::set<char*> again;
  for (const size_t n : {5, 1, 9, 5}) {
    for (char* object : Fetch(cache, n, 64)) {
      EXPECT_TRUE(again.insert(object).second) << "handed out twice";
    }
  }
  EXPECT_EQ(again, std::set<char*>(first.begin(), first.end()));
}

TEST(CentralCache, AccountsForEachByteThatItTookFromTheSystem) {
  static CentralCache cache;
  const size_t before = ReadSystemFootprint().mapped;
  size_t out = 0;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const size_t size = SizeClass::Size(ClassIndex(i));
    const std::vector<char*> objects = Fetch(cache, 7, size);
    out += objects.size() * size;
    if (i % 3 == 0) {
      Release(cache, objects, size);
      out -= objects.size() * size;
    }
    const CentralCacheFootprint footprint = cache.Footprint();
    ASSERT_EQ(footprint.out, out);
    ASSERT_EQ(footprint.system, ReadSystemFootprint().mapped - before);
    ASSERT_EQ(footprint.system, footprint.out + footprint.free +
                                    footprint.uncarved + footprint.tails);
  }
}

TEST(CentralCache, GivesWhatItHasWhenTheSystemHasNoMore) {
  const KernelLedger ledger;
  static CentralCache cache;
  constexpr size_t kSize = 256 * 1024;
  Fetch(cache, 1, kSize);
  KernelLedger::refuse = true;
  const std::vector<char*> rest = Fetch(cache, 100, kSize);
  EXPECT_GE(rest.size(), 1u);
  EXPECT_LT(rest.size(), 100u);
  EXPECT_TRUE(Fetch(cache, 1, kSize).empty());
  Release(cache, rest, kSize);
  EXPECT_EQ(Fetch(cache, 100, kSize).size(), rest.size());
  KernelLedger::refuse = false;
  EXPECT_EQ(Fetch(cache, 2, kSize).size(), 2u);
}

// What is left of a chunk is no use to a large object, but to a small one.
TEST(CentralCache, ARefusedChunkLeavesTheOneBeforeAsItWas) {
  const KernelLedger ledger;
  static CentralCache cache;
  constexpr size_t kLarge = 256 * 1024;
  ASSERT_EQ(Fetch(cache, 1, 64).size(), 1u);
  KernelLedger::refuse = true;
  while (!Fetch(cache, 1, kLarge).empty()) continue;
  const CentralCacheFootprint before = cache.Footprint();
  EXPECT_TRUE(Fetch(cache, 1, kLarge).empty());
  const CentralCacheFootprint after = cache.Footprint();
  EXPECT_EQ(after.system, before.system);
  EXPECT_EQ(after.out, before.out);
  EXPECT_EQ(after.uncarved, before.uncarved);
  EXPECT_EQ(Fetch(cache, 100, 64).size(), 100u);
  KernelLedger::refuse = false;
}

TEST(CentralCache, ServesManyThreadsAtOnce) {
  static CentralCache cache;
  course::RunGang(8, [](size_t member) {
    const size_t size = 16 + 16 * (member % 2);
    for (int round = 0; round < 300; ++round) {
      const std::vector<char*> objects = Fetch(cache, 30, size);
      for (char* object : objects) memset(object, int(member), size);
      for (char* object : objects) {
        for (size_t i = 0; i < size; ++i) {
          ASSERT_EQ(object[i], static_cast<char>(member));
        }
      }
      Release(cache, objects, size);
    }
  });
  EXPECT_EQ(cache.Footprint().out, 0u);
  cache.Validate();
}

}  // namespace
}  // namespace pool
