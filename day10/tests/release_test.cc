// What nobody uses goes back to the system: seen in what the kernel keeps in
// memory for this process, and not only in our own counters.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <memory>
#include <random>
#include <vector>

#include "common/testing/kernel_faults.h"
#include "common/testing/pattern.h"
#include "common/testing/seeds.h"
#include "common/workloads/resident.h"
#include "fake_kernel.h"
#include "pool/central_cache.h"
#include "pool/immortal.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/system_memory.h"
#include "pool/thread_cache.h"

namespace pool {
namespace {

// Time stands still here: what is idle stays where a test left it.
const FakeKernel still;

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

PageHeapFootprint Footprint() { return PageHeap::Get().Footprint(); }

// Blocks of one size, each full of its own pattern.
class Blocks {
 public:
  explicit Blocks(size_t count) : starts_(count) {}

  void Fill(size_t bytes) {
    bytes_ = bytes;
    for (void*& start : starts_) {
      start = Allocate(bytes);
      course::FillPattern(start, bytes, Key(start));
    }
  }
  // Frees those from `first` on.
  void FreeFrom(size_t first) {
    for (; starts_.size() > first; starts_.pop_back()) {
      void* start = starts_.back();
      ASSERT_EQ(course::FirstDamage(start, bytes_, Key(start)), bytes_);
      Deallocate(start, bytes_);
    }
  }

 private:
  static uint64_t Key(void* start) {
    return reinterpret_cast<uintptr_t>(start);
  }

  std::vector<void*> starts_;
  size_t bytes_ = 0;
};

// Up to a peak, and down to the oldest tenth. 90 % of what was freed has to be
// back with the system.
void ExpectNineTenthsBack(size_t bytes) {
  constexpr size_t kPeak = 64 * kMiB;
  const size_t count = kPeak / bytes;
  Blocks blocks(count);
  ReleaseFreeMemory();
  const size_t base = course::ResidentBytes();
  blocks.Fill(bytes);
  const size_t peak = course::ResidentBytes();
  ASSERT_GE(peak - base, count * bytes / 10 * 9) << "the blocks are there";
  blocks.FreeFrom(count / 10);
  const size_t freed = (count - count / 10) * bytes;
  const size_t reported = ReleaseFreeMemory();
  const size_t now = course::ResidentBytes();
  ASSERT_LT(now, peak);
  std::cout << bytes << " bytes: " << 100.0 * (peak - now) / freed
            << " % of what was freed is back" << std::endl;
  EXPECT_GE(peak - now, freed / 10 * 9) << bytes;
  EXPECT_GE(reported, freed / 10 * 9) << bytes;
  blocks.FreeFrom(0);
}

TEST(Release, NineTenthsOfWhatWasFreedIsBack) {
  for (const size_t bytes : {size_t{16}, size_t{64}, size_t{1000}, 16 * kKiB,
                             256 * kKiB, 300 * kKiB, 5 * kMiB}) {
    ExpectNineTenthsBack(bytes);
  }
}

TEST(Release, ASecondCallFindsNothing) {
  Blocks blocks(3000);
  blocks.Fill(5 * kKiB);
  blocks.FreeFrom(300);
  EXPECT_GE(ReleaseFreeMemory(), 13 * kMiB);
  const PageHeapFootprint after = Footprint();
  EXPECT_EQ(after.free, 0u);
  EXPECT_EQ(ReleaseFreeMemory(), 0u);
  EXPECT_EQ(Footprint().returned, after.returned);
  blocks.FreeFrom(0);
}

TEST(Release, ReturnsByHowMuchTheReturnedPagesGrew) {
  ReleaseFreeMemory();
  Blocks blocks(20);
  blocks.Fill(300 * kKiB);  // 304 KiB each, in pages
  blocks.FreeFrom(0);
  const PageHeapFootprint before = Footprint();
  const size_t released = ReleaseFreeMemory();
  const PageHeapFootprint after = Footprint();
  EXPECT_GE(released, 20 * 304 * kKiB);
  EXPECT_EQ(released, before.free);
  EXPECT_EQ(released, after.returned - before.returned);
  EXPECT_EQ(after.system, before.system) << "the addresses stay";
  PageHeap::Get().Validate();
}

// They would keep pages from being free: what this thread's cache holds, and
// spans that were reserved.
TEST(Release, WhatIsCachedOrReservedGoesToo) {
  ReleaseFreeMemory();
  const size_t base = course::ResidentBytes();
  ASSERT_TRUE(Reserve(64, 500000));
  EXPECT_GE(course::ResidentBytes() - base, 30 * kMiB);
  Deallocate(Allocate(1000));
  ReleaseFreeMemory();
  EXPECT_EQ(ThreadCache::Footprint().cached, 0u);
  EXPECT_EQ(CentralCache::Get().Footprint().spans, 0u);
  EXPECT_EQ(Footprint().in_use, 0u);
  EXPECT_LT(course::ResidentBytes(), base + 3 * kMiB);
}

// A heap of its own; it never gives its addresses back.
class OwnHeap {
 public:
  Span* New(size_t pages) { return heap_->value.NewSpan(PageCount(pages)); }
  void Free(Span* span) { heap_->value.ReleaseSpanToPageHeap(span); }
  size_t Release() { return heap_->value.ReleaseFreeMemory(); }
  PageHeapFootprint Footprint() { return heap_->value.Footprint(); }
  void Validate() { heap_->value.Validate(); }

