// The heap profile, called by hand: who is noted, what is counted, and what is
// written. (That it finds a leak: drop_in/heap_profile_leaks_test.cc.)
#include "pool/heap_profile.h"

#include <gtest/gtest.h>
#include <unwind.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/kernel_faults.h"
#include "heap_profile_text.h"
#include "pool/call_stack.h"
#include "pool/macros.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

constexpr size_t kMean = 1000;

// Whoever comes first switches it on, for all tests of this process.
class HeapProfileTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!HeapProfile::On()) HeapProfile::Begin(kMean);
  }
  void TearDown() override { HeapProfile::Validate(); }
};

void AppendTo(void* text, const char* piece, size_t length) {
  static_cast<std::string*>(text)->append(piece, length);
}

std::string Text() {
  std::string text;
  {
    Output output(AppendTo, &text);
    HeapProfile::Write(output);
  }
  return text;
}

ProfileText Profile() {
  const ProfileText profile = ParseProfile(Text());
  EXPECT_EQ(profile.wrong, "");
  EXPECT_TRUE(SumsAreRight(profile));
  return profile;
}

// The sum over all stacks whose innermost call is in this function; the calls
// are those of the last.
template <typename Function>
ProfileText::Line LineOf(Function* function) {
  ProfileText::Line sum;
  for (const ProfileText::Line& line : Profile().stacks) {
    void* begin = _Unwind_FindEnclosingFunction(
        reinterpret_cast<void*>(line.calls.front() + 1));
    if (begin != reinterpret_cast<void*>(function)) continue;
    sum.blocks += line.blocks;
    sum.bytes += line.bytes;
    sum.all_blocks += line.all_blocks;
    sum.all_bytes += line.all_bytes;
    sum.calls = line.calls;
  }
  return sum;
}

std::vector<size_t> Figures(const ProfileText::Line& line) {
  return {line.blocks, line.bytes, line.all_blocks, line.all_bytes};
}

using F = std::vector<size_t>;

// Functions that are told apart by their own addresses: none is copied into its
// caller, and none ends in a call, which would leave it before.
std::atomic<int> last_number{0};

template <int kNumber>
NOINLINE uint32_t AddIn(size_t bytes) {
  const uint32_t stack = HeapProfile::Add(bytes);
  last_number = kNumber;
  return stack;
}

template <int kNumber>
NOINLINE uint32_t ReallocateIn(uint32_t old_stack, size_t from, size_t to) {
  const uint32_t stack = HeapProfile::Reallocate(old_stack, from, to);
  last_number = kNumber;
  return stack;
}

template <int kNumber>
NOINLINE uint32_t ChooseIn(size_t bytes) {
  return HeapProfile::Chooses(bytes) ? AddIn<kNumber>(bytes) : 0;
}

TEST(HeapProfileOff, ChoosesNothing) {
  if (HeapProfile::On()) GTEST_SKIP() << "another test has switched it on";
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(HeapProfile::Chooses(size_t{1} << 40));
  }
  EXPECT_EQ(HeapProfile::Footprint(), 0u);
}

TEST_F(HeapProfileTest, NotesWhoCalled) {
  uint32_t numbers[3];
  for (uint32_t& number : numbers) number = AddIn<1>(100);
  const uint32_t other = AddIn<2>(7);
  EXPECT_NE(numbers[0], 0u);
  EXPECT_EQ(numbers[0], numbers[1]);
  EXPECT_EQ(numbers[0], numbers[2]);
  EXPECT_NE(other, numbers[0]);
  EXPECT_EQ(Figures(LineOf(AddIn<1>)), (F{3, 300, 3, 300}));
  EXPECT_EQ(Figures(LineOf(AddIn<2>)), (F{1, 7, 1, 7}));
}

TEST_F(HeapProfileTest, CountsWhatIsFreed) {
  const uint32_t number = AddIn<3>(100);
  HeapProfile::Remove(number, 100);
  EXPECT_EQ(Figures(LineOf(AddIn<3>)), (F{0, 0, 1, 100}));
  HeapProfile::Remove(0, 5);
  EXPECT_EQ(Figures(LineOf(AddIn<3>)), (F{0, 0, 1, 100}));
}

