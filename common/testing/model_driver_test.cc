// The model driver is shown allocators with a bug each, and has to find it.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/testing/model.h"
#include "common/testing/seeds.h"
#include "common/testing/toy_heaps.h"

namespace course {
namespace {

constexpr uint64_t kSeed = 0xC0FFEE;
constexpr size_t kAlone = 0;

constexpr SizeMix kAllMixes[] = {SizeMix::kPareto, SizeMix::kClassEdges,
                                 SizeMix::kThresholds, SizeMix::kLarge};

Effort Little() {
  Effort effort;
  effort.bytes = 24 * kMiB;
  return effort;
}

template <Bug kBug>
Fault PlayToy(SizeMix mix, uint64_t seed = kSeed, size_t players = kAlone) {
  ToyHeap<kBug>::Reset();
  return PlayModel<ToyHeap<kBug>>(mix, seed, players, Little());
}

template <Bug kBug>
Fault PlayFullToy(size_t players = kAlone) {
  FullToyHeap<kBug>::Reset();
  return PlayModel<FullToyHeap<kBug>>(SizeMix::kPareto, kSeed, players,
                                      Little());
}

testing::AssertionResult Says(const Fault& fault, const std::string& what) {
  if (!fault) return testing::AssertionFailure() << "no fault";
  if (fault->find(what) == std::string::npos) {
    return testing::AssertionFailure() << *fault;
  }
  return testing::AssertionSuccess();
}

TEST(ModelDriver, FindsNothingInSoundHeaps) {
  for (const SizeMix mix : kAllMixes) {
    const Fault alone = PlayToy<Bug::kNone>(mix);
    EXPECT_FALSE(alone) << *alone;
    const Fault together = PlayToy<Bug::kNone>(mix, kSeed, 4);
    EXPECT_FALSE(together) << *together;
  }
  const Fault alone = PlayFullToy<Bug::kNone>();
  EXPECT_FALSE(alone) << *alone;
  const Fault together = PlayFullToy<Bug::kNone>(4);
  EXPECT_FALSE(together) << *together;
}

TEST(ModelDriver, FindsAClassThatIsTooSmall) {
  const auto fault = PlayToy<Bug::kClassTooSmall>(SizeMix::kClassEdges);
  EXPECT_TRUE(Says(fault, "overlaps"));
}

TEST(ModelDriver, FindsABlockGivenTwice) {
  EXPECT_TRUE(Says(PlayToy<Bug::kGivenTwice>(SizeMix::kPareto), "overlaps"));
}

TEST(ModelDriver, FindsAMisalignedBlock) {
  EXPECT_TRUE(Says(PlayToy<Bug::kMisaligned>(SizeMix::kPareto), "aligned"));
}

TEST(ModelDriver, FindsAStrayWrite) {
  EXPECT_TRUE(Says(PlayToy<Bug::kStrayWrite>(SizeMix::kPareto), "overwritten"));
}

TEST(ModelDriver, FindsARefusal) {
  EXPECT_TRUE(Says(PlayToy<Bug::kGivesUp>(SizeMix::kPareto), "no block for"));
}

TEST(ModelDriver, FindsDamageThatIsMendedBeforeTheFree) {
  EXPECT_TRUE(Says(PlayToy<Bug::kBorrows>(SizeMix::kPareto), "overwritten"));
}

// Only blocks that change hands while others are still at work show it.
TEST(ModelDriver, FindsAFreeByAnotherThreadThatGoesWrong) {
  const Fault alone = PlayToy<Bug::kForeignFree>(SizeMix::kPareto);
  EXPECT_FALSE(alone) << *alone;
  EXPECT_TRUE(
      Says(PlayToy<Bug::kForeignFree>(SizeMix::kPareto, kSeed, 4), "overlaps"));
}

TEST(ModelDriver, FindsItWithManyThreads) {
  EXPECT_TRUE(
      Says(PlayToy<Bug::kGivenTwice>(SizeMix::kPareto, kSeed, 4), "overlaps"));
}

TEST(ModelDriver, FindsTheBugsOfLaterCalls) {
  EXPECT_TRUE(Says(PlayFullToy<Bug::kHalfAligned>(), "aligned"));
  EXPECT_TRUE(Says(PlayFullToy<Bug::kNotZeroed>(), "not zero"));
  EXPECT_TRUE(Says(PlayFullToy<Bug::kUsableTooLarge>(), "overlaps"));
  EXPECT_TRUE(Says(PlayFullToy<Bug::kForgetsOnMove>(), "lost on the way"));
  EXPECT_TRUE(Says(PlayFullToy<Bug::kScribblesOnRelease>(), "overwritten"));
  EXPECT_TRUE(Says(PlayFullToy<Bug::kNothingReserved>(), "Reserve"));
}

TEST(ModelDriver, NamesTheSeedAndTheSeedRepeatsTheFault) {
  const Fault first = PlayToy<Bug::kGivenTwice>(SizeMix::kPareto, 77);
  ASSERT_TRUE(Says(first, "COURSE_SEED=0x4d"));
  EXPECT_EQ(first, PlayToy<Bug::kGivenTwice>(SizeMix::kPareto, 77));
  EXPECT_NE(first, PlayToy<Bug::kGivenTwice>(SizeMix::kPareto, 78));
}

class SeedsTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* value = std::getenv("COURSE_SEED");
    if (value != nullptr) before_ = value;
  }
  void TearDown() override {
    unsetenv("COURSE_SEED");
    if (!before_.empty()) setenv("COURSE_SEED", before_.c_str(), 1);
  }
  std::string before_;
};

TEST_F(SeedsTest, TheEnvironmentChoosesTheSeed) {
  setenv("COURSE_SEED", "0x2a", 1);
  EXPECT_EQ(SeedsToTry(), std::vector<uint64_t>{42});
  EXPECT_EQ(HowToRepeat(42), "COURSE_SEED=0x2a repeats it");
}

TEST_F(SeedsTest, WithoutItOneSeedIsFresh) {
  unsetenv("COURSE_SEED");
  const std::vector<uint64_t> once = SeedsToTry();
  const std::vector<uint64_t> again = SeedsToTry();
  ASSERT_EQ(once.size(), again.size());
  EXPECT_EQ(once.front(), again.front());
  EXPECT_NE(once.back(), again.back());
}

TEST_F(SeedsTest, WhatIsNoNumberIsRefused) {
  for (const char* text : {"", "abc", "12x", "-1", "99999999999999999999"}) {
    EXPECT_THROW(ParseSeed(text), std::invalid_argument) << text;
  }
}

TEST_F(SeedsTest, WhatIsNoNumberEndsTheProgramWithOneLine) {
  setenv("COURSE_SEED", "abc", 1);
  EXPECT_EXIT(SeedsToTry(), testing::ExitedWithCode(2),
              "^COURSE_SEED=abc is not a number such as 17 or 0x2a\n$");
}

}  // namespace
}  // namespace course
