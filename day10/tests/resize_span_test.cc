// A block that changes its size where it is: it takes free pages behind it, or
// gives up its last ones.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "common/testing/kernel_faults.h"
#include "common/testing/pattern.h"
#include "common/testing/seeds.h"
#include "pool/immortal.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

constexpr size_t kMiB = 1024 * 1024;

// A heap of its own; it never gives its addresses back. Its spans have no class
// and are full of their own pattern.
class OwnHeap {
 public:
  PageHeap* operator->() { return &heap_->value; }
  PageHeapFootprint Footprint() { return heap_->value.Footprint(); }

  Span* New(size_t pages) {
    Span* span = heap_->value.NewSpan(PageCount(pages));
    if (span != nullptr) Fill(span);
    return span;
  }
  void Free(Span* span) {
    ExpectFull(span, span->pages);
    heap_->value.ReleaseSpanToPageHeap(span);
  }

  // So many spans of so many pages each, side by side; one more keeps them
  // apart from the rest of the chunk.
  std::vector<Span*> Row(size_t count, size_t pages) {
    std::vector<Span*> spans;
    for (size_t i = 0; i <= count; ++i) spans.push_back(New(pages));
    EXPECT_EQ(spans.back()->first, spans[0]->first + PageCount(count * pages));
    return spans;
  }

  // Whatever the answer, what the pages held that stay is there, and each page
  // leads to the span.
  bool Resize(Span* span, size_t pages) {
    const PageId first = span->first;
    const PageCount before = span->pages;
    const bool done = heap_->value.ResizeSpan(span, PageCount(pages));
    EXPECT_EQ(span->first, first);
    EXPECT_EQ(span->state, SpanState::kInUse);
    ExpectFull(span, std::min(before, span->pages));
    for (PageId page = first; page != span->End(); page = page + PageCount(1)) {
      EXPECT_EQ(Find(page), span);
    }
    heap_->value.Validate();
    Fill(span);
    return done;
  }

  Span* Find(PageId page) { return heap_->value.MapObjectToSpan(page.Start()); }

 private:
  static uint64_t Key(const Span* span) {
    return reinterpret_cast<uintptr_t>(span->Start());
  }
  static void Fill(Span* span) {
    course::FillPattern(span->Start(), span->pages.bytes(), Key(span));
  }
  static void ExpectFull(const Span* span, PageCount pages) {
    EXPECT_EQ(course::FirstDamage(span->Start(), pages.bytes(), Key(span)),
              pages.bytes());
  }

  const std::unique_ptr<Immortal<PageHeap>> heap_ =
      std::make_unique<Immortal<PageHeap>>();
};

void ExpectSame(const PageHeapFootprint& now, const PageHeapFootprint& before) {
  EXPECT_EQ(now.system, before.system);
  EXPECT_EQ(now.in_use, before.in_use);
  EXPECT_EQ(now.free, before.free);
  EXPECT_EQ(now.returned, before.returned);
}

TEST(ResizeSpan, AShorterOneGivesItsLastPagesBack) {
  OwnHeap heap;
  Span* span = heap.Row(1, 10)[0];
  const PageHeapFootprint before = heap.Footprint();
  EXPECT_TRUE(heap.Resize(span, 4));
  EXPECT_EQ(span->pages, PageCount(4));
  EXPECT_EQ(heap.Footprint().in_use, before.in_use - 6 * kPageSize);
  EXPECT_EQ(heap.Footprint().free, 6 * kPageSize);
  EXPECT_NE(heap.Find(span->End()), span);
  EXPECT_NE(heap.Find(span->End() + PageCount(3)), span);
  // They serve others.
  EXPECT_EQ(heap.New(6)->first, span->End());
  EXPECT_EQ(heap.Footprint().free, 0u);
  heap->Validate();
}

TEST(ResizeSpan, WhatIsGivenUpMergesWithWhatIsFreeBehind) {
  OwnHeap heap;
  const std::vector<Span*> row = heap.Row(2, 10);
  heap.Free(row[1]);
  EXPECT_TRUE(heap.Resize(row[0], 1));
  EXPECT_EQ(heap.Footprint().free, 19 * kPageSize);
  EXPECT_EQ(heap.New(19)->first, row[0]->End());
}

