#include "pool/page_map.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/kernel_faults.h"
#include "common/testing/seeds.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

// A page map never looks at the pages, so these need not be there.
constexpr uintptr_t kSomePage = 0x7F00'1234'5000 >> kPageShift;

// A leaf has the pages of one gigabyte, and a word for each.
constexpr uintptr_t kLeafPages = (1 << 30) >> kPageShift;
constexpr size_t kLeafBytes = kLeafPages * sizeof(Span*);
// The first page of a leaf.
constexpr uintptr_t kBorder = 0x7F00'4000'0000 >> kPageShift;
// The page behind the last that an address of 48 bits can have.
constexpr uintptr_t kEnd = uintptr_t{1} << (48 - kPageShift);

void Place(Span* span, uintptr_t first, size_t pages) {
  span->first = PageId(first);
  span->pages = PageCount(pages);
}

// A page map and the spans that it knows. The map is too large for the stack.
class TestMap {
 public:
  TestMap() : before_(ReadSystemFootprint().mapped) {}

  PageMap* operator->() { return map_.get(); }
  Span* Find(uintptr_t page) const { return map_->Find(PageId(page)); }
  bool Prepare(uintptr_t first, size_t pages) {
    return map_->Prepare(PageId(first), PageCount(pages));
  }
  Span* Insert(uintptr_t first, size_t pages) {
    Span* span = &spans_.emplace_back();
    Place(span, first, pages);
    EXPECT_TRUE(map_->Prepare(span->first, span->pages));
    map_->Set(span->first, span->pages, span);
    return span;
  }
  // Bytes taken from the system by whoever calls it meanwhile: by the map.
  size_t Mapped() const { return ReadSystemFootprint().mapped - before_; }

 private:
  const size_t before_;
  const std::unique_ptr<PageMap> map_ = std::make_unique<PageMap>();
  std::deque<Span> spans_;
};

TEST(PageMap, KnowsNoPageAtFirstAndTakesNoMemory) {
  TestMap map;
  EXPECT_EQ(map.Find(kSomePage), nullptr);
  EXPECT_EQ(map.Find(0), nullptr);
  EXPECT_EQ(map.Find(kEnd - 1), nullptr);
  EXPECT_EQ(map->Footprint(), 0u);
  EXPECT_EQ(map.Mapped(), 0u);
}

TEST(PageMap, EachPageOfASpanLeadsToItAndNoOtherDoes) {
  for (size_t pages = 1; pages <= 32; ++pages) {
    TestMap map;
    Span* span = map.Insert(kSomePage, pages);
    for (size_t i = 0; i < pages; ++i) {
      EXPECT_EQ(map.Find(kSomePage + i), span) << i << " of " << pages;
    }
    EXPECT_EQ(map.Find(kSomePage - 1), nullptr);
    EXPECT_EQ(map.Find(kSomePage + pages), nullptr);
  }
}

// Its pages may serve a span of another length afterwards.
TEST(PageMap, ASpanMayTakeThePlaceOfAnother) {
  TestMap map;
  map.Insert(kSomePage, 4);
  Span* beside = map.Insert(kSomePage + 4, 4);
  Span* one = map.Insert(kSomePage, 1);
  Span* three = map.Insert(kSomePage + 1, 3);
  EXPECT_EQ(map.Find(kSomePage), one);
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(map.Find(kSomePage + i), three);
  for (size_t i = 4; i < 8; ++i) EXPECT_EQ(map.Find(kSomePage + i), beside);
}

// Each of the 35 bits of a page's number counts, and no two for the same.
TEST(PageMap, ServesPagesWhereverTheyAre) {
  TestMap map;
  std::map<uintptr_t, Span*> spans;
  for (uintptr_t page = 1; page < kEnd; page *= 2) {
    spans[page] = map.Insert(page, 1);
  }
  for (const uintptr_t page : {uintptr_t{0}, kSomePage, kEnd / 2 - 1, kEnd - 1})
    spans[page] = map.Insert(page, 1);
  ASSERT_EQ(spans.size(), 35u + 4u);
  for (const auto& [page, span] : spans) {
    EXPECT_EQ(map.Find(page), span) << page;
  }
  EXPECT_EQ(map.Find(3), nullptr);
  EXPECT_EQ(map.Find(kEnd - 2), nullptr);
}

