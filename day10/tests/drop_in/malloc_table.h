// What each call of malloc's family answers to each size and each alignment.
// The tests in *_table_test.cc make the calls and compare.
//
// As in glibc, with two marks of our own: blocks of up to 8 bytes are aligned
// to 8, larger ones to 16; and aligned_alloc refuses an alignment that is no
// power of two, as the C standard has it and glibc from 2.38 on.
#ifndef POOL_TESTS_DROP_IN_MALLOC_TABLE_H_
#define POOL_TESTS_DROP_IN_MALLOC_TABLE_H_

#include <malloc.h>
#include <stdlib.h>

#include <climits>
#include <cstddef>
#include <cstdint>

// C23's, which most libcs do not declare yet.
extern "C" void free_sized(void* block, size_t bytes) noexcept;
extern "C" void free_aligned_sized(void* block, size_t alignment,
                                   size_t bytes) noexcept;

namespace pool {

enum class Answer {
  kBlock,         // a block like no other; errno as it was
  kFreed,         // null, and the old block is free; errno as it was
  kNoMemory,      // null, ENOMEM, and nothing has changed
  kBadAlignment,  // null, EINVAL
};
inline constexpr Answer kBlock = Answer::kBlock;
inline constexpr Answer kFreed = Answer::kFreed;
inline constexpr Answer kNoMemory = Answer::kNoMemory;
inline constexpr Answer kBadAlignment = Answer::kBadAlignment;

inline constexpr size_t kMost = PTRDIFF_MAX;
inline constexpr size_t kKiB = 1024;
inline constexpr size_t kMiB = 1024 * kKiB;

// By size. The calls with one number answer alike, with one exception: to
// resize a block to nothing frees it.
struct SizeRow {
  size_t bytes;
  Answer fresh;    // malloc(n), calloc(1, n), realloc(null, n), valloc(n) …
  Answer resized;  // realloc(block, n), reallocarray(block, 1, n) …
};
inline constexpr SizeRow kSizeRows[] = {
    // bytes          a fresh block  realloc of a block
    {0, kBlock, kFreed},
    {1, kBlock, kBlock},
    {7, kBlock, kBlock},
    {8, kBlock, kBlock},
    {9, kBlock, kBlock},
    {16, kBlock, kBlock},
    {17, kBlock, kBlock},
    {100, kBlock, kBlock},
    {4 * kKiB - 1, kBlock, kBlock},
    {4 * kKiB, kBlock, kBlock},
    {8 * kKiB, kBlock, kBlock},
    {8 * kKiB + 1, kBlock, kBlock},
    {256 * kKiB, kBlock, kBlock},
    {256 * kKiB + 1, kBlock, kBlock},
    {3 * kMiB + 5, kBlock, kBlock},
    {kMost - 64 * kKiB, kNoMemory, kNoMemory},
    {kMost - 1, kNoMemory, kNoMemory},
    {kMost, kNoMemory, kNoMemory},
    {kMost + 1, kNoMemory, kNoMemory},
    {SIZE_MAX - 4 * kMiB, kNoMemory, kNoMemory},
    {SIZE_MAX - 4 * kMiB + 1, kNoMemory, kNoMemory},
    {SIZE_MAX - 256 * kKiB, kNoMemory, kNoMemory},
    {SIZE_MAX - 64 * kKiB + 1, kNoMemory, kNoMemory},
    {SIZE_MAX - 8 * kKiB, kNoMemory, kNoMemory},
    {SIZE_MAX - 8 * kKiB + 1, kNoMemory, kNoMemory},
    {SIZE_MAX - 4 * kKiB, kNoMemory, kNoMemory},
    {SIZE_MAX - 4 * kKiB + 1, kNoMemory, kNoMemory},
    {SIZE_MAX - 64, kNoMemory, kNoMemory},
    {SIZE_MAX - 63, kNoMemory, kNoMemory},
    {SIZE_MAX - 31, kNoMemory, kNoMemory},
    {SIZE_MAX - 16, kNoMemory, kNoMemory},
    {SIZE_MAX - 15, kNoMemory, kNoMemory},
    {SIZE_MAX - 8, kNoMemory, kNoMemory},
    {SIZE_MAX - 7, kNoMemory, kNoMemory},
    {SIZE_MAX - 2, kNoMemory, kNoMemory},
    {SIZE_MAX - 1, kNoMemory, kNoMemory},
    {SIZE_MAX, kNoMemory, kNoMemory},
};

// By count and size: calloc(n, m), reallocarray(null, n, m), and reallocarray
// of a block.
struct ProductRow {
  size_t count;
  size_t size;
  Answer fresh;
  Answer resized;
};
inline constexpr ProductRow kProductRows[] = {
    // count  size    a fresh block  reallocarray of a block
    {0, 0, kBlock, kFreed},
    {0, 1, kBlock, kFreed},
    {1, 0, kBlock, kFreed},
    {0, SIZE_MAX, kBlock, kFreed},
    {SIZE_MAX, 0, kBlock, kFreed},
    {1, 1, kBlock, kBlock},
    {3, 7, kBlock, kBlock},
    {100, 40, kBlock, kBlock},
    {1, 300 * kKiB, kBlock, kBlock},
    {300 * kKiB, 1, kBlock, kBlock},
    {300, 10 * kKiB, kBlock, kBlock},
    {SIZE_MAX, 1, kNoMemory, kNoMemory},
    {1, SIZE_MAX, kNoMemory, kNoMemory},
    {kMost, 1, kNoMemory, kNoMemory},
    {1, kMost, kNoMemory, kNoMemory},
    {2, kMost / 2, kNoMemory, kNoMemory},
    {1, kMost + 1, kNoMemory, kNoMemory},
    {2, kMost, kNoMemory, kNoMemory},
    // Products that come out small where they overflow: 0, 0, 0, 1, 2, 16, 8.
    {2, SIZE_MAX / 2 + 1, kNoMemory, kNoMemory},
    {SIZE_MAX / 2 + 1, 2, kNoMemory, kNoMemory},
    {size_t{1} << 32, size_t{1} << 32, kNoMemory, kNoMemory},
    {SIZE_MAX, SIZE_MAX, kNoMemory, kNoMemory},
    {SIZE_MAX, SIZE_MAX - 1, kNoMemory, kNoMemory},
    {16, SIZE_MAX / 16 + 2, kNoMemory, kNoMemory},
    {(size_t{1} << 61) + 1, 8, kNoMemory, kNoMemory},
    // Beyond PTRDIFF_MAX, with no overflow.
    {size_t{1} << 32, size_t{1} << 31, kNoMemory, kNoMemory},
    {3, SIZE_MAX / 4, kNoMemory, kNoMemory},
};

// By alignment. Where the size is possible, too, the block is aligned to the
// number; kNever says that no address space has such a block, and kBad that
// this is no alignment. A bad alignment is told before a bad size.
inline constexpr size_t kNever = SIZE_MAX - 1;
inline constexpr size_t kBad = SIZE_MAX;
struct AlignmentRow {
  size_t alignment;
  size_t aligned_alloc;   // a power of two
  size_t memalign;        // rounded up to one; 0 is fine
  size_t posix_memalign;  // a power of two, and a multiple of a pointer's size
};
inline constexpr AlignmentRow kAlignmentRows[] = {
    // asked for  aligned_alloc  memalign  posix_memalign
    {0, kBad, 1, kBad},
    {1, 1, 1, kBad},
    {2, 2, 2, kBad},
    {3, kBad, 4, kBad},
    {4, 4, 4, kBad},
    {6, kBad, 8, kBad},
    {8, 8, 8, 8},
    {12, kBad, 16, kBad},
    {16, 16, 16, 16},
    {24, kBad, 32, kBad},
    {32, 32, 32, 32},
    {40, kBad, 64, kBad},
    {64, 64, 64, 64},
    {96, kBad, 128, kBad},
    {1000, kBad, 1024, kBad},
    {4 * kKiB, 4 * kKiB, 4 * kKiB, 4 * kKiB},
    {5000, kBad, 8 * kKiB, kBad},
    {8 * kKiB, 8 * kKiB, 8 * kKiB, 8 * kKiB},
    {8 * kKiB + 8, kBad, 16 * kKiB, kBad},
    {64 * kKiB, 64 * kKiB, 64 * kKiB, 64 * kKiB},
    {kMiB, kMiB, kMiB, kMiB},
    {kMiB + 8, kBad, 2 * kMiB, kBad},
    {16 * kMiB, 16 * kMiB, 16 * kMiB, 16 * kMiB},
    {size_t{1} << 62, kNever, kNever, kNever},
    {(size_t{1} << 62) + 8, kBad, kNever, kBad},
    {SIZE_MAX / 2, kBad, kNever, kBad},
    {SIZE_MAX / 2 + 1, kNever, kNever, kNever},
    {SIZE_MAX / 2 + 2, kBad, kBad, kBad},
    {SIZE_MAX - 4095, kBad, kBad, kBad},
    {SIZE_MAX - 7, kBad, kBad, kBad},
    {SIZE_MAX, kBad, kBad, kBad},
};

// mallopt(parameter, value) is 1 for every parameter that glibc has or had,
// whatever the value: programs give up otherwise. Else 0.
struct OptionRow {
  int parameter;
  int answer;
};
inline constexpr OptionRow kOptionRows[] = {
    {M_MXFAST, 1},
    {M_NLBLKS, 1},
    {M_GRAIN, 1},
    {M_KEEP, 1},
    {M_TRIM_THRESHOLD, 1},
    {M_TOP_PAD, 1},
    {M_MMAP_MAX, 1},
    {M_MMAP_THRESHOLD, 1},
    {M_CHECK_ACTION, 1},
    {M_PERTURB, 1},
    {M_ARENA_TEST, 1},
    {M_ARENA_MAX, 1},
    {M_ARENA_MAX - 1, 0},
    {0, 0},
    {5, 0},
    {INT_MIN, 0},
    {INT_MAX, 0},
};

}  // namespace pool

#endif  // POOL_TESTS_DROP_IN_MALLOC_TABLE_H_
