// What all five policies promise.
#include "common/classic/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "common/classic/policies.h"
#include "common/classic/test_range.h"

namespace course::classic {
namespace {

class EveryPolicy : public testing::TestWithParam<Policy> {
 protected:
  EveryPolicy() : arena_(GetParam().make(range_.start(), range_.size())) {}

  // Blocks of `bytes` until one is refused.
  std::vector<void*> FillUp(size_t bytes) {
    std::vector<void*> blocks;
    while (void* block = arena_->Allocate(bytes)) blocks.push_back(block);
    return blocks;
  }

  TestRange range_;
  std::unique_ptr<Arena> arena_;
};

TEST_P(EveryPolicy, IsKnownByItsName) {
  EXPECT_STREQ(arena_->name(), GetParam().name);
}

TEST_P(EveryPolicy, BeginsAsOneFreeBlock) {
  EXPECT_EQ(arena_->Validate(), "");
  EXPECT_EQ(arena_->Free().holes, 1u);
  EXPECT_EQ(arena_->LargestRequest(), kTestBytes - kHeaderBytes);
}

TEST_P(EveryPolicy, AlignsEveryBlockTo16) {
  for (size_t bytes = 0; bytes < 200; ++bytes) {
    const auto address = reinterpret_cast<uintptr_t>(arena_->Allocate(bytes));
    ASSERT_NE(address, 0u);
    EXPECT_EQ(address % kAlignment, 0u);
  }
  EXPECT_EQ(arena_->Validate(), "");
}

TEST_P(EveryPolicy, AlignsBlocksOfAnOddRangeToo) {
  const std::unique_ptr<Arena> odd =
      GetParam().make(static_cast<char*>(range_.start()) + 3, 1000);
  const auto address = reinterpret_cast<uintptr_t>(odd->Allocate(1));
  EXPECT_EQ(address % kAlignment, 0u);
  EXPECT_LE(odd->size(), 1000u - 13);
  EXPECT_EQ(odd->Validate(), "");
}

TEST_P(EveryPolicy, GivesABlockOfItsOwnForZeroBytes) {
  void* one = arena_->Allocate(0);
  void* other = arena_->Allocate(0);
  EXPECT_NE(one, nullptr);
  EXPECT_NE(other, nullptr);
  EXPECT_NE(one, other);
}

TEST_P(EveryPolicy, RefusesWhatCannotFitAndCountsIt) {
  for (size_t bytes : {SIZE_MAX, SIZE_MAX - kHeaderBytes, SIZE_MAX / 2,
                       kTestBytes, kTestBytes - kHeaderBytes + 1}) {
    EXPECT_EQ(arena_->Allocate(bytes), nullptr) << bytes;
  }
  EXPECT_EQ(arena_->counters().refusals, 5u);
  EXPECT_EQ(arena_->counters().allocations, 0u);
  EXPECT_NE(arena_->Allocate(kTestBytes - kHeaderBytes), nullptr);
  EXPECT_EQ(arena_->Validate(), "");
}

TEST_P(EveryPolicy, LargestRequestIsJustThat) {
  MakeHoles(arena_.get(), {1000, 3000, 2000});
  const size_t largest = arena_->LargestRequest();
  EXPECT_EQ(arena_->Allocate(largest + 1), nullptr);
  EXPECT_NE(arena_->Allocate(largest), nullptr);
}

TEST_P(EveryPolicy, TakesNullptrBackWithoutAWord) {
  arena_->Deallocate(nullptr);
  EXPECT_EQ(arena_->counters().releases, 0u);
}

TEST_P(EveryPolicy, CountsWhatIsAskedAndWhatItTakes) {
  void* block = arena_->Allocate(40);
  EXPECT_EQ(arena_->counters().live_asked, 40u);
  EXPECT_EQ(arena_->counters().live_bytes, 64u);
  EXPECT_EQ(arena_->counters().high_water, 64u);
  EXPECT_EQ(arena_->Free().bytes, kTestBytes - 64);
  arena_->Deallocate(block);
  EXPECT_EQ(arena_->counters().live_asked, 0u);
  EXPECT_EQ(arena_->counters().live_bytes, 0u);
  EXPECT_EQ(arena_->counters().high_water, 64u) << "the mark stays";
  EXPECT_EQ(arena_->counters().allocations, 1u);
  EXPECT_EQ(arena_->counters().releases, 1u);
}

TEST_P(EveryPolicy, UsesEveryByteBeforeItRefuses) {
  EXPECT_EQ(FillUp(16).size(), kTestBytes / 32);
  EXPECT_EQ(arena_->Validate(), "");
  EXPECT_EQ(arena_->Free().bytes, 0u);
  EXPECT_EQ(arena_->LargestRequest(), 0u);
}

// After all is freed, in whatever order, the arena is one block again.
TEST_P(EveryPolicy, RecoversFullyFromExhaustion) {
  std::mt19937 dice(1);
  for (int order = 0; order < 3; ++order) {
    std::vector<void*> blocks = FillUp(48);
    if (order == 1) std::reverse(blocks.begin(), blocks.end());
    if (order == 2) std::shuffle(blocks.begin(), blocks.end(), dice);
    for (void* block : blocks) {
      arena_->Deallocate(block);
      ASSERT_EQ(arena_->Validate(), "");
    }
    void* whole = arena_->Allocate(kTestBytes - kHeaderBytes);
    EXPECT_EQ(whole, static_cast<char*>(range_.start()) + kHeaderBytes);
    arena_->Deallocate(whole);
  }
}

using EveryPolicyDeathTest = EveryPolicy;

TEST_P(EveryPolicyDeathTest, RefusesAForeignPointer) {
  char elsewhere[64] = {};
  EXPECT_DEATH(arena_->Deallocate(elsewhere + 32), "not a block of this arena");
  EXPECT_DEATH(arena_->Deallocate(range_.start()), "not a block of this arena");
  EXPECT_DEATH(
      arena_->Deallocate(static_cast<char*>(range_.start()) + kTestBytes + 16),
      "not a block of this arena");
}

TEST_P(EveryPolicyDeathTest, RefusesAPointerIntoABlock) {
  char* block = static_cast<char*>(arena_->Allocate(200));
  std::memset(block, 0, 200);
  EXPECT_DEATH(arena_->Deallocate(block + 1), "not a block of this arena");
  EXPECT_DEATH(arena_->Deallocate(block + 32), "no live block begins here");
}

TEST_P(EveryPolicyDeathTest, RefusesAHeaderThatAUserWrote) {
  char* block = static_cast<char*>(arena_->Allocate(200));
  std::memset(block, 0, 200);
  *HeaderOf(block + 48) = *HeaderOf(block);
  EXPECT_DEATH(arena_->Deallocate(block + 48), "no live block begins here");
  // Two that agree with each other, but with nothing on the right.
  *HeaderOf(block + 32) = Block{48, 32, 9, BlockState::kLive, {}, {}};
  *HeaderOf(block + 80) = Block{64, 48, 9, BlockState::kLive, {}, {}};
  EXPECT_DEATH(arena_->Deallocate(block + 80), "no live block begins here");
}

TEST_P(EveryPolicyDeathTest, RefusesToFreeTwice) {
  void* block = arena_->Allocate(48);
  void* neighbour = arena_->Allocate(48);
  arena_->Allocate(48);
  arena_->Deallocate(block);
  EXPECT_DEATH(arena_->Deallocate(block), "free already");
  arena_->Deallocate(neighbour);  // merges into the block before it
  EXPECT_DEATH(arena_->Deallocate(neighbour), "no live block begins here");
}

TEST_P(EveryPolicyDeathTest, RefusesARangeWithoutRoom) {
  EXPECT_DEATH(GetParam().make(range_.start(), 31), "too small");
  EXPECT_DEATH(GetParam().make(nullptr, 1000), "too small");
}

TEST_P(EveryPolicy, ValidateFindsDamageInTheHeaders) {
  void* block = arena_->Allocate(48);
  void* other = arena_->Allocate(48);
  Block* header = HeaderOf(block);
  const Block sound = *header;
  const auto expect_found = [&](const char* what) {
    EXPECT_NE(arena_->Validate(), "") << what;
    std::memcpy(header, &sound, kHeaderBytes);
    ASSERT_EQ(arena_->Validate(), "");
  };
  header->bytes = 0;
  expect_found("no size");
  header->bytes = 60;
  expect_found("a size that is no multiple of 16");
  header->bytes = 32;
  expect_found("a size too small for what was asked");
  header->bytes = 2 * kTestBytes;
  expect_found("a size that leaves the arena");
  header->state = BlockState::kGone;
  expect_found("a state that is none");
  header->state = BlockState::kFree;
  expect_found("a live block that says it is free");
  header->asked = 47;
  expect_found("a wrong number of bytes asked for");
  header->bytes = 128;
  expect_found("a block that covers the next one");
  arena_->Deallocate(other);
  HeaderOf(other)->asked = 0;
  EXPECT_EQ(arena_->Validate(), "");
}

TEST_P(EveryPolicy, ValidateFindsDamageInTheLinks) {
  // Two holes of one size, so that they share a list in every policy.
  const std::vector<void*> holes = MakeHoles(arena_.get(), {100, 100, 100});
  ASSERT_EQ(arena_->Validate(), "");
  for (void* hole : holes) {
    Block* block = HeaderOf(hole);
    const Block sound = *block;
    block->next_hole = block;
    EXPECT_NE(arena_->Validate(), "") << "a circle";
    block->next_hole = reinterpret_cast<Block*>(uintptr_t{0x1000});
    EXPECT_NE(arena_->Validate(), "") << "out of the arena";
    *block = sound;
    block->previous_hole = reinterpret_cast<Block*>(uintptr_t{0x1000});
    EXPECT_NE(arena_->Validate(), "") << "a wrong link back";
    *block = sound;
    ASSERT_EQ(arena_->Validate(), "");
  }
}

std::string NameOf(const testing::TestParamInfo<Policy>& info) {
  std::string name;
  for (const char* c = info.param.name; *c != '\0'; ++c) {
    if (*c != ' ') name += *c;
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Classic, EveryPolicy, testing::ValuesIn(Policies()),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Classic, EveryPolicyDeathTest,
                         testing::ValuesIn(Policies()), NameOf);

}  // namespace
}  // namespace course::classic
