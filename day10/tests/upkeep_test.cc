// Upkeep: what was of no use for a whole period goes one step down. Seen in
// where the memory is, with a clock that the test moves.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/kernel_faults.h"
#include "fake_kernel.h"
#include "pool/central_cache.h"
#include "pool/immortal.h"
#include "pool/magazine.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/thread_cache.h"
#include "pool/tuning.h"

namespace pool {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;
constexpr size_t kSize = 64;

ClassIndex Class() { return SizeClass::Index(kSize); }

std::vector<void*> Take(size_t count, size_t bytes = kSize) {
  std::vector<void*> blocks(count);
  for (void*& block : blocks) block = Allocate(bytes);
  return blocks;
}

void Free(const std::vector<void*>& blocks) {
  for (void* block : blocks) Deallocate(block);
}

// A period is over, and somebody comes by.
void NextPeriod(FakeKernel& kernel) {
  kernel.Advance(tuning::kUpkeepEvery);
  ThreadCache::UpkeepIfDue();
}

// How many objects are out of their spans and with nobody: in the depot.
size_t InDepot() {
  size_t out_of_spans = 0;
  CentralCache::Get().ForEachSpan(
      Class(), [&](const Span& span) { out_of_spans += span.allocated; });
  return out_of_spans - CentralCache::Get().Counts(Class()).out.now;
}

size_t Fetches() { return CentralCache::Get().Counts(Class()).fetches; }

TEST(UpkeepDepot, WhatNobodyTookForAPeriodGoesHome) {
  FakeKernel kernel;
  Free(Take(10000));
  const size_t there = InDepot();
  ASSERT_GT(there, 9000u) << "the thread has two magazines at most";
  NextPeriod(kernel);
  EXPECT_EQ(InDepot(), there) << "it has just come";
  NextPeriod(kernel);
  EXPECT_EQ(InDepot(), 0u);
  CentralCache::Get().Validate();
}

TEST(UpkeepDepot, IsLookedAtOnceInAPeriod) {
  FakeKernel kernel;
  Free(Take(10000));
  NextPeriod(kernel);
  const size_t there = InDepot();
  ASSERT_GT(there, 9000u);
  kernel.Advance(tuning::kUpkeepEvery - 1);
  for (int i = 0; i < 10; ++i) ThreadCache::UpkeepIfDue();
  EXPECT_EQ(InDepot(), there) << "it was too early";
  kernel.Advance(1);
  ThreadCache::UpkeepIfDue();
  EXPECT_EQ(InDepot(), 0u);
}

// What a program takes from the depot in each period stays there, all of it
// and, from the second period on, no more.
TEST(UpkeepDepot, WhatIsTakenEachPeriodStays) {
  FakeKernel kernel;
  Free(Take(20000));
  NextPeriod(kernel);
  for (int period = 0; period < 10; ++period) {
    const size_t carved = CentralCache::Get().Counts(Class()).carved;
    Free(Take(5000));
    EXPECT_LE(CentralCache::Get().Counts(Class()).carved, carved)
        << "it was not there";
    NextPeriod(kernel);
    EXPECT_GT(InDepot(), 4500u);
    EXPECT_LT(InDepot(), 5500u);
  }
  CentralCache::Get().Validate();
}

// Whoever comes by on a slow road does it: by a miss, by one block too many, by
// a large block that comes or goes.
TEST(Upkeep, IsDoneBySlowCalls) {
  FakeKernel kernel;
  void* large = Allocate(kMiB);
  std::vector<void*> some = Take(1000, 2000);
  const auto idle = [&] {
    Free(Take(10000));
    NextPeriod(kernel);
    kernel.Advance(tuning::kUpkeepEvery);
    return InDepot();
  };
  ASSERT_GT(idle(), 9000u);
  Take(500, 3000);  // misses
  EXPECT_EQ(InDepot(), 0u);
  ASSERT_GT(idle(), 9000u);
  Free(some);
  EXPECT_EQ(InDepot(), 0u);
  ASSERT_GT(idle(), 9000u);
  Deallocate(large);
  EXPECT_EQ(InDepot(), 0u);
  ASSERT_GT(idle(), 9000u);
  Allocate(kMiB);
  EXPECT_EQ(InDepot(), 0u);
}

void OnAThread(const std::function<void()>& body) { std::thread(body).join(); }

// The same magazine, with the same objects: no lock of the class is taken.
TEST(UpkeepOrphan, IsAdoptedByTheNextThread) {
  std::set<void*> left;
  OnAThread([&] {
    const std::vector<void*> blocks = Take(16);
    Free(blocks);
    left.insert(blocks.begin(), blocks.end());
  });
  const ThreadCacheFootprint before = ThreadCache::Footprint();
  const size_t taken = CentralCache::Get().Locks(Class()).taken;
  OnAThread([&] {
    const std::vector<void*> blocks = Take(16);
    EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.end()), left);
    Free(blocks);
  });
  EXPECT_EQ(CentralCache::Get().Locks(Class()).taken, taken);
  EXPECT_EQ(ThreadCache::Footprint().caches, before.caches);
  EXPECT_EQ(ThreadCache::Footprint().metadata, before.metadata);
  EXPECT_EQ(ThreadCache::Footprint().cached, before.cached);
}