 private:
  const std::unique_ptr<Immortal<PageHeap>> heap_ =
      std::make_unique<Immortal<PageHeap>>();
};

TEST(Release, WhatWasReturnedReadsAsZero) {
  OwnHeap heap;
  Span* span = heap.New(100);
  memset(span->Start(), 0x5A, span->pages.bytes());
  heap.Free(span);
  EXPECT_EQ(heap.Release(), 100 * kPageSize);
  Span* again = heap.New(100);
  const char* bytes = static_cast<const char*>(again->Start());
  EXPECT_EQ(std::count(bytes, bytes + again->pages.bytes(), '\0'),
            again->pages.bytes());
  heap.Validate();
}

TEST(Release, AKernelThatKeepsThePagesChangesNothing) {
  OwnHeap heap;
  Span* spans[5];
  for (Span*& span : spans) span = heap.New(10);
  for (const size_t i : {1, 3}) heap.Free(spans[i]);
  const PageHeapFootprint before = heap.Footprint();
  EXPECT_EQ(before.free, 20 * kPageSize);

  course::KernelFaults faults;
  faults.RefuseAll(course::KernelCall::kDiscard);
  EXPECT_EQ(heap.Release(), 0u);
  EXPECT_EQ(faults.refused(), 2u);
  EXPECT_EQ(heap.Footprint().free, before.free);
  EXPECT_EQ(heap.Footprint().returned, before.returned);
  heap.Validate();

  // One of the two, then the other.
  faults.Restart();
  faults.RefuseCall(1);
  EXPECT_EQ(heap.Release(), 10 * kPageSize);
  EXPECT_EQ(heap.Footprint().free, 10 * kPageSize);
  heap.Validate();
  EXPECT_EQ(heap.Release(), 10 * kPageSize);
  EXPECT_EQ(heap.Footprint().returned, before.returned + 20 * kPageSize);
  heap.Validate();
}

TEST(Release, PagesThatWereKeptAreServedAgain) {
  OwnHeap heap;
  Span* span = heap.New(10);
  void* start = span->Start();
  heap.Free(span);
  course::KernelFaults faults;
  faults.RefuseAll(course::KernelCall::kDiscard);
  EXPECT_EQ(heap.Release(), 0u);
  EXPECT_EQ(heap.New(10)->Start(), start);
  EXPECT_EQ(faults.calls(course::KernelCall::kMap), 0u);
}

// A kernel whose pages are as large as eight of ours. It writes down what it
// was told to discard.
class LargePageKernel {
 public:
  static constexpr size_t kKernelPage = 64 * kKiB;

  LargePageKernel() {
    discarded_ = 0;
    table_ = {[] { return kKernelPage; }, Map, RealKernelCalls().unmap,
              Discard};
    previous_ = SetKernelCalls(&table_);
  }
  ~LargePageKernel() { SetKernelCalls(previous_); }
  LargePageKernel(const LargePageKernel&) = delete;
  LargePageKernel& operator=(const LargePageKernel&) = delete;

  size_t discarded() const { return discarded_; }

 private:
  static void* Map(size_t bytes) {
    EXPECT_EQ(bytes % kKernelPage, 0u);
    void* start = RealKernelCalls().map(bytes + kKernelPage);
    if (start == nullptr) return nullptr;
    return reinterpret_cast<void*>(
        RoundUp(reinterpret_cast<uintptr_t>(start), kKernelPage));
  }
  static bool Discard(void* start, size_t bytes) {
    EXPECT_TRUE(IsAligned(start, kKernelPage));
    EXPECT_EQ(bytes % kKernelPage, 0u);
    discarded_ += bytes;
    return RealKernelCalls().discard(start, bytes);
  }

