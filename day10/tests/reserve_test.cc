// Reserve: what is prepared is there, and nothing else has changed.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/kernel_faults.h"
#include "fake_kernel.h"
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/system_memory.h"
#include "pool/thread_cache.h"

namespace pool {
namespace {

// Time stands still here: what is idle stays where a test left it.
const FakeKernel still;

size_t InUse() { return PageHeap::Get().Footprint().in_use; }
size_t SpanBytes(size_t size) {
  return SizeClass::SpanPages(SizeClass::Index(size)).bytes();
}
size_t Capacity(size_t size) { return SpanBytes(size) / size; }

// Up to n objects, in as many calls as it takes; fewer, if there is no memory.
std::vector<void*> FetchAll(CentralCache& cache, size_t n, size_t size) {
  std::vector<void*> objects;
  while (objects.size() < n) {
    std::vector<void*> more(n - objects.size());
    more.resize(cache.FetchRangeObj(more.data(), more.size(), size));
    if (more.empty()) break;
    objects.insert(objects.end(), more.begin(), more.end());
  }
  return objects;
}

void Release(CentralCache& cache, const std::vector<void*>& objects,
             size_t size) {
  for (void* object : objects) cache.ReleaseListToSpans(&object, 1, size);
}

void ExpectEqual(const CentralCacheFootprint& a,
                 const CentralCacheFootprint& b) {
  EXPECT_EQ(a.spans, b.spans);
  EXPECT_EQ(a.out, b.out);
  EXPECT_EQ(a.free, b.free);
  EXPECT_EQ(a.uncarved, b.uncarved);
}

// For all 208 classes: with the kernel refusing, each object is there, and no
// span comes from the page heap.
TEST(Reserve, TheObjectsNeedNoNewSpanAndNoKernel) {
  static CentralCache cache;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const size_t size = SizeClass::Size(ClassIndex(i));
    const size_t count = 2 * Capacity(size) + 1;
    ASSERT_TRUE(cache.Reserve(size, count));
    EXPECT_EQ(cache.Footprint().spans, 3 * SpanBytes(size)) << "no more than";
    cache.Validate();
    course::KernelFaults faults;
    faults.RefuseFrom(1);
    const size_t in_use = InUse();
    const std::vector<void*> objects = FetchAll(cache, count, size);
    EXPECT_EQ(std::set<void*>(objects.begin(), objects.end()).size(), count);
    EXPECT_EQ(InUse(), in_use) << size;
    EXPECT_EQ(faults.calls(), 0u) << size;
    cache.Validate();
    Release(cache, objects, size);
    EXPECT_EQ(cache.Footprint().spans, 0u) << "once used, a span goes";
  }
}

// The kernel's word: is each of its pages there?
bool Resident(void* start, size_t bytes) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t before = reinterpret_cast<uintptr_t>(start) % page;
  std::vector<unsigned char> there((before + bytes + page - 1) / page);
  if (mincore(static_cast<char*>(start) - before, before + bytes,
              there.data()) != 0) {
    return false;
  }
  for (const unsigned char one : there) {
    if ((one & 1) == 0) return false;
  }
  return true;
}

// The page heap will hand out again the only pages that are free and were not
// returned, so it is known where the reserved ones are. Nobody has touched them
// yet.
TEST(Reserve, ThePagesAreThere) {
  static CentralCache cache;
  PageHeap& heap = PageHeap::Get();
  heap.ReleaseFreeMemory();
  for (const size_t size : {8, 64, 1024, 73'728, 262'144}) {
    std::vector<Span*> spans;
    std::vector<void*> starts;
    for (int i = 0; i < 5; ++i) {
      spans.push_back(
          heap.NewSpan(SizeClass::SpanPages(SizeClass::Index(size))));
      starts.push_back(spans.back()->Start());
    }
    for (Span* span : spans) heap.ReleaseSpanToPageHeap(span);
    ASSERT_TRUE(cache.Reserve(size, 5 * Capacity(size)));
    for (void* start : starts) {
      EXPECT_EQ(heap.MapObjectToSpan(start)->state, SpanState::kInUse);
      EXPECT_TRUE(Resident(start, SpanBytes(size))) << size;
    }
  }
}