// Threads that are there at once have caches of their own, adopted or new.
TEST(UpkeepOrphan, IsAdoptedByOneThread) {
  const auto crowd = [](size_t size) {
    std::vector<ThreadCache*> caches(size);
    course::Barrier all_there(size);
    course::RunGang(size, [&](size_t member) {
      Deallocate(Allocate(kSize));
      caches[member] = &ThreadCache::Current();
      all_there.ArriveAndWait();
    });
    EXPECT_EQ(std::set<ThreadCache*>(caches.begin(), caches.end()).size(),
              size);
  };
  for (const size_t size : {3, 8, 5, 12}) crowd(size);
  if (HasFailure()) return;
  EXPECT_EQ(ThreadCache::Footprint().caches, 12u);
  EXPECT_EQ(ThreadCache::Footprint().threads.now, 0u);
  ReleaseFreeMemory();
  EXPECT_EQ(ThreadCache::Footprint().caches, 0u);
  EXPECT_EQ(PageHeap::Get().Footprint().in_use, 0u);
}

TEST(UpkeepOrphan, ThatNobodyAdoptsIsEmptied) {
  FakeKernel kernel;
  ThreadCache::UpkeepIfDue();
  void* block = nullptr;
  OnAThread([&] {
    Free(Take(16));
    block = Allocate(kSize);
  });
  NextPeriod(kernel);
  EXPECT_EQ(ThreadCache::Footprint().caches, 1u) << "it has just come";
  EXPECT_GT(ThreadCache::Footprint().cached, 0u);
  NextPeriod(kernel);
  EXPECT_EQ(ThreadCache::Footprint().caches, 0u);
  EXPECT_EQ(ThreadCache::Footprint().cached, 0u);
  EXPECT_EQ(CentralCache::Get().Counts(Class()).out.now, 1u);
  Deallocate(block);
  CentralCache::Get().Validate();
}

// One that is adopted and left again in each period is of use, and the others
// are not.
TEST(UpkeepOrphan, ThatIsAdoptedEachPeriodStays) {
  FakeKernel kernel;
  ThreadCache::UpkeepIfDue();
  course::Barrier all_there(5);
  course::RunGang(5, [&](size_t) {
    Free(Take(16));
    all_there.ArriveAndWait();
  });
  NextPeriod(kernel);
  EXPECT_EQ(ThreadCache::Footprint().caches, 5u);
  for (int period = 0; period < 5; ++period) {
    const size_t fetches = Fetches();
    OnAThread([] { Free(Take(16)); });
    EXPECT_EQ(Fetches(), fetches);
    NextPeriod(kernel);
    EXPECT_EQ(ThreadCache::Footprint().caches, 1u);
  }
  NextPeriod(kernel);
  EXPECT_EQ(ThreadCache::Footprint().caches, 0u);
}

