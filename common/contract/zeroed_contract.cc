// AllocateZeroed and UsableSize: calloc's and malloc_usable_size's promises.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/contract/later_call.h"
#include "common/contract/promises.h"
#include "common/testing/shadow_heap.h"
#include "common/testing/sizes.h"

namespace course {
namespace {

using ZeroedPromise = Promise<Facade::kHasZeroed>;
using UsableSizePromise = Promise<Facade::kHasUsableSize>;

[[maybe_unused]] bool IsZero(const void* block, size_t bytes) {
  const char* start = static_cast<const char*>(block);
  return std::all_of(start, start + bytes, [](char c) { return c == 0; });
}

const ZeroedPromise kZero(
    "AllocateZeroed", "IsZeroHoweverTheMemoryWasUsed", [](auto facade) {
      ShadowHeap heap;
      std::vector<size_t> sizes = ClassEdges();
      sizes.insert(sizes.end(), {300 * kKiB, kMiB, 5 * kMiB});
      // The shadow heap leaves its patterns behind for the second round.
      for (int round = 0; round < 2; ++round) {
        std::vector<void*> blocks;
        for (const size_t size : sizes) {
          blocks.push_back(facade.AllocateZeroed(1, size));
          ASSERT_NE(blocks.back(), nullptr);
          EXPECT_TRUE(IsZero(blocks.back(), size)) << size;
          ASSERT_TRUE(Fine(heap.Allocated(blocks.back(), size)));
        }
        for (size_t i = 0; i < sizes.size(); ++i) {
          ASSERT_TRUE(Fine(heap.Freeing(blocks[i], sizes[i])));
          facade.Deallocate(blocks[i], sizes[i]);
        }
      }
    });

const ZeroedPromise kProduct(
    "AllocateZeroed", "HasRoomForTheProduct", [](auto facade) {
      ShadowHeap heap;
      for (const size_t count : {0, 1, 3, 17, 1000}) {
        for (const size_t size : {0, 1, 8, 24, 100}) {
          void* block = facade.AllocateZeroed(count, size);
          ASSERT_TRUE(Fine(heap.Allocated(block, count * size)));
          ASSERT_TRUE(Fine(heap.Freeing(block, count * size)));
          facade.Deallocate(block, count * size);
        }
      }
    });

const ZeroedPromise kOverflow(
    "AllocateZeroed", "RefusesWhatCannotBe", [](auto facade) {
      struct Product {
        size_t count;
        size_t size;
      };
      constexpr size_t kHalf = size_t{1} << 32;
      for (const auto& [count, size] :
           {Product{kHalf, kHalf}, Product{kHalf + 1, kHalf},
            Product{SIZE_MAX, 2}, Product{2, SIZE_MAX},
            Product{SIZE_MAX / 8 + 2, 8}, Product{SIZE_MAX, SIZE_MAX},
            Product{1, SIZE_MAX}, Product{3, size_t{PTRDIFF_MAX} / 2}}) {
        const auto give = [&, n = count, each = size] {
          return facade.AllocateZeroed(n, each);
        };
        EXPECT_TRUE(IsRefused(give)) << count << " of " << size;
      }
      EXPECT_TRUE(FilledBlock::New(100).Free()) << "the next call has to work";
    });

const UsableSizePromise kUsable(
    "UsableSize", "EveryUsableByteIsTheOwners", [](auto facade) {
      ShadowHeap heap;
      std::vector<void*> blocks;
      const std::vector<size_t> sizes = ClassEdges();
      for (const size_t size : sizes) {
        void* block = facade.Allocate(size);
        blocks.push_back(block);
        ASSERT_TRUE(Fine(heap.Allocated(block, size)));
        ASSERT_TRUE(Fine(heap.Widened(block, facade.UsableSize(block))));
      }
      ASSERT_TRUE(Fine(heap.CheckAll()));
      for (size_t i = 0; i < sizes.size(); ++i) {
        ASSERT_TRUE(Fine(heap.Freeing(blocks[i], sizes[i])));
        facade.Deallocate(blocks[i], sizes[i]);
      }
    });

const UsableSizePromise kOfNull("UsableSize", "OfNullIsZero", [](auto facade) {
  EXPECT_EQ(facade.UsableSize(nullptr), 0u);
});

}  // namespace
}  // namespace course
