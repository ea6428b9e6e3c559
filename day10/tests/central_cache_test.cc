#include "pool/central_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "common/testing/gang.h"
#include "pool/bytes.h"
#include "pool/page_heap.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

// What the page heap has; all caches of this file share it.
size_t InUse() { return PageHeap::Get().Footprint().in_use; }
size_t FreePages() { return PageHeap::Get().Footprint().free; }

size_t SpanBytes(size_t size) {
  return SizeClass::SpanPages(SizeClass::Index(size)).bytes();
}
size_t Capacity(size_t size) { return SpanBytes(size) / size; }

// A kernel that refuses what is too large for it, and at the next call to map
// has another thread do what the test wants, while the caller waits for memory.
class TestKernel {
 public:
  TestKernel() {
    calls_ = RealKernelCalls();
    calls_.map = Map;
    calls_.map_at = nullptr;  // all chunks come from Map
    previous_ = SetKernelCalls(&calls_);
    too_large = SIZE_MAX;
  }
  ~TestKernel() { SetKernelCalls(previous_); }
  TestKernel(const TestKernel&) = delete;
  TestKernel& operator=(const TestKernel&) = delete;

  static inline size_t too_large;  // in bytes
  static inline std::function<void()> at_next_map;

 private:
  static void* Map(size_t bytes) {
    const auto action = std::exchange(at_next_map, nullptr);
    if (action) std::thread(action).join();
    return bytes >= too_large ? nullptr : RealKernelCalls().map(bytes);
  }

  KernelCalls calls_;
  const KernelCalls* previous_;
};

// A range as FetchRangeObj hands it out, held against its promises. In the
// order in which it is taken from the array's end.
std::vector<char*> Fetch(CentralCache& cache, size_t n, size_t size) {
  std::vector<void*> taken(n + 1, &cache);
  const size_t count = cache.FetchRangeObj(taken.data(), n, size);
  EXPECT_LE(count, n);
  for (size_t i = count; i <= n; ++i)
    EXPECT_EQ(taken[i], &cache) << "no object";
  std::vector<char*> objects;
  for (size_t i = count; i-- > 0;) {
    objects.push_back(static_cast<char*>(taken[i]));
  }
  return objects;
}

void Release(CentralCache& cache, const std::vector<char*>& objects,
             size_t size) {
  if (objects.empty()) return;
  const std::vector<void*> all(objects.begin(), objects.end());
  cache.ReleaseListToSpans(all.data(), all.size(), size);
}

// Exactly n, in as many calls as it takes.
std::vector<char*> FetchAll(CentralCache& cache, size_t n, size_t size) {
  std::vector<char*> objects;
  while (objects.size() < n) {
    const std::vector<char*> some = Fetch(cache, n - objects.size(), size);
    EXPECT_FALSE(some.empty());
    if (some.empty()) break;
    objects.insert(objects.end(), some.begin(), some.end());
  }
  return objects;
}

std::set<char*> AsSet(const std::vector<char*>& objects) {
  return {objects.begin(), objects.end()};
}

// Takes all pages from the heap, so that the next miss asks the kernel. The
// longest spans first: nothing has to be cut, then.
void ExhaustPageHeap() {
  PageHeap& heap = PageHeap::Get();
  const PageHeapFootprint sum = heap.Footprint();
  TestKernel::too_large = 0;
  for (size_t pages = (sum.free + sum.returned) / kPageSize; pages > 0;
       --pages) {
    while (heap.NewSpan(PageCount(pages)) != nullptr) continue;
  }
  TestKernel::too_large = SIZE_MAX;
  EXPECT_EQ(heap.Footprint().returned + heap.Footprint().free, 0u);
}

// For all 208 classes, over several spans each: an object is beside the others,
// of its class and of all others, and begins where it may.
TEST(CentralCache, NoObjectOverlapsAnother) {
  static CentralCache cache;
  std::map<char*, size_t> objects;
  size_t count = 0;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const size_t size = SizeClass::Size(ClassIndex(i));
    for (char* object : FetchAll(cache, 2 * Capacity(size) + 1, size)) {
      ASSERT_TRUE(IsAligned(object, SizeClass::Alignment(size))) << size;
      objects[object] = size;
      ++count;
    }
  }
  EXPECT_EQ(objects.size(), count);
  char* end = nullptr;
  for (const auto& [object, size] : objects) {
    ASSERT_GE(object, end) << size;
    end = object + size;
  }
  cache.Validate();
  for (const auto& [object, size] : objects) Release(cache, {object}, size);
  EXPECT_EQ(cache.Footprint().spans, 0u);
  cache.Validate();
}

// All of them, and no other.
TEST(CentralCache, HandsOutAgainWhatCameBack) {
  static CentralCache cache;
  std::vector<char*> first = Fetch(cache, 21, 64);
  first.pop_back();  // one stays out, and the span with it
  Release(cache, first, 64);
  for (char* object : Fetch(cache, 20, 80)) {
    EXPECT_EQ(AsSet(first).count(object), 0u) << "another class has it";
  }
  std::set<char*> again;
  for (const size_t n : {5, 1, 9, 5}) {
    for (char* object : Fetch(cache, n, 64)) {
      EXPECT_TRUE(again.insert(object).second) << "handed out twice";
    }
  }
  EXPECT_EQ(again, AsSet(first));
}