// One after the other, and all at once, twice: the second time takes nothing.
TEST(UpkeepOrphan, AThousandDeadThreadsLeaveNoMore) {
  FakeKernel kernel;
  for (int i = 0; i < 1000; ++i) OnAThread([] { Free(Take(20, 500)); });
  EXPECT_EQ(ThreadCache::Footprint().caches, 1u);
  const auto thousand_at_once = [&] {
    course::Barrier all_there(1000);
    course::RunGang(1000, [&](size_t) {
      Free(Take(20, 500));
      all_there.ArriveAndWait();
    });
    EXPECT_EQ(ThreadCache::Footprint().caches, 1000u);
    // So many at a time.
    for (size_t i = 0; i < 3 + 1000 / tuning::kUpkeepOrphans; ++i) {
      NextPeriod(kernel);
    }
    EXPECT_EQ(ThreadCache::Footprint().caches, 0u);
    EXPECT_EQ(ThreadCache::Footprint().cached, 0u);
    EXPECT_EQ(PageHeap::Get().Footprint().in_use, 0u);
  };
  // The caches' memory stays, for the next threads; of the magazines', one
  // block of each length may.
  const auto of_caches = [] {
    EXPECT_LE(MagazineFootprint(),
              Magazine::kLengths * tuning::kMagazineBlockBytes);
    return ThreadCache::Footprint().metadata - MagazineFootprint();
  };
  thousand_at_once();
  const size_t metadata = of_caches();
  thousand_at_once();
  EXPECT_EQ(of_caches(), metadata);
}

// Blocks of the small classes, on their way from thread to thread: magazines of
// all lengths are exchanged, and evicted. None of them is lost.
void PassAround() {
  std::vector<void*> blocks;
  OnAThread([&] {
    for (size_t bytes = 16; bytes <= 2048; bytes += 16) {
      for (void* block : Take(200, bytes)) blocks.push_back(block);
    }
  });
  OnAThread([&] { Free(blocks); });
  // Both at once: else the second has the first one's cache.
  course::Barrier both(2);
  course::RunGang(2, [&](size_t) {
    Free(Take(1));
    both.ArriveAndWait();
    for (size_t bytes = 16; bytes <= 2048; bytes += 16) Free(Take(150, bytes));
    for (size_t i = 0; i < SizeClass::kCount; ++i) {
      Free(Take(5, SizeClass::Size(ClassIndex(i))));
    }
  });
  ReleaseFreeMemory();
}

TEST(Upkeep, NoMagazineIsLost) {
  for (int i = 0; i < 5; ++i) PassAround();
  const size_t metadata = ThreadCache::Footprint().metadata;
  for (int i = 0; i < 40; ++i) PassAround();
  // How many there are at once is a little more or less, with two threads.
  EXPECT_LE(ThreadCache::Footprint().metadata, metadata + 128 * kKiB);
}

// A heap of its own; it never gives its addresses back.
class UpkeepPages : public testing::Test {
 protected:
  PageHeap& heap() { return heap_->value; }
  Span* New(size_t pages) { return heap().NewSpan(PageCount(pages)); }
  void Free(Span* span) { heap().ReleaseSpanToPageHeap(span); }
  size_t FreePages() { return heap().Footprint().free / kPageSize; }
  // How many pages went back.
  size_t Return() {
    const size_t before = heap().Footprint().returned;
    const size_t discarded = ReadSystemFootprint().discard_bytes;
    heap().ReturnIdle();
    const size_t bytes = heap().Footprint().returned - before;
    EXPECT_EQ(ReadSystemFootprint().discard_bytes - discarded, bytes);
    heap().Validate();
    return bytes / kPageSize;
  }