// Those that came back, and those that were never handed out.
TEST(Reserve, WhatOpenSpansHaveCounts) {
  static CentralCache cache;
  std::vector<void*> objects = FetchAll(cache, 2 * Capacity(64), 64);
  const std::vector<void*> some(objects.begin(), objects.begin() + 10);
  Release(cache, some, 64);
  FetchAll(cache, 11, 64);  // these ten, or one of a third span
  Release(cache, some, 64);
  const size_t spans = cache.Footprint().spans;
  const CentralCacheFootprint sum = cache.Footprint();
  const size_t there = (sum.free + sum.uncarved) / 64;
  EXPECT_GT(there, 10u);
  for (const size_t count : {size_t{1}, there - 1, there}) {
    EXPECT_TRUE(cache.Reserve(64, count));
    ExpectEqual(cache.Footprint(), sum);
  }
  EXPECT_TRUE(cache.Reserve(64, there + 1));
  EXPECT_EQ(cache.Footprint().spans, spans + SpanBytes(64));
  EXPECT_TRUE(cache.Reserve(64, there + Capacity(64)));
  EXPECT_EQ(cache.Footprint().spans, spans + SpanBytes(64)) << "just so";
  EXPECT_TRUE(cache.Reserve(64, there + Capacity(64) + 1));
  EXPECT_EQ(cache.Footprint().spans, spans + 2 * SpanBytes(64));
  cache.Validate();
}

// What others have in their hands does not.
TEST(Reserve, WhatFullSpansHaveDoesNotCount) {
  static CentralCache cache;
  FetchAll(cache, 3 * Capacity(64), 64);
  const size_t spans = cache.Footprint().spans;
  EXPECT_TRUE(cache.Reserve(64, Capacity(64)));
  EXPECT_EQ(cache.Footprint().spans, spans + SpanBytes(64));
  EXPECT_EQ(FetchAll(cache, Capacity(64), 64).size(), Capacity(64));
  EXPECT_EQ(cache.Footprint().spans, spans + SpanBytes(64));
}

TEST(Reserve, OfNothingChangesNothing) {
  static CentralCache cache;
  const size_t in_use = InUse();
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    EXPECT_TRUE(cache.Reserve(SizeClass::Size(ClassIndex(i)), 0));
  }
  ExpectEqual(cache.Footprint(), CentralCacheFootprint{});
  EXPECT_EQ(InUse(), in_use);
}