// For all 208 classes: as long as one object is out the span stays, and with
// the last to come home it goes.
TEST(CentralCache, ASpanWhoseLastObjectComesHomeGoesToThePageHeap) {
  static CentralCache cache;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const size_t size = SizeClass::Size(ClassIndex(i));
    const size_t in_use = InUse();
    std::vector<char*> objects = FetchAll(cache, Capacity(size), size);
    ASSERT_EQ(InUse() - in_use, SpanBytes(size)) << size;
    const size_t free = FreePages();
    char* last = objects[objects.size() / 2];
    objects.erase(objects.begin() + objects.size() / 2);
    Release(cache, objects, size);
    ASSERT_EQ(InUse() - in_use, SpanBytes(size)) << "one is still out";
    ASSERT_EQ(cache.Footprint().spans, SpanBytes(size)) << size;
    cache.Validate();
    Release(cache, {last}, size);
    ASSERT_EQ(InUse(), in_use) << "none is out";
    ASSERT_EQ(FreePages() - free, SpanBytes(size)) << size;
    ASSERT_EQ(cache.Footprint().spans, 0u) << size;
  }
}

// One call that brings the last objects of many spans home.
TEST(CentralCache, ManySpansMayGoAtOnce) {
  static CentralCache cache;
  const size_t in_use = InUse();
  const size_t count = 5 * Capacity(64);
  const std::vector<char*> objects = FetchAll(cache, count, 64);
  EXPECT_EQ(InUse() - in_use, 5 * SpanBytes(64));
  Release(cache, objects, 64);
  EXPECT_EQ(InUse(), in_use);
  EXPECT_EQ(AsSet(FetchAll(cache, count, 64)), AsSet(objects))
      << "they serve again";
  cache.Validate();
}

// Its pages are the heap's, and whoever asks for as many gets them.
TEST(CentralCache, ASpanThatWentServesAnotherClass) {
  static CentralCache cache;
  const std::vector<char*> before = FetchAll(cache, Capacity(64), 64);
  Release(cache, before, 64);
  const std::vector<char*> after = FetchAll(cache, Capacity(80), 80);
  EXPECT_EQ(after.front(), *std::min_element(before.begin(), before.end()));
  for (size_t i = 0; i < after.size(); ++i) {
    ASSERT_EQ(after[i], after[0] + 80 * i) << "in address order";
    memset(after[i], 1, 80);
  }
  cache.Validate();
}

TEST(CentralCache, AFullSpanServesAgainWhenAnObjectComesHome) {
  static CentralCache cache;
  const std::vector<char*> objects = FetchAll(cache, 2 * Capacity(1024), 1024);
  const size_t in_use = InUse();
  for (const size_t i : {3, 11, 0}) {
    Release(cache, {objects[i]}, 1024);
    cache.Validate();
    EXPECT_EQ(Fetch(cache, 10, 1024), std::vector<char*>{objects[i]});
    cache.Validate();
  }
  EXPECT_EQ(InUse(), in_use) << "no new span was needed";
}

// No span has enough by itself.
TEST(CentralCache, ARangeMayComeFromSeveralSpans) {
  static CentralCache cache;
  const size_t capacity = Capacity(256);
  const std::vector<char*> objects = FetchAll(cache, 4 * capacity, 256);
  const size_t in_use = InUse();
  std::vector<char*> some;
  for (size_t i = 0; i < objects.size(); i += capacity / 3) {
    some.push_back(objects[i]);
  }
  ASSERT_GE(some.size(), 12u);
  Release(cache, some, 256);
  EXPECT_EQ(AsSet(Fetch(cache, some.size(), 256)), AsSet(some));
  Release(cache, some, 256);
  EXPECT_EQ(AsSet(Fetch(cache, some.size() + 50, 256)), AsSet(some))
      << "what there is, and no new span for the rest";
  EXPECT_EQ(InUse(), in_use);
  EXPECT_EQ(cache.Footprint().free + cache.Footprint().uncarved, 0u);
  cache.Validate();
}

TEST(CentralCache, AccountsForEachByteOfItsSpans) {
  static CentralCache cache;
  const size_t in_use = InUse();
  size_t out = 0;
  size_t tails = 0;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const size_t size = SizeClass::Size(ClassIndex(i));
    const std::vector<char*> objects = Fetch(cache, 7, size);
    out += objects.size() * size;
    tails += SpanBytes(size) % size;
    if (i % 3 == 0 && objects.size() > 1) {
      Release(cache, {objects.begin() + 1, objects.end()}, size);
      out -= (objects.size() - 1) * size;
    }
    const CentralCacheFootprint sum = cache.Footprint();
    ASSERT_EQ(sum.out, out);
    ASSERT_EQ(sum.tails, tails);
    ASSERT_EQ(sum.spans, InUse() - in_use);
    ASSERT_EQ(sum.spans, sum.out + sum.free + sum.uncarved + sum.tails);
  }
  cache.Validate();
}