 private:
  const std::unique_ptr<Immortal<PageHeap>> heap_ =
      std::make_unique<Immortal<PageHeap>>();
};

TEST_F(UpkeepPages, WhatWasFreeForAPeriodIsReturned) {
  Span* span = New(100);
  EXPECT_EQ(Return(), 0u);
  Free(span);
  EXPECT_EQ(Return(), 0u) << "it is free since just now";
  EXPECT_EQ(FreePages(), 100u);
  EXPECT_EQ(Return(), 100u);
  EXPECT_EQ(Return(), 0u);
}

TEST_F(UpkeepPages, WhatWasUsedInThePeriodStays) {
  Span* spans[] = {New(30), New(1), New(50), New(1)};
  Free(spans[0]);
  Free(spans[2]);
  EXPECT_EQ(Return(), 0u);
  Free(New(20));  // 80, 60, 80 free
  EXPECT_EQ(Return(), 60u);
  EXPECT_EQ(FreePages(), 20u);
  Span* taken[] = {New(5), New(10)};
  for (Span* span : taken) Free(span);
  EXPECT_EQ(Return(), 5u);
  EXPECT_EQ(Return(), 15u);
}

// To lengthen a block takes free pages, too.
TEST_F(UpkeepPages, WhatABlockGrewIntoInThePeriodStays) {
  Span* span = New(100);
  ASSERT_TRUE(heap().ResizeSpan(span, PageCount(10)));
  EXPECT_EQ(Return(), 0u);
  ASSERT_TRUE(heap().ResizeSpan(span, PageCount(80)));
  ASSERT_TRUE(heap().ResizeSpan(span, PageCount(10)));
  EXPECT_EQ(Return(), 20u);
}

// What was free is with the system, by order; what is free now was not all the
// time.
TEST_F(UpkeepPages, WhatWasReturnedInThePeriodWasNotFree) {
  Span* spans[] = {New(100), New(100)};
  Free(spans[0]);
  EXPECT_EQ(Return(), 0u);
  EXPECT_EQ(heap().ReleaseFreeMemory(), 100 * kPageSize);
  Free(spans[1]);
  EXPECT_EQ(Return(), 0u) << "it is free since just now";
  EXPECT_EQ(Return(), 100u);
}

TEST_F(UpkeepPages, ARefusalLosesNothing) {
  Span* spans[7];
  for (Span*& span : spans) span = New(10);
  for (const size_t i : {1, 3, 5}) Free(spans[i]);
  EXPECT_EQ(Return(), 0u);
  {
    course::KernelFaults faults;
    faults.RefuseAll(course::KernelCall::kDiscard);
    const PageHeapFootprint before = heap().Footprint();
    for (int i = 0; i < 3; ++i) heap().ReturnIdle();
    EXPECT_LE(faults.refused(), 9u);
    EXPECT_EQ(heap().Footprint().free, before.free);
    EXPECT_EQ(heap().Footprint().returned, before.returned);
    heap().Validate();
  }
  EXPECT_EQ(Return(), 30u);
}

// From the last free to the system, by upkeep alone: in three periods.
TEST(Upkeep, WhatWasFreedIsWithTheSystemInTheEnd) {
  FakeKernel kernel;
  ThreadCache::UpkeepIfDue();
  OnAThread([] {
    Free(Take(20000));
    Free(Take(2000, 10 * kKiB));
    Free(Take(10, kMiB));
  });
  const size_t discarded = ReadSystemFootprint().discard_bytes;
  const size_t free =
      PageHeap::Get().Footprint().system - PageHeap::Get().Footprint().returned;
  for (int i = 0; i < 4; ++i) NextPeriod(kernel);
  EXPECT_EQ(PageHeap::Get().Footprint().in_use, 0u);
  EXPECT_EQ(PageHeap::Get().Footprint().free, 0u);
  EXPECT_EQ(ReadSystemFootprint().discard_bytes - discarded, free);
}

}  // namespace
}  // namespace pool
