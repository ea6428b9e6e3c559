// What the heap map knows of the heap: every span, as it is, and none twice.
#include "pool/heap_map.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "common/testing/json_schema.h"
#include "common/testing/kernel_faults.h"
#include "heap_map_reader.h"
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/system_memory.h"
#include "pool/thread_cache.h"

namespace pool {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

// Blocks that go back when the test ends.
class Blocks {
 public:
  ~Blocks() {
    for (void* block : blocks_) Deallocate(block);
  }
  void* Take(size_t bytes) {
    blocks_.push_back(Allocate(bytes));
    EXPECT_NE(blocks_.back(), nullptr);
    return blocks_.back();
  }
  void FreeOne(size_t i) {
    std::swap(blocks_[i], blocks_.back());
    Deallocate(blocks_.back());
    blocks_.pop_back();
  }
  size_t size() const { return blocks_.size(); }

 private:
  std::vector<void*> blocks_;
};

// Many sizes, half of them free again, some of that returned.
void MakeMixedHeap(Blocks& blocks) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 2000; ++i) {
      blocks.Take(1 + random() % (size_t{1} << (3 + random() % 17)));
    }
    while (blocks.size() > 500) blocks.FreeOne(random() % blocks.size());
    if (round == 1) ReleaseFreeMemory();
  }
}

TEST(HeapMap, AnEmptyHeapHasNoSpans) {
  if (PageHeap::Get().Footprint().system > 0) {
    GTEST_SKIP() << "another test of this process has made a heap";
  }
  EXPECT_TRUE(SpansOf(HeapMapJson()).empty());
}

TEST(HeapMap, EverySpanIsThereAsItIs) {
  Blocks blocks;
  MakeMixedHeap(blocks);
  const std::vector<ReadSpan> spans = SpansOf(HeapMapJson());
  ExpectInOrder(spans);
  size_t bytes = 0;
  for (const ReadSpan& span : spans) {
    bytes += span.pages.bytes();
    const Span* real = PageHeap::Get().MapObjectToSpan(span.first.Start());
    ASSERT_NE(real, nullptr);
    EXPECT_EQ(span.first, real->first);
    EXPECT_EQ(span.pages, real->pages);
    const char* state = real->state == SpanState::kFree       ? "free"
                        : real->state == SpanState::kReturned ? "returned"
                        : real->HoldsClass()                  ? "objects"
                                                              : "large";
    EXPECT_EQ(span.state, state);
    if (!span.HasObjects()) continue;
    EXPECT_EQ(span.size, real->size);
    EXPECT_EQ(span.allocated, real->allocated);
    EXPECT_EQ(span.carved, real->carved);
    EXPECT_EQ(span.capacity, real->capacity);
  }
  EXPECT_EQ(bytes, PageHeap::Get().Footprint().system);
}

TEST(HeapMap, TotalsAgreeWithTheLayers) {
  Blocks blocks;
  MakeMixedHeap(blocks);
  const course::JsonValue map = HeapMapJson();
  const course::JsonValue& totals = map["totals"];
  const CentralCacheFootprint central = CentralCache::Get().Footprint();
  const PageHeapFootprint heap = PageHeap::Get().Footprint();
  EXPECT_GT(central.free, 0u);
  EXPECT_GT(heap.free, 0u);
  EXPECT_GT(heap.returned, 0u);
  EXPECT_EQ(totals["spans"].Unsigned(), map["spans"].items.size());
  EXPECT_EQ(totals["bytes"].Unsigned(), heap.system);
  // What is in a depot is out of its span, as the map sees it.
  EXPECT_GE(totals["out"].Unsigned(), central.out);
  EXPECT_EQ(totals["out"].Unsigned() + totals["back"].Unsigned(),
            central.out + central.free);
  EXPECT_EQ(totals["uncarved"].Unsigned(), central.uncarved);
  EXPECT_EQ(totals["tails"].Unsigned(), central.tails);
  EXPECT_EQ(totals["large"].Unsigned(), heap.in_use - central.spans);
  EXPECT_EQ(totals["free"].Unsigned(), heap.free);
  EXPECT_EQ(totals["returned"].Unsigned(), heap.returned);
}

// 5,000 bytes are served from the class of 5,120. Of these, 64 KiB have room
// for twelve, and 4,096 bytes are left over.
TEST(HeapMap, TailsAreLeftOverAtTheEnd) {
  ReleaseFreeMemory();
  Blocks blocks;
  const void* const block = blocks.Take(5000);
  const ReadSpan span = SpanOf(SpansOf(HeapMapJson()), block);
  EXPECT_EQ(span.state, "objects");
  EXPECT_EQ(span.pages.bytes(), 64 * kKiB);
  EXPECT_EQ(span.size, 5120u);
  EXPECT_EQ(span.capacity, 12u);
  EXPECT_EQ(span.Tail(), 4096u);
  EXPECT_GE(span.allocated, 1u);
}

TEST(HeapMap, ALargeBlockIsASpanOfItsOwn) {
  Blocks blocks;
  const void* const block = blocks.Take(300 * kKiB);
  const ReadSpan span = SpanOf(SpansOf(HeapMapJson()), block);
  EXPECT_EQ(span.state, "large");
  EXPECT_EQ(span.first.Start(), block);
  EXPECT_EQ(span.pages.bytes(), RoundUp(300 * kKiB, kPageSize));
}