// How many bytes a line stands for, as pprof computes it.
double Estimate(const ProfileText::Line& line) {
  if (line.blocks == 0) return 0;
  const double bytes = static_cast<double>(line.bytes);
  const double size = bytes / static_cast<double>(line.blocks);
  return bytes / -std::expm1(-size / static_cast<double>(kMean));
}

// Within 6 sigma, where about so many are chosen.
double Tolerance(double samples) { return 6 / std::sqrt(samples); }

TEST_F(HeapProfileTest, EstimatesWhatIsHeld) {
  constexpr size_t kBlocks = 100'000;
  for (size_t i = 0; i < kBlocks; ++i) ChooseIn<5>(100);
  const double expected = kBlocks * 100.0;
  EXPECT_NEAR(Estimate(LineOf(AddIn<5>)), expected,
              expected * Tolerance(expected / kMean));
}

// A block that was small and is large, or the other way round, is looked at
// anew: else the estimate would be a fraction of the truth, or many times it.
template <int kNumber>
void ExpectReallocatedIsEstimated(size_t from, size_t to) {
  constexpr size_t kBlocks = 20'000;
  for (size_t i = 0; i < kBlocks; ++i) {
    ReallocateIn<kNumber>(ChooseIn<kNumber>(from), from, to);
  }
  const double held = static_cast<double>(kBlocks * to);
  const double samples =
      kBlocks * -std::expm1(-static_cast<double>(to) / kMean);
  EXPECT_NEAR(Estimate(LineOf(ReallocateIn<kNumber>)), held,
              held * Tolerance(samples));
  EXPECT_EQ(LineOf(AddIn<kNumber>).blocks, 0u);
}

TEST_F(HeapProfileTest, EstimatesWhatWasReallocated) {
  ExpectReallocatedIsEstimated<6>(100, 2000);
  ExpectReallocatedIsEstimated<7>(5000, 300);
}

// Deeper than what is kept.
template <int kNumber = 8>
NOINLINE uint32_t Recurse(int depth) {
  if (depth == 0) return AddIn<kNumber>(10);
  const uint32_t stack = Recurse<kNumber>(depth - 1);
  last_number = depth;
  return stack;
}

TEST_F(HeapProfileTest, DeepStacksAreCut) {
  const uint32_t deep = Recurse<14>(200);
  EXPECT_EQ(LineOf(AddIn<14>).calls.size(), CallStack::kMostCalls);
  EXPECT_EQ(Recurse<14>(300), deep);  // all that is kept is equal
  EXPECT_EQ(LineOf(AddIn<14>).blocks, 2u);
}

TEST_F(HeapProfileTest, WritesWhatPprofReads) {
  for (int i = 0; i < 10; ++i) Recurse(i);
  AddIn<9>(12'345'678);
  const ProfileText profile = Profile();
  EXPECT_EQ(profile.mean, kMean);
  EXPECT_GE(profile.stacks.size(), 11u);
  EXPECT_GE(profile.sum.bytes, 12'345'678u);
  // This program's code is among what is mapped.
  const auto here = reinterpret_cast<uintptr_t>(&Recurse<>);
  const auto has_this = [here](const std::string& line) {
    size_t end_of_begin;
    const uintptr_t begin = std::stoull(line, &end_of_begin, 16);
    const uintptr_t end =
        std::stoull(line.substr(end_of_begin + 1), nullptr, 16);
    return begin <= here && here < end && line.find("r-xp") != line.npos;
  };
  EXPECT_EQ(
      std::count_if(profile.mappings.begin(), profile.mappings.end(), has_this),
      1);
}

