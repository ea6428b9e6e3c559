#include "pool/block_table.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/kernel_faults.h"
#include "common/testing/seeds.h"
#include "pool/macros.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

using Entry = BlockTable::Entry;

constexpr uintptr_t kBase = 0x7F1234560000;

// A table never looks at what its blocks hold, so there need be none.
const void* At(uintptr_t address) {
  return reinterpret_cast<const void*>(address);
}

Tally SumOf(BlockTable& table) {
  Tally sum = {};
  for (size_t i = 0; i < BlockTable::kRows; ++i) {
    const Tally row = table.TallyOf(i);
    sum.allocations += row.allocations;
    sum.hits += row.hits;
    sum.blocks += row.blocks;
    sum.asked += row.asked;
  }
  return sum;
}

void ExpectTally(const Tally& tally, const Tally& expected) {
  EXPECT_EQ(tally.allocations, expected.allocations);
  EXPECT_EQ(tally.hits, expected.hits);
  EXPECT_EQ(tally.blocks, expected.blocks);
  EXPECT_EQ(tally.asked, expected.asked);
}

TEST(BlockTable, BeginsEmpty) {
  const auto table = std::make_unique<BlockTable>();
  EXPECT_EQ(table->Remove(At(kBase)).block, 0u);
  ExpectTally(SumOf(*table), {0, 0, 0, 0});
  EXPECT_EQ(table->Footprint(), 0u);
  EXPECT_EQ(table->AskedPeak(), 0u);
  EXPECT_EQ(table->Missed(), 0u);
  table->Validate();
}

TEST(BlockTable, KnowsABlockUntilItIsRemoved) {
  const auto table = std::make_unique<BlockTable>();
  table->Add({kBase, 100, 13, 5}, false);
  EXPECT_EQ(table->Remove(At(kBase + 16)).block, 0u) << "its neighbour";
  const Entry removed = table->Remove(At(kBase));
  EXPECT_EQ(removed.block, kBase);
  EXPECT_EQ(removed.asked, 100u);
  EXPECT_EQ(removed.row, 13u);
  EXPECT_EQ(removed.sample, 5u);
  EXPECT_EQ(table->Remove(At(kBase)).block, 0u) << "once";
  table->Validate();
}

// Calls are counted for ever, blocks and bytes while they are there.
TEST(BlockTable, CountsForEachRow) {
  const auto table = std::make_unique<BlockTable>();
  table->Add({kBase, 100, 13, 0}, false);
  table->Add({kBase + 128, 101, 13, 0}, true);
  table->Add({kBase + 256, 102, 13, 0}, true);
  table->Add({kBase + 512, 1 << 20, BlockTable::kLarge, 0}, false);
  table->Add({kBase + 1024, 0, 0, 0}, false);  // of 0 bytes, and yet a block
  table->Remove(At(kBase + 128));
  ExpectTally(table->TallyOf(13), {3, 2, 2, 202});
  ExpectTally(table->TallyOf(BlockTable::kLarge), {1, 0, 1, 1 << 20});
  ExpectTally(table->TallyOf(0), {1, 0, 1, 0});
  ExpectTally(SumOf(*table), {5, 2, 4, (1 << 20) + 202});
  table->Validate();
}

// As for a block that was resized: its call was counted.
TEST(BlockTable, PutsABlockWithoutACall) {
  const auto table = std::make_unique<BlockTable>();
  table->Add({kBase, 100, 13, 5}, true);
  table->Remove(At(kBase));
  table->Put({kBase, 90, 13, 6});
  ExpectTally(table->TallyOf(13), {1, 1, 1, 90});
  EXPECT_EQ(table->AskedPeak(), 100u);
  table->Validate();
  const Entry removed = table->Remove(At(kBase));
  EXPECT_EQ(removed.asked, 90u);
  EXPECT_EQ(removed.sample, 6u);
}

TEST(BlockTable, ThePeakIsTheMostThatWasAskedForAtOnce) {
  const auto table = std::make_unique<BlockTable>();
  table->Add({kBase, 100, 1, 0}, false);
  table->Add({kBase + 4096, 50, 2, 0}, false);
  EXPECT_EQ(table->AskedPeak(), 150u);
  table->Remove(At(kBase));
  table->Add({kBase, 99, 1, 0}, false);
  EXPECT_EQ(table->AskedPeak(), 150u) << "it was 149";
  table->Remove(At(kBase));
  table->Put({kBase, 120, 1, 0});
  EXPECT_EQ(table->AskedPeak(), 170u) << "to grow is to ask for more";
  table->Remove(At(kBase));
  table->Remove(At(kBase + 4096));
  EXPECT_EQ(table->AskedPeak(), 170u) << "it stays";
}

