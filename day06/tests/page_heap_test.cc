#include "pool/page_heap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/testing/seeds.h"
#include "pool/immortal.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

constexpr size_t kLongest = PageHeap::kMaxPages.value();

// A leaf of the page map comes with a chunk that reaches where no span ever
// was, wherever the kernel lets that be.
constexpr size_t kLeafBytes = 1 << 20;

// A kernel that remembers what it gave, refuses when it is told to, and aligns
// no better than it has to.
class TestKernel {
 public:
  // Each mapping begins that far behind a multiple of kPageSize.
  explicit TestKernel(size_t offset) {
    mappings_.clear();
    offset_ = offset;
    calls_ = 0;
    refuse_call_ = refuse_from_ = SIZE_MAX;
    table_ = {[] { return kSmallestKernelPage; }, Map, RealKernelCalls().unmap,
              RealKernelCalls().discard};
    previous_ = SetKernelCalls(&table_);
  }
  ~TestKernel() { SetKernelCalls(previous_); }
  TestKernel(const TestKernel&) = delete;
  TestKernel& operator=(const TestKernel&) = delete;

  size_t calls() const { return calls_; }
  // Calls are numbered from 0 on.
  void RefuseCall(size_t number) { refuse_call_ = number; }
  void RefuseFrom(size_t number) { refuse_from_ = number; }
  void Recover() { refuse_call_ = refuse_from_ = SIZE_MAX; }

  // Is every byte of the span inside one mapping?
  bool Holds(const Span* span) const {
    const uintptr_t start = span->first.value() << kPageShift;
    auto entry = mappings_.upper_bound(start);
    if (entry == mappings_.begin()) return false;
    --entry;
    return start + span->pages.bytes() <= entry->first + entry->second;
  }

 private:
  static void* Map(size_t bytes) {
    // A leaf of the page map: how many there are depends on where the memory
    // lies, so they are not numbered here, and never refused.
    if (bytes == kLeafBytes) return RealKernelCalls().map(bytes);
    const size_t call = calls_++;
    if (call == refuse_call_ || call >= refuse_from_) return nullptr;
    void* start = RealKernelCalls().map(bytes + 2 * kPageSize);
    if (start == nullptr) return nullptr;
    const uintptr_t address =
        RoundUp(reinterpret_cast<uintptr_t>(start), kPageSize) + offset_;
    mappings_[address] = bytes;
    return reinterpret_cast<void*>(address);
  }

  static inline std::map<uintptr_t, size_t> mappings_;
  static inline size_t offset_;
  static inline size_t calls_;
  static inline size_t refuse_call_;
  static inline size_t refuse_from_;
  KernelCalls table_;
  const KernelCalls* previous_;
};

// Chunks have 513 pages with the one, and 512 with the other.
constexpr size_t kAligned = 0;
constexpr size_t kMisaligned = kSmallestKernelPage;

// A heap of its own. It never gives back, as the process's does not. Its page
// map is too large for the stack.
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

void ExpectEqual(const PageHeapFootprint& a, const PageHeapFootprint& b) {
  EXPECT_EQ(a.system, b.system);
  EXPECT_EQ(a.in_use, b.in_use);
  EXPECT_EQ(a.free, b.free);
  EXPECT_EQ(a.uncut, b.uncut);
  EXPECT_EQ(a.tails, b.tails);
  // A leaf stays, when the chunk that it came for could not be used.
  EXPECT_EQ(a.metadata % kLeafBytes, b.metadata % kLeafBytes);
}

TEST(PageHeap, TakesNoMemoryBeforeTheFirstSpan) {
  TestHeap heap;
  ExpectEqual(heap.Footprint(), PageHeapFootprint{});
  heap->Validate();
}

// Each is filled to its last byte, and none overwrites another.
TEST(PageHeap, GivesASpanOfEveryLength) {
  TestHeap heap;
  std::vector<Span*> spans;
  size_t in_use = 0;
  for (size_t pages = 1; pages <= kLongest; ++pages) {
    spans.push_back(heap.New(pages));
    EXPECT_EQ(spans.back()->pages, PageCount(pages));
    EXPECT_EQ(spans.back()->state, SpanState::kInUse);
    memset(spans.back()->Start(), static_cast<int>(pages), pages * kPageSize);
    in_use += pages * kPageSize;
    EXPECT_EQ(heap.Footprint().in_use, in_use);
  }
  for (Span* span : spans) {
    const char* bytes = static_cast<const char*>(span->Start());
    const char name = static_cast<char>(span->pages.value());
    EXPECT_EQ(std::count(bytes, bytes + span->pages.bytes(), name),
              span->pages.bytes());
  }
  heap->Validate();
}

TEST(PageHeap, HandsAnExactFitOutAgain) {
  TestHeap heap;
  Span* two = heap.New(2);
  Span* three = heap.New(3);
  heap.Release(two);
  heap.Release(three);
  EXPECT_EQ(heap.Footprint().free, 5 * kPageSize);
  EXPECT_EQ(heap.Footprint().in_use, 0u);
  EXPECT_EQ(heap.New(3), three);
  EXPECT_EQ(heap.New(2), two);
  EXPECT_EQ(heap.Footprint().free, 0u);
  heap->Validate();
}