// The chunk is refused, or its leaf, or Span objects. What could be had is used
// at the next attempt, which gets further.
TEST(Reserve, ARefusalLeavesNothingChanged) {
  static CentralCache cache;
  FetchAll(cache, 3, 64);
  const CentralCacheFootprint before = cache.Footprint();
  const size_t in_use = InUse();
  course::KernelFaults faults;
  int refusals = 0;
  for (; refusals < 100; ++refusals) {
    faults.Restart();
    faults.RefuseFrom(1 + refusals % 6);
    if (cache.Reserve(64, 500'000)) break;
    ExpectEqual(cache.Footprint(), before);
    EXPECT_EQ(InUse(), in_use);
    cache.Validate();
    PageHeap::Get().Validate();
  }
  // (How many calls there are to be refused depends on where the chunk lies.)
  EXPECT_GE(refusals, 1);
  EXPECT_LT(refusals, 100);
  EXPECT_GE(cache.Footprint().uncarved, 500'000u * 64);
}

TEST(Reserve, WhatCannotBeLeavesNothingChanged) {
  static CentralCache cache;
  FetchAll(cache, 3, 64);
  const CentralCacheFootprint before = cache.Footprint();
  const size_t in_use = InUse();
  const size_t mapped = ReadSystemFootprint().mapped;
  for (const size_t size : {8, 64, 73'728, 262'144}) {
    EXPECT_FALSE(cache.Reserve(size, kMaxBytes / size)) << size;
    ExpectEqual(cache.Footprint(), before);
  }
  EXPECT_EQ(InUse(), in_use);
  EXPECT_EQ(ReadSystemFootprint().mapped, mapped);
}

// Other spans come and go beside them.
TEST(Reserve, IdleSpansStayUntilTheyAreUsed) {
  static CentralCache cache;
  const std::vector<void*> before = FetchAll(cache, Capacity(64), 64);
  ASSERT_TRUE(cache.Reserve(64, 3 * Capacity(64)));
  Release(cache, before, 64);
  EXPECT_EQ(cache.Footprint().spans, 3 * SpanBytes(64)) << "that one went";
  const std::vector<void*> other = FetchAll(cache, 100, 80);
  Release(cache, other, 80);
  EXPECT_EQ(cache.Footprint().spans, 3 * SpanBytes(64));
  cache.Validate();
  const std::vector<void*> one = FetchAll(cache, 1, 64);
  Release(cache, one, 64);
  EXPECT_EQ(cache.Footprint().spans, 2 * SpanBytes(64)) << "it was used";
  EXPECT_EQ(cache.Footprint().out + cache.Footprint().free, 0u);
  cache.Validate();
}

std::function<void()> at_next_map;

void* MapLater(size_t bytes) {
  const auto action = std::exchange(at_next_map, nullptr);
  if (action) std::thread(action).join();
  return RealKernelCalls().map(bytes);
}

// Whoever held a lock meanwhile would wait for ever.
TEST(Reserve, HoldsNoLockWhileItWaitsForTheKernel) {
  static CentralCache cache;
  FetchAll(cache, 1, 64);
  KernelCalls calls = RealKernelCalls();
  calls.map = MapLater;
  calls.map_at = nullptr;  // all chunks come from MapLater
  const KernelCalls* previous = SetKernelCalls(&calls);
  size_t served = 0;
  at_next_map = [&] {
    served = FetchAll(cache, 2, 64).size();
    cache.Footprint();
  };
  EXPECT_TRUE(cache.Reserve(64, 1'000'000));
  SetKernelCalls(previous);
  EXPECT_EQ(served, 2u);
  cache.Validate();
}

TEST(Reserve, OneThreadReservesWhileOthersWork) {
  static CentralCache cache;
  std::atomic<int> working{3};
  course::RunGang(4, [&](size_t member) {
    if (member == 0) {
      for (size_t round = 0; working > 0; ++round) {
        EXPECT_TRUE(cache.Reserve(64, 1000 + round % 2000));
      }
      return;
    }
    for (size_t round = 0; round < 200; ++round) {
      Release(cache, FetchAll(cache, 500 * member, 64), 64);
    }
    --working;
  });
  cache.Validate();
  EXPECT_EQ(cache.Footprint().out, 0u);
  const CentralCacheFootprint sum = cache.Footprint();
  Release(cache, FetchAll(cache, (sum.free + sum.uncarved) / 64, 64), 64);
  EXPECT_EQ(cache.Footprint().spans, 0u);
}

// Through the whole pool, on a thread that has no cache yet: that is made, too.
TEST(Reserve, AFreshThreadsBlocksNeedNoNewSpanAndNoKernel) {
  for (const size_t bytes : {0, 1, 8, 24, 64, 1000, 5000, 100'000, 262'144}) {
    for (const size_t count : {1, 10, 300}) {
      ReleaseFreeMemory();  // or the thread would adopt what the last one left
      std::thread([bytes, count] {
        ASSERT_TRUE(Reserve(bytes, count));
        course::KernelFaults faults;
        faults.RefuseFrom(1);
        const size_t in_use = InUse();
        std::vector<void*> blocks(count);
        for (void*& block : blocks) {
          block = Allocate(bytes);
          ASSERT_NE(block, nullptr);
        }
        EXPECT_EQ(InUse(), in_use) << count << " of " << bytes;
        EXPECT_EQ(faults.calls(), 0u) << count << " of " << bytes;
        for (void* block : blocks) Deallocate(block, bytes);
      }).join();
    }
  }
  ReleaseFreeMemory();
  EXPECT_EQ(ThreadCache::Footprint().caches, 0u);
  EXPECT_EQ(CentralCache::Get().Footprint().out, 0u);
}

// What is in use stays.
TEST(Reserve, SpansThatNobodyUsedCanGoBack) {
  static CentralCache cache;
  for (size_t i = 0; i < SizeClass::kCount; i += 9) {
    const size_t size = SizeClass::Size(ClassIndex(i));
    const std::vector<void*> objects = FetchAll(cache, 1, size);
    ASSERT_TRUE(cache.Reserve(size, 4 * Capacity(size)));
    ASSERT_GE(cache.Footprint().spans, 4 * SpanBytes(size));
    cache.ReleaseIdleSpans();
    ASSERT_EQ(cache.Footprint().spans, SpanBytes(size)) << size;
    ASSERT_EQ(cache.Footprint().out, size);
    cache.Validate();
    Release(cache, objects, size);
    ASSERT_EQ(cache.Footprint().spans, 0u);
  }
}

// What a thread's own cache holds may be flushed: it does not count.
TEST(Reserve, CountsWhatComesOnTopOfTheThreadsOwn) {
  std::thread([] {
    std::vector<void*> blocks(200);
    for (void*& block : blocks) block = Allocate(64);
    for (void* block : blocks) Deallocate(block, 64);
    const size_t cached = ThreadCache::Footprint().cached / 64;
    ASSERT_GT(cached, 0u);
    ASSERT_TRUE(Reserve(64, 1000));
    const size_t in_use = InUse();
    blocks.resize(1000 + cached);
    for (void*& block : blocks) block = Allocate(64);
    EXPECT_EQ(InUse(), in_use);
    for (void* block : blocks) Deallocate(block, 64);
  }).join();
}

}  // namespace
}  // namespace pool
