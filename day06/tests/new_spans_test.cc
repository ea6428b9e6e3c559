// The page heap: many spans at once, and the span that a page leads to.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "pool/immortal.h"
#include "pool/page_heap.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kGiB = size_t{1} << 30;  // what a leaf of the page map is for
constexpr size_t kLeafBytes = kMiB;
constexpr size_t kChunkPages = 512;  // what one visit to the kernel brings

// A kernel that gives one piece behind the other, so that each run makes the
// same calls, and refuses when it is told to.
class TestKernel {
 public:
  // The first piece begins so far before a border of the page map's leaves.
  explicit TestKernel(size_t before_border = 0) {
    reserved_ = mmap(nullptr, 3 * kGiB, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved_ == MAP_FAILED) throw std::bad_alloc();
    end_ = RoundUp(reinterpret_cast<uintptr_t>(reserved_), kGiB) + 2 * kGiB;
    next_ = end_ - kGiB - before_border;
    pieces_.clear();
    Recover();
    table_ = {[] { return kSmallestKernelPage; }, Map, Unmap,
              RealKernelCalls().discard};
    previous_ = SetKernelCalls(&table_);
  }
  ~TestKernel() {
    SetKernelCalls(previous_);
    munmap(reserved_, 3 * kGiB);
  }
  TestKernel(const TestKernel&) = delete;
  TestKernel& operator=(const TestKernel&) = delete;

  size_t calls() const { return pieces_.size(); }
  size_t bytes_of_call(size_t number) const { return pieces_[number]; }
  // Calls are numbered from 0 on.
  void RefuseCall(size_t number) { refuse_call_ = number; }
  void RefuseFrom(size_t number) { refuse_from_ = number; }
  void Recover() { refuse_call_ = refuse_from_ = SIZE_MAX; }

 private:
  static void* Map(size_t bytes) {
    const size_t call = pieces_.size();
    pieces_.push_back(bytes);
    if (call == refuse_call_ || call >= refuse_from_) return nullptr;
    // No better aligned than a kernel has to.
    const uintptr_t start =
        RoundUp(next_, kPageSize) + kPageSize - kSmallestKernelPage;
    if (bytes > end_ - start) return nullptr;
    next_ = start + bytes;
    void* piece = reinterpret_cast<void*>(start);
    mprotect(piece, bytes, PROT_READ | PROT_WRITE);
    return piece;
  }
  // Nobody else gets these addresses as long as this kernel is there.
  static bool Unmap(void* start, size_t bytes) {
    return mprotect(start, bytes, PROT_NONE) == 0;
  }

  static inline std::vector<size_t> pieces_;  // their bytes
  static inline uintptr_t next_, end_;
  static inline size_t refuse_call_, refuse_from_;
  void* reserved_;
  KernelCalls table_;
  const KernelCalls* previous_;
};

// A heap of its own. It never gives back, as the process's does not. Its page
// map is too large for the stack.
class TestHeap {
 public:
  PageHeap* operator->() { return &heap_->value; }
  Span* New(size_t pages) { return heap_->value.NewSpan(PageCount(pages)); }
  void Release(Span* span) { heap_->value.ReleaseSpanToPageHeap(span); }
  PageHeapFootprint Footprint() { return heap_->value.Footprint(); }

  // Many at once; empty, if they are refused.
  std::vector<Span*> NewMany(size_t pages, size_t count) {
    SpanList list;
    std::vector<Span*> spans;
    const bool served = heap_->value.NewSpans(PageCount(pages), count, list);
    while (Span* span = list.PopFront()) spans.push_back(span);
    EXPECT_EQ(spans.size(), served ? count : 0);
    return spans;
  }

  // Is each page of the span, from its first byte to its last, known as its?
  bool Knows(Span* span) {
    const char* start = static_cast<const char*>(span->Start());
    for (size_t i = 0; i < span->pages.bytes(); i += kPageSize) {
      if (heap_->value.MapObjectToSpan(start + i) != span) return false;
      if (heap_->value.MapObjectToSpan(start + i + kPageSize - 1) != span) {
        return false;
      }
    }
    return true;
  }

 private:
  const std::unique_ptr<Immortal<PageHeap>> heap_ =
      std::make_unique<Immortal<PageHeap>>();
};

void ExpectEqual(const PageHeapFootprint& a, const PageHeapFootprint& b) {
  EXPECT_EQ(a.system, b.system);
  EXPECT_EQ(a.in_use, b.in_use);
  EXPECT_EQ(a.free, b.free);
  EXPECT_EQ(a.uncut, b.uncut);
  EXPECT_EQ(a.tails, b.tails);
  EXPECT_EQ(a.metadata, b.metadata);
}

