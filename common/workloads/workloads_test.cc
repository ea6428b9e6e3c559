// Each workload does what its header promises, on an allocator that counts.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "common/workloads/counting_facade.h"
#include "common/workloads/malloc_facade.h"
#include "common/workloads/mapped_array.h"
#include "common/workloads/measure.h"
#include "common/workloads/resident.h"
#include "common/workloads/rows.h"

namespace course {
namespace {

using ::testing::TestWithParam;

// One round at the smallest fraction, at once: enough to see what it does.
Limits Smallest() {
  Limits limits;
  limits.seconds = 0;
  limits.rounds = 1;
  limits.stay = 0;
  return limits;
}

class EveryRow : public TestWithParam<Row> {};

std::vector<Row> CountingRows() { return AllRows<CountingFacade>(); }

TEST_P(EveryRow, FreesWhatItAllocatesWithTheRightSize) {
  CountingFacade::Reset();
  const Outcome outcome = GetParam().run(Smallest());
  const auto account = CountingFacade::Read();
  EXPECT_TRUE(outcome.served);
  EXPECT_GT(outcome.operations, 0u);
  EXPECT_GT(account.allocations, 0u);
  EXPECT_EQ(account.allocations, account.frees);
  EXPECT_EQ(CountingFacade::Live(), 0u);
  EXPECT_EQ(account.foreign, 0u);
  EXPECT_EQ(account.wrong_sizes, 0u);
}

// How often a row allocates each of its operations' blocks at Smallest: what is
// measured is tried twice; `cold` allocates all again; `ramp` climbs once more.
size_t TimesAllocated(const std::string& name) {
  if (name == "cold") return 4;
  return name.rfind("ramp", 0) == 0 ? 3 : 2;
}

TEST_P(EveryRow, CountsABlocksLifeAsOneOperation) {
  CountingFacade::Reset();
  const std::string& name = GetParam().name;
  const Outcome outcome = GetParam().run(Smallest());
  const auto account = CountingFacade::Read();
  // Here a step of growth is an operation.
  const size_t made =
      name == "grow" ? account.reallocations : account.allocations;
  EXPECT_EQ(outcome.operations * TimesAllocated(name), made);
}

TEST_P(EveryRow, SurvivesARefusalAndSaysSo) {
  CountingFacade::Reset(0);
  const Outcome outcome = GetParam().run(Smallest());
  EXPECT_FALSE(outcome.served);
  EXPECT_NE(outcome.note.find("cannot be served"), std::string::npos);

  CountingFacade::Reset(3);
  GetParam().run(Smallest());
  EXPECT_EQ(CountingFacade::Live(), 0u);
  EXPECT_EQ(CountingFacade::Read().foreign, 0u);
  EXPECT_EQ(CountingFacade::Read().wrong_sizes, 0u);
}

INSTANTIATE_TEST_SUITE_P(Workloads, EveryRow, testing::ValuesIn(CountingRows()),
                         [](const auto& row) {
                           std::string name = row.param.name;
                           std::replace(name.begin(), name.end(), '/', '_');
                           return name;
                         });

TEST(Rows, AreTheTenWorkloadsEachUnderItsOwnName) {
  std::set<std::string> names, workloads;
  for (const Row& row : CountingRows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    workloads.insert(row.name.substr(0, row.name.find('/')));
  }
  EXPECT_EQ(workloads,
            (std::set<std::string>{"burst", "pair", "mixed", "cold", "handoff",
                                   "bleed", "churn", "grow", "large", "ramp"}));
}

Account AccountOf(const std::string& name, const Limits& limits) {
  CountingFacade::Reset();
  for (const Row& row : CountingRows()) {
    if (row.name == name) row.run(limits);
  }
  return CountingFacade::Read();
}

// The whole work, once: this clock never says that it takes too long.
Limits Whole() {
  Limits limits = Smallest();
  limits.now = [] { return 0.0; };
  return limits;
}

TEST(BurstTest, SixteenFreshThreadsFreeInOrderOfAllocation) {
  const auto account = AccountOf("burst/64", Smallest());
  constexpr size_t kRounds = 2;  // the smallest fraction is tried twice
  EXPECT_EQ(account.allocations,
            kRounds * kBurstThreads * (kBurstBlocks / 256));
  EXPECT_EQ(account.threads.size(), kRounds * kBurstThreads);
  EXPECT_EQ(account.freed_by_others, 0u);
  EXPECT_EQ(account.untouched, 0u);
  for (const auto& [thread, order] : account.threads) {
    EXPECT_EQ(order.size(), kBurstBlocks / 256);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  }
}

TEST(BurstTest, TheWholeIsTenThousandBlocksOfTheSizeForEachThread) {
  CountingFacade::Reset();
  const Outcome outcome = Burst<CountingFacade>(8, Whole());
  const auto account = CountingFacade::Read();
  EXPECT_EQ(outcome.scale, 1.0);
  EXPECT_EQ(outcome.operations, 160000u);
  EXPECT_EQ(account.least_size, 8u);
  EXPECT_EQ(account.most_size, 8u);
  EXPECT_EQ(account.threads.rbegin()->second.size(), 10000u);
}

TEST(PairTest, HoldsOneBlockForEachThreadAndGoesThroughTheSizes) {
  const auto account = AccountOf("pair/4", Smallest());
  EXPECT_LE(account.most_live, 4u);
  EXPECT_EQ(account.least_size, 16u);
  EXPECT_EQ(account.most_size, 1024u);
  EXPECT_EQ(account.untouched, 0u);
  EXPECT_EQ(account.threads.size() % 4, 0u);
}

TEST(PairTest, TakesTheTimeOfAllItsSizes) {
  const Outcome outcome = Pair<CountingFacade>(2, Smallest());
  double all = 0;
  for (const double part : outcome.parts) {
    EXPECT_GT(part, 0);
    all += part;
  }
  EXPECT_DOUBLE_EQ(outcome.seconds, all);
}

TEST(MixedTest, SizesAndNumbersStayInTheirBounds) {
  const auto account = AccountOf("mixed/4", Smallest());
  EXPECT_GE(account.least_size, kMixedLeast);
  EXPECT_LE(account.most_size, kMixedMost);
  EXPECT_GT(account.most_size, 100 * kMixedLeast);
  EXPECT_LE(account.most_live, 4 * kMixedSlots);
  EXPECT_EQ(account.threads.size() % 4, 0u);
  EXPECT_EQ(account.untouched, 0u);
}

TEST(ColdTest, FreesAllInAnOrderThatChancePicks) {
  const auto account = AccountOf("cold", Smallest());
  const size_t count = kColdBlocks / 256;
  ASSERT_EQ(account.threads.size(), 1u);
  std::vector<size_t> order = account.threads.begin()->second;
  order.resize(count);
  size_t neighbours = 0;
  for (size_t i = 1; i < count; ++i) {
    if (order[i] == order[i - 1] + 1) ++neighbours;
  }
  EXPECT_LT(neighbours, count / 100);
  std::sort(order.begin(), order.end());
  for (size_t i = 0; i < count; ++i) ASSERT_EQ(order[i], i);
}

TEST(HandoffTest, OneThreadAllocatesAnotherFrees) {
  const auto account = AccountOf("handoff", Smallest());
  EXPECT_EQ(account.freed_by_others, account.frees);
  EXPECT_EQ(account.untouched, 0u);
}

TEST(BleedTest, NoThreadFreesWhatItAllocated) {
  const auto account = AccountOf("bleed", Smallest());
  EXPECT_EQ(account.freed_by_others, account.frees);
  EXPECT_LE(account.most_live, 2 * kBleedThreads * kBleedBlocks);
}

TEST(ChurnTest, AThreadLivesForOneBlock) {
  const auto account = AccountOf("churn", Smallest());
  EXPECT_EQ(account.threads.size(), account.allocations);
  EXPECT_EQ(account.most_live, 1u);
}

TEST(GrowTest, GrowsToAMebibyteByReallocate) {
  const auto account = AccountOf("grow", Smallest());
  EXPECT_EQ(account.least_size, kGrowLeast);
  EXPECT_GE(account.most_size, kGrowMost);
  EXPECT_GT(account.reallocations, 50 * kGrowBuffers);
  EXPECT_EQ(account.most_live, kGrowBuffers);
  EXPECT_EQ(account.untouched, 0u) << "what is new has to be written to";
}

TEST(GrowTest, GivesBackWhatItHasWhenOneIsRefused) {
  CountingFacade::Reset(kGrowBuffers + 2);  // the third of the second step
  EXPECT_FALSE(Grow<CountingFacade>(Smallest()).served);
  EXPECT_EQ(CountingFacade::Read().refusals, 1u);
  EXPECT_EQ(CountingFacade::Live(), 0u);
  EXPECT_EQ(CountingFacade::Read().wrong_sizes, 0u);
}

TEST(LargeTest, SizesStayInTheirBounds) {
  const auto account = AccountOf("large", Whole());
  EXPECT_GE(account.least_size, kLargeLeast);
  EXPECT_LE(account.most_size, kLargeMost);
  EXPECT_GT(account.most_size, kLargeMost / 2);
  EXPECT_LE(account.most_live, kLargeSlots);
  EXPECT_EQ(account.untouched, 0u);
}

TEST(RampTest, TheOldestTenthSurvives) {
  const auto account = AccountOf("ramp/oldest", Smallest());
  const size_t count = kRampBlocks / 256;
  const std::vector<size_t>& order = account.threads.begin()->second;
  EXPECT_EQ(order.front(), count / 10);
  EXPECT_EQ(order[count - 1], count / 10 - 1);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.begin() + 9 * count / 10));
  EXPECT_EQ(account.releases, 1u);
}

