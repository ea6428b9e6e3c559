// Stacks and what they hold: equal ones are one, others are not, and the sums
// are right whatever comes and goes.
#include "pool/stack_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "common/testing/kernel_faults.h"
#include "common/testing/seeds.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

using Calls = std::vector<uintptr_t>;

CallStack StackOf(const Calls& calls) {
  CallStack stack;
  stack.depth = calls.size();
  std::copy(calls.begin(), calls.end(), stack.calls);
  return stack;
}

CallStack Numbered(uintptr_t number) { return StackOf({number, 17, 4}); }

// "blocks bytes all_blocks all_bytes"
std::vector<size_t> Figures(const StackUse& use) {
  return {use.blocks, use.bytes, use.all_blocks, use.all_bytes};
}

using F = std::vector<size_t>;

TEST(StackTable, EqualStacksHaveOneNumber) {
  StackTable table;
  const uint32_t first = table.Add(StackOf({1, 2, 3}), 10);
  ASSERT_NE(first, 0u);
  EXPECT_EQ(table.Add(StackOf({1, 2, 3}), 20), first);
  EXPECT_EQ(table.End() - table.Begin(), 1u);
  const StackTable::Entry* entry = table.Find(first);
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->stack.depth, 3u);
  EXPECT_EQ(entry->stack.calls[2], 3u);
  EXPECT_EQ(Figures(entry->use), (F{2, 30, 2, 30}));
  table.Validate();
}

// Any difference is one: in the first call, in the last, in the length.
TEST(StackTable, OtherStacksHaveOthers) {
  const Calls deep(CallStack::kMostCalls, 5);
  Calls deep_too = deep;
  deep_too.back() = 6;
  const std::vector<Calls> all = {{1, 2, 3}, {9, 2, 3},   {1, 2, 9}, {1, 2},
                                  {1},       {},          {3, 2, 1}, deep,
                                  deep_too,  {1, 2, 3, 0}};
  StackTable table;
  std::set<uint32_t> numbers;
  for (const Calls& calls : all) numbers.insert(table.Add(StackOf(calls), 1));
  EXPECT_EQ(numbers.size(), all.size());
  EXPECT_EQ(numbers.count(0), 0u);
  for (const Calls& calls : all) {
    EXPECT_EQ(numbers.count(table.Add(StackOf(calls), 1)), 1u);
  }
  EXPECT_EQ(table.End() - table.Begin(), all.size());
  table.Validate();
}

TEST(StackTable, CountsWhatIsThereAndWhatEverWas) {
  StackTable table;
  const uint32_t a = table.Add(Numbered(1), 100);
  table.Add(Numbered(2), 7);
  table.Add(Numbered(1), 50);
  table.Remove(a, 100);
  EXPECT_EQ(Figures(table.Find(a)->use), (F{1, 50, 2, 150}));
  EXPECT_EQ(Figures(table.Sum()), (F{2, 57, 3, 157}));
  table.Remove(a, 50);
  EXPECT_EQ(Figures(table.Find(a)->use), (F{0, 0, 2, 150}));
  EXPECT_EQ(Figures(table.Sum()), (F{1, 7, 3, 157}));
  table.Validate();
}

TEST(StackTable, UnknownNumbersAreIgnored) {
  StackTable table;
  for (const uint32_t number : {0u, 1u, 77u, UINT32_MAX}) {
    EXPECT_EQ(table.Find(number), nullptr);
    table.Remove(number, 1);
  }
  table.Add(Numbered(1), 5);
  table.Remove(0, 5);
  table.Remove(2, 5);
  EXPECT_EQ(Figures(table.Sum()), (F{1, 5, 1, 5}));
  table.Validate();
}

TEST(StackTable, GrowsAndKeepsItsNumbers) {
  StackTable table;
  std::vector<uint32_t> numbers;
  for (uintptr_t i = 0; i < 5000; ++i) {
    numbers.push_back(table.Add(Numbered(i), i));
  }
  table.Validate();
  for (uintptr_t i = 0; i < 5000; ++i) {
    EXPECT_EQ(table.Add(Numbered(i), 1), numbers[i]);
    EXPECT_EQ(table.Find(numbers[i])->stack.calls[0], i);
  }
  EXPECT_EQ(table.End() - table.Begin(), 5000u);
  table.Validate();
}