TEST(PageHeap, NeitherSplitsNorMerges) {
  TestHeap heap;
  Span* first = heap.New(2);
  Span* second = heap.New(2);
  heap.Release(first);
  heap.Release(second);
  for (const size_t pages : {1, 3, 4}) {
    Span* span = heap.New(pages);
    EXPECT_TRUE(span != first && span != second) << pages;
    EXPECT_EQ(span->pages, PageCount(pages));
  }
  EXPECT_EQ(heap.Footprint().free, 4 * kPageSize);
  heap->Validate();
}

// Over the ends of several chunks, wherever the kernel lets them begin: a span
// is whole inside its chunk, begins at a page of ours, and overlaps no other.
void FillChunks(size_t offset, size_t pages) {
  const TestKernel kernel(offset);
  TestHeap heap;
  std::map<uintptr_t, uintptr_t> taken;  // first page → the one behind the last
  while (heap.Footprint().in_use < 20 << 20) {
    Span* span = heap.New(pages);
    ASSERT_TRUE(kernel.Holds(span));
    memset(span->Start(), 1, 8);
    taken[span->first.value()] = span->End().value();
    heap->Validate();
  }
  uintptr_t end = 0;
  for (const auto& [first, behind] : taken) {
    ASSERT_GE(first, end) << "two spans overlap";
    end = behind;
  }
}

TEST(PageHeap, NoSpanCrossesTheEdgeOfAChunk) {
  for (const size_t offset : {kAligned, kMisaligned}) {
    for (const size_t pages : {3, 31, 32}) FillChunks(offset, pages);
  }
}

// Ours is larger than the kernel's, so that much may be lost at both edges of a
// chunk, and never more.
TEST(PageHeap, CountsWhatIsLostAtTheEdgesOfAChunk) {
  for (const size_t offset : {kAligned, kMisaligned}) {
    const TestKernel kernel(offset);
    TestHeap heap;
    heap.New(1);
    const PageHeapFootprint sum = heap.Footprint();
    EXPECT_EQ(sum.tails, offset == kAligned ? 0 : kPageSize);
    EXPECT_EQ(sum.uncut + kPageSize + sum.tails, sum.system);
    EXPECT_EQ(sum.uncut % kPageSize, 0u);
  }
}

// What is left of a chunk is too short for this request, but not for others.
TEST(PageHeap, TheRestOfAChunkBecomesASpan) {
  const TestKernel kernel(kMisaligned);
  TestHeap heap;
  Span* last = nullptr;
  for (int i = 0; i < 16; ++i) last = heap.New(31);
  EXPECT_EQ(heap.Footprint().uncut, 16 * kPageSize);
  const PageId end = last->End();
  heap.New(31);
  EXPECT_EQ(heap.Footprint().free, 16 * kPageSize);
  Span* rest = heap.New(16);
  EXPECT_EQ(rest->first, end);
  EXPECT_EQ(rest->pages, PageCount(16));
  EXPECT_EQ(heap.Footprint().free, 0u);
  heap->Validate();
}

TEST(PageHeap, ARefusedChunkLosesNothing) {
  TestKernel kernel(kMisaligned);
  TestHeap heap;
  kernel.RefuseFrom(0);
  EXPECT_EQ(heap.New(1), nullptr);
  ExpectEqual(heap.Footprint(), PageHeapFootprint{});
  kernel.Recover();
  std::vector<Span*> spans;
  for (int i = 0; i < 16; ++i) spans.push_back(heap.New(31));
  kernel.RefuseFrom(0);
  const PageHeapFootprint before = heap.Footprint();
  EXPECT_EQ(heap.New(31), nullptr);
  EXPECT_EQ(heap.Footprint().free + heap.Footprint().uncut, before.uncut);
  EXPECT_EQ(heap.Footprint().tails, before.tails);
  EXPECT_NE(heap.New(16), nullptr) << "there were so many in the chunk";
  heap.Release(spans.back());
  EXPECT_EQ(heap.New(31), spans.back()) << "it came back meanwhile";
  heap->Validate();
}

// The chunk is there, the Span object is not. The next call finds the chunk.
TEST(PageHeap, AChunkIsKeptWhereTheSpanIsRefused) {
  TestKernel kernel(kAligned);
  TestHeap heap;
  kernel.RefuseCall(1);
  EXPECT_EQ(heap.New(5), nullptr);
  EXPECT_EQ(kernel.calls(), 2u);
  PageHeapFootprint sum = heap.Footprint();
  EXPECT_EQ(sum.uncut, sum.system);
  EXPECT_EQ(sum.in_use, 0u);
  heap->Validate();
  EXPECT_NE(heap.New(5), nullptr);
  EXPECT_EQ(kernel.calls(), 3u);
  sum = heap.Footprint();
  EXPECT_EQ(sum.uncut + 5 * kPageSize, sum.system);
  heap->Validate();
}

