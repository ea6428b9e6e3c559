// realloc, and what comes after it.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "checked_blocks.h"
#include "common/testing/sizes.h"
#include "malloc_table.h"
#include "process_memory.h"

namespace pool {
namespace {

// Fresh blocks of every class, all at once. An object that a free has filed
// under a class larger than its own would now lie over its neighbour.
void ExpectNoTwoBlocksOverlap() {
  constexpr int kOfEach = 40;
  CheckedBlocks blocks;
  for (const size_t bytes : course::ClassSizes()) {
    for (int i = 0; i < kOfEach; ++i) blocks.Add(malloc(bytes), bytes);
    if (bytes > 16 * kKiB) break;  // larger ones are few to a span
  }
}

// Sizes at and around the places where an allocator changes its ways.
std::vector<size_t> Sizes() {
  return {1,         8,          9,          16,         17,    24,
          40,        100,        128,        129,        1000,  1024,
          1025,      4000,       8 * kKiB,   9 * kKiB,   20000, 64 * kKiB,
          65 * kKiB, 256 * kKiB, 257 * kKiB, 300 * kKiB, kMiB,  3 * kMiB};
}

// Whether the block stayed in place or moved: with the new size, a free that is
// told the size is right.
TEST(Resize, ABlockGoesBackByItsNewSize) {
  for (const size_t from : Sizes()) {
    for (const size_t to : Sizes()) {
      void* old = malloc(from);
      const uint64_t key = KeyOf(old);
      Fill(old, from);
      void* block = realloc(old, to);
      ASSERT_NE(block, nullptr);
      ASSERT_TRUE(Holds(block, std::min(from, to), key)) << from << "→" << to;
      free_sized(block, to);
    }
  }
  ExpectNoTwoBlocksOverlap();
}

// In place or not, all of the new size is the block's own.
TEST(Resize, BlocksThatGrowSideBySideStayApart) {
  constexpr size_t kBlocks = 50;
  std::vector<void*> blocks(kBlocks);
  std::vector<size_t> bytes(kBlocks, 1);
  for (void*& block : blocks) {
    block = malloc(1);
    Fill(block, 1);
  }
  for (size_t size = 2; size < 600 * kKiB; size += size / 2) {
    for (size_t i = 0; i < kBlocks; ++i) {
      const size_t to = size + i;
      const uint64_t key = KeyOf(blocks[i]);
      void* block = realloc(blocks[i], to);
      ASSERT_NE(block, nullptr);
      ASSERT_TRUE(Holds(block, bytes[i], key)) << bytes[i] << "→" << to;
      Fill(block, to);
      blocks[i] = block;
      bytes[i] = to;
    }
  }
  for (size_t i = 0; i < kBlocks; ++i) {
    EXPECT_TRUE(Holds(blocks[i], bytes[i], KeyOf(blocks[i])));
    free_sized(blocks[i], bytes[i]);
  }
}

// As malloc_usable_size says, so much may be written: also after a realloc.
TEST(Resize, AllThatIsUsableIsUsable) {
  CheckedBlocks blocks;
  for (const size_t from : Sizes()) {
    for (const size_t to : Sizes()) {
      void* block = realloc(malloc(from), to);
      ASSERT_GE(malloc_usable_size(block), to);
      blocks.Add(block, malloc_usable_size(block));
    }
  }
}

// An aligned block that was resized is an ordinary one.
TEST(Resize, AnAlignedBlockKeepsItsContents) {
  for (const size_t alignment : {size_t{64}, 4 * kKiB, 64 * kKiB}) {
    for (const size_t to : Sizes()) {
      constexpr size_t kFrom = 5000;
      void* old = aligned_alloc(alignment, kFrom);
      const uint64_t key = KeyOf(old);
      Fill(old, kFrom);
      void* block = realloc(old, to);
      ASSERT_TRUE(Holds(block, std::min(kFrom, to), key)) << "to " << to;
      free_sized(block, to);
    }
  }
  ExpectNoTwoBlocksOverlap();
}

// What a null result of realloc(p, 0) leaves: nothing. A hundred thousand lost
// blocks of either size would show.
TEST(Resize, ToNothingFrees) {
  const auto resize = [](size_t bytes) {
    void* block = malloc(bytes);
    Fill(block, bytes);
    EXPECT_EQ(realloc(block, 0), nullptr);
    block = malloc(bytes);
    Fill(block, bytes);
    EXPECT_EQ(reallocarray(block, 0, 17), nullptr);
  };
  for (const size_t bytes : {1000 * kKiB, 5 * kKiB, size_t{500}}) {
    resize(bytes);
    const size_t before = ProcessMemory::Now().mapped;
    const size_t rounds = std::max(1000 * kMiB / bytes, size_t{1000}) / 10;
    for (size_t i = 0; i < rounds; ++i) resize(bytes);
    EXPECT_LE(ProcessMemory::Now().mapped, before + 40 * kMiB) << bytes;
  }
}

TEST(Resize, CallocClearsWhatWasUsedBefore) {
  for (const size_t bytes : Sizes()) {
    std::vector<void*> dirty(20);
    for (void*& block : dirty) {
      block = malloc(bytes);
      Fill(block, bytes);
    }
    for (void* block : dirty) free(block);
    for (void*& block : dirty) {
      block = calloc(1, bytes);
      const char* start = static_cast<const char*>(block);
      ASSERT_TRUE(std::all_of(start, start + bytes, [](char byte) {
        return byte == 0;
      })) << bytes;
      Fill(block, bytes);
    }
    for (void* block : dirty) free(block);
  }
}

// The same after the pages went back to the system and came again.
TEST(Resize, CallocClearsWhatTheSystemGaveBack) {
  for (int round = 0; round < 5; ++round) {
    for (const size_t bytes : {size_t{100}, 20 * kKiB, 300 * kKiB, kMiB}) {
      char* block = static_cast<char*>(calloc(bytes, 1));
      ASSERT_NE(block, nullptr);
      ASSERT_TRUE(std::all_of(block, block + bytes,
                              [](char byte) { return byte == 0; }));
      Fill(block, bytes);
      free(block);
      if (round % 2 == 0) malloc_trim(0);
    }
  }
}

}  // namespace
}  // namespace pool