// Against sums that a map keeps.
TEST(StackTable, RandomSequences) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    std::mt19937_64 random(seed);
    StackTable table;
    std::map<uint32_t, StackUse> expected;
    std::vector<std::pair<uint32_t, size_t>> blocks;
    for (int step = 0; step < 20'000; ++step) {
      const size_t bytes = random() % 1000 + 1;
      if (blocks.empty() || random() % 5 < 3) {
        const uint32_t number = table.Add(Numbered(random() % 700), bytes);
        StackUse& use = expected[number];
        use = {use.blocks + 1, use.bytes + bytes, use.all_blocks + 1,
               use.all_bytes + bytes};
        blocks.emplace_back(number, bytes);
      } else {
        std::swap(blocks[random() % blocks.size()], blocks.back());
        const auto [number, old_bytes] = blocks.back();
        blocks.pop_back();
        table.Remove(number, old_bytes);
        --expected[number].blocks;
        expected[number].bytes -= old_bytes;
      }
    }
    table.Validate();
    for (const auto& [number, use] : expected) {
      EXPECT_EQ(Figures(table.Find(number)->use), Figures(use));
    }
    EXPECT_EQ(table.End() - table.Begin(), expected.size());
  }
}

TEST(StackTable, GivesItsMemoryBack) {
  const size_t before = ReadSystemFootprint().mapped;
  {
    StackTable table;
    EXPECT_EQ(table.Footprint(), 0u);
    for (uintptr_t i = 0; i < 2000; ++i) table.Add(Numbered(i), 1);
    EXPECT_EQ(table.Footprint(), ReadSystemFootprint().mapped - before);
  }
  EXPECT_EQ(ReadSystemFootprint().mapped, before);
}

// Whichever call the kernel refuses: the stack has no number, all others keep
// theirs, and later there is one.
TEST(StackTable, WithoutMemoryAStackHasNoNumber) {
  course::KernelFaults faults;
  StackTable table;
  size_t refusals = 0;
  for (uintptr_t i = 0; i < 3000; ++i) {
    const StackUse before = table.Sum();
    faults.RefuseAll(course::KernelCall::kMap);
    const uint32_t refused = table.Add(Numbered(i), 10);
    faults.Recover();
    if (refused == 0) {
      ++refusals;
      EXPECT_EQ(Figures(table.Sum()), Figures(before));
      EXPECT_NE(table.Add(Numbered(i), 10), 0u);
    }
    // Those that are there need no memory.
    if (i == 0) continue;
    faults.RefuseAll(course::KernelCall::kMap);
    EXPECT_NE(table.Add(Numbered(i - 1), 10), 0u);
    faults.Recover();
  }
  EXPECT_GT(refusals, 10u);
  EXPECT_EQ(table.End() - table.Begin(), 3000u);
  table.Validate();
}

TEST(StackTable, ForgetsStacksAndNeverReusesTheirNumbers) {
  StackTable table;
  std::set<uint32_t> old;
  for (uintptr_t i = 0; i < 1000; ++i) old.insert(table.Add(Numbered(i), 10));
  const size_t footprint = table.Footprint();
  table.Abandon();
  table.Validate();
  EXPECT_EQ(Figures(table.Sum()), (F{0, 0, 0, 0}));
  EXPECT_EQ(table.Begin(), table.End());
  EXPECT_EQ(table.Footprint(), footprint);
  for (const uint32_t number : old) {
    EXPECT_EQ(table.Find(number), nullptr);
    table.Remove(number, 10);
  }
  for (uintptr_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(old.count(table.Add(Numbered(i), 10)), 0u);
  }
  for (const uint32_t number : old) table.Remove(number, 10);
  EXPECT_EQ(Figures(table.Sum()), (F{1000, 10'000, 1000, 10'000}));
  EXPECT_GT(table.Footprint(), footprint);
  table.Validate();
}

}  // namespace
}  // namespace pool