TEST(PageMap, KnowsNoPageBeyond48Bits) {
  TestMap map;
  map.Insert(0, 1);
  map.Insert(kSomePage, 1);
  map.Insert(kEnd - 1, 1);
  const size_t mapped = map.Mapped();
  for (uintptr_t beyond = kEnd; beyond != 0; beyond *= 2) {
    for (const uintptr_t page : {uintptr_t{0}, kSomePage, kEnd - 1}) {
      EXPECT_EQ(map.Find(beyond | page), nullptr) << beyond;
    }
    EXPECT_FALSE(map.Prepare(beyond, 1)) << beyond;
  }
  EXPECT_FALSE(map.Prepare(kEnd - 2, 4)) << "the last of them is beyond";
  EXPECT_TRUE(map.Prepare(kEnd - 2, 2));
  EXPECT_EQ(map.Mapped(), mapped) << "takes no memory for what cannot be";
}

// A span may begin in one leaf and end in the next.
TEST(PageMap, ASpanMayCrossTheBorderOfALeaf) {
  for (size_t before = 0; before <= 32; ++before) {
    TestMap map;
    Span* span = map.Insert(kBorder - before, 32);
    for (size_t i = 0; i < 32; ++i) {
      ASSERT_EQ(map.Find(kBorder - before + i), span) << i << ", " << before;
    }
    EXPECT_EQ(map.Find(kBorder - before - 1), nullptr);
    EXPECT_EQ(map.Find(kBorder - before + 32), nullptr);
    const size_t leaves = before % 32 == 0 ? 1 : 2;
    EXPECT_EQ(map->Footprint(), leaves * kLeafBytes) << before;
    EXPECT_EQ(map.Mapped(), leaves * kLeafBytes) << before;
  }
}

TEST(PageMap, MakesALeafOnceHoweverOftenItIsAskedFor) {
  TestMap map;
  EXPECT_TRUE(map.Prepare(kBorder, 1));
  Span* span = map.Insert(kBorder + 7, 1);
  EXPECT_TRUE(map.Prepare(kBorder, kLeafPages));
  EXPECT_EQ(map.Mapped(), kLeafBytes);
  EXPECT_EQ(map.Find(kBorder + 7), span) << "it is the same leaf";
  // One more on each side, and the one that is there in the middle.
  EXPECT_TRUE(map.Prepare(kBorder - 1, kLeafPages + 2));
  EXPECT_EQ(map.Mapped(), 3 * kLeafBytes);
  EXPECT_EQ(map->Footprint(), 3 * kLeafBytes);
  EXPECT_EQ(map.Find(kBorder + 7), span);
}

// Four leaves are needed, and the k-th is refused.
TEST(PageMap, ARefusedLeafChangesNothing) {
  for (size_t k = 1; k <= 4; ++k) {
    course::KernelFaults faults;
    TestMap map;
    Span* before = map.Insert(kBorder - 1, 1);
    faults.Restart();
    faults.RefuseCall(k);
    const size_t pages = 3 * kLeafPages + 1;
    EXPECT_FALSE(map.Prepare(kBorder, pages)) << k;
    EXPECT_EQ(map.Mapped(), k * kLeafBytes) << "what was there, and k - 1";
    EXPECT_EQ(map->Footprint(), k * kLeafBytes);
    EXPECT_EQ(map.Find(kBorder - 1), before);
    for (size_t leaf = 0; leaf < 4; ++leaf) {
      EXPECT_EQ(map.Find(kBorder + leaf * kLeafPages), nullptr) << leaf;
    }
    EXPECT_TRUE(map.Prepare(kBorder, pages)) << "and now there is memory";
    EXPECT_EQ(map.Mapped(), 5 * kLeafBytes) << "none was made twice";
    Span* last = map.Insert(kBorder + pages - 2, 2);
    EXPECT_EQ(map.Find(kBorder + pages - 1), last);
  }
}