TEST(RampTest, OrChanceSaysWhichTenth) {
  const auto account = AccountOf("ramp/random", Smallest());
  const size_t count = kRampBlocks / 256;
  const std::vector<size_t>& order = account.threads.begin()->second;
  const auto survivors =
      std::count_if(order.begin() + 9 * count / 10 + 1, order.begin() + count,
                    [&](size_t number) { return number < count / 10; });
  EXPECT_LT(survivors, static_cast<long>(count / 10 / 2));
  EXPECT_EQ(account.releases, 1u);
}

TEST(RandomTest, ShufflesToTheSamePermutationEachTime) {
  std::vector<int> one(100), two(100);
  for (int i = 0; i < 100; ++i) one[i] = two[i] = i;
  Random(7).Shuffle(one.data(), one.size());
  Random(7).Shuffle(two.data(), two.size());
  EXPECT_EQ(one, two);
  EXPECT_FALSE(std::is_sorted(one.begin(), one.end()));
}

TEST(RandomTest, ParetoIsMostlySmallAndNowAndThenLarge) {
  Random random(8);
  int small = 0, large = 0;
  for (int i = 0; i < 10000; ++i) {
    const size_t size = random.Pareto(16, 32768);
    ASSERT_GE(size, 16u);
    ASSERT_LE(size, 32768u);
    if (size < 29) ++small;
    if (size > 160) ++large;
  }
  EXPECT_NEAR(small, 5100, 300);
  EXPECT_NEAR(large, 630, 100);
}

