// The heap map while threads allocate and free: what it shows can be, and no
// page is in it twice.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/xml.h"
#include "heap_map_reader.h"
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/pool.h"

namespace pool {
namespace {

constexpr size_t kWorkers = 3;

// Small blocks and large ones, and now and then all free memory goes back:
// spans come, change their class, are split and merged.
void Work(uint64_t seed, const std::atomic<bool>& done) {
  std::mt19937_64 random(seed);
  std::vector<void*> blocks;
  while (!done) {
    if (blocks.size() < 300 && random() % 5 < 3) {
      const size_t bytes = random() % (size_t{1} << (4 + random() % 16));
      blocks.push_back(Allocate(bytes));
      ASSERT_NE(blocks.back(), nullptr);
    } else if (!blocks.empty()) {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      Deallocate(blocks.back());
      blocks.pop_back();
    }
    if (random() % 2000 == 0) ReleaseFreeMemory();
  }
  for (void* block : blocks) Deallocate(block);
}

void ExpectSums(const course::JsonValue& map,
                const std::vector<ReadSpan>& spans) {
  size_t bytes = 0;
  for (const ReadSpan& span : spans) bytes += span.pages.bytes();
  const course::JsonValue& totals = map["totals"];
  EXPECT_EQ(totals["bytes"].Unsigned(), bytes);
  size_t sum = 0;
  for (const char* part :
       {"out", "back", "uncarved", "tails", "large", "free", "returned"}) {
    sum += totals[part].Unsigned();
  }
  EXPECT_EQ(sum, bytes);
}

TEST(HeapMapThreads, NoPageIsShownTwice) {
  std::atomic<bool> done{false};
  course::RunGang(kWorkers + 1, [&](size_t member) {
    if (member < kWorkers) return Work(member, done);
    size_t last = 0;
    for (int i = 0; i < 40; ++i) {
      const course::JsonValue map = HeapMapJson();
      const std::vector<ReadSpan> spans = SpansOf(map);
      ExpectInOrder(spans);
      ExpectSums(map, spans);
      // The heap never gives up addresses.
      EXPECT_GE(map["totals"]["bytes"].Unsigned(), last);
      last = map["totals"]["bytes"].Unsigned();
    }
    done = true;
  });
  CentralCache::Get().Validate();
  PageHeap::Get().Validate();
}

TEST(HeapMapThreads, PicturesAreWellFormed) {
  std::atomic<bool> done{false};
  course::RunGang(kWorkers + 1, [&](size_t member) {
    if (member < kWorkers) return Work(member, done);
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(course::ParseXml(HeapMapText(HeapMapForm::kSvg)).name, "svg");
    }
    done = true;
  });
}

// All of them draw at once.
TEST(HeapMapThreads, AllMayDrawAtOnce) {
  course::RunGang(kWorkers, [](size_t member) {
    std::vector<void*> blocks;
    for (int i = 0; i < 20; ++i) {
      for (size_t bytes = 16; bytes < 400000; bytes *= 3) {
        blocks.push_back(Allocate(bytes + member));
      }
      ExpectInOrder(SpansOf(HeapMapJson()));
    }
    for (void* block : blocks) Deallocate(block);
  });
}

}  // namespace
}  // namespace pool
