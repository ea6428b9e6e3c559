// The central cache's locks: one for each class, never two at once, and a range
// moves in one locking.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/seeds.h"
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

size_t InUse() { return PageHeap::Get().Footprint().in_use; }
size_t SpanBytes(size_t size) {
  return SizeClass::SpanPages(SizeClass::Index(size)).bytes();
}
size_t Capacity(size_t size) { return SpanBytes(size) / size; }

std::vector<char*> Fetch(CentralCache& cache, size_t n, size_t size) {
  std::vector<void*> taken(n);
  taken.resize(cache.FetchRangeObj(taken.data(), n, size));
  std::vector<char*> objects;
  for (void* object : taken) objects.push_back(static_cast<char*>(object));
  std::reverse(objects.begin(), objects.end());  // as they are taken from it
  return objects;
}

void Release(CentralCache& cache, const std::vector<char*>& objects,
             size_t size) {
  if (objects.empty()) return;
  const std::vector<void*> all(objects.begin(), objects.end());
  cache.ReleaseListToSpans(all.data(), all.size(), size);
}

// All objects of one new span. REQUIRES: the class has no open span.
std::vector<char*> FetchSpan(CentralCache& cache, size_t size) {
  const std::vector<char*> objects = Fetch(cache, Capacity(size), size);
  EXPECT_EQ(objects.size(), Capacity(size));
  return objects;
}

// At the next call to map another thread does what the test wants. The caller
// waits for memory until it is done; meanwhile it holds the page heap's lock.
class TestKernel {
 public:
  TestKernel() {
    calls_ = RealKernelCalls();
    calls_.map = Map;
    calls_.map_at = nullptr;  // all chunks come from Map
    previous_ = SetKernelCalls(&calls_);
  }
  ~TestKernel() { SetKernelCalls(previous_); }
  TestKernel(const TestKernel&) = delete;
  TestKernel& operator=(const TestKernel&) = delete;

  static inline std::function<void()> at_next_map;
  static inline bool refuse_all = false;

 private:
  static void* Map(size_t bytes) {
    const auto action = std::exchange(at_next_map, nullptr);
    if (action) std::thread(action).join();
    return refuse_all ? nullptr : RealKernelCalls().map(bytes);
  }

  KernelCalls calls_;
  const KernelCalls* previous_;
};

// Takes all pages from the heap, so that the next miss asks the kernel. The
// longest spans first: nothing has to be cut, then.
void ExhaustPageHeap() {
  PageHeap& heap = PageHeap::Get();
  const PageHeapFootprint sum = heap.Footprint();
  TestKernel::refuse_all = true;
  for (size_t pages = (sum.free + sum.returned) / kPageSize; pages > 0;
       --pages) {
    while (heap.NewSpan(PageCount(pages)) != nullptr) continue;
  }
  TestKernel::refuse_all = false;
}

// One miss waits for the kernel, and `action` is another thread's.
void DuringAMiss(CentralCache& cache, size_t size,
                 std::function<void()> action) {
  ExhaustPageHeap();
  TestKernel::at_next_map = std::move(action);
  EXPECT_EQ(Fetch(cache, 1, size).size(), 1u);
  EXPECT_FALSE(TestKernel::at_next_map) << "it was no miss";
  cache.Validate();
}

TEST(Bucket, AClassIsServedWhileAnotherWaitsForTheKernel) {
  const TestKernel kernel;
  static CentralCache cache;
  std::vector<size_t> sizes;
  for (size_t i = 0; i < SizeClass::kCount; i += 5) {
    sizes.push_back(SizeClass::Size(ClassIndex(i)));
    if (Capacity(sizes.back()) < 3) sizes.pop_back();
  }
  for (const size_t size : sizes) Fetch(cache, 1, size);
  DuringAMiss(cache, 56, [&] {
    for (const size_t size : sizes) {
      const std::vector<char*> objects = Fetch(cache, 2, size);
      EXPECT_EQ(objects.size(), 2u) << size;
      Release(cache, objects, size);
    }
  });
}