// How many spans there may be before the heap needs memory for another one.
size_t SpansInOneBlock() {
  TestHeap heap;
  heap.New(1);
  const size_t metadata = heap.Footprint().metadata % kLeafBytes;
  size_t spans = 0;
  for (; heap.Footprint().metadata % kLeafBytes == metadata; ++spans) {
    heap.New(1);
  }
  return spans;
}

// No memory to remember the rest of a chunk by: it stays the rest of a chunk,
// and the new one goes back.
TEST(PageHeap, ARestThatCannotBecomeASpanIsNotLost) {
  TestKernel kernel(kMisaligned);
  size_t spans = SpansInOneBlock();
  TestHeap heap;
  // So many spans, and five pages left: the first are longer.
  const size_t chunks = (spans + 5 + 511) / 512;
  size_t surplus = chunks * 512 - 5 - spans;
  for (; spans > 0; --spans) {
    const size_t more = std::min(surplus, kLongest - 1);
    surplus -= more;
    ASSERT_NE(heap.New(1 + more), nullptr);
  }
  const PageHeapFootprint before = heap.Footprint();
  ASSERT_EQ(before.uncut, 5 * kPageSize);
  kernel.RefuseCall(kernel.calls() + 1);  // the chunk comes, the object not
  EXPECT_EQ(heap.New(kLongest), nullptr);
  ExpectEqual(heap.Footprint(), before);
  EXPECT_NE(heap.New(kLongest), nullptr);
  EXPECT_EQ(heap.Footprint().free, 5 * kPageSize);
  EXPECT_EQ(heap.Footprint().tails, before.tails + kPageSize);
  heap->Validate();
}

// Takes and gives back; what it has at the end is given back, too.
void Play(TestHeap& heap, uint64_t seed, size_t* refusals) {
  std::mt19937_64 random(seed);
  std::vector<Span*> spans;
  for (int step = 0; step < 1500; ++step) {
    if (spans.empty() || random() % 5 != 0) {
      spans.push_back(heap.New(1 + random() % kLongest));
      if (spans.back() != nullptr) continue;
      spans.pop_back();
      ++*refusals;
    } else {
      std::swap(spans[random() % spans.size()], spans.back());
      heap.Release(spans.back());
      spans.pop_back();
    }
    if (step % 20 == 0) heap->Validate();
  }
  for (Span* span : spans) heap.Release(span);
  heap->Validate();
}

TEST(PageHeap, EachCallToTheKernelMayBeRefused) {
  size_t refusals = 0;
  size_t calls = 0;
  {
    const TestKernel kernel(kMisaligned);
    TestHeap heap;
    Play(heap, 1, &refusals);
    calls = kernel.calls();
    EXPECT_EQ(refusals, 0u);
    EXPECT_GE(calls, 30u) << "too few points to refuse at";
  }
  for (size_t k = 0; k < calls; ++k) {
    SCOPED_TRACE("call " + std::to_string(k) + " was refused");
    TestKernel kernel(kMisaligned);
    kernel.RefuseCall(k);
    TestHeap heap;
    refusals = 0;
    Play(heap, 1, &refusals);
    EXPECT_LE(refusals, 1u);
    EXPECT_EQ(heap.Footprint().in_use, 0u);
    EXPECT_LE(kernel.calls(), calls + 1) << "memory was lost";
  }
}

TEST(PageHeap, AccountsForEachByteThatItTookFromTheSystem) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    std::mt19937_64 random(seed);
    const size_t mapped = ReadSystemFootprint().mapped;
    TestHeap heap;
    std::vector<Span*> spans;
    size_t in_use = 0;
    for (int step = 0; step < 2000; ++step) {
      if (spans.empty() || random() % 3 != 0) {
        spans.push_back(heap.New(1 + random() % kLongest));
        in_use += spans.back()->pages.bytes();
      } else {
        std::swap(spans[random() % spans.size()], spans.back());
        in_use -= spans.back()->pages.bytes();
        heap.Release(spans.back());
        spans.pop_back();
      }
      const PageHeapFootprint sum = heap.Footprint();
      ASSERT_EQ(sum.in_use, in_use);
      ASSERT_EQ(sum.system, sum.in_use + sum.free + sum.uncut + sum.tails);
      ASSERT_EQ(sum.system + sum.metadata,
                ReadSystemFootprint().mapped - mapped);
    }
    heap->Validate();
  }
}

TEST(PageHeapDeathTest, ASpanCannotBeReleasedTwice) {
  TestHeap heap;
  Span* span = heap.New(4);
  heap.Release(span);
  EXPECT_DEATH(heap.Release(span), "page_heap.cc:[0-9]+: CHECK failed");
}

TEST(PageHeapDeathTest, ValidateSeesASpanThatChangedBehindItsBack) {
  TestHeap heap;
  Span* span = heap.New(4);
  heap.Release(span);
  span->state = SpanState::kInUse;
  EXPECT_DEATH(heap->Validate(), "page_heap.cc:[0-9]+: CHECK failed");
}

}  // namespace
}  // namespace pool
