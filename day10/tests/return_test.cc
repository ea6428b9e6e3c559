// Pages on their way to the system: while the kernel works, the lock is free,
// and the span belongs to the thread that gives it back.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/testing/accounts.h"
#include "common/testing/child.h"
#include "common/testing/gang.h"
#include "common/testing/pattern.h"
#include "common/testing/seeds.h"
#include "fake_kernel.h"
#include "pool/immortal.h"
#include "pool/page_heap.h"
#include "pool/pool.h"

namespace pool {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

// A kernel that takes its time: so many calls to discard stop in the middle,
// until they may go on.
class SlowKernel {
 public:
  explicit SlowKernel(size_t calls) : stopped_(calls + 1), go_on_(calls + 1) {
    current_ = this;
    left_ = static_cast<int>(calls);
    refuse_ = false;
    kernel_->discard = Discard;
  }

  // All of them have stopped; and they go on.
  void WaitUntilStopped() { stopped_.ArriveAndWait(); }
  void GoOn() { go_on_.ArriveAndWait(); }
  // Those that have stopped are refused in the end.
  void Refuse() { refuse_ = true; }

 private:
  static bool Discard(void* start, size_t bytes) {
    if (left_.fetch_sub(1) <= 0) return RealKernelCalls().discard(start, bytes);
    current_->stopped_.ArriveAndWait();
    current_->go_on_.ArriveAndWait();
    return !refuse_ && RealKernelCalls().discard(start, bytes);
  }

  static inline SlowKernel* current_;
  static inline std::atomic<int> left_;
  static inline std::atomic<bool> refuse_;
  course::Barrier stopped_;
  course::Barrier go_on_;
  FakeKernel kernel_;
};

// A heap of its own; it never gives its addresses back.
class Return : public testing::Test {
 protected:
  PageHeap& heap() { return heap_->value; }
  Span* New(size_t pages) { return heap().NewSpan(PageCount(pages)); }
  void Free(Span* span) { heap().ReleaseSpanToPageHeap(span); }
  size_t FreePages() { return heap().Footprint().free / kPageSize; }
  // Spans in this state, in the order of addresses: how long each is.
  std::vector<size_t> Spans(SpanState wanted) {
    std::vector<size_t> pages;
    heap().ForEachSpan([&](PageId, PageCount count, SpanState state) {
      if (state == wanted) pages.push_back(count.value());
    });
    return pages;
  }
  // Gives all back on another thread.
  std::future<size_t> ReturnAll() {
    return std::async(std::launch::async,
                      [this] { return heap().ReleaseFreeMemory(); });
  }

