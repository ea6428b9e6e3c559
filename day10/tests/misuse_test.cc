// What is no block, each call that frees turns away: with one line that names
// the call, the pointer and what is wrong, and the end of the process.
#include "pool/misuse.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/thread_cache.h"

namespace pool {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;
constexpr size_t kLarge = 300 * kKiB;      // a block of so many bytes is large,
constexpr size_t kLargeSpan = 304 * kKiB;  // and has whole pages

// The calls that free.
struct Way {
  const char* test;
  const char* call;
  void (*free)(void*);
};

void PrintTo(const Way& way, std::ostream* out) { *out << way.test; }

constexpr Way kWays[] = {
    {"Unsized", "Deallocate", [](void* block) { Deallocate(block); }},
    {"Sized", "Deallocate", [](void* block) { Deallocate(block, 64); }},
    {"Aligned", "DeallocateAligned",
     [](void* block) { DeallocateAligned(block, 64, 64); }},
};

std::string Hex(const void* pointer) {
  std::ostringstream text;
  text << "0x" << std::hex << reinterpret_cast<uintptr_t>(pointer);
  return text.str();
}

std::string InsideText(size_t bytes, const void* start) {
  return "inside the block of " + std::to_string(bytes) +
         " bytes that begins at " + Hex(start);
}

// Where blocks are longer by a word, and large ones have pages beside them.
constexpr char kOtherwise[] = "checks_test.cc has its like for a checked pool";

// Where a free does not look for its span, it is noticed later.
constexpr char kLater[] = "window_misuse_test.cc has its like for a release";

constexpr char kForeign[] = "not a block of this pool";
constexpr char kFreePages[] =
    "not allocated, or freed before: its pages are free";

void* At(void* start, size_t offset) {
  return static_cast<char*>(start) + offset;
}

// What the process has so far is all its own: each test stands for itself, in
// whatever order they run.
class MisuseDeathTest : public testing::TestWithParam<Way> {
 protected:
  // Standard error gets this line and nothing else.
  static void ExpectLine(void* pointer, const std::string& what) {
    const Way& way = GetParam();
    EXPECT_EXIT(way.free(pointer), testing::KilledBySignal(SIGABRT),
                testing::Eq("pool: " + std::string(way.call) + "(" +
                            Hex(pointer) + "): " + what + "\n"));
  }

