// Random calls to the allocator, checked against the shadow heap.
#include "common/testing/model.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <iostream>

#include "common/testing/facade.h"
#include "common/testing/pace.h"

namespace course {
namespace {

constexpr size_t kAlone = 0;

class Model : public testing::TestWithParam<SizeMix> {
 protected:
  static void Play(size_t players, Effort effort) {
    for (const uint64_t seed : SeedsToTry()) {
      std::cout << HowToRepeat(seed) << std::endl;
      const Fault fault = PlayModel<Facade>(GetParam(), seed, players, effort);
      ASSERT_FALSE(fault) << *fault;
    }
  }
};

TEST_P(Model, OneThread) { Play(kAlone, Effort()); }

TEST_P(Model, ManyThreadsThatHandBlocksToEachOther) {
  Effort effort;
  effort.blocks = 150;
  effort.rounds = Paced(12, 3);
  effort.live_bytes = 4 * kMiB;
  effort.bytes = 16 * kMiB;
  Play(8, effort);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Model,
                         testing::Values(SizeMix::kPareto, SizeMix::kClassEdges,
                                         SizeMix::kThresholds, SizeMix::kLarge),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace course