// Some of its objects come home meanwhile, and serve others at once.
TEST(Bucket, AClassIsServedWhileItsOwnMissWaitsForTheKernel) {
  const TestKernel kernel;
  static CentralCache cache;
  const std::vector<char*> objects = FetchSpan(cache, 64);
  const std::vector<char*> some(objects.begin() + 3, objects.begin() + 6);
  DuringAMiss(cache, 64, [&] {
    Release(cache, some, 64);
    std::vector<char*> again = Fetch(cache, 10, 64);
    std::sort(again.begin(), again.end());
    EXPECT_EQ(again, some);
  });
}

// Footprint takes each of the locks in turn.
TEST(Bucket, NoLockIsHeldWhileThePageHeapIsAsked) {
  const TestKernel kernel;
  static CentralCache cache;
  for (size_t i = 0; i < SizeClass::kCount; i += 23) {
    DuringAMiss(cache, SizeClass::Size(ClassIndex(i)), [&] {
      cache.Footprint();
      cache.Validate();
    });
  }
}

// A miss waits for the kernel and holds the page heap's lock. A span becomes
// idle, and its way to the heap is barred: it has left its class by then, whose
// lock is free. Whoever held both would have this test wait for ever.
TEST(Bucket, AnIdleSpanGoesToThePageHeapWithoutTheLock) {
  const TestKernel kernel;
  static CentralCache cache;
  const std::vector<char*> objects = FetchSpan(cache, 64);
  std::thread releaser;
  DuringAMiss(cache, 80, [&] {
    releaser = std::thread([&] { Release(cache, objects, 64); });
    while (cache.Footprint().spans != 0) std::this_thread::yield();
  });
  releaser.join();
  EXPECT_EQ(cache.Footprint().spans, SpanBytes(80));
}

// Whoever looks sees all of the range at home, or none of it.
TEST(Bucket, ARangeMovesInOneLocking) {
  constexpr size_t kSize = 1024;
  static CentralCache cache;
  // A half of two spans. The other stays out, and the spans with it.
  const size_t half = Capacity(kSize) / 2;
  std::vector<char*> objects = FetchSpan(cache, kSize);
  const std::vector<char*> second = FetchSpan(cache, kSize);
  objects.resize(half);
  objects.insert(objects.end(), second.begin(), second.begin() + half);
  std::atomic<int> watching{2};
  course::RunGang(3, [&](size_t member) {
    if (member == 0) {
      while (watching > 0) {
        Release(cache, objects, kSize);
        objects = Fetch(cache, 2 * half, kSize);
        EXPECT_EQ(objects.size(), 2 * half);
      }
      return;
    }
    for (int look = 0; look < 5000; ++look) {
      const size_t out = cache.Footprint().out / kSize;
      EXPECT_TRUE(out == 4 * half || out == 2 * half) << "a part: " << out;
    }
    --watching;
  });
}

// Each thread works on classes of its own and on one that all share.
TEST(Bucket, ManyThreadsOnManyClasses) {
  static CentralCache cache;
  const size_t in_use = InUse();
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    course::RunGang(8, [&](size_t member) {
      std::mt19937_64 random(seed + member);
      for (int round = 0; round < 500; ++round) {
        const size_t mine = 8 * (random() % 26) + member;  // a class's number
        const size_t size =
            round % 2 == 0 ? 512 : SizeClass::Size(ClassIndex(mine));
        const std::vector<char*> objects =
            Fetch(cache, 1 + random() % 40, size);
        const char name = static_cast<char>(member);
        const size_t edge = std::min<size_t>(size, 600);
        for (char* object : objects) memset(object, name, edge);
        for (char* object : objects) {
          ASSERT_EQ(std::count(object, object + edge, name), edge);
        }
        Release(cache, objects, size);
      }
    });
    EXPECT_EQ(cache.Footprint().spans, 0u);
    EXPECT_EQ(InUse(), in_use);
    cache.Validate();
  }
}

