// The table's rows by alignment, each with every size.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "checked_blocks.h"
#include "malloc_table.h"

namespace pool {
namespace {

// The alignment's fault is told first, then the size's.
Answer Expected(size_t alignment, Answer by_size) {
  if (alignment == kBad) return kBadAlignment;
  return alignment == kNever ? kNoMemory : by_size;
}

int ErrorOf(Answer answer) {
  if (answer == kBadAlignment) return EINVAL;
  return answer == kNoMemory ? ENOMEM : 0;
}

bool IsAligned(const void* block, size_t bytes, size_t alignment) {
  return IsMultiple(block, std::max(alignment, LeastAlignment(bytes)));
}

// `alignments` is a column: calls each row with each size.
template <typename Call>
void ForEachRow(size_t AlignmentRow::*column, Call call) {
  for (const AlignmentRow& row : kAlignmentRows) {
    for (const SizeRow& size : kSizeRows) {
      SCOPED_TRACE("alignment " + std::to_string(row.alignment) + ", bytes " +
                   std::to_string(size.bytes));
      const size_t alignment = row.*column;
      call(row.alignment, size.bytes, alignment,
           Expected(alignment, size.fresh));
    }
  }
}

// For aligned_alloc and memalign, which say what is wrong by errno.
void CompareCall(size_t AlignmentRow::*column, void* (*make)(size_t, size_t)) {
  CheckedBlocks blocks;
  ForEachRow(
      column, [&](size_t asked, size_t bytes, size_t alignment, Answer answer) {
        errno = kUntouched;
        void* block = make(asked, bytes);
        const int error = errno;
        EXPECT_EQ(error, answer == kBlock ? kUntouched : ErrorOf(answer));
        EXPECT_EQ(block != nullptr, answer == kBlock);
        if (block == nullptr) return;
        EXPECT_TRUE(IsAligned(block, bytes, alignment));
        blocks.Add(block, bytes);
      });
}

TEST(MallocTable, AlignedAlloc) {
  CompareCall(&AlignmentRow::aligned_alloc,
              [](size_t a, size_t n) { return aligned_alloc(a, n); });
}

TEST(MallocTable, Memalign) {
  CompareCall(&AlignmentRow::memalign,
              [](size_t a, size_t n) { return memalign(a, n); });
}

// It says what is wrong by its result alone, and writes no pointer then.
TEST(MallocTable, PosixMemalign) {
  CheckedBlocks blocks;
  char untouched;
  ForEachRow(&AlignmentRow::posix_memalign,
             [&](size_t asked, size_t bytes, size_t alignment, Answer answer) {
               void* block = &untouched;
               errno = kUntouched;
               EXPECT_EQ(posix_memalign(&block, asked, bytes), ErrorOf(answer));
               EXPECT_EQ(errno, kUntouched);
               if (answer != kBlock) {
                 EXPECT_EQ(block, &untouched);
                 return;
               }
               ASSERT_NE(block, nullptr);
               ASSERT_NE(block, &untouched);
               EXPECT_TRUE(IsAligned(block, bytes, alignment));
               blocks.Add(block, bytes);
             });
}

// All of the frees take all of the blocks.
TEST(MallocTable, AlignedBlocksGoBackInEachWay) {
  for (const size_t alignment : {size_t{8}, size_t{64}, 4 * kKiB, kMiB}) {
    CheckedBlocks by_free;
    CheckedBlocks by_size;
    for (const size_t bytes :
         {size_t{0}, size_t{1}, size_t{100}, 5 * kKiB, 300 * kKiB}) {
      by_free.Add(aligned_alloc(alignment, bytes), bytes);
      by_size.Add(aligned_alloc(alignment, bytes), bytes);
    }
    by_size.FreeAll([&](const CheckedBlocks::Block& block) {
      free_aligned_sized(block.start, alignment, block.bytes);
    });
  }
}

}  // namespace
}  // namespace pool