TEST(ResizeSpan, ALongerOneTakesWhatItNeedsAndNoMore) {
  OwnHeap heap;
  const std::vector<Span*> row = heap.Row(2, 5);
  heap.Free(row[1]);
  const PageHeapFootprint before = heap.Footprint();
  EXPECT_TRUE(heap.Resize(row[0], 8));
  EXPECT_EQ(row[0]->pages, PageCount(8));
  EXPECT_EQ(heap.Footprint().in_use, before.in_use + 3 * kPageSize);
  EXPECT_EQ(heap.Footprint().free, 2 * kPageSize);
  EXPECT_EQ(heap.New(2)->first, row[0]->End());
}

TEST(ResizeSpan, ALongerOneMayTakeAllUpToTheNext) {
  OwnHeap heap;
  const std::vector<Span*> row = heap.Row(3, 5);
  heap.Free(row[1]);
  EXPECT_TRUE(heap.Resize(row[0], 10));
  EXPECT_EQ(heap.Footprint().free, 0u);
  EXPECT_EQ(row[0]->End(), row[2]->first);
  // Whole as it is, it goes back whole.
  heap.Free(row[0]);
  EXPECT_EQ(heap.New(10)->first, row[2]->first - PageCount(10));
}

// Free and returned spans behind it, in turn: they are taken as they lie, and
// of the last one a part, whose rest stays what it was.
TEST(ResizeSpan, ALongerOneMayTakeSeveralSpans) {
  OwnHeap heap;
  const std::vector<Span*> row = heap.Row(4, 5);
  const size_t returned = heap.Footprint().returned;
  for (const size_t i : {1, 3}) heap.Free(row[i]);
  heap->ReleaseFreeMemory();
  heap.Free(row[2]);
  ASSERT_EQ(heap.Footprint().free, 5 * kPageSize);
  ASSERT_EQ(heap.Footprint().returned, returned + 10 * kPageSize);
  EXPECT_TRUE(heap.Resize(row[0], 18));
  EXPECT_EQ(heap.Footprint().in_use, (18 + 5) * kPageSize);
  EXPECT_EQ(heap.Footprint().free, 0u);
  EXPECT_EQ(heap.Footprint().returned, returned + 2 * kPageSize);
  heap.Free(row[0]);
  heap->Validate();
}

TEST(ResizeSpan, PagesInUseAreInTheWay) {
  OwnHeap heap;
  const std::vector<Span*> row = heap.Row(3, 5);
  PageHeapFootprint before = heap.Footprint();
  EXPECT_FALSE(heap.Resize(row[0], 6));
  ExpectSame(heap.Footprint(), before);
  heap.Free(row[1]);
  before = heap.Footprint();
  EXPECT_FALSE(heap.Resize(row[0], 11)) << "one page is missing";
  EXPECT_EQ(row[0]->pages, PageCount(5));
  ExpectSame(heap.Footprint(), before);
  heap.Free(row[2]);  // and was not touched
}

// The heap asks the kernel for a page more than it needs; it may be of use.
TEST(ResizeSpan, SoIsTheEndOfAllPages) {
  OwnHeap heap;
  Span* all = heap.New(5000);
  ASSERT_NE(all, nullptr);
  const size_t most = heap.Resize(all, 5001) ? 5001 : 5000;
  const PageHeapFootprint before = heap.Footprint();
  EXPECT_FALSE(heap.Resize(all, most + 1));
  ExpectSame(heap.Footprint(), before);
  EXPECT_TRUE(heap.Resize(all, 4000));
  EXPECT_TRUE(heap.Resize(all, most));
  EXPECT_FALSE(heap.Resize(all, most + 1));
}