TEST(PageHeap, EachPageOfASpanLeadsToItForEver) {
  TestHeap heap;
  EXPECT_EQ(heap->MapObjectToSpan(&heap), nullptr) << "it is nobody's";
  EXPECT_EQ(heap->MapObjectToSpan(nullptr), nullptr);
  std::vector<Span*> spans;
  for (size_t pages = 1; pages <= PageHeap::kMaxPages.value(); ++pages) {
    Span* span = heap.New(pages);
    EXPECT_TRUE(heap.Knows(span)) << pages;
    EXPECT_EQ(heap->MapObjectToSpan(span->End().Start()), nullptr)
        << "not cut yet";
    spans.push_back(span);
  }
  for (Span* span : spans) heap.Release(span);
  for (Span* span : spans) EXPECT_TRUE(heap.Knows(span));
  for (Span* span : spans) EXPECT_EQ(heap.New(span->pages.value()), span);
  for (Span* span : spans) EXPECT_TRUE(heap.Knows(span));
}

// The last span that fits lies on both sides.
TEST(PageHeap, ASpanMayCrossTheBorderOfALeaf) {
  for (const size_t pages : {1, 2, 31, 32}) {
    const TestKernel kernel(2 * kMiB);
    TestHeap heap;
    for (size_t i = 0; i < kChunkPages / pages; ++i) {
      Span* span = heap.New(pages);
      ASSERT_TRUE(heap.Knows(span)) << pages << " pages, span " << i;
    }
    EXPECT_EQ(kernel.calls(), 4u) << "a chunk, two leaves, the Span objects";
    heap->Validate();
  }
}

TEST(PageHeap, GivesManySpansAtOnce) {
  for (const size_t pages : {1, 3, 8, 32}) {
    TestHeap heap;
    const std::vector<Span*> spans = heap.NewMany(pages, 70);
    std::set<uintptr_t> taken;
    for (Span* span : spans) {
      EXPECT_EQ(span->pages, PageCount(pages));
      EXPECT_EQ(span->state, SpanState::kInUse);
      EXPECT_TRUE(heap.Knows(span));
      for (size_t i = 0; i < pages; ++i) {
        EXPECT_TRUE(taken.insert(span->first.value() + i).second);
      }
    }
    EXPECT_EQ(taken.size(), 70 * pages);
    EXPECT_EQ(heap.Footprint().in_use, 70 * pages * kPageSize);
    heap->Validate();
    for (Span* span : spans) heap.Release(span);
    EXPECT_EQ(heap.Footprint().free, 70 * pages * kPageSize);
    heap->Validate();
  }
}

TEST(PageHeap, NoSpansAtOnceAreNoTrouble) {
  const TestKernel kernel;
  TestHeap heap;
  EXPECT_TRUE(heap.NewMany(4, 0).empty());
  EXPECT_EQ(kernel.calls(), 0u);
}

TEST(PageHeap, ManySpansAtOnceAreThoseThatCameBackFirst) {
  const TestKernel kernel;
  TestHeap heap;
  const std::vector<Span*> before = heap.NewMany(4, 10);
  for (Span* span : before) heap.Release(span);
  const std::vector<Span*> after = heap.NewMany(4, 15);
  const std::set<Span*> all(after.begin(), after.end());
  EXPECT_EQ(all.size(), 15u);
  for (Span* span : before) EXPECT_EQ(all.count(span), 1u);
  EXPECT_EQ(heap.Footprint().free, 0u);
  EXPECT_EQ(kernel.calls(), 3u) << "one chunk, one leaf, the Span objects";
}

TEST(PageHeap, AsksTheKernelOnceForAllThatIsMissing) {
  const TestKernel kernel;
  TestHeap heap;
  EXPECT_EQ(heap.NewMany(32, 100).size(), 100u);
  EXPECT_EQ(kernel.calls(), 3u) << "one chunk, one leaf, the Span objects";
  EXPECT_EQ(kernel.bytes_of_call(0), (32 * 100 + 1) * kPageSize);
  EXPECT_EQ(heap.Footprint().uncut, 0u);
  EXPECT_EQ(heap.NewMany(32, 10).size(), 10u);
  EXPECT_EQ(kernel.bytes_of_call(3), (kChunkPages + 1) * kPageSize)
      << "a chunk is never shorter than usual";
  EXPECT_EQ(heap.NewMany(32, 6).size(), 6u);
  EXPECT_EQ(kernel.calls(), 4u) << "there was room for that many";
  heap->Validate();
}

// All that is left, up to the whole chunk but for a page, in the longest spans
// that there are.
TEST(PageHeap, TheRestOfAChunkBecomesSpans) {
  for (const size_t taken : {1, 2, 31, 32, 100, 480, 481, 511, 512}) {
    const TestKernel kernel;
    TestHeap heap;
    const uintptr_t end = heap.New(1)->first.value() + kChunkPages;
    for (size_t i = 1; i < taken; ++i) heap.New(1);
    const size_t left = kChunkPages - taken;
    ASSERT_EQ(heap.NewMany(29, 18).size(), 18u) << "more than a usual chunk";
    EXPECT_EQ(heap.Footprint().free, left * kPageSize) << taken;
    const size_t calls = kernel.calls();
    for (size_t i = 0; i < left / 32; ++i) {
      Span* span = heap.New(32);
      EXPECT_LE(span->End().value(), end) << "it is of the new chunk";
      EXPECT_TRUE(heap.Knows(span));
    }
    if (left % 32 != 0) {
      EXPECT_TRUE(heap.Knows(heap.New(left % 32)));
    }
    EXPECT_EQ(heap.Footprint().free, 0u) << taken;
    EXPECT_EQ(kernel.calls(), calls);
    heap->Validate();
  }
}