// Another thread's call is served while this one waits for the kernel. Whoever
// held the lock meanwhile would wait for ever.
TEST(CentralCache, AMissLetsGoOfTheLock) {
  const TestKernel kernel;
  static CentralCache cache;
  ASSERT_EQ(Fetch(cache, 1, 64).size(), 1u);
  ExhaustPageHeap();
  size_t served = 0;
  TestKernel::at_next_map = [&] {
    const std::vector<char*> objects = Fetch(cache, 2, 64);
    served = objects.size();
    Release(cache, objects, 64);
  };
  EXPECT_EQ(Fetch(cache, 1, 80).size(), 1u);
  EXPECT_EQ(served, 2u);
  cache.Validate();
}

// While it waits, an object of its class comes home. That one it takes, and the
// new span goes back, wanted no more.
TEST(CentralCache, LooksAgainAfterItLetGoOfTheLock) {
  const TestKernel kernel;
  static CentralCache cache;
  const std::vector<char*> objects = FetchAll(cache, Capacity(64), 64);
  ExhaustPageHeap();
  const size_t in_use = InUse();
  TestKernel::at_next_map = [&] { Release(cache, {objects[5]}, 64); };
  EXPECT_EQ(Fetch(cache, 1, 64), std::vector<char*>{objects[5]});
  EXPECT_EQ(InUse(), in_use);
  EXPECT_EQ(cache.Footprint().spans, SpanBytes(64)) << "one span is enough";
  cache.Validate();
}

TEST(CentralCache, LooksAgainWhereTheSystemHasNoMemory) {
  const TestKernel kernel;
  static CentralCache cache;
  const std::vector<char*> objects = FetchAll(cache, Capacity(64), 64);
  ExhaustPageHeap();
  TestKernel::too_large = 0;
  TestKernel::at_next_map = [&] { Release(cache, {objects[5]}, 64); };
  EXPECT_EQ(Fetch(cache, 1, 64), std::vector<char*>{objects[5]});
  EXPECT_TRUE(Fetch(cache, 1, 64).empty()) << "and now there is none";
  cache.Validate();
}

// Whoever brings one second sees that there is one.
TEST(CentralCache, ThreadsThatMissAtOnceEndWithOneSpan) {
  for (int round = 0; round < 200; ++round) {
    static CentralCache cache;
    const size_t in_use = InUse();
    std::vector<std::vector<char*>> objects(4);
    course::RunGang(
        4, [&](size_t member) { objects[member] = Fetch(cache, 2, 64); });
    ASSERT_EQ(cache.Footprint().spans, SpanBytes(64));
    ASSERT_EQ(InUse() - in_use, SpanBytes(64));
    for (const auto& range : objects) Release(cache, range, 64);
    ASSERT_EQ(InUse(), in_use);
  }
}

TEST(CentralCache, GivesWhatItHasWhenTheSystemHasNoMore) {
  const TestKernel kernel;
  static CentralCache cache;
  constexpr size_t kSize = 10'000;
  ASSERT_EQ(Fetch(cache, 1, kSize).size(), 1u);
  ExhaustPageHeap();
  TestKernel::too_large = 0;
  const std::vector<char*> rest = Fetch(cache, 100, kSize);
  EXPECT_EQ(rest.size(), Capacity(kSize) - 1);
  EXPECT_TRUE(Fetch(cache, 1, kSize).empty());
  EXPECT_EQ(cache.Footprint().spans, SpanBytes(kSize));
  Release(cache, rest, kSize);
  EXPECT_EQ(AsSet(Fetch(cache, 100, kSize)), AsSet(rest));
  TestKernel::too_large = SIZE_MAX;
  EXPECT_FALSE(Fetch(cache, 1, kSize).empty());
  cache.Validate();
}

// Each thread writes its name into its objects, and finds it again.
void PlayTogether(CentralCache& cache, size_t n,
                  const std::function<size_t(size_t member)>& size_of) {
  const size_t in_use = InUse();
  course::RunGang(8, [&](size_t member) {
    const size_t size = size_of(member);
    for (int round = 0; round < 300; ++round) {
      const std::vector<char*> objects = Fetch(cache, n, size);
      const char name = static_cast<char>(member);
      for (char* object : objects) memset(object, name, size);
      for (char* object : objects) {
        ASSERT_EQ(std::count(object, object + size, name), size);
      }
      Release(cache, objects, size);
    }
  });
  EXPECT_EQ(cache.Footprint().spans, 0u);
  EXPECT_EQ(InUse(), in_use);
  cache.Validate();
}

TEST(CentralCache, ServesManyThreadsAtOnce) {
  static CentralCache cache;
  PlayTogether(cache, 30, [](size_t member) { return 16 + 16 * (member % 2); });
}

// Spans of few objects are full, open, and gone again all the time.
TEST(CentralCache, SpansComeAndGoWhileManyThreadsWork) {
  static CentralCache cache;
  PlayTogether(cache, 3, [](size_t member) { return (member % 4 + 5) * 4096; });
}

}  // namespace
}  // namespace pool
