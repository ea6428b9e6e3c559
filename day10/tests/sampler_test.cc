// The lots: as far apart as they should be, with the right spread, and no
// pattern of sizes makes a block more or less likely to be chosen. All seeds
// are given, so that each run sees the same.
#include "pool/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

namespace pool {
namespace {

constexpr size_t kMean = 1000;

// How likely a block is chosen.
double Chance(size_t bytes, size_t mean = kMean) {
  return -std::expm1(-static_cast<double>(bytes) / static_cast<double>(mean));
}

// Is a count of so many tries what the chance promises? Within five sigma.
void ExpectShare(size_t count, size_t tries, double chance) {
  const double expected = static_cast<double>(tries) * chance;
  const double sigma = std::sqrt(expected * (1 - chance));
  EXPECT_NEAR(static_cast<double>(count), expected, 5 * sigma + 1);
}

std::vector<double> Distances(uint64_t seed, size_t count, size_t mean) {
  Sampler sampler(seed);
  std::vector<double> distances(count);
  for (double& distance : distances) {
    distance = static_cast<double>(sampler.Distance(mean));
  }
  return distances;
}

double Average(const std::vector<double>& numbers) {
  double sum = 0;
  for (const double number : numbers) sum += number;
  return sum / static_cast<double>(numbers.size());
}

// Of a geometric distribution: the average distance is 1 / chance, and its
// variance (1 - chance) / chance^2.
TEST(Sampler, DistancesHaveTheirMeanAndVariance) {
  constexpr size_t kCount = 1'000'000;
  for (const size_t mean : {size_t{1}, size_t{10}, kMean, size_t{512} * 1024}) {
    const std::vector<double> distances = Distances(mean, kCount, mean);
    const double chance = Chance(1, mean);
    const double expected = 1 / chance;
    const double variance = (1 - chance) / (chance * chance);
    const double average = Average(distances);
    EXPECT_NEAR(average, expected, 5 * std::sqrt(variance / kCount)) << mean;

    std::vector<double> squares = distances;
    for (double& d : squares) d = (d - average) * (d - average);
    // Five sigma: a variance estimated from n numbers has about 8 / n.
    EXPECT_NEAR(Average(squares) / variance, 1, 5 * std::sqrt(9.0 / kCount))
        << mean;
  }
}

TEST(Sampler, DistancesHaveTheirDistribution) {
  constexpr size_t kCount = 1'000'000;
  const std::vector<double> distances = Distances(7, kCount, kMean);
  for (const size_t limit : {1, 10, 100, 500, 999, 1000, 1001, 3000, 9000}) {
    size_t below = 0;
    for (const double distance : distances) {
      if (distance <= static_cast<double>(limit)) ++below;
    }
    ExpectShare(below, kCount, Chance(limit));
  }
}

TEST(Sampler, ADistanceSaysNothingOfTheNext) {
  constexpr size_t kCount = 1'000'000;
  const std::vector<double> distances = Distances(3, kCount, kMean);
  for (const size_t lag : {1, 2, 5}) {
    std::vector<double> products;
    for (size_t i = lag; i < kCount; ++i) {
      products.push_back((distances[i] / kMean - 1) *
                         (distances[i - lag] / kMean - 1));
    }
    EXPECT_NEAR(Average(products), 0, 5 / std::sqrt(kCount - lag)) << lag;
  }
}

TEST(Sampler, ABlockIsChosenByItsSize) {
  constexpr size_t kTries = 300'000;
  for (const size_t bytes : {1, 8, 100, 999, 1000, 1001, 3000, 20'000}) {
    Sampler sampler(bytes);
    size_t chosen = 0;
    for (size_t i = 0; i < kTries; ++i) chosen += sampler.Chooses(bytes, kMean);
    ExpectShare(chosen, kTries, Chance(bytes));
  }
}

// The same sizes in the same order, again and again: each has its own chance.
TEST(Sampler, APatternOfSizesDoesNotMatter) {
  constexpr size_t kSizes[] = {16, 16, 4000, 16, 200, 1000};
  constexpr size_t kRounds = 200'000;
  size_t chosen[6] = {};
  Sampler sampler(11);
  for (size_t round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < 6; ++i) {
      chosen[i] += sampler.Chooses(kSizes[i], kMean);
    }
  }
  for (size_t i = 0; i < 6; ++i) {
    ExpectShare(chosen[i], kRounds, Chance(kSizes[i]));
  }
}

// A thread's first call is as likely as any other.
TEST(Sampler, TheFirstBlockIsNothingSpecial) {
  constexpr size_t kTries = 200'000;
  for (const size_t bytes : {1, 100, 2000}) {
    size_t chosen = 0;
    for (uint64_t seed = 0; seed < kTries; ++seed) {
      chosen += Sampler(seed).Chooses(bytes, kMean);
    }
    ExpectShare(chosen, kTries, Chance(bytes));
  }
}

TEST(Sampler, NoBytesAreNeverChosen) {
  Sampler sampler(5);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(sampler.Chooses(0, 1));
    EXPECT_FALSE(sampler.Chooses(0, kMean));
    sampler.Chooses(1, kMean);
  }
}

TEST(Sampler, NeverIsNever) {
  Sampler sampler = Sampler::Never();
  EXPECT_TRUE(sampler.Seeded());
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(sampler.Chooses(size_t{1} << 50, 1));
  }
}

TEST(Sampler, HugeNumbersDoNotOverflow) {
  Sampler sampler(1);
  size_t large = 0;
  for (int i = 0; i < 1000; ++i)
    large += sampler.Distance(SIZE_MAX) > SIZE_MAX / 4;
  ExpectShare(large, 1000, 1 - Chance(1, 4));
  EXPECT_TRUE(Sampler(1).Chooses(SIZE_MAX, 1));
  // One that is as large as can be has two chances in three.
  size_t chosen = 0;
  for (uint64_t seed = 0; seed < 10'000; ++seed) {
    chosen += Sampler(seed).Chooses(SIZE_MAX, SIZE_MAX);
  }
  EXPECT_GT(chosen, 6000u);
}

TEST(Sampler, SeedsDiffer) {
  std::set<size_t> first;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    first.insert(Sampler(seed).Distance(size_t{1} << 40));
  }
  EXPECT_GT(first.size(), 990u);
  EXPECT_FALSE(Sampler().Seeded());
  EXPECT_TRUE(Sampler(0).Seeded());
}

}  // namespace
}  // namespace pool
