// Deallocate without a size: the allocator knows, and knows what is not its
// own.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "common/contract/later_call.h"
#include "common/contract/promises.h"
#include "common/testing/gang.h"
#include "common/testing/sizes.h"
#include "common/workloads/random.h"

namespace course {
namespace {

using UnsizedPromise = Promise<Facade::kHasUnsizedDeallocate>;

const UnsizedPromise kEverySize(
    "UnsizedDeallocate", "TakesBlocksOfEverySize", [](auto facade) {
      ShadowHeap heap;
      std::vector<void*> blocks;
      std::vector<size_t> sizes = ClassEdges();
      for (size_t size = 0; size <= 300; ++size) sizes.push_back(size);
      sizes.insert(sizes.end(), {300 * kKiB, kMiB, 5 * kMiB + 1});
      for (const size_t size : sizes) {
        blocks.push_back(facade.Allocate(size));
        ASSERT_TRUE(Fine(heap.Allocated(blocks.back(), size)));
      }
      for (void* block : blocks) {
        ASSERT_TRUE(Fine(heap.Freeing(block)));
        facade.Deallocate(block);
      }
      ASSERT_EQ(heap.live(), 0u);
    });

const UnsizedPromise kUnsizedNull("UnsizedDeallocate", "OfNullDoesNothing",
                                  [](auto facade) {
                                    const FilledBlock block =
                                        FilledBlock::New(100);
                                    facade.Deallocate(nullptr);
                                    EXPECT_TRUE(block.Free());
                                  });

const UnsizedPromise kUnsizedErrno("UnsizedDeallocate", "LeavesErrnoAsItIs",
                                   [](auto facade) {
                                     for (const size_t size : ClassSizes()) {
                                       void* block = facade.Allocate(size);
                                       errno = EDOM;
                                       facade.Deallocate(block);
                                       ASSERT_EQ(errno, EDOM) << size;
                                     }
                                   });

const UnsizedPromise kOtherThreads(
    "UnsizedDeallocate", "TakesWhatOtherThreadsAllocated", [](auto facade) {
      constexpr size_t kThreads = 8;
      constexpr size_t kBlocks = 1000;
      std::vector<std::vector<FilledBlock>> left(kThreads);
      Barrier filled(kThreads);
      std::atomic<int> damaged{0};
      RunGang(kThreads, [&](size_t member) {
        Random random(member);
        for (size_t i = 0; i < kBlocks; ++i) {
          left[member].push_back(FilledBlock::New(random.Pareto(1, 8 * kKiB)));
        }
        filled.ArriveAndWait();
        for (const FilledBlock& block : left[(member + 1) % kThreads]) {
          damaged += block.Intact() ? 0 : 1;
          facade.Deallocate(static_cast<void*>(block.start));
        }
      });
      EXPECT_EQ(damaged, 0);
    });

// One line that names the call and the pointer.
[[maybe_unused]] std::string NamesCallAndPointer(const void* pointer) {
  std::ostringstream hex;
  hex << std::hex << reinterpret_cast<uintptr_t>(pointer);
  return "^[^\n]*Deallocate[^\n]*" + hex.str() + "[^\n]*\n$";
}

const UnsizedPromise kForeign(
    "UnsizedDeallocateDeathTest", "EndsTheProcessOnAForeignPointer",
    [](auto facade) {
      alignas(16) static char not_allocated[64];
      alignas(16) char on_the_stack[64];
      void* from_malloc = std::malloc(64);
      for (void* pointer :
           {static_cast<void*>(not_allocated), static_cast<void*>(on_the_stack),
            from_malloc, reinterpret_cast<void*>(16)}) {
        EXPECT_EXIT(facade.Deallocate(pointer),
                    testing::KilledBySignal(SIGABRT),
                    NamesCallAndPointer(pointer));
      }
      std::free(from_malloc);
    });

const UnsizedPromise kInside(
    "UnsizedDeallocateDeathTest", "EndsTheProcessInsideALargeBlock",
    [](auto facade) {
      char* block = static_cast<char*>(facade.Allocate(kMiB));
      for (const size_t offset : {size_t{16}, size_t{8192}, kMiB / 2}) {
        void* inside = block + offset;
        EXPECT_EXIT(facade.Deallocate(inside), testing::KilledBySignal(SIGABRT),
                    NamesCallAndPointer(inside));
      }
      facade.Deallocate(static_cast<void*>(block));
    });

const UnsizedPromise kUnsizedTwice("UnsizedDeallocateDeathTest",
                                   "EndsTheProcessOnALargeBlockFreedTwice",
                                   [](auto facade) {
                                     void* block = facade.Allocate(kMiB);
                                     facade.Deallocate(block);
                                     EXPECT_EXIT(
                                         facade.Deallocate(block),
                                         testing::KilledBySignal(SIGABRT),
                                         NamesCallAndPointer(block));
                                   });

}  // namespace
}  // namespace course