// Without memory for one more Span object nothing can be cut, neither from the
// block nor from what lies behind it; whole spans can still be taken.
TEST(ResizeSpan, WhereNothingCanBeCutTheBlockStays) {
  OwnHeap heap;
  heap.Free(heap.New(5000));  // more pages than there are Span objects
  Span* block = heap.New(20);
  Span* behind = heap.New(30);
  heap.New(1);
  course::KernelFaults faults;
  faults.RefuseAll(course::KernelCall::kMap);
  while (heap.New(1) != nullptr) {
  }
  heap.Free(behind);
  const PageHeapFootprint before = heap.Footprint();
  EXPECT_FALSE(heap.Resize(block, 19));
  EXPECT_FALSE(heap.Resize(block, 21));
  EXPECT_EQ(block->pages, PageCount(20));
  ExpectSame(heap.Footprint(), before);
  EXPECT_TRUE(heap.Resize(block, 50));
  EXPECT_EQ(heap.Footprint().in_use, before.in_use + 30 * kPageSize);
  faults.Recover();
  EXPECT_TRUE(heap.Resize(block, 19));
  heap.Free(block);
  heap->Validate();
}

// A hundred spans grow, shrink, come and go.
TEST(ResizeSpan, AnySequenceLeavesWhatIsNotItsOwn) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    std::mt19937_64 random(seed);
    OwnHeap heap;
    std::vector<Span*> spans;
    size_t grown = 0;
    size_t shrunk = 0;
    for (int step = 0; step < 1000 && !HasFailure(); ++step) {
      if (spans.size() < 30 || (spans.size() < 60 && random() % 2 == 0)) {
        spans.push_back(heap.New(1 + random() % 20));
        continue;
      }
      Span*& span = spans[random() % spans.size()];
      if (random() % 3 == 0) {
        heap.Free(span);
        span = spans.back();
        spans.pop_back();
      } else if (random() % 50 == 0) {
        heap->ReleaseFreeMemory();
      } else {
        const PageCount pages(1 + random() % 25);
        const bool longer = span->pages < pages;
        if (!heap.Resize(span, pages.value())) continue;
        EXPECT_EQ(span->pages, pages);
        ++(longer ? grown : shrunk);
      }
    }
    EXPECT_GT(grown, 10u);
    EXPECT_GT(shrunk, 10u);
    size_t in_use = 0;
    for (const Span* span : spans) in_use += span->pages.bytes();
    EXPECT_EQ(heap.Footprint().in_use, in_use);
    for (Span* span : spans) heap.Free(span);
    EXPECT_EQ(heap.Footprint().in_use, 0u);
    heap->Validate();
  }
}

// Through the façade.

PageHeapFootprint Footprint() { return PageHeap::Get().Footprint(); }

// A free span that is longer than all others, whose pages come in order.
void MakeRoom() { Deallocate(Allocate(Footprint().free + 64 * kMiB)); }

TEST(ReallocateInPlace, ALargeBlockGrowsWhereItIs) {
  MakeRoom();
  void* block = Allocate(kMiB);
  for (size_t bytes = 2 * kMiB; bytes <= 16 * kMiB; bytes += kMiB) {
    const size_t in_use = Footprint().in_use;
    ASSERT_EQ(Reallocate(block, bytes), block);
    EXPECT_EQ(Footprint().in_use, in_use + kMiB);
    EXPECT_EQ(UsableSize(block), bytes);
  }
  Deallocate(block);
}

TEST(ReallocateInPlace, ALargeBlockShrinksWhereItIs) {
  void* block = Allocate(16 * kMiB);
  for (size_t bytes = 8 * kMiB; bytes >= kMiB; bytes /= 2) {
    const PageHeapFootprint before = Footprint();
    ASSERT_EQ(Reallocate(block, bytes), block);
    EXPECT_EQ(Footprint().in_use, before.in_use - bytes);
    EXPECT_EQ(Footprint().free, before.free + bytes);
    EXPECT_EQ(UsableSize(block), bytes);
  }
  // A small one has no pages of its own.
  void* small = Reallocate(block, 100);
  EXPECT_NE(small, block);
  EXPECT_LT(UsableSize(small), 128u);
  Deallocate(small);
}

