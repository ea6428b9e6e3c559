// Reserve: warms up for blocks to come.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "common/contract/later_call.h"
#include "common/contract/promises.h"
#include "common/testing/kernel_faults.h"
#include "common/testing/sizes.h"
#include "pool/system_memory.h"

namespace course {
namespace {

using ReservePromise = Promise<Facade::kHasReserve>;

// How many calls to the kernel it takes to allocate `count` blocks. They are
// freed afterwards.
[[maybe_unused]] size_t KernelCallsFor(const KernelFaults& faults, size_t bytes,
                                       size_t count) {
  std::vector<void*> blocks(count);
  const uint64_t before = faults.calls();
  for (void*& block : blocks) block = Facade::Allocate(bytes);
  const uint64_t calls = faults.calls() - before;
  for (void* block : blocks) {
    EXPECT_NE(block, nullptr);
    Facade::Deallocate(block, bytes);
  }
  return calls;
}

const ReservePromise kNoSystemCall(
    "Reserve", "TheBlocksNeedNoSystemCall", [](auto facade) {
      const KernelFaults faults;
      for (const size_t bytes : {size_t{0}, size_t{1}, size_t{64}, size_t{1000},
                                 8 * kKiB, 100 * kKiB, kLargestClass}) {
        for (const size_t count : {size_t{1}, size_t{10}, size_t{500}}) {
          if (bytes * count > 16 * kMiB) continue;
          ASSERT_TRUE(facade.Reserve(bytes, count));
          EXPECT_EQ(KernelCallsFor(faults, bytes, count), 0u)
              << count << " of " << bytes << " bytes";
        }
      }
    });

const ReservePromise kByThread("Reserve", "IsForTheThreadThatAsked",
                               [](auto facade) {
                                 const KernelFaults faults;
                                 std::thread([&] {
                                   ASSERT_TRUE(facade.Reserve(200, 3000));
                                   EXPECT_EQ(KernelCallsFor(faults, 200, 3000),
                                             0u);
                                 }).join();
                               });

const ReservePromise kNothing("Reserve", "OfNothingSucceeds", [](auto facade) {
  EXPECT_TRUE(facade.Reserve(0, 0));
  EXPECT_TRUE(facade.Reserve(100, 0));
  EXPECT_TRUE(FilledBlock::New(100).Free());
});

const ReservePromise kReservesImpossible(
    "Reserve", "RefusesWhatCannotBe", [](auto facade) {
      Facade::Deallocate(Facade::Allocate(100), 100);
      const size_t mapped = pool::ReadSystemFootprint().mapped;
      for (const size_t bytes : ImpossibleSizes()) {
        errno = 0;
        EXPECT_FALSE(facade.Reserve(bytes, 1)) << bytes;
        EXPECT_EQ(errno, ENOMEM);
      }
      EXPECT_FALSE(facade.Reserve(16, SIZE_MAX / 16 + 1))
          << "the product overflows";
      EXPECT_FALSE(facade.Reserve(kKiB, size_t{1} << 42));
      EXPECT_LE(pool::ReadSystemFootprint().mapped, mapped + 4 * kMiB);
      EXPECT_TRUE(FilledBlock::New(100).Free()) << "the next call has to work";
    });

}  // namespace
}  // namespace course