// The first column of each figure is as wide as gperftools makes it.
TEST_F(HeapProfileTest, TheHeaderIsAligned) {
  const std::string text = Text();
  EXPECT_EQ(text.find("heap profile: "), 0u);
  EXPECT_EQ(text[20], ':');
  EXPECT_EQ(text.substr(30, 2), " [");
  EXPECT_NE(text.find("] @ heap_v2/1000\n"), std::string::npos);
}

TEST_F(HeapProfileTest, ThreadsCountTogether) {
  constexpr size_t kThreads = 16;
  constexpr size_t kRounds = 2000;
  std::atomic<size_t> samples{0};
  std::atomic<size_t> kept{0};
  course::RunGang(kThreads, [&](size_t member) {
    for (size_t i = 0; i < kRounds; ++i) {
      const size_t bytes = 500 + member;
      const uint32_t stack = ChooseIn<10>(bytes);
      if (stack == 0) continue;
      ++samples;
      if (i % 2 == 0) {
        HeapProfile::Remove(stack, bytes);
      } else {
        ++kept;
      }
      if (i % 500 == 0) Text();
    }
  });
  const ProfileText::Line line = LineOf(AddIn<10>);
  EXPECT_EQ(line.blocks, kept);
  EXPECT_EQ(line.all_blocks, samples);
  const double expected = kThreads * kRounds * -std::expm1(-0.5075);
  EXPECT_NEAR(static_cast<double>(samples), expected, 6 * std::sqrt(expected));
}

std::vector<bool> Lots(size_t count) {
  std::vector<bool> lots;
  for (size_t i = 0; i < count; ++i) lots.push_back(HeapProfile::Chooses(700));
  return lots;
}

TEST_F(HeapProfileTest, EachThreadHasLotsOfItsOwn) {
  constexpr size_t kThreads = 16;
  std::vector<bool> lots[kThreads];
  course::RunGang(kThreads,
                  [&lots](size_t member) { lots[member] = Lots(200); });
  std::set<std::vector<bool>> different(lots, lots + kThreads);
  EXPECT_EQ(different.size(), kThreads);
}

// Who takes the text may allocate, and be chosen: no lock is held then.
TEST_F(HeapProfileTest, ASinkMayBeSampled) {
  for (int i = 0; i < 20; ++i) Recurse(i);
  const auto sink = [](void* pieces, const char*, size_t) {
    ++*static_cast<size_t*>(pieces);
    HeapProfile::Remove(AddIn<11>(1), 1);
  };
  size_t pieces = 0;
  {
    Output output(sink, &pieces);
    HeapProfile::Write(output);
  }
  EXPECT_GT(pieces, 10u);
  EXPECT_EQ(Figures(LineOf(AddIn<11>)), (F{0, 0, pieces, pieces}));
}

// What cannot be noted is not, and nothing else is lost.
TEST_F(HeapProfileTest, WithoutMemory) {
  const uint32_t known = AddIn<12>(10);
  course::KernelFaults faults;
  faults.RefuseAll(course::KernelCall::kMap);
  size_t refused = 0;
  for (int depth = 0; depth < 60; ++depth) {
    for (int i = 0; i < 60; ++i) {
      const std::function<uint32_t(int)> again = [&](int left) -> uint32_t {
        return left == 0 ? Recurse(depth) : again(left - 1);
      };
      if (again(i) == 0) ++refused;
    }
  }
  EXPECT_GT(refused, 100u);
  HeapProfile::Remove(known, 10);
  EXPECT_EQ(Figures(LineOf(AddIn<12>)), (F{0, 0, 1, 10}));
  faults.Recover();
  EXPECT_NE(AddIn<13>(10), 0u);
}

TEST_F(HeapProfileTest, KnowsWhatItTakes) {
  const size_t before = HeapProfile::Footprint();
  const size_t mapped = ReadSystemFootprint().mapped;
  for (int i = 0; i < 60; ++i) Recurse(i);
  EXPECT_EQ(HeapProfile::Footprint() - before,
            ReadSystemFootprint().mapped - mapped);
  EXPECT_GT(HeapProfile::Footprint(), 0u);
}

}  // namespace
}  // namespace pool
