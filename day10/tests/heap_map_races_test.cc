// A heap map for which the page heap was read, and the classes were not yet,
// when pages change hands.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "heap_map_reader.h"
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"

namespace pool {
namespace {

// Does something when the page heap has been read, to count its spans and to
// note them, and before the first class can be.
template <typename Change>
std::vector<ReadSpan> DrawMeanwhile(const Change& change) {
  std::atomic<bool> is_held{false};
  std::thread other([&] {
    Deallocate(Allocate(1));
    CentralCache::Get().ForEachSpan(ClassIndex(0), [&](const Span&) {
      if (is_held) return;
      const size_t before = PageHeap::Get().Locks().taken;
      is_held = true;
      while (PageHeap::Get().Locks().taken < before + 2) {
        std::this_thread::yield();
      }
      change();
    });
  });
  while (!is_held) std::this_thread::yield();
  const std::vector<ReadSpan> spans = SpansOf(HeapMapJson());
  other.join();
  return spans;
}

TEST(HeapMapRaces, PagesThatWereFreeStayFree) {
  constexpr size_t kSize = 5000;
  void* first_of_its_class = Allocate(1);
  Deallocate(Allocate(1024 * 1024));  // the heap has been larger
  void* block = nullptr;
  const std::vector<ReadSpan> spans =
      DrawMeanwhile([&] { block = Allocate(kSize); });
  ExpectInOrder(spans);
  const Span* span = PageHeap::Get().MapObjectToSpan(block);
  ASSERT_EQ(SpanOf(spans, block).first, span->first) << "a part of free pages";
  ASSERT_LT(span->pages, SpanOf(spans, block).pages);
  EXPECT_FALSE(SpanOf(spans, block).HasObjects());
  Deallocate(block);
  Deallocate(first_of_its_class);
}

}  // namespace
}  // namespace pool