// Of one class; what the others do is not its affair.
TEST(BucketCounts, AreWhatWasFetchedAndReleased) {
  constexpr size_t kSize = 64;
  const ClassIndex index = SizeClass::Index(kSize);
  const auto cache = std::make_unique<CentralCache>();
  const std::vector<char*> ten = Fetch(*cache, 10, kSize);
  const std::vector<char*> rest = Fetch(*cache, Capacity(kSize), kSize);
  ASSERT_EQ(rest.size(), Capacity(kSize) - 10) << "no more than the span has";
  const std::vector<char*> more = Fetch(*cache, 3, kSize);
  ClassCounts counts = cache->Counts(index);
  EXPECT_EQ(counts.fetches, 3u);
  EXPECT_EQ(counts.fetched, Capacity(kSize) + 3);
  EXPECT_EQ(counts.out.now, Capacity(kSize) + 3);
  EXPECT_EQ(counts.carved, Capacity(kSize) + 3);
  EXPECT_EQ(counts.spans.now, 2u);
  EXPECT_EQ(counts.spans_taken, 2u);
  Release(*cache, ten, kSize);
  Release(*cache, rest, kSize);
  counts = cache->Counts(index);
  EXPECT_EQ(counts.releases, 2u);
  EXPECT_EQ(counts.released, Capacity(kSize));
  EXPECT_EQ(counts.out.now, 3u);
  EXPECT_EQ(counts.out.peak, Capacity(kSize) + 3);
  EXPECT_EQ(counts.carved, 3u) << "those of the span that is gone do not count";
  EXPECT_EQ(counts.spans.now, 1u);
  EXPECT_EQ(counts.spans.peak, 2u);
  EXPECT_EQ(counts.spans_given_up, 1u);
  EXPECT_EQ(cache->Counts(SizeClass::Index(80)).fetches, 0u);
  Release(*cache, more, kSize);
  cache->Validate();
}

// A span that another thread's release makes idle is taken from what counts.
TEST(BucketCounts, AgreeWithTheSpansWhateverThreadsDo) {
  constexpr size_t kSize = 1024;
  const auto cache = std::make_unique<CentralCache>();
  course::RunGang(4, [&](size_t member) {
    std::mt19937_64 random(member);
    std::vector<char*> mine;
    for (int step = 0; step < 500; ++step) {
      const std::vector<char*> more = Fetch(*cache, 1 + random() % 20, kSize);
      mine.insert(mine.end(), more.begin(), more.end());
      if (random() % 3 == 0) Release(*cache, std::exchange(mine, {}), kSize);
      if (step % 100 == 0) cache->Validate();
    }
    Release(*cache, mine, kSize);
  });
  cache->Validate();
  const ClassCounts counts = cache->Counts(SizeClass::Index(kSize));
  EXPECT_EQ(counts.out.now, 0u);
  EXPECT_EQ(counts.fetched, counts.released);
  EXPECT_EQ(counts.spans.now, 0u);
  EXPECT_EQ(counts.carved, 0u);
}

TEST(BucketCounts, OfItsLockAreThoseOfItsClassAlone) {
  const auto cache = std::make_unique<CentralCache>();
  const ClassIndex one = SizeClass::Index(64);
  const ClassIndex other = SizeClass::Index(80);
  PageHeap& heap = PageHeap::Get();  // it has a free span: no depot is asked
  heap.ReleaseSpanToPageHeap(heap.NewSpan(SizeClass::SpanPages(one)));
  const std::vector<char*> objects = Fetch(*cache, 1, 64);
  const size_t taken = cache->Locks(one).taken;
  EXPECT_EQ(taken, 2u) << "once more, after the page heap was asked";
  EXPECT_EQ(cache->Locks(other).taken, 0u);
  Release(*cache, objects, 64);
  EXPECT_EQ(cache->Locks(one).taken, taken + 1);
}

// On whichever shelf, and each span once.
TEST(BucketSpans, AreVisitedWithTheirObjects) {
  constexpr size_t kSize = 2048;
  const auto cache = std::make_unique<CentralCache>();
  const std::vector<char*> full = FetchSpan(*cache, kSize);
  const std::vector<char*> one = Fetch(*cache, 1, kSize);
  size_t spans = 0;
  size_t allocated = 0;
  cache->ForEachSpan(SizeClass::Index(kSize), [&](const Span& span) {
    ++spans;
    allocated += span.allocated;
  });
  EXPECT_EQ(spans, 2u);
  EXPECT_EQ(allocated, Capacity(kSize) + 1);
  cache->ForEachSpan(SizeClass::Index(64),
                     [](const Span&) { ADD_FAILURE() << "of another class"; });
  Release(*cache, full, kSize);
  Release(*cache, one, kSize);
}

}  // namespace
}  // namespace pool
