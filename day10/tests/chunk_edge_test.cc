// The kernel's pages may be half of ours. What it gives before the first whole
// page of ours, and behind the last, goes back at once.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "pool/bytes.h"
#include "pool/immortal.h"
#include "pool/page_heap.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

// A kernel that always gives half a page of ours before the first whole one.
void* MapHalfAPageOff(size_t bytes) {
  const KernelCalls& kernel = RealKernelCalls();
  const size_t more = bytes + 2 * kPageSize;
  char* start = static_cast<char*>(kernel.map(more));
  if (start == nullptr) return nullptr;
  const uintptr_t address = reinterpret_cast<uintptr_t>(start);
  char* given = start + (RoundUp(address, kPageSize) - address) + kPageSize / 2;
  char* end = start + more;
  kernel.unmap(start, static_cast<size_t>(given - start));
  kernel.unmap(given + bytes, static_cast<size_t>(end - given) - bytes);
  return given;
}

class ChunkEdge : public testing::Test {
 protected:
  void SetUp() override {
    if (SystemSize(1) > kPageSize / 2) GTEST_SKIP() << "no page is that small";
    calls_ = RealKernelCalls();
    calls_.map = MapHalfAPageOff;
    calls_.map_at = nullptr;
    previous_ = SetKernelCalls(&calls_);
  }
  void TearDown() override {
    if (previous_ != nullptr) SetKernelCalls(previous_);
  }

 private:
  KernelCalls calls_{};
  const KernelCalls* previous_ = nullptr;
};

TEST_F(ChunkEdge, GoesBackAtOnce) {
  const auto heap = std::make_unique<Immortal<PageHeap>>();
  const size_t before = ReadSystemFootprint().mapped;
  for (int chunk = 0; chunk < 3; ++chunk) {
    const Span* span = heap->value.NewSpan(PageCount(5000));
    ASSERT_NE(span, nullptr);
    const PageHeapFootprint sum = heap->value.Footprint();
    EXPECT_EQ(ReadSystemFootprint().mapped - before, sum.system + sum.metadata);
    EXPECT_EQ(sum.system, sum.in_use + sum.free + sum.returned);
    EXPECT_GE(sum.system, (chunk + 1) * 5000 * kPageSize);
    heap->value.Validate();
  }
}

}  // namespace
}  // namespace pool