  // What is a block. With checks, who says a size has to be right.
  static void Free(void* block) {
    kChecks ? Deallocate(block) : GetParam().free(block);
  }
};

INSTANTIATE_TEST_SUITE_P(Through, MisuseDeathTest, testing::ValuesIn(kWays),
                         [](const auto& way) { return way.param.test; });

TEST_P(MisuseDeathTest, AnotherOnesMemory) {
  alignas(16) static char global[64];
  alignas(16) char local[64];
  const std::unique_ptr<void, void (*)(void*)> from_malloc(std::malloc(64),
                                                           std::free);
  const std::unique_ptr<void, void (*)(void*)> large_one(std::malloc(kMiB),
                                                         std::free);
  Free(Allocate(64));  // the pool is at work
  for (void* pointer : {static_cast<void*>(global), static_cast<void*>(local),
                        from_malloc.get(), large_one.get()}) {
    ExpectLine(pointer, kForeign);
  }
}

TEST_P(MisuseDeathTest, ThePoolsOwnBooks) {
  void* block = Allocate(64);
  ExpectLine(PageHeap::Get().MapObjectToSpan(block), kForeign);
  ExpectLine(&PageHeap::Get(), kForeign);
  ExpectLine(&ThreadCache::Current(), kForeign);
  Free(block);
}

// From the first page, over what no address has (48 bits are in use), to the
// last.
TEST_P(MisuseDeathTest, WhatIsHardlyAnAddress) {
  const uintptr_t kAddresses[] = {
      1,
      8,
      16,
      kPageSize - 1,
      kPageSize,
      (uintptr_t{1} << 47) - 16,
      uintptr_t{1} << 47,
      (uintptr_t{1} << 48) - 1,
      uintptr_t{1} << 48,
      uintptr_t{1} << 62,
      uintptr_t{1} << 63,
      UINTPTR_MAX - kPageSize,
      UINTPTR_MAX,
  };
  for (const uintptr_t address : kAddresses) {
    ExpectLine(reinterpret_cast<void*>(address), kForeign);
  }
}

TEST_P(MisuseDeathTest, InsideASmallBlock) {
  if (kChecks) GTEST_SKIP() << kOtherwise;
  if (!kDebugBuild) GTEST_SKIP() << kLater;
  for (const size_t size :
       {size_t{16}, size_t{48}, size_t{64}, 3 * kKiB, 256 * kKiB}) {
    void* block = Allocate(size);
    for (const size_t offset : {size_t{1}, size_t{8}, size / 2, size - 1}) {
      ExpectLine(At(block, offset), InsideText(size, block));
    }
    Free(block);
  }
}

// Some classes leave bytes at the end of their pages that no block has.
TEST_P(MisuseDeathTest, BehindTheLastBlockOfItsPages) {
  if (kChecks) GTEST_SKIP() << kOtherwise;
  if (!kDebugBuild) GTEST_SKIP() << kLater;
  for (const size_t size : {size_t{48}, size_t{112}, 5 * kKiB, 9 * kKiB}) {
    void* block = Allocate(size);
    const Span* span = PageHeap::Get().MapObjectToSpan(block);
    ASSERT_GT(span->Tail(), 0u) << size;
    const std::string what =
        "behind the last block of " + std::to_string(size) + " bytes of its ";
    for (const size_t back : {span->Tail(), size_t{1}}) {
      ExpectLine(At(span->Start(), span->pages.bytes() - back), what + "pages");
    }
    Free(block);
  }
}

TEST_P(MisuseDeathTest, InsideALargeBlock) {
  void* block = Allocate(kLarge);
  for (const size_t offset :
       {size_t{1}, size_t{16}, kPageSize - 1, kPageSize, 5 * kPageSize + 16,
        kLarge - 1, kLarge, kLargeSpan - 1}) {
    ExpectLine(At(block, offset), InsideText(kLargeSpan, block));
  }
  Free(block);
}

TEST_P(MisuseDeathTest, InsideAnAlignedBlock) {
  if (kChecks) GTEST_SKIP() << kOtherwise;
  void* large = AllocateAligned(kLarge, kMiB);
  ExpectLine(At(large, kPageSize), InsideText(kLargeSpan, large));
  if (!kDebugBuild) GTEST_SKIP() << kLater;
  void* small = AllocateAligned(100, 128);
  ExpectLine(At(small, 64), InsideText(128, small));
  void* page = AllocateAligned(100, kPageSize);
  ExpectLine(At(page, 100), InsideText(kPageSize, page));
  for (void* block : {small, page, large}) Free(block);
}

// The pages that were split off for the alignment's sake are nobody's.
TEST_P(MisuseDeathTest, BesideAnAlignedBlock) {
  if (kChecks) GTEST_SKIP() << kOtherwise;
  // No free run holds that much, so these have one of their own.
  void* block = AllocateAligned(100 * kMiB, 64 * kMiB);
  void* behind = At(block, 100 * kMiB);
  const Span* span = PageHeap::Get().MapObjectToSpan(behind);
  ASSERT_TRUE(span != nullptr && span->state != SpanState::kInUse);
  ExpectLine(behind, kFreePages);
  ExpectLine(At(behind, 64), kFreePages);
  Free(block);
}

TEST_P(MisuseDeathTest, ALargeBlockFreedTwice) {
  if (kChecks) GTEST_SKIP() << kOtherwise;
  void* block = Allocate(kLarge);
  Free(block);
  ExpectLine(block, kFreePages);
  ExpectLine(At(block, kPageSize), kFreePages);
  ReleaseFreeMemory();
  ExpectLine(block, kFreePages);
  ExpectLine(At(block, kPageSize), kFreePages);
}

TEST_P(MisuseDeathTest, AnAlignedBlockFreedTwice) {
  if (kChecks) GTEST_SKIP() << kOtherwise;
  void* block = AllocateAligned(100, 64 * kKiB);
  Free(block);
  ExpectLine(block, kFreePages);
}

// Three large blocks side by side, and one before them that stays. Wherever the
// page heap has such a place: all others for their like are taken first.
class Row {
 public:
  static constexpr size_t kBytes = 40 * kMiB;

