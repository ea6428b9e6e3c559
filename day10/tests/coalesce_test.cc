// The page heap cuts spans and puts them together again.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "common/testing/kernel_faults.h"
#include "pool/immortal.h"
#include "pool/page_heap.h"
#include "pool/pool.h"

namespace pool {
namespace {

constexpr size_t kMiB = 1024 * 1024;

// A heap of its own; it never gives its addresses back.
class OwnHeap {
 public:
  PageHeap* operator->() { return &heap_->value; }
  Span* New(size_t pages, size_t alignment = 1) {
    return heap_->value.NewSpan(PageCount(pages), PageCount(alignment));
  }
  void Free(Span* span) { heap_->value.ReleaseSpanToPageHeap(span); }
  Span* Find(PageId page) { return heap_->value.MapObjectToSpan(page.Start()); }
  PageHeapFootprint Footprint() { return heap_->value.Footprint(); }

  // So many spans of so many pages each, side by side, the last of which keeps
  // the others apart from the rest of the chunk.
  std::vector<Span*> Row(size_t count, size_t pages) {
    std::vector<Span*> spans;
    for (size_t i = 0; i <= count; ++i) {
      spans.push_back(New(pages));
      EXPECT_EQ(spans[i]->first, spans[0]->first + PageCount(i * pages));
    }
    return spans;
  }

