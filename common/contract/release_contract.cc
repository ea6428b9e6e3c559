// ReleaseFreeMemory: every free page goes back to the system, at once.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/contract/later_call.h"
#include "common/contract/promises.h"
#include "common/testing/sizes.h"

namespace course {
namespace {

using ReleasePromise = Promise<Facade::kHasReleaseFreeMemory>;

// How many bytes of [start, start + bytes) the kernel keeps memory for. Pages
// that were unmapped count as given back.
size_t ResidentBytes(const void* start, size_t bytes) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t first =
      (reinterpret_cast<uintptr_t>(start) + page - 1) / page * page;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(start) + bytes);
  size_t resident = 0;
  for (uintptr_t address = first; address + page <= end; address += page) {
    unsigned char state = 0;
    if (mincore(reinterpret_cast<void*>(address), page, &state) == 0) {
      resident += (state & 1) * page;
    }
  }
  return resident;
}

[[maybe_unused]] size_t ResidentBytes(const std::vector<FilledBlock>& blocks) {
  size_t resident = 0;
  for (const FilledBlock& block : blocks) {
    resident += ResidentBytes(block.start, block.bytes);
  }
  return resident;
}

const ReleasePromise kGoesBack(
    "ReleaseFreeMemory", "GivesBackNineTenthsOfWhatWasFreed", [](auto facade) {
      constexpr size_t kBytes = 32 * kMiB;
      for (const size_t size :
           {16 * kKiB, 64 * kKiB, kLargestClass, 3 * kMiB}) {
        std::vector<FilledBlock> blocks;
        for (size_t all = 0; all < kBytes; all += size) {
          blocks.push_back(FilledBlock::New(size));
        }
        const size_t before = ResidentBytes(blocks);
        ASSERT_GE(before, kBytes / 2) << "the blocks are there";
        for (const FilledBlock& block : blocks) ASSERT_TRUE(block.Free());
        facade.ReleaseFreeMemory();
        EXPECT_LE(ResidentBytes(blocks), before / 10) << "blocks of " << size;
      }
    });

const ReleasePromise kTwice(
    "ReleaseFreeMemory", "ReturnsWhatItGaveBack", [](auto facade) {
      std::vector<FilledBlock> blocks;
      for (int i = 0; i < 500; ++i) {
        blocks.push_back(FilledBlock::New(64 * kKiB));
      }
      facade.ReleaseFreeMemory();
      for (const FilledBlock& block : blocks) ASSERT_TRUE(block.Free());
      const size_t resident = ResidentBytes(blocks);
      const size_t released = facade.ReleaseFreeMemory();
      EXPECT_GE(released, resident - ResidentBytes(blocks));
      EXPECT_EQ(facade.ReleaseFreeMemory(), 0u) << "nothing was left to give";
    });

const ReleasePromise kLive("ReleaseFreeMemory", "LeavesLiveBlocksAlone",
                           [](auto facade) {
                             std::vector<FilledBlock> kept;
                             for (const size_t size : ClassSizes()) {
                               kept.push_back(FilledBlock::New(size));
                               EXPECT_TRUE(FilledBlock::New(size).Free());
                             }
                             facade.ReleaseFreeMemory();
                             for (const FilledBlock& block : kept)
                               EXPECT_TRUE(block.Intact());
                             // What went back can be had again.
                             for (const size_t size : ClassSizes()) {
                               EXPECT_TRUE(FilledBlock::New(size).Free());
                             }
                             for (const FilledBlock& block : kept)
                               EXPECT_TRUE(block.Free());
                           });

const ReleasePromise kErrno("ReleaseFreeMemory", "LeavesErrnoAsItIs",
                            [](auto facade) {
                              EXPECT_TRUE(FilledBlock::New(kMiB).Free());
                              errno = EDOM;
                              facade.ReleaseFreeMemory();
                              EXPECT_EQ(errno, EDOM);
                            });

}  // namespace
}  // namespace course
