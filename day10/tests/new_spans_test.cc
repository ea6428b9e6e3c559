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
  // The calls for chunks, by their bytes: all else is no longer than a leaf.
  std::vector<size_t> chunks() const {
    std::vector<size_t> chunks;
    for (const size_t bytes : pieces_) {
      if (bytes > kLeafBytes) chunks.push_back(bytes);
    }
    return chunks;
  }
  PageId border() const { return PageId::Of(ToPointer(end_ - kGiB)); }
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
    void* piece = ToPointer(start);
    mprotect(piece, bytes, PROT_READ | PROT_WRITE);
    return piece;
  }
  // Nobody else gets these addresses as long as this kernel is there.
  static bool Unmap(void* start, size_t bytes) {
    return mprotect(start, bytes, PROT_NONE) == 0;
  }

  static void* ToPointer(uintptr_t address) {
    return reinterpret_cast<void*>(address);
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

void ExpectNothingLost(const PageHeapFootprint& after,
                       const PageHeapFootprint& before) {
  EXPECT_EQ(after.system, before.system);
  EXPECT_EQ(after.in_use, before.in_use);
  EXPECT_EQ(after.free, before.free);
  EXPECT_EQ(after.returned, before.returned);
  EXPECT_EQ(after.metadata, before.metadata);
}

// When it is free, they lead to no span that is in use.
TEST(PageHeap, EachPageOfASpanLeadsToItWhileItIsInUse) {
  TestHeap heap;
  EXPECT_EQ(heap->MapObjectToSpan(&heap), nullptr) << "it is nobody's";
  EXPECT_EQ(heap->MapObjectToSpan(nullptr), nullptr);
  std::vector<void*> starts;
  for (int time = 0; time < 2; ++time) {
    std::vector<Span*> spans;
    for (size_t pages = 1; pages <= 40; ++pages) {
      spans.push_back(heap.New(pages));
      EXPECT_TRUE(heap.Knows(spans.back())) << pages;
      starts.push_back(spans.back()->Start());
    }
    for (Span* span : spans) EXPECT_TRUE(heap.Knows(span));
    for (Span* span : spans) heap.Release(span);
    for (const void* start : starts) {
      const Span* span = heap->MapObjectToSpan(start);
      EXPECT_TRUE(span == nullptr || span->state != SpanState::kInUse);
    }
  }
  heap->Validate();
}

// The last page before it and the first behind it are both handed out: in one
// span, or in two.
TEST(PageHeap, ASpanMayCrossTheBorderOfALeaf) {
  for (const size_t pages : {1, 2, 31, 32, 300}) {
    const TestKernel kernel(2 * kMiB);
    TestHeap heap;
    while (!(kernel.border() < heap.New(pages)->End())) continue;
    for (const PageId page :
         {kernel.border() - PageCount(1), kernel.border()}) {
      Span* span = heap->MapObjectToSpan(page.Start());
      ASSERT_NE(span, nullptr) << pages;
      EXPECT_EQ(span->state, SpanState::kInUse);
      EXPECT_TRUE(heap.Knows(span)) << pages;
    }
    EXPECT_EQ(kernel.chunks().size(), 1u);
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
  std::set<void*> before;
  const std::vector<Span*> spans = heap.NewMany(4, 10);
  for (Span* span : spans) before.insert(span->Start());
  for (Span* span : spans) heap.Release(span);
  std::set<void*> after;
  for (Span* span : heap.NewMany(4, 15)) after.insert(span->Start());
  EXPECT_EQ(after.size(), 15u);
  for (void* start : before) EXPECT_EQ(after.count(start), 1u);
  EXPECT_EQ(heap.Footprint().free, 0u);
  EXPECT_EQ(kernel.chunks().size(), 1u);
}

TEST(PageHeap, AsksTheKernelOnceForAllThatIsMissing) {
  const TestKernel kernel;
  TestHeap heap;
  EXPECT_EQ(heap.NewMany(32, 100).size(), 100u);
  EXPECT_EQ(kernel.chunks(), std::vector<size_t>{(32 * 100 + 1) * kPageSize});
  EXPECT_EQ(heap.Footprint().returned, 0u);
  EXPECT_EQ(heap.NewMany(32, 10).size(), 10u);
  EXPECT_EQ(kernel.chunks().back(), (2048 + 1) * kPageSize)
      << "a chunk is never shorter than usual";
  EXPECT_EQ(heap.NewMany(32, 54).size(), 54u);
  EXPECT_EQ(kernel.chunks().size(), 2u) << "there was room for that many";
  EXPECT_EQ(heap.Footprint().returned, 0u);
  heap->Validate();
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
  if (k == 0) ExpectNothingLost(heap.Footprint(), before);
  heap->Validate();
  kernel.Recover();
  const std::vector<Span*> many = heap.NewMany(2, kMany);
  EXPECT_EQ(std::set<Span*>(many.begin(), many.end()).size(), kMany);
  EXPECT_EQ(heap.Footprint().in_use, (kMany + 5) * 2 * kPageSize);
  EXPECT_LE(heap.Footprint().system,
            before.system + (2 * kMany + 1) * kPageSize)
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
  for (const size_t count :
       {size_t{1} << 20, size_t{1} << 40, kMaxBytes / (32 * kPageSize)}) {
    EXPECT_TRUE(heap.NewMany(32, count).empty()) << count;
    ExpectNothingLost(heap.Footprint(), before);
  }
  heap->Validate();
}

// A chunk whose pages would be on no leaf goes back. (The calls: Span objects,
// a chunk, its two leaves.)
TEST(PageHeap, AChunkWhoseLeafIsRefusedGoesBack) {
  for (const size_t k : {2, 3}) {
    TestKernel kernel(2 * kMiB);
    const size_t mapped = ReadSystemFootprint().mapped;
    TestHeap heap;
    kernel.RefuseFrom(k);
    EXPECT_EQ(heap.New(5), nullptr);
    EXPECT_EQ(heap.Footprint().system, 0u);
    const size_t metadata = heap.Footprint().metadata;
    EXPECT_GE(metadata, (k - 2) * kLeafBytes);
    EXPECT_EQ(ReadSystemFootprint().mapped, mapped + metadata);
    heap->Validate();
    kernel.Recover();
    EXPECT_TRUE(heap.Knows(heap.New(5)));
    heap->Validate();
  }
}

TEST(PageHeap, ARefusedLeafLeavesTheChunkBeforeAsItWas) {
  // Span objects, a chunk, a leaf; the next chunk crosses the border.
  TestKernel kernel(6 * kMiB);
  TestHeap heap;
  heap.New(8);
  ASSERT_EQ(kernel.calls(), 3u);
  const PageHeapFootprint before = heap.Footprint();
  kernel.RefuseFrom(4);
  EXPECT_TRUE(heap.NewMany(32, 30).empty());
  EXPECT_EQ(kernel.chunks().size(), 3u) << "one too long, and a shorter one";
  ExpectNothingLost(heap.Footprint(), before);
  heap->Validate();
  for (size_t i = 0; i < before.returned / kPageSize / 32; ++i) {
    EXPECT_TRUE(heap.Knows(heap.New(32)));
  }
  EXPECT_EQ(kernel.chunks().size(), 3u);
  EXPECT_EQ(heap.New(32), nullptr);
  heap->Validate();
}

}  // namespace
}  // namespace pool