constexpr size_t kMany = 3000;  // spans of two pages; some are there already

// In a heap that has spans of its own, some of them free.
void RefuseManySpans(TestKernel& kernel, bool all, size_t k) {
  TestHeap heap;
  std::vector<Span*> mine = heap.NewMany(2, 10);
  for (size_t i = 0; i < 5; ++i) heap.Release(mine[i]);
  const PageHeapFootprint before = heap.Footprint();
  const size_t calls = kernel.calls();
  all ? kernel.RefuseFrom(calls + k) : kernel.RefuseCall(calls + k);
  EXPECT_TRUE(heap.NewMany(2, kMany).empty());
  EXPECT_EQ(kernel.calls(), calls + k + 1) << "it gave up at the first refusal";
  EXPECT_EQ(heap.Footprint().in_use, before.in_use) << "all or none";
  if (k == 0) ExpectEqual(heap.Footprint(), before);
  heap->Validate();
  kernel.Recover();
  const std::vector<Span*> many = heap.NewMany(2, kMany);
  EXPECT_EQ(std::set<Span*>(many.begin(), many.end()).size(), kMany);
  EXPECT_EQ(heap.Footprint().in_use, (kMany + 5) * 2 * kPageSize);
  EXPECT_EQ(heap.Footprint().system,
            before.system + (2 * (kMany - 5) + 1) * kPageSize)
      << "the chunk was asked for twice";
  heap->Validate();
}

// The chunk, its second leaf, and each block of Span objects.
TEST(PageHeap, GivesManySpansOrNone) {
  size_t calls = 0;
  {
    const TestKernel kernel(20 * kMiB);
    TestHeap heap;
    heap.NewMany(2, 10);
    calls = kernel.calls();
    heap.NewMany(2, kMany + 5);
    calls = kernel.calls() - calls;
    EXPECT_GE(calls, 4u);
  }
  for (size_t k = 0; k < calls; ++k) {
    for (const bool all : {false, true}) {
      SCOPED_TRACE("refused: " + std::to_string(k) + (all ? ", all" : ""));
      TestKernel kernel(20 * kMiB);
      RefuseManySpans(kernel, all, k);
    }
  }
}

TEST(PageHeap, ManySpansThatCannotBeCostNothing) {
  const TestKernel kernel;
  TestHeap heap;
  heap.Release(heap.New(32));
  const PageHeapFootprint before = heap.Footprint();
  for (const size_t count : {size_t{1} << 20, size_t{1} << 40,
                             kMaxBytes / PageHeap::kMaxPages.bytes()}) {
    EXPECT_TRUE(heap.NewMany(32, count).empty()) << count;
    ExpectEqual(heap.Footprint(), before);
  }
  heap->Validate();
}

// A chunk whose pages would be on no leaf goes back, and the one before stays.
TEST(PageHeap, AChunkWhoseLeafIsRefusedGoesBack) {
  for (const size_t k : {1, 2}) {
    TestKernel kernel(2 * kMiB);
    const size_t mapped = ReadSystemFootprint().mapped;
    TestHeap heap;
    kernel.RefuseCall(k);
    EXPECT_EQ(heap.New(5), nullptr);
    EXPECT_EQ(heap.Footprint().system, 0u);
    EXPECT_EQ(heap.Footprint().metadata, (k - 1) * kLeafBytes);
    EXPECT_EQ(ReadSystemFootprint().mapped, mapped + (k - 1) * kLeafBytes);
    heap->Validate();
    EXPECT_NE(heap.New(5), nullptr);
    heap->Validate();
  }
}

TEST(PageHeap, ARefusedLeafLeavesTheChunkBeforeAsItWas) {
  // A chunk, a leaf, the Span objects; the next chunk crosses the border.
  TestKernel kernel(6 * kMiB);
  TestHeap heap;
  heap.New(10);
  ASSERT_EQ(kernel.calls(), 3u);
  const PageHeapFootprint before = heap.Footprint();
  kernel.RefuseFrom(4);
  EXPECT_TRUE(heap.NewMany(32, 30).empty());
  ASSERT_EQ(kernel.calls(), 5u);
  ExpectEqual(heap.Footprint(), before);
  heap->Validate();
  for (size_t left = kChunkPages - 10; left >= 32; left -= 32) {
    EXPECT_TRUE(heap.Knows(heap.New(32)));
  }
  EXPECT_EQ(kernel.calls(), 5u);
  EXPECT_EQ(heap.New(32), nullptr);
  heap->Validate();
}

}  // namespace
}  // namespace pool