  Row() {
    Deallocate(Allocate(4 * kBytes));
    ReleaseFreeMemory();  // what is free is whole then
    do {
      blocks_.push_back(Allocate(kBytes));
    } while (!IsThere());
  }
  // The three are their user's to free.
  ~Row() {
    blocks_.resize(blocks_.size() - 3);
    for (void* block : blocks_) Deallocate(block);
  }
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

  void* block(size_t i) const { return blocks_[blocks_.size() - 3 + i]; }

 private:
  bool IsThere() const {
    if (blocks_.size() < 4) return false;
    void* before = blocks_[blocks_.size() - 4];
    for (size_t i = 0; i < 3; ++i) {
      if (block(i) != At(before, (i + 1) * kBytes)) return false;
    }
    return true;
  }

  std::vector<void*> blocks_;
};

// Whichever of three neighbours is freed when: its span may be the one that
// swallows the others, or be swallowed.
TEST_P(MisuseDeathTest, ALargeBlockFreedTwiceAmongMergedNeighbours) {
  if (kChecks) GTEST_SKIP() << kOtherwise;
  const size_t kOrders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                               {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (const auto& order : kOrders) {
    const Row row;
    for (const size_t i : order) Free(row.block(i));
    for (const size_t i : order) {
      ExpectLine(row.block(i), kFreePages);
      ExpectLine(At(row.block(i), Row::kBytes - 1), kFreePages);
    }
  }
}

// Spans were merged here, and one that was given up is now another block's: its
// old pages must not lead to it any more.
TEST_P(MisuseDeathTest, FreePagesLeadToNoOtherBlock) {
  if (kChecks) GTEST_SKIP() << kOtherwise;
  const Row row;
  Free(row.block(2));
  ReleaseFreeMemory();
  Free(row.block(1));
  ReleaseFreeMemory();  // it swallows the returned pages behind it,
  Free(row.block(0));
  ReleaseFreeMemory();  // and is swallowed.
  // Shorter by a page than what the row was made of: they fit nowhere else.
  void* first = Allocate(Row::kBytes - kPageSize);
  void* second = Allocate(Row::kBytes - kPageSize);
  ASSERT_EQ(first, row.block(0));
  ASSERT_EQ(second, At(first, Row::kBytes - kPageSize));
  for (const size_t i : {1, 2}) {
    void* seam = At(row.block(i), Row::kBytes);
    ExpectLine(At(seam, -kPageSize), kFreePages);
    ExpectLine(At(seam, -size_t{1}), kFreePages);
  }
  ExpectLine(row.block(2), kFreePages);
  Free(first);
  Free(second);
}

TEST_P(MisuseDeathTest, ASmallBlockFreedTwice) {
  if (kChecks) GTEST_SKIP() << kOtherwise;
  if (!kDebugBuild) GTEST_SKIP() << "noticed in debug builds only";
  for (const size_t size : {size_t{8}, size_t{64}, size_t{1024}, 256 * kKiB}) {
    void* other = Allocate(size);  // its pages stay in use
    void* block = Allocate(size);
    Free(block);
    ExpectLine(block,
               "free already; a block of " + std::to_string(size) + " bytes");
    Free(other);
  }
}

// In all builds, once its pages went back.
TEST_P(MisuseDeathTest, ASmallBlockFreedTwiceWhosePagesAreFree) {
  for (const size_t size : {size_t{64}, size_t{1024}, 256 * kKiB}) {
    void* block = Allocate(size);
    Free(block);
    ReleaseFreeMemory();
    ExpectLine(block, kFreePages);
  }
}

// All of it goes through every call that frees.
TEST_P(MisuseDeathTest, WhatIsABlockIsTaken) {
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{64}, 256 * kKiB, 256 * kKiB + 1, kMiB}) {
    for (size_t alignment = 1; alignment <= kMiB; alignment *= 4) {
      void* block = AllocateAligned(size, alignment);
      ASSERT_NE(block, nullptr);
      Free(block);
    }
  }
  Free(nullptr);
  PageHeap::Get().Validate();
}

}  // namespace
}  // namespace pool