  static inline size_t discarded_;
  KernelCalls table_;
  const KernelCalls* previous_;
};

TEST(Release, OnlyWholePagesOfTheKernelGoBack) {
  const LargePageKernel kernel;
  OwnHeap heap;
  // The chunk begins at a page of the kernel's, and the spans side by side.
  Span* spans[5];
  const size_t kPages[] = {3, 30, 1, 6, 8};
  for (size_t i = 0; i < 5; ++i) spans[i] = heap.New(kPages[i]);
  ASSERT_EQ(spans[4]->first - spans[0]->first, PageCount(40));
  ASSERT_TRUE(IsAligned(spans[0]->Start(), LargePageKernel::kKernelPage));
  const size_t returned = heap.Footprint().returned;
  heap.Free(spans[1]);  // 3 … 32: from 8 to 31
  EXPECT_EQ(heap.Release(), 24 * kPageSize);
  EXPECT_EQ(heap.Footprint().free, 6 * kPageSize);
  heap.Validate();
  heap.Free(spans[3]);  // 34 … 39: none
  EXPECT_EQ(heap.Release(), 0u);
  heap.Validate();
  heap.Free(spans[2]);  // 32 … 39: free on both sides, and whole
  EXPECT_EQ(heap.Release(), 8 * kPageSize);
  EXPECT_EQ(heap.Footprint().free, 5 * kPageSize) << "3 to 7";
  heap.Validate();
  EXPECT_EQ(heap.Footprint().returned, returned + 32 * kPageSize);
}

// One page of the kernel's is freed beside others, of which some were returned
// and are cut now: it goes back, whatever becomes of those. (Three of them
// count as free afterwards, so the sum is less by that.)
TEST(Release, APageOfTheKernelGoesBackBesideOnesThatWereReturned) {
  const LargePageKernel kernel;
  OwnHeap heap;
  Span* first = heap.New(16);
  Span* second = heap.New(8);
  heap.New(8);
  ASSERT_TRUE(IsAligned(first->Start(), LargePageKernel::kKernelPage));
  heap.Free(first);
  EXPECT_EQ(heap.Release(), 16 * kPageSize);
  // The rest of a chunk is longer: these come from the first 16 pages.
  Span* cut = heap.New(5);
  ASSERT_EQ(cut->End() + PageCount(11), second->first);
  heap.Free(second);
  EXPECT_EQ(heap.Footprint().free, 8 * kPageSize);
  const size_t discarded = kernel.discarded();
  EXPECT_EQ(heap.Release(), 8 * kPageSize);
  EXPECT_EQ(kernel.discarded() - discarded, 8 * kPageSize);
  EXPECT_EQ(heap.Release(), 0u);
  heap.Validate();
}

// A span that is in use, and what its owner wrote there.
struct Owned {
  Span* span;
  uint64_t key;

  void Write() const {
    course::FillPattern(span->Start(), span->pages.bytes(), key);
  }
  bool Intact() const {
    const size_t bytes = span->pages.bytes();
    return course::FirstDamage(span->Start(), bytes, key) == bytes;
  }
};

// Whatever is free, by chance: what is in use beside it stays as it was.
TEST(Release, LargeKernelPagesTakeNothingFromSpansInUse) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    const LargePageKernel kernel;
    std::mt19937_64 random(seed);
    OwnHeap heap;
    std::vector<Owned> owned;
    for (uint64_t step = 0; step < 1500; ++step) {
      if (owned.size() < 100 || random() % 2 == 0) {
        owned.push_back({heap.New(1 + random() % 20), step});
        owned.back().Write();
      } else {
        std::swap(owned[random() % owned.size()], owned.back());
        ASSERT_TRUE(owned.back().Intact());
        heap.Free(owned.back().span);
        owned.pop_back();
      }
      if (step % 50 != 0) continue;
      const size_t free = heap.Footprint().free;
      ASSERT_LE(heap.Release(), free);
      ASSERT_EQ(heap.Release(), 0u);
      heap.Validate();
    }
    for (const Owned& each : owned) ASSERT_TRUE(each.Intact());
    EXPECT_GT(kernel.discarded(), kMiB) << "hardly anything went back";
  }
}

}  // namespace
}  // namespace pool