TEST(ReallocateInPlace, AnObjectStaysWhileItsClassSuitsIt) {
  void* block = Allocate(1000);
  const size_t bytes = UsableSize(block);
  EXPECT_EQ(Reallocate(block, bytes), block);
  EXPECT_EQ(Reallocate(block, bytes / 2 + 1), block);
  EXPECT_EQ(UsableSize(block), bytes) << "it is still of the old class";
  block = Reallocate(block, bytes / 4);
  EXPECT_LT(UsableSize(block), bytes / 2);
  Deallocate(block);
}

// To shrink never fails, and what cannot grow stays.
TEST(ReallocateInPlace, ARefusalLeavesTheBlockAndErrnoIsRight) {
  void* block = Allocate(3 * kMiB);
  course::FillPattern(block, 3 * kMiB, 7);
  const size_t all = Footprint().free + Footprint().returned;
  const size_t too_much = all + 8 * kMiB;
  course::KernelFaults faults;
  faults.RefuseAll(course::KernelCall::kMap);
  const size_t in_use = Footprint().in_use;
  errno = 0;
  EXPECT_EQ(Reallocate(block, too_much), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  EXPECT_EQ(Footprint().in_use, in_use);
  EXPECT_EQ(course::FirstDamage(block, 3 * kMiB, 7), 3 * kMiB);
  std::vector<void*> rest;  // not even a page is left then
  for (size_t bytes = 2 * kMiB; bytes >= kPageSize; bytes /= 2) {
    const size_t large = std::max(bytes, SizeClass::kLargestSize + 1);
    while (void* more = Allocate(large)) rest.push_back(more);
  }
  constexpr size_t kRareClass = 100'000;
  while (void* more = Allocate(kRareClass)) rest.push_back(more);
  errno = EDOM;
  EXPECT_EQ(Reallocate(block, kRareClass), block);
  EXPECT_EQ(errno, EDOM);
  EXPECT_EQ(course::FirstDamage(block, kRareClass, 7), kRareClass);
  faults.Recover();
  Deallocate(block);
  for (void* more : rest) Deallocate(more);
  PageHeap::Get().Validate();
}

// It may have room to grow, but no more than half of what it needs.
TEST(ReallocateMoves, AndTakesNotMuchMoreThanItNeeds) {
  const PageHeapFootprint before = Footprint();
  void* block = Allocate(kMiB);
  void* behind = Allocate(kMiB);  // in the way, as a rule
  for (size_t bytes = 2 * kMiB; bytes <= 64 * kMiB; bytes *= 2) {
    block = Reallocate(block, bytes);
    const size_t usable = UsableSize(block);
    EXPECT_GE(usable, bytes);
    EXPECT_LE(usable, bytes + bytes / 2);
    EXPECT_EQ(Footprint().in_use, before.in_use + usable + kMiB);
  }
  Deallocate(behind);
  Deallocate(block);
  EXPECT_EQ(Footprint().in_use, before.in_use);
}

// A kernel that lets nobody read behind what it gives.
void* MapWithAnEnd(size_t bytes) {
  void* start = RealKernelCalls().map(bytes + kPageSize);
  if (start == nullptr) return nullptr;
  char* end = static_cast<char*>(start) + bytes;
  EXPECT_EQ(mprotect(end, kPageSize, PROT_NONE), 0);
  return start;
}

TEST(ReallocateMoves, AndReadsNothingBehindTheBlock) {
  KernelCalls calls = RealKernelCalls();
  calls.map = MapWithAnEnd;
  calls.map_at = nullptr;  // all chunks come from MapWithAnEnd
  const KernelCalls* previous = SetKernelCalls(&calls);
  const size_t bytes = Footprint().free + Footprint().returned + 32 * kMiB;
  void* block = Allocate(bytes);  // all of what the kernel gave for it
  course::FillPattern(block, bytes, 7);
  void* moved = Reallocate(block, 2 * bytes);
  ASSERT_NE(moved, nullptr);
  EXPECT_EQ(course::FirstDamage(moved, bytes, 7), bytes);
  Deallocate(moved);
  SetKernelCalls(previous);
}

}  // namespace
}  // namespace pool
