// AllocateAligned and DeallocateAligned.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/contract/later_call.h"
#include "common/contract/promises.h"
#include "common/testing/sizes.h"
#include "pool/system_memory.h"

namespace course {
namespace {

using AlignedPromise = Promise<Facade::kHasAligned>;

struct Request {
  size_t bytes;
  size_t alignment;
};

[[maybe_unused]] std::vector<Request> InterestingRequests() {
  std::vector<Request> requests;
  for (size_t alignment = 1; alignment <= kMiB; alignment *= 2) {
    for (const size_t bytes :
         {size_t{0}, size_t{1}, size_t{8}, size_t{24}, size_t{100},
          size_t{1000}, 4 * kKiB, 8 * kKiB + 1, 100 * kKiB, kLargestClass,
          kLargestClass + 1, kMiB}) {
      requests.push_back({bytes, alignment});
    }
    if (alignment <= 64 * kKiB) {
      requests.push_back({alignment - 1, alignment});
      requests.push_back({alignment, alignment});
      requests.push_back({alignment + 1, alignment});
    }
  }
  return requests;
}

// Obtains a block for each request, and frees them all: `give_back` is told
// block and request.
template <typename F, typename GiveBack>
void FillAndEmpty(F facade, GiveBack give_back) {
  ShadowHeap heap(4 * kKiB);
  std::vector<void*> blocks;
  const std::vector<Request> requests = InterestingRequests();
  for (const auto& [bytes, alignment] : requests) {
    blocks.push_back(facade.AllocateAligned(bytes, alignment));
    ASSERT_TRUE(Fine(
        heap.Allocated(blocks.back(), bytes, std::max<size_t>(alignment, 8))))
        << bytes << " bytes aligned to " << alignment;
  }
  ASSERT_TRUE(Fine(heap.CheckAll()));
  for (size_t i = 0; i < requests.size(); ++i) {
    ASSERT_TRUE(Fine(heap.Freeing(blocks[i], requests[i].bytes)));
    give_back(blocks[i], requests[i]);
  }
}

// An allocator that splits and merges may take some rounds until its pieces fit
// what it is asked for. If it loses memory in each round, it grows for ever: by
// some megabytes at least every few rounds.
template <typename Round>
[[maybe_unused]] bool StopsGrowing(const Round& round) {
  int calm = 0;
  for (int i = 0; i < 60 && calm < 12; ++i) {
    const size_t mapped = pool::ReadSystemFootprint().mapped;
    round();
    calm = pool::ReadSystemFootprint().mapped > mapped ? 0 : calm + 1;
  }
  return calm == 12;
}

const AlignedPromise kAnyPower(
    "AllocateAligned", "AlignsToAnyPowerOfTwo", [](auto facade) {
      const auto give_back = [&](void* block, const Request& request) {
        facade.DeallocateAligned(block, request.bytes, request.alignment);
      };
      EXPECT_TRUE(StopsGrowing([&] { FillAndEmpty(facade, give_back); }))
          << "memory is lost";
    });

const AlignedPromise kUnsized("AllocateAligned", "BlocksMayGoBackWithoutASize",
                              [](auto facade) {
                                const auto give_back = [&](void* block,
                                                           const Request&) {
                                  facade.Deallocate(block);
                                };
                                FillAndEmpty(facade, give_back);
                                FillAndEmpty(facade, give_back);
                              });

const AlignedPromise kNoPower(
    "AllocateAligned", "RefusesWhatIsNoPowerOfTwo", [](auto facade) {
      for (const size_t alignment :
           {size_t{0}, size_t{3}, size_t{6}, size_t{24}, size_t{48},
            size_t{4095}, size_t{4097}, SIZE_MAX, SIZE_MAX - 7}) {
        for (const size_t bytes : {size_t{0}, size_t{100}, kMiB}) {
          const auto give = [&] {
            return facade.AllocateAligned(bytes, alignment);
          };
          EXPECT_TRUE(IsRefused(give, EINVAL)) << alignment;
        }
      }
    });

const AlignedPromise kImpossible(
    "AllocateAligned", "RefusesImpossibleSizesAndAlignments", [](auto facade) {
      facade.Deallocate(facade.AllocateAligned(100, 64));
      const size_t mapped = pool::ReadSystemFootprint().mapped;
      for (size_t alignment = 1; alignment <= kMiB; alignment *= 16) {
        for (const size_t bytes : ImpossibleSizes()) {
          const auto give = [&] {
            return facade.AllocateAligned(bytes, alignment);
          };
          EXPECT_TRUE(IsRefused(give)) << bytes << " at " << alignment;
        }
      }
      for (const int power : {52, 62, 63}) {
        const auto give = [&] {
          return facade.AllocateAligned(100, size_t{1} << power);
        };
        EXPECT_TRUE(IsRefused(give)) << "2^" << power;
      }
      EXPECT_EQ(pool::ReadSystemFootprint().mapped, mapped);
      EXPECT_TRUE(FilledBlock::New(100).Free()) << "the next call has to work";
    });

const AlignedPromise kNull("DeallocateAligned", "OfNullDoesNothing",
                           [](auto facade) {
                             const FilledBlock block = FilledBlock::New(100);
                             facade.DeallocateAligned(nullptr, 100, 64);
                             facade.DeallocateAligned(nullptr, kMiB, kMiB);
                             EXPECT_TRUE(block.Free());
                           });

}  // namespace
}  // namespace course
