// mallopt, malloc_trim, malloc_usable_size, and the frees that are told a size.
#include <gtest/gtest.h>

#include <vector>

#include "checked_blocks.h"
#include "common/testing/sizes.h"
#include "malloc_table.h"
#include "process_memory.h"

namespace pool {
namespace {

TEST(Tuning, MalloptKnowsGlibcsParameters) {
  for (const OptionRow& row : kOptionRows) {
    for (const int value : {0, 1, -1, 64, 1 << 20, INT_MAX, INT_MIN}) {
      errno = kUntouched;
      EXPECT_EQ(mallopt(row.parameter, value), row.answer)
          << row.parameter << ", " << value;
      EXPECT_EQ(errno, kUntouched);
    }
  }
  void* block = malloc(100);
  EXPECT_NE(block, nullptr);
  free(block);
}

TEST(Tuning, TrimSaysWhetherAnythingWentBack) {
  constexpr size_t kBlocks = 1000;
  constexpr size_t kBytes = 64 * kKiB;
  std::vector<void*> blocks(kBlocks);
  for (void*& block : blocks) {
    block = malloc(kBytes);
    Fill(block, kBytes);
  }
  for (void* block : blocks) free(block);
  const size_t before = ProcessMemory::Now().resident;
  errno = kUntouched;
  EXPECT_EQ(malloc_trim(0), 1);
  EXPECT_EQ(errno, kUntouched);
  const size_t after = ProcessMemory::Now().resident;
  EXPECT_LE(after + kBlocks * kBytes * 9 / 10, before);
  // Now all that is free has gone.
  const int again = malloc_trim(0);
  EXPECT_EQ(again, 0);
  EXPECT_EQ(errno, kUntouched);
}

TEST(Tuning, TrimWithAPadIsATrim) {
  free(malloc(kMiB));
  EXPECT_EQ(malloc_trim(100), 1);
  EXPECT_EQ(malloc_trim(SIZE_MAX), 0);
}

TEST(Tuning, NothingHasNoUsableSize) {
  errno = kUntouched;
  EXPECT_EQ(malloc_usable_size(nullptr), 0u);
  EXPECT_EQ(errno, kUntouched);
}

// Whatever gave the block, and all blocks at once.
TEST(Tuning, AllThatIsUsableIsTheBlocksOwn) {
  CheckedBlocks blocks;
  const auto add = [&](void* block, size_t bytes) {
    errno = kUntouched;
    const size_t usable = malloc_usable_size(block);
    EXPECT_EQ(errno, kUntouched);
    ASSERT_GE(usable, bytes);
    // No more than a seventh is wasted, and no more than 16 bytes of a little
    // one; a large one has whole pages.
    EXPECT_LE(usable, bytes + 16 + bytes / 7 + (bytes > 64 * kKiB ? 8191 : 0));
    blocks.Add(block, usable);
  };
  for (const size_t bytes : course::ClassEdges()) {
    add(malloc(bytes), bytes);
    add(calloc(1, bytes), bytes);
    add(operator new(bytes), bytes);
  }
  for (const size_t bytes : {257 * kKiB, kMiB + 1, 5 * kMiB}) {
    add(malloc(bytes), bytes);
    add(operator new[](bytes), bytes);
  }
}

TEST(Tuning, FreesThatAreToldASize) {
  free_sized(nullptr, 0);
  free_sized(nullptr, 100);
  free_aligned_sized(nullptr, 64, 128);
  CheckedBlocks blocks;
  for (const size_t bytes : course::ClassEdges()) {
    blocks.Add(malloc(bytes), bytes);
  }
  blocks.FreeAll([](const CheckedBlocks::Block& block) {
    free_sized(block.start, block.bytes);
  });
}

TEST(Tuning, NoFreeTouchesErrno) {
  errno = kUntouched;
  free(nullptr);
  EXPECT_EQ(errno, kUntouched);
  CheckedBlocks blocks;  // looks at errno after each
  for (const size_t bytes : course::ClassEdges()) {
    blocks.Add(malloc(bytes), bytes);
  }
  for (const size_t bytes : {300 * kKiB, 10 * kMiB, 100 * kMiB}) {
    blocks.Add(malloc(bytes), bytes);
  }
}

}  // namespace
}  // namespace pool