TEST(MallocFacadeTest, ServesAndSaysByWhichLibrary) {
  void* block = MallocFacade::Allocate(100);
  ASSERT_NE(block, nullptr);
  block = MallocFacade::Reallocate(block, 100, 200);
  MallocFacade::Deallocate(block, 200);
  EXPECT_EQ(MallocFacade::ReleaseFreeMemory(), 0u);
  EXPECT_STRNE(MallocLibrary(), "unknown");
}

TEST(MallocFacadeTest, ReleasedMemoryIsBackWithTheSystem) {
  if (std::string(MallocLibrary()).find("libc.so") == std::string::npos) {
    GTEST_SKIP() << MallocLibrary() << " serves malloc: it keeps what it likes";
  }
  constexpr size_t kCount = 1024, kSize = 64 * 1024;  // too small to be mapped
  MappedArray<void*> blocks(kCount);
  const ResidentWatch resident;
  ASSERT_TRUE(Fill<MallocFacade>(blocks.data(), kCount, kSize));
  for (size_t i = 0; i < kCount; ++i) TouchPages(blocks[i], kSize);
  // The last stays, so that the heap cannot simply end before it.
  Empty<MallocFacade>(blocks.data(), kCount - 1, kSize);
  EXPECT_GT(resident.Now(), kCount * kSize / 2) << "nothing left to release";
  MallocFacade::ReleaseFreeMemory();
  EXPECT_LT(resident.Now(), kCount * kSize / 8);
  MallocFacade::Deallocate(blocks[kCount - 1], kSize);
}

}  // namespace
}  // namespace course