// A standard map knows what the table should.
class Model {
 public:
  // Blocks at so many places, `step` bytes apart.
  Model(uint64_t seed, size_t places, size_t step)
      : random_(seed), places_(places), step_(step) {}

  void Step() {
    const uintptr_t block = kBase + random_() % places_ * step_;
    const auto known = known_.find(block);
    if (known == known_.end()) {
      ASSERT_EQ(table_->Remove(At(block)).block, 0u);
      Add(block);
    } else if (random_() % 4 == 0) {
      ExpectSame(table_->Remove(At(block)), known->second);
      known->second.asked = random_() % 5000;
      table_->Put(known->second);
    } else {
      ExpectSame(table_->Remove(At(block)), known->second);
      known_.erase(known);
    }
  }

  void CompareAll() {
    table_->Validate();
    Tally expected[BlockTable::kRows] = {};
    for (const auto& [block, entry] : known_) {
      ++expected[entry.row].blocks;
      expected[entry.row].asked += entry.asked;
    }
    for (size_t i = 0; i < BlockTable::kRows; ++i) {
      ASSERT_EQ(table_->TallyOf(i).blocks, expected[i].blocks);
      ASSERT_EQ(table_->TallyOf(i).asked, expected[i].asked);
    }
    ASSERT_EQ(SumOf(*table_).allocations, added_);
    ASSERT_EQ(SumOf(*table_).hits, hits_);
    ASSERT_EQ(table_->Missed(), 0u);
  }

  void RemoveAll() {
    for (const auto& [block, entry] : std::exchange(known_, {})) {
      ExpectSame(table_->Remove(At(block)), entry);
    }
  }

 private:
  void Add(uintptr_t block) {
    const Entry entry{block, random_() % 5000,
                      static_cast<uint32_t>(random_() % BlockTable::kRows),
                      static_cast<uint32_t>(random_())};
    const bool hit = random_() % 3 == 0;
    table_->Add(entry, hit);
    known_[block] = entry;
    ++added_;
    if (hit) ++hits_;
  }

  static void ExpectSame(const Entry& entry, const Entry& expected) {
    ASSERT_EQ(entry.block, expected.block);
    ASSERT_EQ(entry.asked, expected.asked);
    ASSERT_EQ(entry.row, expected.row);
    ASSERT_EQ(entry.sample, expected.sample);
  }

  std::mt19937_64 random_;
  const size_t places_;
  const size_t step_;
  const std::unique_ptr<BlockTable> table_ = std::make_unique<BlockTable>();
  std::unordered_map<uintptr_t, Entry> known_;
  size_t added_ = 0;
  size_t hits_ = 0;
};

