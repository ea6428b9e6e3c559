#include "pool/page_map.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <vector>

#include "common/testing/kernel_faults.h"
#include "common/testing/seeds.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

// A page map never looks at the pages, so these need not be there.
constexpr uintptr_t kSomePage = 0x7F00'1234'5000 >> kPageShift;

void Place(Span* span, uintptr_t first, size_t pages) {
  span->first = PageId(first);
  span->pages = PageCount(pages);
}

// A page map and the spans that it knows.
class TestMap {
 public:
  TestMap() : before_(ReadSystemFootprint().mapped) {}

  PageMap* operator->() { return &map_; }
  Span* Find(uintptr_t page) const { return map_.Find(PageId(page)); }
  Span* Insert(uintptr_t first, size_t pages) {
    Span* span = &spans_.emplace_back();
    Place(span, first, pages);
    EXPECT_TRUE(map_.Insert(span));
    return span;
  }
  // Bytes taken from the system by whoever calls it meanwhile: by the map.
  size_t Mapped() const { return ReadSystemFootprint().mapped - before_; }

 private:
  const size_t before_;
  PageMap map_;
  std::deque<Span> spans_;
};

TEST(PageMap, KnowsNoPageAtFirstAndTakesNoMemory) {
  TestMap map;
  EXPECT_EQ(map.Find(kSomePage), nullptr);
  EXPECT_EQ(map.Find(0), nullptr);
  EXPECT_EQ(map->Footprint(), 0u);
  EXPECT_EQ(map.Mapped(), 0u);
  map->Validate();
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
    map->Validate();
    map->Erase(span);
    for (size_t i = 0; i < pages; ++i) {
      EXPECT_EQ(map.Find(kSomePage + i), nullptr) << i << " of " << pages;
    }
    map->Validate();
  }
}

// Its pages may serve a span of another length afterwards.
TEST(PageMap, ASpanMayTakeThePlaceOfAnother) {
  TestMap map;
  Span* before = map.Insert(kSomePage, 4);
  Span* beside = map.Insert(kSomePage + 4, 4);
  map->Erase(before);
  Span* one = map.Insert(kSomePage, 1);
  Span* three = map.Insert(kSomePage + 1, 3);
  EXPECT_EQ(map.Find(kSomePage), one);
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(map.Find(kSomePage + i), three);
  for (size_t i = 4; i < 8; ++i) EXPECT_EQ(map.Find(kSomePage + i), beside);
  map->Validate();
}

TEST(PageMap, ServesPagesWhereverTheyAre) {
  TestMap map;
  // The first page there is, and the last of a 47-bit and of a 48-bit address.
  for (const uintptr_t page : {uintptr_t{1}, (uintptr_t{1} << 34) - 1,
                               (uintptr_t{1} << 35) - 1, uintptr_t{1} << 20}) {
    Span* span = map.Insert(page, 1);
    EXPECT_EQ(map.Find(page), span);
  }
  EXPECT_EQ(map.Find(2), nullptr);
  map->Validate();
}

// A gigabyte of spans. All are found after each step in growth, and the arrays
// that became too small are back with the system.
TEST(PageMap, GrowsWithItsSpansAndLosesNone) {
  TestMap map;
  std::vector<Span*> spans;
  size_t pages = 0;
  size_t footprint = 0;
  while (pages < 1 << 17) {
    spans.push_back(map.Insert(kSomePage + pages, 1 + spans.size() % 32));
    pages += spans.back()->pages.value();
    ASSERT_EQ(map->Footprint(), map.Mapped());
    if (map->Footprint() == footprint) continue;
    footprint = map->Footprint();
    map->Validate();
    for (Span* span : spans) {
      ASSERT_EQ(map.Find(span->first.value()), span);
      ASSERT_EQ(map.Find(span->End().value() - 1), span);
    }
  }
  EXPECT_LE(map->Footprint(), pages * 64) << "a quarter is in use at least";
  EXPECT_EQ(map.Find(kSomePage + pages), nullptr);
  for (Span* span : spans) map->Erase(span);
  EXPECT_EQ(map.Find(kSomePage), nullptr);
  map->Validate();
}

// Each span is first tried with a kernel that refuses.
TEST(PageMap, ARefusedGrowthChangesNothing) {
  course::KernelFaults faults;
  TestMap map;
  std::vector<Span*> spans;
  size_t refusals = 0;
  for (size_t pages = 0; pages < 5000; pages += 7) {
    faults.RefuseAll(course::KernelCall::kMap);
    const size_t footprint = map->Footprint();
    Span span;
    Place(&span, kSomePage + pages, 7);
    if (map->Insert(&span)) {
      EXPECT_EQ(map->Footprint(), footprint);
      map->Erase(&span);
    } else {
      ++refusals;
      EXPECT_EQ(map->Footprint(), footprint);
      for (size_t i = 0; i < 7; ++i) {
        ASSERT_EQ(map.Find(kSomePage + pages + i), nullptr) << i;
      }
      map->Validate();
      for (Span* other : spans) {
        ASSERT_EQ(map.Find(other->End().value() - 1), other);
      }
    }
    faults.Recover();
    spans.push_back(map.Insert(kSomePage + pages, 7));
  }
  EXPECT_GE(refusals, 4u) << "one for each growth";
  map->Validate();
}

// Spans come and go at random, and a standard map says where they are. With few
// pages many lie in each other's way; with many, the array grows.
void PlayAgainstAStandardMap(std::mt19937_64& random, size_t most_pages) {
  TestMap map;
  std::map<uintptr_t, Span*> model;  // page → span
  std::vector<Span*> spans;
  for (int step = 0; step < 4000; ++step) {
    const bool crowded = model.size() + 32 > most_pages;
    if (!crowded && random() % 8 != 0) {
      // Anywhere in a region four times as large: some are neighbours.
      const uintptr_t first = kSomePage + random() % (4 * most_pages);
      const size_t pages = 1 + random() % (random() % 2 == 0 ? 2 : 32);
      const auto next = model.lower_bound(first);
      if (next != model.end() && next->first < first + pages) continue;
      Span* span = map.Insert(first, pages);
      spans.push_back(span);
      for (size_t i = 0; i < pages; ++i) model[first + i] = span;
    } else if (!spans.empty()) {
      std::swap(spans[random() % spans.size()], spans.back());
      Span* span = spans.back();
      spans.pop_back();
      map->Erase(span);
      for (size_t i = 0; i < span->pages.value(); ++i) {
        model.erase(span->first.value() + i);
      }
    }
    for (int look = 0; look < 20; ++look) {
      const uintptr_t page = kSomePage + random() % (4 * most_pages);
      const auto entry = model.find(page);
      ASSERT_EQ(map.Find(page), entry == model.end() ? nullptr : entry->second);
    }
    if (step % 50 != 0) continue;
    map->Validate();
    for (const auto& [page, span] : model) ASSERT_EQ(map.Find(page), span);
  }
}

TEST(PageMap, FindsWhatAStandardMapFinds) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    std::mt19937_64 random(seed);
    for (const size_t most_pages : {64, 256, 3000}) {
      PlayAgainstAStandardMap(random, most_pages);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(PageMapDeathTest, ValidateSeesASpanThatChangedBehindItsBack) {
  TestMap map;
  Span* span = map.Insert(kSomePage, 4);
  EXPECT_DEATH(
      {
        span->pages = PageCount(3);
        map->Validate();
      },
      "page_map.cc:[0-9]+: CHECK failed");
}

}  // namespace
}  // namespace pool