 private:
  const std::unique_ptr<Immortal<PageHeap>> heap_ =
      std::make_unique<Immortal<PageHeap>>();
};

TEST(Coalesce, AShortSpanIsCutFromALongOne) {
  OwnHeap heap;
  Span* span = heap.New(3);
  const PageHeapFootprint sum = heap.Footprint();
  EXPECT_EQ(span->pages, PageCount(3));
  EXPECT_EQ(sum.in_use, 3 * kPageSize);
  EXPECT_EQ(sum.returned, sum.system - 3 * kPageSize);
  EXPECT_EQ(sum.free, 0u);
  const Span* next = heap.New(5);
  EXPECT_EQ(next->first, span->End());
  heap->Validate();
}

TEST(Coalesce, TheRestOfAFreeSpanIsFree) {
  OwnHeap heap;
  Span* span = heap.Row(1, 10)[0];
  const PageId first = span->first;
  heap.Free(span);
  Span* part = heap.New(4);
  EXPECT_EQ(part->first, first);
  EXPECT_EQ(heap.Footprint().free, 6 * kPageSize);
  Span* rest = heap.New(6);
  EXPECT_EQ(rest->first, first + PageCount(4));
  EXPECT_EQ(heap.Footprint().free, 0u);
  heap->Validate();
}

// In whatever order three neighbours come back, they are one span then.
TEST(Coalesce, NeighboursMergeInEveryOrder) {
  std::vector<size_t> order = {0, 1, 2};
  do {
    OwnHeap heap;
    const std::vector<Span*> row = heap.Row(3, 7);
    const PageId first = row[0]->first;
    for (const size_t i : order) {
      heap.Free(row[i]);
      heap->Validate();
    }
    EXPECT_EQ(heap.Footprint().free, 21 * kPageSize);
    Span* whole = heap.New(21);
    EXPECT_EQ(whole->first, first);
    for (PageId page = first; page != whole->End(); page = page + PageCount(1))
      EXPECT_EQ(heap.Find(page), whole);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Coalesce, NeverWithANeighbourInUse) {
  OwnHeap heap;
  const std::vector<Span*> row = heap.Row(3, 5);
  for (const size_t i : {0, 2}) memset(row[i]->Start(), 1, 5 * kPageSize);
  heap.Free(row[1]);
  EXPECT_EQ(heap.Footprint().free, 5 * kPageSize);
  for (const size_t i : {0, 2}) {
    EXPECT_EQ(row[i]->pages, PageCount(5));
    EXPECT_EQ(heap.Find(row[i]->first), row[i]);
    EXPECT_EQ(heap.Find(row[i]->End() - PageCount(1)), row[i]);
  }
  // Six do not fit between them.
  Span* six = heap.New(6);
  EXPECT_FALSE(six->first < row[3]->End());
  for (const size_t i : {0, 2}) {
    const char* bytes = static_cast<const char*>(row[i]->Start());
    EXPECT_EQ(std::count(bytes, bytes + 5 * kPageSize, 1), 5 * kPageSize);
  }
  heap->Validate();
}

// What decides is the state, not whether somebody uses the pages.
TEST(Coalesce, FreeAndReturnedPagesStayApart) {
  OwnHeap heap;
  const std::vector<Span*> row = heap.Row(4, 5);
  const size_t returned = heap.Footprint().returned;
  for (const size_t i : {0, 1}) heap.Free(row[i]);
  EXPECT_EQ(heap->ReleaseFreeMemory(), 10 * kPageSize);
  for (const size_t i : {2, 3}) heap.Free(row[i]);
  EXPECT_EQ(heap.Footprint().free, 10 * kPageSize);
  EXPECT_EQ(heap.Footprint().returned, returned + 10 * kPageSize);
  heap->Validate();
  // They are of one state when these have gone, too.
  EXPECT_EQ(heap->ReleaseFreeMemory(), 10 * kPageSize);
  heap->Validate();
  Span* whole = heap.New(20);
  EXPECT_EQ(whole->first, row[4]->first - PageCount(20));
}

TEST(Coalesce, TheShortestFreeSpanThatIsLongEnoughServes) {
  OwnHeap heap;
  std::vector<Span*> spans;
  for (const size_t pages : {12, 1, 5, 1, 7, 1, 5, 1}) {
    spans.push_back(heap.New(pages));
  }
  std::vector<PageId> firsts;
  for (const Span* span : spans) firsts.push_back(span->first);
  for (const size_t i : {0, 2, 4, 6}) heap.Free(spans[i]);
  EXPECT_EQ(heap.New(4)->first, firsts[2]) << "of two the lower one";
  EXPECT_EQ(heap.New(5)->first, firsts[6]);
  EXPECT_EQ(heap.New(6)->first, firsts[4]);
  EXPECT_EQ(heap.New(8)->first, firsts[0]);
  heap->Validate();
}

// They cost the kernel a page each, to bring them back.
TEST(Coalesce, ReturnedPagesServeLast) {
  OwnHeap heap;
  const std::vector<Span*> row = heap.Row(5, 6);
  const PageId returned = row[0]->first;
  const PageId free = row[2]->first;
  heap.Free(row[0]);
  heap->ReleaseFreeMemory();
  heap.Free(row[2]);
  heap.Free(row[3]);
  // It fits the returned one exactly, and the free one is twice as long.
  EXPECT_EQ(heap.New(6)->first, free);
  EXPECT_EQ(heap.New(6)->first, free + PageCount(6));
  EXPECT_EQ(heap.New(6)->first, returned);
  heap->Validate();
}

TEST(Coalesce, BeforeTheHeapGrowsFreeAndReturnedPagesJoin) {
  OwnHeap heap;
  // All of the chunk but for its last pages, as free, returned, free, ….
  const std::vector<Span*> row = heap.Row(6, 250);
  const PageId first = row[0]->first;
  for (const size_t i : {1, 3, 5}) heap.Free(row[i]);
  heap->ReleaseFreeMemory();
  for (const size_t i : {0, 2, 4}) heap.Free(row[i]);
  const size_t system = heap.Footprint().system;
  course::KernelFaults faults;
  Span* whole = heap.New(1500);
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(whole->first, first);
  EXPECT_EQ(heap.Footprint().system, system);
  EXPECT_EQ(faults.calls(course::KernelCall::kMap), 0u);
  heap->Validate();
}

// No run is long enough: what lies between them is in use.
TEST(Coalesce, NothingJoinsOverASpanInUse) {
  OwnHeap heap;
  const std::vector<Span*> row = heap.Row(6, 250);
  for (const size_t i : {0, 3}) heap.Free(row[i]);
  heap->ReleaseFreeMemory();
  for (const size_t i : {1, 4}) heap.Free(row[i]);
  const PageHeapFootprint before = heap.Footprint();
  course::KernelFaults faults;
  faults.RefuseFrom(1);
  EXPECT_EQ(heap.New(501), nullptr);
  EXPECT_EQ(heap.Footprint().free, before.free) << "and nothing has joined";
  EXPECT_EQ(heap.New(500)->first, row[2]->first - PageCount(500));
  heap->Validate();
}

TEST(Coalesce, AlignedSpansLeaveFreePagesOnBothSides) {
  OwnHeap heap;
  heap.New(1);
  Span* span = heap.New(16, 64);
  EXPECT_EQ(span->first.value() % 64, 0u);
  EXPECT_EQ(heap.Footprint().in_use, 17 * kPageSize);
  heap->Validate();
  const Span* before = heap.Find(span->first - PageCount(1));
  const Span* behind = heap.Find(span->End());
  EXPECT_EQ(before->End(), span->first);
  EXPECT_EQ(behind->first, span->End());
  EXPECT_EQ(before->state, SpanState::kReturned);
  EXPECT_EQ(behind->state, SpanState::kReturned);
  heap.Free(span);
  heap->Validate();
}

// The more a request needs, the more pages are taken at a time; one page more,
// since the kernel aligns to half of ours.
TEST(Coalesce, AChunkIsAsLongAsTheRequestSuggests) {
  const struct {
    size_t request;
    size_t chunk;
  } kExpected[] = {{1, 512},     {8, 512},      {9, 1024},    {32, 1024},
                   {33, 2048},   {2047, 2048},  {2048, 2048}, {2049, 2049},
                   {5000, 5000}, {20000, 20000}};
  for (const auto& [request, chunk] : kExpected) {
    OwnHeap heap;
    heap.New(request);
    // Where the kernel's address is a multiple of our page, a page more.
    const size_t system = heap.Footprint().system / kPageSize;
    EXPECT_TRUE(system == chunk || system == chunk + 1) << request;
    EXPECT_EQ(heap.Footprint().in_use, request * kPageSize);
    // No page is lost: the last of them can be had, and then the heap grows.
    const size_t left = heap.Footprint().free + heap.Footprint().returned;
    if (left > 0) heap.New(left / kPageSize);
    EXPECT_EQ(heap.Footprint().free + heap.Footprint().returned, 0u);
    heap.New(request);
    EXPECT_GE(heap.Footprint().system, (system + chunk) * kPageSize);
    EXPECT_LE(heap.Footprint().system, (system + chunk + 1) * kPageSize);
    heap->Validate();
  }
}

TEST(Coalesce, ManySpansAtOnce) {
  OwnHeap heap;
  SpanList spans;
  ASSERT_TRUE(heap->NewSpans(PageCount(5), 100, spans));
  EXPECT_EQ(heap.Footprint().in_use, 500 * kPageSize);
  size_t count = 0;
  while (Span* span = spans.PopFront()) {
    EXPECT_EQ(span->pages, PageCount(5));
    EXPECT_EQ(span->state, SpanState::kInUse);
    heap.Free(span);
    ++count;
  }
  EXPECT_EQ(count, 100u);
  EXPECT_TRUE(heap->NewSpans(PageCount(5), 0, spans));
  EXPECT_TRUE(spans.Empty());
  heap->Validate();
}

// Those that there would have been pages for are not taken first and given back
// then: what was returned stays so.
TEST(Coalesce, TooManySpansAtOnceAreNotBegunWith) {
  OwnHeap heap;
  heap.New(1);
  course::KernelFaults faults;
  faults.RefuseFrom(1);
  const PageHeapFootprint before = heap.Footprint();
  SpanList spans;
  EXPECT_FALSE(heap->NewSpans(PageCount(5), 10000, spans));
  EXPECT_TRUE(spans.Empty());
  EXPECT_EQ(heap.Footprint().in_use, before.in_use);
  EXPECT_EQ(heap.Footprint().returned, before.returned);
  EXPECT_EQ(heap.Footprint().free, before.free);
  heap->Validate();
}

// The pages are there, and then no memory for Span objects is.
TEST(Coalesce, OfManySpansNoneStaysWhereOneIsMissing) {
  size_t refusals = 0;
  for (uint64_t k = 1; k <= 8; ++k) {
    OwnHeap heap;
    course::KernelFaults faults;
    faults.RefuseFrom(k);
    SpanList spans;
    if (heap->NewSpans(PageCount(1), 3000, spans)) continue;
    ++refusals;
    EXPECT_TRUE(spans.Empty());
    EXPECT_EQ(heap.Footprint().in_use, 0u);
    heap->Validate();
  }
  EXPECT_GE(refusals, 4u) << "no Span object was ever missing";
}

// The Span objects of what was merged serve again.
TEST(Coalesce, ToCutAndMergeAgainAndAgainTakesNoMemory) {
  OwnHeap heap;
  heap.New(1);
  const size_t metadata = heap.Footprint().metadata;
  for (int i = 0; i < 3000; ++i) {
    Span* first = heap.New(3);
    Span* second = heap.New(4, 8);
    heap.Free(first);
    heap.Free(second);
    if (i % 2 == 0) heap->ReleaseFreeMemory();
  }
  EXPECT_EQ(heap.Footprint().metadata, metadata);
}

TEST(Coalesce, ToBeRefusedAgainAndAgainTakesNoMemory) {
  OwnHeap heap;
  heap.New(1);
  const size_t metadata = heap.Footprint().metadata;
  course::KernelFaults faults;
  faults.RefuseAll(course::KernelCall::kMap);
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(heap.New(5000), nullptr);
  faults.Recover();
  EXPECT_NE(heap.New(20), nullptr);
  EXPECT_EQ(heap.Footprint().metadata, metadata);
}

// No free span, no page inside one, and no span of a class is a large block.
TEST(Coalesce, ABlockIsReleasedByItsAddressAndOnce) {
  OwnHeap heap;
  Span* span = heap.New(4);
  char* block = static_cast<char*>(span->Start());
  for (const size_t offset : {size_t{1}, kPageSize, 4 * kPageSize - 1}) {
    EXPECT_FALSE(heap->ReleaseBlock(block + offset)) << offset;
  }
  EXPECT_EQ(heap.Footprint().in_use, 4 * kPageSize);
  EXPECT_TRUE(heap->ReleaseBlock(block));
  EXPECT_EQ(heap.Footprint().in_use, 0u);
  EXPECT_FALSE(heap->ReleaseBlock(block));
  EXPECT_FALSE(heap->ReleaseBlock(&heap));
  Span* small = heap.New(4);
  small->Open(64);
  EXPECT_FALSE(heap->ReleaseBlock(small->Start()));
  EXPECT_EQ(heap.Footprint().in_use, 4 * kPageSize);
  heap->Validate();
}

// Through the façade: the same again and again, aligned blocks among it, with
// all free memory given back in between. The heap finds its size, and stays,
// but for a chunk that it may need by chance.
TEST(Coalesce, ASteadyWorkloadStopsGrowing) {
  size_t system = 0;
  for (size_t round = 0; round < 200; ++round) {
    std::vector<void*> blocks;
    for (size_t i = 0; i < 40; ++i) {
      const size_t bytes = (1 + (i * 7 + round) % 13) * 100000;
      blocks.push_back(AllocateAligned(bytes, size_t{1} << (10 + i % 12)));
      blocks.push_back(Allocate(bytes / 3));
    }
    for (size_t i = 0; i < blocks.size(); i += 2) Deallocate(blocks[i]);
    ReleaseFreeMemory();
    for (size_t i = 1; i < blocks.size(); i += 2) Deallocate(blocks[i]);
    const size_t now = PageHeap::Get().Footprint().system;
    if (round <= 20) system = now;
    ASSERT_LE(now, system + 17 * kMiB) << "round " << round;
  }
  PageHeap::Get().Validate();
}

TEST(CoalesceDeathTest, ASpanCannotBeReleasedTwice) {
  OwnHeap heap;
  Span* span = heap.New(4);
  heap.Free(span);
  EXPECT_DEATH(heap.Free(span), "page_heap.cc:[0-9]+: CHECK failed");
}

TEST(CoalesceDeathTest, ValidateSeesASpanThatChangedBehindItsBack) {
  OwnHeap heap;
  Span* span = heap.New(4);
  heap.Free(span);
  span->state = SpanState::kInUse;
  EXPECT_DEATH(heap->Validate(), "page_heap.cc:[0-9]+: CHECK failed");
}

TEST(CoalesceDeathTest, ValidateSeesNeighboursThatDidNotMerge) {
  OwnHeap heap;
  Span* span = heap.Row(1, 4)[0];
  heap.Free(span);
  heap->ReleaseFreeMemory();
  Span* rest = heap.New(4);
  heap.Free(rest);
  heap->Validate();
  span = heap.Find(rest->first);
  span->state = SpanState::kReturned;
  EXPECT_DEATH(heap->Validate(), "CHECK failed");
}

}  // namespace
}  // namespace pool