TEST(HeapMap, PagesAreFreeAndThenReturned) {
  void* const block = Allocate(3 * kMiB);
  Deallocate(block);
  EXPECT_EQ(SpanOf(SpansOf(HeapMapJson()), block).state, "free");
  ReleaseFreeMemory();
  EXPECT_EQ(SpanOf(SpansOf(HeapMapJson()), block).state, "returned");
}

// An idle span that was reserved has nothing out.
TEST(HeapMap, AReservedSpanIsOfItsClass) {
  ASSERT_TRUE(Reserve(3000, 400));
  size_t idle = 0;
  for (const ReadSpan& span : SpansOf(HeapMapJson())) {
    if (span.size == 3072 && span.allocated == 0) ++idle;
  }
  EXPECT_GT(idle, 0u);
  ReleaseFreeMemory();
}

std::string SchemaText() {
  std::ostringstream text;
  text << std::ifstream(COURSE_DOCS "/heap_map.schema.json").rdbuf();
  return text.str();
}

TEST(HeapMap, KeepsToItsSchema) {
  const course::JsonSchema schema(SchemaText());
  EXPECT_EQ(schema.WhatBreaks(HeapMapJson()), "");
  Blocks blocks;
  MakeMixedHeap(blocks);
  const course::JsonValue map = HeapMapJson();
  EXPECT_EQ(schema.WhatBreaks(map), "");
  for (size_t i = 0; i < map.fields.size(); ++i) {
    course::JsonValue without = map;
    without.fields.erase(without.fields.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_NE(schema.WhatBreaks(without), "") << map.fields[i].first;
  }
  course::JsonValue more = map;
  more.fields.emplace_back("more", course::JsonValue{});
  EXPECT_NE(schema.WhatBreaks(more), "");
}

TEST(HeapMap, ItsMemoryGoesBack) {
  Blocks blocks;
  MakeMixedHeap(blocks);
  const size_t mapped = ReadSystemFootprint().mapped;
  errno = EILSEQ;
  for (const HeapMapForm form : {HeapMapForm::kJson, HeapMapForm::kSvg}) {
    const std::string text = HeapMapText(form);
    EXPECT_EQ(HeapMapText(form), text) << "to look changes what is seen";
  }
  EXPECT_EQ(errno, EILSEQ);
  EXPECT_EQ(ReadSystemFootprint().mapped, mapped);
}

TEST(HeapMap, SaysSoIfThereIsNoMemoryForIt) {
  Blocks blocks;
  MakeMixedHeap(blocks);
  const std::string before = HeapMapText(HeapMapForm::kJson);
  const size_t mapped = ReadSystemFootprint().mapped;
  course::KernelFaults kernel;
  for (const HeapMapForm form : {HeapMapForm::kJson, HeapMapForm::kSvg}) {
    kernel.Restart();
    kernel.RefuseAll(course::KernelCall::kMap);
    errno = 0;
    std::string text;
    {
      Output output(AppendTo, &text);
      EXPECT_FALSE(DrawHeapMap(form, output));
    }
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_EQ(text, "");
    EXPECT_EQ(kernel.refused(), 1u);
  }
  kernel.Recover();
  EXPECT_EQ(ReadSystemFootprint().mapped, mapped);
  EXPECT_EQ(HeapMapText(HeapMapForm::kJson), before);
}

// A kernel that is slow: while it finds memory for the map, the heap grows to
// more spans than the map has room for. It has to ask again, and the second
// time is enough.
class SlowKernel {
 public:
  explicit SlowKernel(Blocks& blocks) {
    blocks_ = &blocks;
    table_ = RealKernelCalls();
    table_.map_at = nullptr;
    table_.map = [](size_t bytes) {
      if (Blocks* grows = std::exchange(blocks_, nullptr)) {
        for (int i = 0; i < 1000; ++i) grows->Take(257 * kKiB);
      }
      return RealKernelCalls().map(bytes);
    };
    SetKernelCalls(&table_);
  }
  ~SlowKernel() { SetKernelCalls(&RealKernelCalls()); }

 private:
  inline static Blocks* blocks_ = nullptr;
  KernelCalls table_;
};

TEST(HeapMap, AHeapThatGrowsMeanwhileIsReadAgain) {
  Blocks blocks;
  blocks.Take(257 * kKiB);
  size_t mapped = 0;
  std::vector<ReadSpan> spans;
  {
    const SlowKernel kernel(blocks);
    spans = SpansOf(HeapMapJson());
    mapped = ReadSystemFootprint().mapped;
  }
  ExpectInOrder(spans);
  EXPECT_GE(spans.size(), 1000u);
  size_t bytes = 0;
  for (const ReadSpan& span : spans) bytes += span.pages.bytes();
  const PageHeapFootprint heap = PageHeap::Get().Footprint();
  EXPECT_EQ(bytes, heap.system);
  EXPECT_EQ(mapped,
            heap.system + heap.metadata + ThreadCache::Footprint().metadata);
}

}  // namespace
}  // namespace pool
