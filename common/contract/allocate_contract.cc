// Allocate and Deallocate, used by one thread.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <set>
#include <type_traits>
#include <vector>

#include "common/contract/promises.h"
#include "common/testing/facade.h"
#include "common/testing/shadow_heap.h"
#include "common/testing/sizes.h"
#include "common/workloads/random.h"
#include "pool/pool.h"
#include "pool/system_memory.h"

namespace course {
namespace {

static_assert(noexcept(pool::Allocate(size_t{})));
static_assert(noexcept(pool::Deallocate(nullptr, size_t{})));
static_assert(std::is_same_v<decltype(pool::Allocate(size_t{})), void*>);

// All small sizes, the edges of all classes, and some that have no class.
std::vector<size_t> InterestingSizes() {
  std::vector<size_t> sizes = ClassEdges();
  for (size_t size = 0; size <= kKiB + 80; ++size) sizes.push_back(size);
  sizes.insert(sizes.end(), {300 * kKiB, kMiB - 1, kMiB, kMiB + 1, 3 * kMiB});
  return sizes;
}

TEST(Allocate, GivesAlignedBlocksThatShareNothing) {
  ShadowHeap heap;
  std::vector<void*> blocks;
  const std::vector<size_t> sizes = InterestingSizes();
  for (const size_t size : sizes) {
    blocks.push_back(Facade::Allocate(size));
    ASSERT_TRUE(Fine(heap.Allocated(blocks.back(), size)));
  }
  ASSERT_TRUE(Fine(heap.CheckAll()));
  for (size_t i = 0; i < sizes.size(); ++i) {
    ASSERT_TRUE(Fine(heap.Freeing(blocks[i], sizes[i])));
    Facade::Deallocate(blocks[i], sizes[i]);
  }
}

TEST(Allocate, BytesSurviveWhatOthersDo) {
  struct Held {
    void* start;
    size_t bytes;
  };
  ShadowHeap heap;
  Random random(1);
  std::vector<Held> blocks;
  const std::vector<size_t> sizes = InterestingSizes();
  // Each round frees a random half and puts other sizes into its place.
  for (int round = 0; round < 4; ++round) {
    for (size_t i = 0; i < 400; ++i) {
      const size_t bytes = sizes[random.Below(sizes.size())];
      blocks.push_back({Facade::Allocate(bytes), bytes});
      ASSERT_TRUE(Fine(heap.Allocated(blocks.back().start, bytes)));
    }
    random.Shuffle(blocks.data(), blocks.size());
    for (size_t half = blocks.size() / 2; half > 0; --half) {
      const Held held = blocks.back();
      blocks.pop_back();
      ASSERT_TRUE(Fine(heap.Freeing(held.start, held.bytes)));
      Facade::Deallocate(held.start, held.bytes);
    }
    ASSERT_TRUE(Fine(heap.CheckAll()));
  }
  for (const Held& held : blocks) {
    ASSERT_TRUE(Fine(heap.Freeing(held.start, held.bytes)));
    Facade::Deallocate(held.start, held.bytes);
  }
}

void HoldManyBlocksOfZeroBytes() {
  std::set<void*> blocks;
  for (int i = 0; i < 300; ++i) {
    void* block = Facade::Allocate(0);
    ASSERT_NE(block, nullptr);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(block) % 8, 0u);
    ASSERT_TRUE(blocks.insert(block).second) << "given twice";
  }
  for (void* block : blocks) Facade::Deallocate(block, 0);
}

TEST(Allocate, ZeroBytesAreABlockLikeAnyOther) {
  for (int round = 0; round < 3; ++round) HoldManyBlocksOfZeroBytes();
  const pool::SystemFootprint before = pool::ReadSystemFootprint();
  for (int round = 0; round < 20; ++round) HoldManyBlocksOfZeroBytes();
  const pool::SystemFootprint after = pool::ReadSystemFootprint();
  EXPECT_LE(after.mapped, before.mapped) << "what takes nothing was lost";
  EXPECT_LE(after.refused, before.refused);
}

TEST(Allocate, RefusesImpossibleSizesAndLosesNothing) {
  Facade::Deallocate(Facade::Allocate(100), 100);
  const size_t mapped = pool::ReadSystemFootprint().mapped;
  for (const size_t size : ImpossibleSizes()) {
    EXPECT_TRUE(IsRefused([size] { return Facade::Allocate(size); })) << size;
  }
  EXPECT_EQ(pool::ReadSystemFootprint().mapped, mapped);
  const FilledBlock block = FilledBlock::New(100);
  EXPECT_TRUE(block.Free()) << "the next call has to work";
}

// Whether the kernel promises 64 TiB is its own affair. There is no third way
// between a whole block and none.
TEST(Allocate, ServesAVeryLargeSizeOrRefusesIt) {
  constexpr size_t kBytes = size_t{1} << 46;
  errno = 0;
  char* block = static_cast<char*>(Facade::Allocate(kBytes));
  if (block == nullptr) {
    EXPECT_EQ(errno, ENOMEM);
  } else {
    block[0] = block[kBytes - 1] = 1;
    Facade::Deallocate(block, kBytes);
  }
  EXPECT_TRUE(FilledBlock::New(100).Free());
}

TEST(Deallocate, OfNullDoesNothing) {
  const FilledBlock block = FilledBlock::New(100);
  const size_t mapped = pool::ReadSystemFootprint().mapped;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{100}, kLargestClass,
                            kMiB, size_t{PTRDIFF_MAX}, SIZE_MAX}) {
    Facade::Deallocate(nullptr, size);
  }
  EXPECT_EQ(pool::ReadSystemFootprint().mapped, mapped);
  EXPECT_TRUE(block.Free());
}

// As free does: it stands between a call that failed and the caller who asks
// why.
TEST(Deallocate, LeavesErrnoAsItIs) {
  for (const size_t size : ClassSizes()) {
    void* block = Facade::Allocate(size);
    errno = EDOM;
    Facade::Deallocate(block, size);
    ASSERT_EQ(errno, EDOM) << size;
  }
  void* block = Facade::Allocate(5 * kMiB);
  errno = EDOM;
  Facade::Deallocate(block, 5 * kMiB);
  EXPECT_EQ(errno, EDOM);
}

// A few of each class, all freed, again and again.
void FillAndEmpty() {
  std::vector<FilledBlock> blocks;
  for (const size_t size : ClassSizes()) {
    for (int i = 0; i < 3; ++i) blocks.push_back(FilledBlock::New(size));
  }
  blocks.push_back(FilledBlock::New(2 * kMiB));
  for (const FilledBlock& block : blocks) ASSERT_TRUE(block.Free());
}

TEST(Deallocate, MemoryIsUsedAgain) {
  for (int round = 0; round < 3; ++round) FillAndEmpty();
  const size_t mapped = pool::ReadSystemFootprint().mapped;
  for (int round = 0; round < 20; ++round) FillAndEmpty();
  EXPECT_LE(pool::ReadSystemFootprint().mapped, mapped);
}

TEST(Deallocate, OneBlockOverAndOverTakesOneBlock) {
  for (const size_t size : {size_t{8}, size_t{1000}, 100 * kKiB, 2 * kMiB}) {
    Facade::Deallocate(Facade::Allocate(size), size);
    const size_t mapped = pool::ReadSystemFootprint().mapped;
    for (int i = 0; i < 2000; ++i) {
      void* block = Facade::Allocate(size);
      ASSERT_NE(block, nullptr);
      Facade::Deallocate(block, size);
    }
    EXPECT_LE(pool::ReadSystemFootprint().mapped, mapped) << size;
  }
}

}  // namespace
}  // namespace course
