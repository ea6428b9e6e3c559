// Large blocks of several threads grow and shrink side by side: each takes free
// pages behind it, or gives up its last ones, while its neighbours do the same.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/pattern.h"
#include "common/workloads/random.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"

namespace pool {
namespace {

constexpr size_t kThreads = 4;
constexpr size_t kSmallest = SizeClass::kLargestSize + 1;
constexpr size_t kEdge = kPageSize;  // of blocks, has a pattern, at the end

// A block whose last bytes are its owner's.
class Block {
 public:
  explicit Block(size_t bytes) { Resize(bytes); }

  // Whether nobody else has written to it meanwhile.
  bool Resize(size_t bytes) {
    const bool was_fine = start_ == nullptr || IsFine();
    start_ = static_cast<char*>(Reallocate(start_, bytes));
    if (start_ == nullptr) return false;
    bytes_ = bytes;
    course::FillPattern(End(), kEdge, Key());
    return was_fine;
  }

  bool Free() {
    const bool is_fine = IsFine();
    Deallocate(start_);
    return is_fine;
  }

 private:
  char* End() const { return start_ + bytes_ - kEdge; }
  uint64_t Key() const { return reinterpret_cast<uintptr_t>(start_) + bytes_; }
  bool IsFine() const {
    return course::FirstDamage(End(), kEdge, Key()) == kEdge;
  }

  char* start_ = nullptr;
  size_t bytes_ = 0;
};

TEST(ResizeThreads, BlocksGrowAndShrinkSideBySide) {
  const size_t before = PageHeap::Get().Footprint().in_use;
  std::vector<size_t> damaged(kThreads);
  course::RunGang(kThreads, [&](size_t member) {
    course::Random random(member);
    std::vector<Block> blocks;
    for (size_t i = 0; i < 8; ++i) blocks.emplace_back(kSmallest);
    for (int i = 0; i < 3000; ++i) {
      Block& block = blocks[random.Below(blocks.size())];
      const size_t bytes = kSmallest + random.Below(30 * kPageSize);
      if (!block.Resize(bytes)) ++damaged[member];
    }
    for (Block& block : blocks) {
      if (!block.Free()) ++damaged[member];
    }
  });
  EXPECT_EQ(damaged, std::vector<size_t>(kThreads));
  EXPECT_EQ(PageHeap::Get().Footprint().in_use, before);
  PageHeap::Get().Validate();
}

}  // namespace
}  // namespace pool
