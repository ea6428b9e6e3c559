// Blocks that are full of a pattern of their own from the call to the free: two
// that overlap, or lost contents, show.
#ifndef POOL_TESTS_DROP_IN_CHECKED_BLOCKS_H_
#define POOL_TESTS_DROP_IN_CHECKED_BLOCKS_H_

#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/testing/pattern.h"

namespace pool {

// No call that is tested here sets errno to this.
inline constexpr int kUntouched = EXDEV;

inline uint64_t KeyOf(const void* block) {
  return reinterpret_cast<uintptr_t>(block);
}

inline void Fill(void* block, size_t bytes) {
  course::FillPattern(block, bytes, KeyOf(block));
}

// Whether the first bytes are as Fill left them, when the block lay at `was`.
inline bool Holds(const void* block, size_t bytes, uint64_t was) {
  return course::FirstDamage(block, bytes, was) == bytes;
}

// Holds blocks until it goes; then each must be as it was.
class CheckedBlocks {
 public:
  CheckedBlocks() = default;
  CheckedBlocks(const CheckedBlocks&) = delete;
  CheckedBlocks& operator=(const CheckedBlocks&) = delete;
  ~CheckedBlocks() {
    FreeAll([](const Block& block) { free(block.start); });
  }

  struct Block {
    void* start;
    size_t bytes;
  };

  void Add(void* start, size_t bytes) {
    Fill(start, bytes);
    blocks_.push_back({start, bytes});
  }

  // free_block(Block) gives one back, however.
  template <typename Free>
  void FreeAll(Free free_block) {
    for (const Block& block : blocks_) {
      EXPECT_TRUE(Holds(block.start, block.bytes, KeyOf(block.start)))
          << block.bytes << " bytes are not what was written";
    }
    for (const Block& block : blocks_) {
      errno = kUntouched;
      free_block(block);
      EXPECT_EQ(errno, kUntouched) << "after a free of " << block.bytes;
    }
    blocks_.clear();
  }

 private:
  std::vector<Block> blocks_;
};

inline bool IsMultiple(const void* address, size_t of) {
  return reinterpret_cast<uintptr_t>(address) % of == 0;
}

// What every block is aligned to, whatever was asked for.
inline size_t LeastAlignment(size_t bytes) { return bytes <= 8 ? 8 : 16; }

}  // namespace pool

#endif  // POOL_TESTS_DROP_IN_CHECKED_BLOCKS_H_
