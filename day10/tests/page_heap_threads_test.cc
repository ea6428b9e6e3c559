// The page heap under many threads: spans under its lock, look-ups without.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "common/testing/gang.h"
#include "pool/immortal.h"
#include "pool/page_heap.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

// A heap of its own. Its page map is too large for the stack.
class TestHeap {
 public:
  PageHeap* operator->() { return &heap_->value; }
  Span* New(size_t pages) { return heap_->value.NewSpan(PageCount(pages)); }
  void Release(Span* span) { heap_->value.ReleaseSpanToPageHeap(span); }
  PageHeapFootprint Footprint() { return heap_->value.Footprint(); }

 private:
  const std::unique_ptr<Immortal<PageHeap>> heap_ =
      std::make_unique<Immortal<PageHeap>>();
};

// Each thread writes its name into its spans, and finds it again.
TEST(PageHeap, ServesManyThreadsAtOnce) {
  TestHeap heap;
  course::RunGang(8, [&](size_t member) {
    std::mt19937_64 random(member);
    std::vector<Span*> spans;
    for (int step = 0; step < 2000; ++step) {
      if (spans.empty() || (spans.size() < 20 && random() % 2 == 0)) {
        Span* span = heap.New(1 + random() % 6);
        *static_cast<size_t*>(span->Start()) = member;
        spans.push_back(span);
      } else {
        std::swap(spans[random() % spans.size()], spans.back());
        ASSERT_EQ(*static_cast<size_t*>(spans.back()->Start()), member);
        heap.Release(spans.back());
        spans.pop_back();
      }
    }
    for (Span* span : spans) heap.Release(span);
  });
  EXPECT_EQ(heap.Footprint().in_use, 0u);
  heap->Validate();
}

// Some take one span at a time, some many.
TEST(PageHeap, GivesManySpansToManyThreadsAtOnce) {
  TestHeap heap;
  std::vector<std::vector<Span*>> spans(6);
  course::RunGang(6, [&](size_t member) {
    for (size_t round = 1; round <= 20; ++round) {
      SpanList list;
      const size_t count = member % 2 == 0 ? 1 : 3 * round;
      ASSERT_TRUE(heap->NewSpans(PageCount(3), count, list));
      for (size_t i = 0; i < count; ++i) {
        Span* span = list.PopFront();
        *static_cast<size_t*>(span->Start()) = member;
        spans[member].push_back(span);
      }
      ASSERT_TRUE(list.Empty());
    }
  });
  size_t in_use = 0;
  for (size_t member = 0; member < spans.size(); ++member) {
    for (Span* span : spans[member]) {
      ASSERT_EQ(*static_cast<size_t*>(span->Start()), member);
      in_use += span->pages.bytes();
    }
  }
  EXPECT_EQ(heap.Footprint().in_use, in_use);
  heap->Validate();
}

// Threads hand the addresses of spans to each other and find the spans again,
// while the heap takes one chunk after the other from the system.
TEST(PageHeap, AnyThreadFindsASpanWhileOthersAreCut) {
  constexpr size_t kSpans = 2000;
  TestHeap heap;
  std::vector<std::atomic<void*>> starts(kSpans);
  std::atomic<size_t> next{0};
  course::RunGang(4, [&](size_t) {
    for (size_t i = next++; i < kSpans; i = next++) {
      Span* span = heap.New(1 + i % 32);
      starts[i].store(span->Start(), std::memory_order_release);
      for (size_t k = i + 1; k-- > 0 && k + 20 > i;) {
        const void* start = starts[k].load(std::memory_order_acquire);
        if (start == nullptr) continue;  // another is about to cut it
        const Span* found = heap->MapObjectToSpan(start);
        ASSERT_NE(found, nullptr);
        ASSERT_EQ(found->Start(), start);
        ASSERT_EQ(found->pages, PageCount(1 + k % 32));
      }
    }
  });
  heap->Validate();
}

// Has another thread do what the test wants while the heap waits for memory.
std::function<void()> at_next_map;

void* MapLater(size_t bytes) {
  const auto action = std::exchange(at_next_map, nullptr);
  if (action) std::thread(action).join();
  return RealKernelCalls().map(bytes);
}

// Whoever took the heap's lock to look would wait for ever.
TEST(PageHeap, FindsASpanWhileTheLockIsHeld) {
  KernelCalls calls = RealKernelCalls();
  calls.map = MapLater;
  calls.map_at = nullptr;  // all chunks come from MapLater
  TestHeap heap;
  Span* span = heap.New(32);
  const Span* found = nullptr;
  const KernelCalls* previous = SetKernelCalls(&calls);
  at_next_map = [&] { found = heap->MapObjectToSpan(span->Start()); };
  while (at_next_map) heap.New(32);
  SetKernelCalls(previous);
  EXPECT_EQ(found, span);
}

}  // namespace
}  // namespace pool
