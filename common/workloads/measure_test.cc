// Measuring: it grows as far as it may, on a clock that the test turns; the
// crew, the gate and the watch on memory that it stands on.
#include "common/workloads/measure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <limits>
#include <thread>
#include <vector>

#include "common/workloads/crew.h"
#include "common/workloads/mapped_array.h"
#include "common/workloads/resident.h"

namespace course {
namespace {

double clock_now = 0;
double TurnedClock() { return clock_now; }

// A round that takes cost(units) seconds and is refused above `most` units.
template <class Cost>
Outcome MeasureWith(const Plan& plan, size_t most, const Cost& cost,
                    std::vector<size_t>* tried, int rounds = 11,
                    int halvings = kAsFarAsPossible) {
  Limits limits;
  limits.seconds = 1.0;
  limits.rounds = rounds;
  limits.halvings = halvings;
  limits.now = TurnedClock;
  return Measure(plan, limits, [&](size_t units) {
    tried->push_back(units);
    Sample sample;
    sample.seconds = cost(units);
    sample.operations = units;
    sample.served = units <= most;
    clock_now += sample.seconds;
    return sample;
  });
}

constexpr size_t kAll = std::numeric_limits<size_t>::max();

TEST(Measure, DoublesUpToTheWholeWorkAndRepeatsIt) {
  std::vector<size_t> tried;
  const Outcome outcome = MeasureWith(
      {1000}, kAll, [](size_t) { return 1e-6; }, &tried);
  EXPECT_TRUE(outcome.served);
  EXPECT_EQ(outcome.scale, 1.0);
  EXPECT_EQ(outcome.operations, 1000u);
  EXPECT_EQ(outcome.note, "");
  EXPECT_EQ(outcome.rounds, 11);
  EXPECT_EQ(tried.front(), 1000u / 256);
  EXPECT_TRUE(std::is_sorted(tried.begin(), tried.end()));
  EXPECT_EQ(std::count(tried.begin(), tried.end(), 1000u), 11);
}

TEST(Measure, StopsBeforeItWouldTakeTooLong) {
  std::vector<size_t> tried;
  const auto linear = [](size_t units) {
    return 0.01 * static_cast<double>(units);
  };
  const Outcome outcome = MeasureWith({256, 3}, kAll, linear, &tried);
  // 16 units: 0.16 s, three times 0.48 s. 32 units would take 0.96 s: allowed.
  EXPECT_EQ(*std::max_element(tried.begin(), tried.end()), 32u);
  EXPECT_EQ(outcome.scale, 32.0 / 256);
  EXPECT_EQ(outcome.note, "at 1/8 of the work: more would take too long");
  EXPECT_EQ(outcome.rounds, 3);
}

TEST(Measure, ForetellsQuadraticCost) {
  std::vector<size_t> tried;
  const auto square = [](size_t units) {
    return 0.0005 * static_cast<double>(units * units);
  };
  MeasureWith({256, 3}, kAll, square, &tried);
  // 16 units: 0.128 s. Twice that is allowed, but 32 units will take 0.512 s.
  EXPECT_EQ(*std::max_element(tried.begin(), tried.end()), 16u);
}

TEST(Measure, GivesASlowRoundASecondChance) {
  std::vector<size_t> tried;
  const auto once_slow = [&](size_t units) {
    return units == 8 && std::count(tried.begin(), tried.end(), 8u) == 1 ? 1.0
                                                                         : 1e-6;
  };
  const Outcome outcome = MeasureWith({256}, kAll, once_slow, &tried);
  EXPECT_EQ(outcome.scale, 1.0);
}

TEST(Measure, RepeatsTheWholeAsOftenAsPromised) {
  std::vector<size_t> tried;
  const auto slow_whole = [](size_t units) { return units == 256 ? 5.0 : 0; };
  const Outcome outcome = MeasureWith({256, 3, 7}, kAll, slow_whole, &tried);
  EXPECT_EQ(outcome.rounds, 7);
}

TEST(Measure, StopsAtARefusalAndSaysSo) {
  std::vector<size_t> tried;
  const auto quick = [](size_t) { return 1e-6; };
  const Outcome outcome = MeasureWith({1024}, 100, quick, &tried);
  EXPECT_TRUE(outcome.served);
  EXPECT_EQ(outcome.operations, 64u);
  EXPECT_EQ(outcome.note, "at 1/16 of the work: more could not be served");
}

TEST(Measure, SaysWhatCannotBeServedAtAll) {
  std::vector<size_t> tried;
  const auto quick = [](size_t) { return 1e-6; };
  const Outcome outcome = MeasureWith({1024}, 3, quick, &tried);
  EXPECT_FALSE(outcome.served);
  EXPECT_EQ(outcome.note,
            "cannot be served: 1/256 of the work asks for too many blocks or "
            "threads");
  EXPECT_EQ(tried.size(), 1u);
}

TEST(Measure, DoesJustAsMuchAsItIsTold) {
  const auto slow = [](size_t units) { return static_cast<double>(units); };
  for (const int halvings : {0, 4}) {
    std::vector<size_t> tried;
    const Outcome outcome =
        MeasureWith({256, 3}, kAll, slow, &tried, 2, halvings);
    EXPECT_TRUE(outcome.served);
    EXPECT_EQ(outcome.scale, halvings == 0 ? 1.0 : 1.0 / 16);
    EXPECT_EQ(outcome.note, halvings == 0 ? "" : "at 1/16 of the work");
    // Half of it to warm up, then as often as promised, however long it takes.
    const size_t units = size_t{256} >> halvings;
    EXPECT_EQ(tried, (std::vector<size_t>{units / 2, units, units}));
  }
}

TEST(Measure, SaysWhenItCannotServeWhatItIsTold) {
  const auto quick = [](size_t) { return 1e-6; };
  for (const size_t most : {10, 100}) {
    std::vector<size_t> tried;
    const Outcome outcome = MeasureWith({256}, most, quick, &tried, 2, 1);
    EXPECT_FALSE(outcome.served);
    EXPECT_NE(outcome.note.find("cannot be served"), std::string::npos);
  }
}

TEST(Measure, ReportsTheMedianRound) {
  std::vector<size_t> tried;
  const double costs[] = {0.3, 0.1, 0.2};
  const auto cost = [&](size_t) { return costs[tried.size() - 1]; };
  const Outcome outcome = MeasureWith({1, 3, 3}, kAll, cost, &tried, 3);
  EXPECT_DOUBLE_EQ(outcome.seconds, 0.2);
}

TEST(Measure, MedianOfAnEvenNumberIsTheMiddle) {
  EXPECT_DOUBLE_EQ(Median({4, 1, 3, 2}), 2.5);
}

TEST(Resident, SeesMemoryComeAndGo) {
  constexpr size_t kBytes = size_t{64} << 20;
  const ResidentWatch watch;
  {
    const MappedArray<char> array(kBytes);
    EXPECT_GE(watch.Now(), kBytes * 9 / 10);
  }
  EXPECT_LT(watch.Now(), kBytes / 10);
  EXPECT_GE(watch.Peak(), kBytes * 9 / 10);
}

TEST(RunFresh, RunsEachIndexOnceInAThreadOfItsOwn) {
  std::array<std::thread::id, 16> ids;
  EXPECT_TRUE(
      RunFresh(16, [&](int i) { ids[i] = std::this_thread::get_id(); }));
  for (const auto id : ids) EXPECT_NE(id, std::thread::id());
}

TEST(RunTogether, LetsNobodyStartBeforeAllAreThere) {
  std::atomic<int> there{0};
  // Whoever runs waits for the others: this ends only if all run at once.
  const double seconds = RunTogether(8, [&](int) {
    ++there;
    while (there < 8) std::this_thread::yield();
  });
  EXPECT_GE(seconds, 0);
  EXPECT_EQ(there, 8);
}

TEST(Gate, CalledOffLetsNobodyPass) {
  Gate gate;
  bool passed = true;
  std::thread waiting([&] { passed = gate.Pass(); });
  gate.CallOff();
  waiting.join();
  EXPECT_FALSE(passed);
}

}  // namespace
}  // namespace course
