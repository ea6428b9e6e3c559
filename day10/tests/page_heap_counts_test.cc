// What the page heap knows of itself: peaks, its longest span, its lock.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "common/testing/seeds.h"
#include "pool/bytes.h"
#include "pool/immortal.h"
#include "pool/page_heap.h"

namespace pool {
namespace {

class PageHeapCounts : public testing::Test {
 protected:
  PageHeapFootprint Now() { return heap_.Footprint(); }
  Span* New(size_t pages) { return heap_.NewSpan(PageCount(pages)); }

  const std::unique_ptr<Immortal<PageHeap>> immortal_ =
      std::make_unique<Immortal<PageHeap>>();
  PageHeap& heap_ = immortal_->value;
};

TEST_F(PageHeapCounts, BeginAtNothing) {
  const PageHeapFootprint all = Now();
  EXPECT_EQ(all.in_use_peak, 0u);
  EXPECT_EQ(all.free_peak, 0u);
  EXPECT_EQ(all.returned_peak, 0u);
  EXPECT_EQ(all.largest_free, 0u);
  EXPECT_EQ(heap_.Locks().taken, 1u) << "for the footprint";
}

TEST_F(PageHeapCounts, RememberTheMostOfEachState) {
  Span* a = New(100);
  Span* b = New(50);
  EXPECT_EQ(Now().in_use_peak, 150 * kPageSize);
  heap_.ReleaseSpanToPageHeap(a);
  EXPECT_EQ(Now().free_peak, 100 * kPageSize);
  heap_.ReleaseFreeMemory();
  Span* c = New(20);
  heap_.ReleaseSpanToPageHeap(b);
  heap_.ReleaseSpanToPageHeap(c);
  const PageHeapFootprint all = Now();
  EXPECT_EQ(all.in_use, 0u);
  EXPECT_EQ(all.in_use_peak, 150 * kPageSize);
  EXPECT_EQ(all.free_peak, 100 * kPageSize) << "since then there were 70";
  EXPECT_GE(all.returned_peak, all.system - 70 * kPageSize);
}

// In place, too.
TEST_F(PageHeapCounts, RememberABlockThatGrew) {
  Span* span = New(10);
  ASSERT_TRUE(heap_.ResizeSpan(span, PageCount(60)));
  EXPECT_EQ(Now().in_use_peak, 60 * kPageSize);
  ASSERT_TRUE(heap_.ResizeSpan(span, PageCount(5)));
  EXPECT_EQ(Now().in_use, 5 * kPageSize);
  EXPECT_EQ(Now().in_use_peak, 60 * kPageSize);
  heap_.ReleaseSpanToPageHeap(span);
}

// Free or returned, whichever is longer.
TEST_F(PageHeapCounts, KnowTheLongestFreeSpan) {
  std::vector<Span*> spans = {New(300), New(1), New(200), New(1)};
  const size_t rest = Now().returned;
  EXPECT_EQ(Now().largest_free, rest) << "what is left of the chunk";
  Span* all = New(rest / kPageSize);
  EXPECT_EQ(Now().largest_free, 0u);
  heap_.ReleaseSpanToPageHeap(spans[2]);
  EXPECT_EQ(Now().largest_free, 200 * kPageSize);
  heap_.ReleaseFreeMemory();
  EXPECT_EQ(Now().largest_free, 200 * kPageSize) << "it is returned now";
  heap_.ReleaseSpanToPageHeap(spans[0]);
  EXPECT_EQ(Now().largest_free, 300 * kPageSize);
  for (Span* span : {spans[1], spans[3], all}) {
    heap_.ReleaseSpanToPageHeap(span);
  }
}

TEST_F(PageHeapCounts, OfTheLockAreOneForEachCall) {
  Span* span = New(3);
  const size_t taken = heap_.Locks().taken;
  ASSERT_TRUE(heap_.ResizeSpan(span, PageCount(2)));
  heap_.ReleaseSpanToPageHeap(span);
  EXPECT_EQ(heap_.Locks().taken, taken + 2);
  heap_.MapObjectToSpan(span);  // which takes none
  // Before and after the kernel works, and to see that there is no more.
  heap_.ReleaseFreeMemory();
  EXPECT_EQ(heap_.Locks().taken, taken + 5);
  EXPECT_EQ(heap_.Locks().waited, 0u);
}

// Spans of all states, side by side: they are visited in the order of their
// addresses, each once, and each page is in one of them.
TEST_F(PageHeapCounts, VisitEachSpanOnce) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    std::mt19937_64 random(seed);
    std::vector<Span*> spans;
    for (int step = 0; step < 300; ++step) {
      if (spans.empty() || random() % 3 > 0) {
        spans.push_back(New(1 + random() % 40));
      } else {
        std::swap(spans[random() % spans.size()], spans.back());
        heap_.ReleaseSpanToPageHeap(spans.back());
        spans.pop_back();
      }
      if (step % 50 == 0) heap_.ReleaseFreeMemory();
      PageHeapFootprint sum = {};
      PageId behind;
      heap_.ForEachSpan([&](PageId first, PageCount pages, SpanState state) {
        EXPECT_FALSE(first < behind);
        behind = first + pages;
        (state == SpanState::kInUse  ? sum.in_use
         : state == SpanState::kFree ? sum.free
                                     : sum.returned) += pages.bytes();
      });
      const PageHeapFootprint all = Now();
      ASSERT_EQ(sum.in_use, all.in_use);
      ASSERT_EQ(sum.free, all.free);
      ASSERT_EQ(sum.returned, all.returned);
    }
    for (Span* span : spans) heap_.ReleaseSpanToPageHeap(span);
  }
}

}  // namespace
}  // namespace pool
