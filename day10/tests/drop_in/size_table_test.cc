// The table's rows by size, with every call that takes sizes alone.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "checked_blocks.h"
#include "malloc_table.h"

namespace pool {
namespace {

size_t PageOfTheKernel() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

// Makes one call and compares: result, errno, alignment.
template <typename Call>
void* Compare(Answer answer, size_t bytes, size_t alignment, Call call) {
  errno = kUntouched;
  void* block = call();
  const int error = errno;
  EXPECT_EQ(block != nullptr, answer == kBlock);
  EXPECT_EQ(error, answer == kNoMemory ? ENOMEM : kUntouched);
  EXPECT_TRUE(IsMultiple(block, std::max(alignment, LeastAlignment(bytes))));
  return block;
}

// The calls that give a fresh block of so many bytes.
struct FreshCall {
  const char* name;
  void* (*make)(size_t bytes);
  size_t (*alignment)();
};

size_t One() { return 1; }
constexpr FreshCall kFreshCalls[] = {
    {"malloc(n)", [](size_t n) { return malloc(n); }, One},
    {"calloc(1, n)", [](size_t n) { return calloc(1, n); }, One},
    {"calloc(n, 1)", [](size_t n) { return calloc(n, 1); }, One},
    {"realloc(null, n)", [](size_t n) { return realloc(nullptr, n); }, One},
    {"reallocarray(null, 1, n)",
     [](size_t n) { return reallocarray(nullptr, 1, n); }, One},
    {"reallocarray(null, n, 1)",
     [](size_t n) { return reallocarray(nullptr, n, 1); }, One},
    {"valloc(n)", [](size_t n) { return valloc(n); }, PageOfTheKernel},
    {"pvalloc(n)", [](size_t n) { return pvalloc(n); }, PageOfTheKernel},
};

TEST(MallocTable, FreshBlocksBySize) {
  CheckedBlocks blocks;
  for (const FreshCall& call : kFreshCalls) {
    for (const SizeRow& row : kSizeRows) {
      SCOPED_TRACE(call.name + std::string(", n = ") +
                   std::to_string(row.bytes));
      void* block = Compare(row.fresh, row.bytes, call.alignment(),
                            [&] { return call.make(row.bytes); });
      if (block != nullptr) blocks.Add(block, row.bytes);
    }
  }
}

TEST(MallocTable, FreshBlocksByCountAndSize) {
  CheckedBlocks blocks;
  for (const ProductRow& row : kProductRows) {
    SCOPED_TRACE(std::to_string(row.count) + " x " + std::to_string(row.size));
    const size_t bytes = row.fresh == kBlock ? row.count * row.size : 0;
    void* zeroed = Compare(row.fresh, bytes, 1,
                           [&] { return calloc(row.count, row.size); });
    if (zeroed != nullptr) blocks.Add(zeroed, bytes);
    void* block = Compare(row.fresh, bytes, 1, [&] {
      return reallocarray(nullptr, row.count, row.size);
    });
    if (block != nullptr) blocks.Add(block, bytes);
  }
}

// The compiler warns of a block that is used after a realloc, and does not know
// of one that was refused. So it is not to see that this is realloc.
void* (*volatile realloc_of)(void*, size_t) = realloc;
void* (*volatile reallocarray_of)(void*, size_t, size_t) = reallocarray;

// What a block has before the call under test, in bytes.
constexpr size_t kOldSizes[] = {0, 1, 100, 8 * kKiB, 100 * kKiB, kMiB};

// resize(block) is realloc or reallocarray; a block that it could not resize
// must be as it was.
template <typename Resize>
void CompareResized(Answer answer, size_t bytes, Resize resize) {
  for (const size_t old_bytes : kOldSizes) {
    SCOPED_TRACE("from " + std::to_string(old_bytes));
    void* old = malloc(old_bytes);
    const uint64_t key = KeyOf(old);
    Fill(old, old_bytes);
    void* block = Compare(answer, bytes, 1, [&] { return resize(old); });
    const size_t kept = std::min(old_bytes, bytes);
    if (answer == kBlock) {
      EXPECT_TRUE(Holds(block, kept, key));
      free(block);
    } else if (answer == kNoMemory) {
      EXPECT_TRUE(Holds(old, old_bytes, key));
      free(old);
    }
  }
}

TEST(MallocTable, ResizedBlocksBySize) {
  for (const SizeRow& row : kSizeRows) {
    const size_t n = row.bytes;
    SCOPED_TRACE(n);
    const auto compare = [&](auto resize) {
      CompareResized(row.resized, n, resize);
    };
    compare([n](void* block) { return realloc_of(block, n); });
    compare([n](void* block) { return reallocarray_of(block, 1, n); });
    compare([n](void* block) { return reallocarray_of(block, n, 1); });
  }
}

TEST(MallocTable, ResizedBlocksByCountAndSize) {
  for (const ProductRow& row : kProductRows) {
    SCOPED_TRACE(std::to_string(row.count) + " x " + std::to_string(row.size));
    const size_t bytes = row.resized == kBlock ? row.count * row.size : 0;
    CompareResized(row.resized, bytes, [&](void* block) {
      return reallocarray_of(block, row.count, row.size);
    });
  }
}

TEST(MallocTable, PvallocGivesWholePages) {
  const size_t page = PageOfTheKernel();
  for (const size_t bytes : {size_t{1}, page - 1, page, page + 1, 5 * page - 1,
                             300 * kKiB + 1, kMiB + 1}) {
    void* block = pvalloc(bytes);
    ASSERT_NE(block, nullptr);
    const size_t whole = (bytes + page - 1) / page * page;
    EXPECT_GE(malloc_usable_size(block), whole) << bytes;
    free(block);
  }
}

}  // namespace
}  // namespace pool