// Spans of all lengths take each other's place at random, on both sides of a
// border, and a standard map says what was set last.
TEST(PageMap, FindsWhatAStandardMapFinds) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    std::mt19937_64 random(seed);
    TestMap map;
    std::map<uintptr_t, Span*> model;  // page → span
    constexpr uintptr_t kFirst = kBorder - 500;
    for (int step = 0; step < 3000; ++step) {
      const size_t pages = 1 + random() % (random() % 2 == 0 ? 3 : 90);
      const uintptr_t first = kFirst + random() % 1000;
      Span* span = map.Insert(first, pages);
      for (size_t i = 0; i < pages; ++i) model[first + i] = span;
      for (int look = 0; look < 20; ++look) {
        const uintptr_t page = kFirst - 50 + random() % 1200;
        const auto entry = model.find(page);
        ASSERT_EQ(map.Find(page),
                  entry == model.end() ? nullptr : entry->second);
      }
    }
    for (const auto& [page, span] : model) ASSERT_EQ(map.Find(page), span);
    EXPECT_EQ(map->Footprint(), 2 * kLeafBytes);
  }
}

constexpr size_t kLeaves = 400;
uintptr_t PageInLeaf(size_t leaf) { return kBorder + leaf * kLeafPages; }

// Adds a leaf at each step, and hands its page out.
void WriteLeaves(TestMap& map, std::vector<Span>& spans,
                 std::atomic<size_t>& handed_out) {
  for (size_t i = 0; i < kLeaves; ++i) {
    EXPECT_TRUE(map.Prepare(PageInLeaf(i), 1));
    Place(&spans[i], PageInLeaf(i), 1);
    map->Set(spans[i].first, spans[i].pages, &spans[i]);
    handed_out.store(i + 1, std::memory_order_release);
  }
}

// Looks at pages that were handed to it.
void ReadLeaves(const TestMap& map, const std::vector<Span>& spans,
                const std::atomic<size_t>& handed_out) {
  for (size_t seen = 0; seen < kLeaves;) {
    seen = handed_out.load(std::memory_order_acquire);
    for (size_t i = seen; i-- > 0 && i + 10 > seen;) {
      ASSERT_EQ(map.Find(PageInLeaf(i)), &spans[i]) << i;
    }
  }
}

// Looks at pages of which nobody has told it: it finds nothing yet, or a span
// all of whose fields it may read.
void GuessLeaves(const TestMap& map) {
  for (size_t i = 0; i < kLeaves;) {
    ASSERT_EQ(map.Find(PageInLeaf(i) + 1), nullptr);
    const Span* span = map.Find(PageInLeaf(i));
    if (span == nullptr) continue;
    ASSERT_EQ(span->first, PageId(PageInLeaf(i)));
    ASSERT_EQ(span->pages, PageCount(1));
    ++i;
  }
}

TEST(PageMap, ReadersNeedNoLockWhileOneThreadWrites) {
  TestMap map;
  std::vector<Span> spans(kLeaves);
  std::atomic<size_t> handed_out{0};
  course::RunGang(4, [&](size_t member) {
    switch (member) {
      case 0:
        return WriteLeaves(map, spans, handed_out);
      case 1:
        return GuessLeaves(map);
      default:
        return ReadLeaves(map, spans, handed_out);
    }
  });
  EXPECT_EQ(map->Footprint(), kLeaves * kLeafBytes);
}

// A page changes hands while others look: they see the one or the other.
TEST(PageMap, AReaderSeesTheSpanOfSomeMoment) {
  TestMap map;
  Span spans[2];
  for (Span& span : spans) Place(&span, kSomePage, 8);
  ASSERT_TRUE(map.Prepare(kSomePage, 8));
  map->Set(PageId(kSomePage), PageCount(8), &spans[0]);
  std::atomic<bool> done{false};
  course::RunGang(4, [&](size_t member) {
    if (member == 0) {
      for (size_t step = 0; step < 20'000; ++step) {
        map->Set(PageId(kSomePage), PageCount(8), &spans[step % 2]);
      }
      done = true;
      return;
    }
    while (!done) {
      for (size_t i = 0; i < 8; ++i) {
        const Span* span = map.Find(kSomePage + i);
        ASSERT_TRUE(span == &spans[0] || span == &spans[1]);
      }
    }
  });
}

}  // namespace
}  // namespace pool