 private:
  const std::unique_ptr<Immortal<PageHeap>> heap_ =
      std::make_unique<Immortal<PageHeap>>();
};

using Pages = std::vector<size_t>;

TEST_F(Return, NobodyWaitsForTheKernel) {
  SlowKernel kernel(1);
  Span* span = New(100);
  Free(span);
  std::future<size_t> returned = ReturnAll();
  kernel.WaitUntilStopped();
  EXPECT_EQ(Spans(SpanState::kLeaving), Pages({100}));
  const size_t waited = heap().Locks().waited;
  for (size_t pages = 1; pages < 100; ++pages) Free(New(pages));
  EXPECT_EQ(heap().Locks().waited, waited);
  EXPECT_GE(heap().Footprint().free, 100 * kPageSize);
  heap().Validate();
  kernel.GoOn();
  EXPECT_GE(returned.get(), 100 * kPageSize);
  EXPECT_EQ(heap().Footprint().free, 0u);
  heap().Validate();
}

// Its pages are nobody else's, and it counts as free.
TEST_F(Return, ASpanThatLeavesIsNotTaken) {
  SlowKernel kernel(1);
  Span* span = New(100);
  const PageId first = span->first;
  Free(span);
  std::future<size_t> returned = ReturnAll();
  kernel.WaitUntilStopped();
  EXPECT_EQ(FreePages(), 100u);
  std::vector<Span*> taken;
  for (size_t pages = 1; pages <= 100; ++pages) {
    taken.push_back(New(pages));
    EXPECT_TRUE(taken.back()->End() < first + PageCount(1) ||
                !(taken.back()->first < first + PageCount(100)));
    course::FillPattern(taken.back()->Start(), pages * kPageSize, pages);
  }
  kernel.GoOn();
  returned.get();
  for (size_t pages = 1; pages <= 100; ++pages) {
    EXPECT_EQ(course::FirstDamage(taken[pages - 1]->Start(), pages * kPageSize,
                                  pages),
              pages * kPageSize);
  }
  heap().Validate();
}

// Three side by side, and the one in the middle leaves: whatever becomes of the
// others meanwhile, all are one in the end.
TEST_F(Return, NeighboursStayApartUntilItIsGone) {
  SlowKernel kernel(1);
  Span* spans[] = {New(10), New(20), New(30)};
  Span* last = New(1);
  ASSERT_EQ(spans[2]->End() - spans[0]->first, PageCount(60));
  Free(spans[1]);
  std::future<size_t> returned = ReturnAll();
  kernel.WaitUntilStopped();
  Free(spans[0]);
  Free(spans[2]);
  EXPECT_EQ(Spans(SpanState::kLeaving), Pages({20}));
  EXPECT_EQ(Spans(SpanState::kFree), Pages({10, 30}));
  EXPECT_EQ(FreePages(), 60u);
  heap().Validate();
  kernel.GoOn();
  EXPECT_EQ(returned.get(), 60 * kPageSize);
  EXPECT_EQ(Spans(SpanState::kLeaving), Pages());
  EXPECT_EQ(Spans(SpanState::kReturned).front(), 60u);
  heap().Validate();
  Free(last);
}

// A block beside it cannot grow into it, nor can a joined run have it.
TEST_F(Return, NothingGrowsIntoIt) {
  SlowKernel kernel(1);
  Span* spans[] = {New(10), New(20), New(30)};
  Free(spans[1]);
  std::future<size_t> returned = ReturnAll();
  kernel.WaitUntilStopped();
  EXPECT_FALSE(heap().ResizeSpan(spans[0], PageCount(11)));
  heap().Validate();
  EXPECT_TRUE(heap().ResizeSpan(spans[2], PageCount(25)));
  EXPECT_TRUE(heap().ResizeSpan(spans[0], PageCount(5)));
  EXPECT_EQ(
      heap().NewSpan(PageCount(5000), PageCount(1), PageHeap::Growth::kNone),
      nullptr);
  heap().Validate();
  kernel.GoOn();
  EXPECT_EQ(returned.get(), 30 * kPageSize);
  EXPECT_TRUE(heap().ResizeSpan(spans[0], PageCount(30)));
  heap().Validate();
}

TEST_F(Return, TwoThreadsMayGiveBackSideBySide) {
  SlowKernel kernel(2);
  Span* spans[] = {New(10), New(20), New(30)};
  Span* last = New(1);
  Free(spans[0]);
  Free(spans[2]);
  std::future<size_t> first = ReturnAll();
  std::future<size_t> second = ReturnAll();
  kernel.WaitUntilStopped();
  EXPECT_EQ(Spans(SpanState::kLeaving), Pages({10, 30}));
  Free(spans[1]);
  EXPECT_EQ(FreePages(), 60u);
  heap().Validate();
  kernel.GoOn();
  EXPECT_EQ(first.get() + second.get(), 60 * kPageSize);
  heap().ReleaseFreeMemory();
  EXPECT_EQ(Spans(SpanState::kReturned).front(), 60u);
  heap().Validate();
  Free(last);
}

// It was refused after all: it is free again, with its neighbours.
TEST_F(Return, WhatIsRefusedIsFreeAgain) {
  SlowKernel kernel(1);
  Span* spans[] = {New(10), New(20), New(30)};
  Span* last = New(1);
  Free(spans[1]);
  kernel.Refuse();
  std::future<size_t> returned = ReturnAll();
  kernel.WaitUntilStopped();
  Free(spans[0]);
  kernel.GoOn();
  EXPECT_EQ(returned.get(), 10 * kPageSize) << "the one that was freed later";
  EXPECT_EQ(FreePages(), 20u);
  heap().Validate();
  Free(spans[2]);
  EXPECT_EQ(Spans(SpanState::kFree), Pages({50}));
  EXPECT_EQ(heap().ReleaseFreeMemory(), 50 * kPageSize);
  EXPECT_EQ(Spans(SpanState::kReturned).front(), 60u);
  heap().Validate();
  Free(last);
}

// The child has the span and not the thread: the span stays, the sum is right.
TEST(ReturnFork, InTheMiddleKeepsTheAccounts) {
  SlowKernel kernel(1);
  void* blocks[] = {Allocate(kMiB), Allocate(2 * kMiB), Allocate(3 * kMiB)};
  Deallocate(blocks[1]);
  std::future<size_t> returned =
      std::async(std::launch::async, [] { return ReleaseFreeMemory(); });
  kernel.WaitUntilStopped();
  const std::string end = course::RunInChild([&] {
    const PoolStatistics all = Statistics();
    CHECK(all.unaccounted == 0 && course::SumOfParts(all) == all.system.now);
    CHECK(all.free.now + all.abandoned.now >= 2 * kMiB);
    PageHeap::Get().Validate();
    Deallocate(blocks[0]);
    Deallocate(blocks[2]);
    void* more = Allocate(10 * kMiB);
    CHECK(more != nullptr);
    Deallocate(more);
    ReleaseFreeMemory();
    PageHeap::Get().Validate();
    CHECK(Statistics().unaccounted == 0);
  });
  EXPECT_EQ(end, "");
  kernel.GoOn();
  EXPECT_GE(returned.get(), 2 * kMiB);
  EXPECT_EQ(Statistics().unaccounted, 0);
}

// A kernel whose pages are as large as two or eight of ours.
class ReturnToLargePages : public Return,
                           public testing::WithParamInterface<size_t> {
 protected:
  ReturnToLargePages() {
    unit_ = GetParam();
    discarded_ = 0;
    kernel_->page_size = [] { return unit_; };
    kernel_->discard = Discard;
    kernel_->map_at = [](void* there, size_t bytes) {
      EXPECT_EQ(bytes % unit_, 0u);
      return RealKernelCalls().map_at(there, bytes);
    };
  }

  size_t unit() const { return unit_ / kPageSize; }
  size_t discarded() const { return discarded_; }

 private:
  static bool Discard(void* start, size_t bytes) {
    EXPECT_TRUE(IsAligned(start, unit_));
    EXPECT_EQ(bytes % unit_, 0u);
    EXPECT_GT(bytes, 0u);
    discarded_ += bytes;
    return RealKernelCalls().discard(start, bytes);
  }

  static inline size_t unit_;
  static inline size_t discarded_;
  FakeKernel kernel_;
};

INSTANTIATE_TEST_SUITE_P(OfBytes, ReturnToLargePages,
                         testing::Values(16 * kKiB, 64 * kKiB),
                         [](const auto& bytes) {
                           return std::to_string(bytes.param);
                         });

// Little is free beside much that was returned.
TEST_P(ReturnToLargePages, NeverReportsMoreThanWasFree) {
  Span* front = New(2 * unit());
  Span* next = New(1);
  Free(front);
  heap().ReleaseFreeMemory();
  Span* cut = New(unit() / 2 + 1);  // from what was returned
  ASSERT_LT(cut->first.value(), next->first.value());
  Free(next);
  EXPECT_EQ(FreePages(), 1u);
  EXPECT_LE(heap().ReleaseFreeMemory(), kPageSize);
  EXPECT_LT(FreePages(), 2 * unit());
  heap().Validate();
  heap().ReleaseFreeMemory();
  EXPECT_EQ(heap().ReleaseFreeMemory(), 0u);
}

// A period's idle pages beside many that were returned before: what the kernel
// holds no memory for does not become free.
TEST_P(ReturnToLargePages, UpkeepLeavesReturnedPagesAlone) {
  Span* span = New(40 * unit());
  Free(span);
  heap().ReleaseFreeMemory();
  Span* again = New(8 * unit());
  Free(again);
  heap().ReturnIdle();
  Free(New(4 * unit()));  // half of them were used
  const size_t free = FreePages();
  heap().ReturnIdle();
  EXPECT_LE(FreePages(), free);
  EXPECT_GE(FreePages(), 4 * unit());
  heap().Validate();
}

TEST_P(ReturnToLargePages, TakesNothingFromSpansInUse) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    std::mt19937_64 random(seed);
    std::vector<std::pair<Span*, uint64_t>> owned;
    for (uint64_t step = 0; step < 3000; ++step) {
      if (owned.size() < 60 || random() % 2 == 0) {
        owned.push_back({New(1 + random() % 30), step});
        Span* span = owned.back().first;
        course::FillPattern(span->Start(), span->pages.bytes(), step);
      } else {
        std::swap(owned[random() % owned.size()], owned.back());
        const auto [span, key] = owned.back();
        const size_t bytes = span->pages.bytes();
        ASSERT_EQ(course::FirstDamage(span->Start(), bytes, key), bytes);
        Free(span);
        owned.pop_back();
      }
      if (step % 7 == 0) heap().ReturnIdle();
      if (step % 100 == 0) {
        const size_t free = heap().Footprint().free;
        ASSERT_LE(heap().ReleaseFreeMemory(), free);
      }
      if (step % 50 == 0) heap().Validate();
    }
    for (const auto& [span, key] : owned) {
      const size_t bytes = span->pages.bytes();
      ASSERT_EQ(course::FirstDamage(span->Start(), bytes, key), bytes);
    }
    EXPECT_GT(discarded(), kMiB);
  }
}

}  // namespace
}  // namespace pool
