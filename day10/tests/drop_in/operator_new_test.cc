// Every form of operator new and operator delete.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>

#include "checked_blocks.h"
#include "common/testing/sizes.h"
#include "malloc_table.h"

// Without -fsized-deallocation, Clang does not have them declared.
void operator delete(void* block, size_t bytes) noexcept;
void operator delete[](void* block, size_t bytes) noexcept;
void operator delete(void* block, size_t bytes, std::align_val_t) noexcept;
void operator delete[](void* block, size_t bytes, std::align_val_t) noexcept;

namespace pool {
namespace {

using Align = std::align_val_t;

// The forms of new that know no alignment, and those that do.
struct New {
  const char* name;
  bool throws;
  void* (*make)(size_t bytes);
};
struct AlignedNew {
  const char* name;
  bool throws;
  void* (*make)(size_t bytes, Align alignment);
};

constexpr New kNews[] = {
    {"new", true, [](size_t n) { return ::operator new(n); }},
    {"new[]", true, [](size_t n) { return ::operator new[](n); }},
    {"new nothrow", false,
     [](size_t n) { return ::operator new(n, std::nothrow); }},
    {"new[] nothrow", false,
     [](size_t n) { return ::operator new[](n, std::nothrow); }},
};
constexpr AlignedNew kAlignedNews[] = {
    {"new align", true, [](size_t n, Align a) { return ::operator new(n, a); }},
    {"new[] align", true,
     [](size_t n, Align a) { return ::operator new[](n, a); }},
    {"new align nothrow", false,
     [](size_t n, Align a) { return ::operator new(n, a, std::nothrow); }},
    {"new[] align nothrow", false,
     [](size_t n, Align a) { return ::operator new[](n, a, std::nothrow); }},
};

// Any of these takes back what a form of new of its kind gave: it knows the
// size of the block by itself.
constexpr void (*kDeletes[])(void* block, size_t bytes) = {
    [](void* b, size_t) { ::operator delete(b); },
    [](void* b, size_t) { ::operator delete[](b); },
    [](void* b, size_t n) { ::operator delete(b, n); },
    [](void* b, size_t n) { ::operator delete[](b, n); },
    [](void* b, size_t) { ::operator delete(b, std::nothrow); },
    [](void* b, size_t) { ::operator delete[](b, std::nothrow); },
};
constexpr void (*kAlignedDeletes[])(void* block, size_t bytes, Align) = {
    [](void* b, size_t, Align a) { ::operator delete(b, a); },
    [](void* b, size_t, Align a) { ::operator delete[](b, a); },
    [](void* b, size_t n, Align a) { ::operator delete(b, n, a); },
    [](void* b, size_t n, Align a) { ::operator delete[](b, n, a); },
    [](void* b, size_t, Align a) { ::operator delete(b, a, std::nothrow); },
    [](void* b, size_t, Align a) { ::operator delete[](b, a, std::nothrow); },
};

constexpr size_t kSizes[] = {0,    1,          8,          9,       24,
                             100,  1000,       8 * kKiB,   9000,    64 * kKiB,
                             kMiB, 256 * kKiB, 257 * kKiB, 3 * kMiB};
constexpr size_t kAlignments[] = {1,  2,   4,    8,        16,        32,
                                  64, 128, 4096, 8 * kKiB, 64 * kKiB, kMiB};

TEST(OperatorNew, GivesABlockOfEachSize) {
  CheckedBlocks blocks;
  for (const New& form : kNews) {
    for (const size_t bytes : kSizes) {
      void* block = form.make(bytes);
      ASSERT_NE(block, nullptr) << form.name;
      EXPECT_TRUE(IsMultiple(block, LeastAlignment(bytes))) << form.name;
      blocks.Add(block, bytes);
    }
  }
}

TEST(OperatorNew, GivesABlockOfEachSizeAndAlignment) {
  CheckedBlocks blocks;
  for (const AlignedNew& form : kAlignedNews) {
    for (const size_t bytes : kSizes) {
      for (const size_t alignment : kAlignments) {
        void* block = form.make(bytes, Align{alignment});
        ASSERT_NE(block, nullptr) << form.name;
        EXPECT_TRUE(IsMultiple(block, alignment))
            << form.name << " of " << bytes << " at " << alignment;
        blocks.Add(block, bytes);
      }
    }
  }
}

TEST(OperatorNew, EachDeleteTakesABlockBackAndNullptrToo) {
  for (const auto take_back : kDeletes) {
    take_back(nullptr, 0);
    take_back(nullptr, 100);
    CheckedBlocks blocks;
    for (const size_t bytes : kSizes) {
      for (const New& form : kNews) blocks.Add(form.make(bytes), bytes);
    }
    blocks.FreeAll([&](const CheckedBlocks::Block& block) {
      take_back(block.start, block.bytes);
    });
  }
}

TEST(OperatorNew, EachAlignedDeleteTakesABlockBackAndNullptrToo) {
  for (const auto take_back : kAlignedDeletes) {
    for (const size_t alignment : kAlignments) {
      const Align align{alignment};
      take_back(nullptr, 0, align);
      CheckedBlocks blocks;
      for (const size_t bytes : kSizes) {
        for (const AlignedNew& form : kAlignedNews) {
          blocks.Add(form.make(bytes, align), bytes);
        }
      }
      blocks.FreeAll([&](const CheckedBlocks::Block& block) {
        take_back(block.start, block.bytes, align);
      });
    }
  }
}

// Runs a form of new; what it answered in place of a block.
enum class Refusal { kNone, kNull, kBadAlloc };
template <typename Make>
Refusal RefusalOf(Make make) {
  try {
    void* block = make();
    free(block);
    return block == nullptr ? Refusal::kNull : Refusal::kNone;
  } catch (const std::bad_alloc&) {
    return Refusal::kBadAlloc;
  }
}

TEST(OperatorNew, RefusesSizesThatCannotBe) {
  for (const SizeRow& row : kSizeRows) {
    if (row.fresh != Answer::kNoMemory) continue;
    for (const New& form : kNews) {
      EXPECT_EQ(RefusalOf([&] { return form.make(row.bytes); }),
                form.throws ? Refusal::kBadAlloc : Refusal::kNull)
          << form.name << " of " << row.bytes;
    }
  }
}

// The size is not rounded up over the end of the numbers to something small.
TEST(OperatorNew, RefusesSizesThatCannotBeAtAnyAlignment) {
  for (const SizeRow& row : kSizeRows) {
    if (row.fresh != Answer::kNoMemory) continue;
    for (const size_t alignment : kAlignments) {
      for (const AlignedNew& form : kAlignedNews) {
        const Align align{alignment};
        EXPECT_EQ(RefusalOf([&] { return form.make(row.bytes, align); }),
                  form.throws ? Refusal::kBadAlloc : Refusal::kNull)
            << form.name << " of " << row.bytes << " at " << alignment;
      }
    }
  }
}

TEST(OperatorNew, RefusesAlignmentsThatCannotBe) {
  for (const int shift : {62, 63}) {
    const Align align{size_t{1} << shift};
    for (const AlignedNew& form : kAlignedNews) {
      EXPECT_EQ(RefusalOf([&] { return form.make(1, align); }),
                form.throws ? Refusal::kBadAlloc : Refusal::kNull)
          << form.name << " at 1 << " << shift;
    }
  }
}

// The compiler says that these do not belong together, and is right where new
// is not ours: so it is not to see them.
void* (*volatile realloc_of)(void*, size_t) = realloc;
void* (*volatile malloc_of)(size_t) = malloc;
void* (*volatile aligned_alloc_of)(size_t, size_t) = aligned_alloc;

// One heap for all: what new gave has a usable size, may be resized and freed
// as any block; and delete takes what malloc gave.
TEST(OperatorNew, NewAndMallocShareTheHeap) {
  for (const size_t bytes : kSizes) {
    void* block = ::operator new(bytes);
    EXPECT_GE(malloc_usable_size(block), bytes);
    block = realloc_of(block, bytes + 1000);
    ASSERT_NE(block, nullptr);
    Fill(block, bytes + 1000);
    free(block);
    ::operator delete(malloc_of(bytes));
    ::operator delete[](aligned_alloc_of(64, bytes), Align{64});
  }
}

// An object whose size grows with its alignment goes through the aligned forms.
struct alignas(256) Wide {
  char bytes[300];
};

TEST(OperatorNew, ObjectsThatAreOverAligned) {
  Wide* one = new Wide;
  Wide* many = new Wide[5];
  EXPECT_TRUE(IsMultiple(one, 256));
  EXPECT_TRUE(IsMultiple(many, 256));
  delete one;
  delete[] many;
}

}  // namespace
}  // namespace pool
