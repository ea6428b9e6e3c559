// Reallocate: realloc's promises.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/contract/later_call.h"
#include "common/contract/promises.h"
#include "common/testing/shadow_heap.h"
#include "common/testing/sizes.h"
#include "pool/system_memory.h"

namespace course {
namespace {

using ReallocatePromise = Promise<Facade::kHasReallocate>;

[[maybe_unused]] std::vector<size_t> Steps() {
  std::vector<size_t> steps;
  for (size_t size = 1; size <= 8 * kMiB; size += size / 3 + 1) {
    steps.push_back(size);
  }
  return steps;
}

// Resizes one block along `steps`, and demands at each that its contents come
// along and that it shares nothing with the others.
template <typename F>
void Resize(F facade, const std::vector<size_t>& steps) {
  ShadowHeap heap;
  void* block = nullptr;
  size_t bytes = 0;
  std::vector<FilledBlock> others;
  for (const size_t next : steps) {
    others.push_back(FilledBlock::New(next < kMiB ? next : 1));
    ShadowHeap::Moving moving{};
    if (block != nullptr) {
      ASSERT_TRUE(Fine(heap.BeginMove(block, &moving)));
    }
    block = facade.Reallocate(block, bytes, next);
    ASSERT_TRUE(Fine(heap.EndMove(moving, block, next)))
        << bytes << "→" << next;
    bytes = next;
  }
  for (const FilledBlock& other : others) EXPECT_TRUE(other.Free());
  ASSERT_TRUE(Fine(heap.Freeing(block, bytes)));
  facade.Deallocate(block, bytes);  // the new size, wherever it now lies
}

const ReallocatePromise kGrows("Reallocate", "KeepsContentsWhileItGrows",
                               [](auto facade) { Resize(facade, Steps()); });

const ReallocatePromise kShrinks(
    "Reallocate", "KeepsContentsWhileItShrinks", [](auto facade) {
      const std::vector<size_t> steps = Steps();
      Resize(facade, {steps.rbegin(), steps.rend()});
    });

const ReallocatePromise kSmallSteps("Reallocate",
                                    "KeepsContentsInStepsOfOneByte",
                                    [](auto facade) {
                                      std::vector<size_t> steps;
                                      for (size_t size = 1; size <= 1100;
                                           ++size)
                                        steps.push_back(size);
                                      for (size_t size = 1100; size > 0; --size)
                                        steps.push_back(size);
                                      Resize(facade, steps);
                                    });

const ReallocatePromise kReallocatesNull("Reallocate", "OfNullAllocates",
                                         [](auto facade) {
                                           void* block = facade.Reallocate(
                                               nullptr, 0, 100);
                                           ASSERT_NE(block, nullptr);
                                           facade.Deallocate(block, 100);
                                         });

const ReallocatePromise kReallocatesImpossible(
    "Reallocate", "ARefusalLeavesTheBlockAsItWas", [](auto facade) {
      ShadowHeap heap;
      for (const size_t bytes : {size_t{100}, 100 * kKiB, kMiB}) {
        void* block = facade.Allocate(bytes);
        ASSERT_TRUE(Fine(heap.Allocated(block, bytes)));
        const size_t mapped = pool::ReadSystemFootprint().mapped;
        for (const size_t size : ImpossibleSizes()) {
          const auto give = [&] {
            return facade.Reallocate(block, bytes, size);
          };
          EXPECT_TRUE(IsRefused(give)) << size;
        }
        EXPECT_EQ(pool::ReadSystemFootprint().mapped, mapped);
        ASSERT_TRUE(Fine(heap.Freeing(block, bytes)));
        facade.Deallocate(block, bytes);
      }
    });

}  // namespace
}  // namespace course