// Places of which some three quarters are taken: tables that are as full as
// they get, so that blocks are pushed far from where they belong, and round the
// end. Blocks lie as those of a small class, of pages, and of the whole heap.
TEST(BlockTable, KnowsWhatAStandardMapKnows) {
  for (const uint64_t seed : course::SeedsToTry()) {
    for (const size_t step : {8, 16, 8192, 1 << 20}) {
      SCOPED_TRACE(course::HowToRepeat(seed) + ", step " +
                   std::to_string(step));
      Model model(seed, 21'000, step);
      for (int i = 0; i < 150'000; ++i) {
        model.Step();
        if (i % 10'000 == 0) model.CompareAll();
        if (HasFatalFailure()) return;
      }
      model.RemoveAll();
      model.CompareAll();
    }
  }
}

// All of it comes from the system, and a table that was outgrown goes back.
TEST(BlockTable, GrowsAndSaysWhatItTakes) {
  constexpr size_t kBlocks = 200'000;
  const auto table = std::make_unique<BlockTable>();
  const size_t before = ReadSystemFootprint().mapped;
  for (size_t i = 0; i < kBlocks; ++i) {
    table->Add({kBase + i * 48, 40, 5, 0}, true);
    ASSERT_EQ(table->Footprint(), ReadSystemFootprint().mapped - before);
  }
  EXPECT_GE(table->Footprint(), kBlocks * sizeof(Entry) * 4 / 3);
  EXPECT_LE(table->Footprint(), kBlocks * sizeof(Entry) * 4);
  table->Validate();
  ExpectTally(SumOf(*table), {kBlocks, kBlocks, kBlocks, 40 * kBlocks});
  const size_t bytes = table->Footprint();
  for (size_t i = 0; i < kBlocks; ++i) {
    ASSERT_EQ(table->Remove(At(kBase + i * 48)).asked, 40u);
  }
  EXPECT_EQ(table->Footprint(), bytes) << "there will be as many again";
}

TEST(BlockTable, WithoutMemoryCountsWhatItMisses) {
  const auto table = std::make_unique<BlockTable>();
  {
    course::KernelFaults faults;
    faults.RefuseFrom(1);
    table->Add({kBase, 100, 3, 0}, true);
  }
  EXPECT_EQ(table->Missed(), 1u);
  EXPECT_EQ(table->AskedPeak(), 0u);
  ExpectTally(table->TallyOf(3), {1, 1, 0, 0});
  EXPECT_EQ(table->Remove(At(kBase)).block, 0u);
  table->Add({kBase, 100, 3, 0}, false);
  EXPECT_EQ(table->Remove(At(kBase)).asked, 100u) << "memory is back";
  EXPECT_EQ(table->Missed(), 1u);
  table->Validate();
}

// As many are noted as there is room for; who looks for another finds an end.
TEST(BlockTable, WithoutMemoryToGrowKeepsWhatItHas) {
  constexpr size_t kBlocks = 100'000;
  const auto table = std::make_unique<BlockTable>();
  for (size_t i = 0; i < 1000; ++i) table->Add({kBase + i * 16, 1, 0, 0}, true);
  {
    course::KernelFaults faults;
    faults.RefuseFrom(1);
    for (size_t i = 1000; i < kBlocks; ++i) {
      table->Add({kBase + i * 16, 1, 0, 0}, true);
    }
  }
  table->Validate();
  const Tally full = SumOf(*table);
  EXPECT_EQ(full.allocations, kBlocks);
  EXPECT_EQ(full.blocks + table->Missed(), kBlocks);
  EXPECT_GT(full.blocks, 10'000u);
  EXPECT_GT(table->Missed(), 1000u);
  size_t found = 0;
  for (size_t i = 0; i < kBlocks; ++i) {
    const Entry entry = table->Remove(At(kBase + i * 16));
    ASSERT_TRUE(entry.block != 0 || i >= 1000) << "it was there before";
    found += entry.block != 0 ? 1 : 0;
  }
  EXPECT_EQ(found, full.blocks);
  table->Validate();
}

// Each thread frees what the one before it took.
TEST(BlockTable, ServesManyThreads) {
  constexpr size_t kThreads = 8;
  constexpr size_t kBlocks = 4000;
  constexpr size_t kRounds = 6;
  const auto table = std::make_unique<BlockTable>();
  course::Barrier round(kThreads);
  course::RunGang(kThreads, [&](size_t member) {
    for (size_t k = 0; k < kRounds; ++k) {
      const auto block = [&](size_t i, size_t owner) {
        return kBase + (i * kThreads + owner) * 32;
      };
      for (size_t i = 0; i < kBlocks; ++i) {
        table->Add({block(i, member), member + 1, 7, 0}, i % 2 == 0);
      }
      round.ArriveAndWait();
      const size_t other = (member + k + 1) % kThreads;
      for (size_t i = 0; i < kBlocks; ++i) {
        Entry entry = table->Remove(At(block(i, other)));
        CHECK(entry.asked == other + 1);
        ++entry.asked;
        table->Put(entry);
        CHECK(table->Remove(At(block(i, other))).asked == other + 2);
      }
      round.ArriveAndWait();
    }
  });
  constexpr size_t kAll = kThreads * kBlocks * kRounds;
  ExpectTally(SumOf(*table), {kAll, kAll / 2, 0, 0});
  EXPECT_GE(table->AskedPeak(), kBlocks * (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8));
  EXPECT_LE(table->AskedPeak(), kBlocks * (2 + 3 + 4 + 5 + 6 + 7 + 8 + 9));
  EXPECT_EQ(table->Missed(), 0u);
  table->Validate();
}

}  // namespace
}  // namespace pool
