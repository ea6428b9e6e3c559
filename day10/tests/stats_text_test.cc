// The form for people, of statistics that were made by hand.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#include "made_statistics.h"
#include "pool/stats.h"

namespace pool {
namespace {

std::string Text(const Snapshot& statistics) {
  return Written(statistics, StatisticsForm::kText);
}

std::vector<std::string> Lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The lines from one that starts so to an empty one.
std::vector<std::string> Part(const std::string& text,
                              const std::string& start) {
  std::vector<std::string> part;
  for (const std::string& line : Lines(text)) {
    if (part.empty() && line.rfind(start, 0) != 0) continue;
    if (line.empty()) break;
    part.push_back(line);
  }
  return part;
}

bool Has(const std::string& text, const std::string& piece) {
  return text.find(piece) != text.npos;
}

TEST(TextForm, LinesAreShortAndHaveNoLooseEnds) {
  for (const Snapshot& each : {Zeros(), Made(3), Made(208), Huge()}) {
    const std::string text = Text(each);
    EXPECT_EQ(text.back(), '\n');
    for (const std::string& line : Lines(text)) {
      EXPECT_LE(line.size(), 80u) << line;
      EXPECT_TRUE(line.empty() || line.back() != ' ') << '"' << line << '"';
    }
  }
}

TEST(TextForm, TheProcessIsNamed) {
  EXPECT_EQ(Lines(Text(Zeros())).front(),
            "Memory pool of process " + std::to_string(getpid()));
}

TEST(TextForm, PlacesAreThereTheLargestFirst) {
  const std::vector<std::string> part = Part(Text(Made(3)), "Memory  ");
  ASSERT_EQ(part.size(), 11u);
  EXPECT_TRUE(Has(part[1], "from the system"));
  EXPECT_TRUE(Has(part[1], " 100.0 %"));
  EXPECT_TRUE(Has(part[2], "  in use by callers "));
  EXPECT_TRUE(Has(part[2], " 5.1 MiB ")) << part[2];
  EXPECT_TRUE(Has(part[2], " 5.1 MiB      61.2 %")) << part[2];
  EXPECT_TRUE(Has(part[3], "  free pages "));
  EXPECT_TRUE(Has(part[3], " 3.0 MiB "));
  EXPECT_TRUE(Has(part[4], "  what the pool has to remember"));
  EXPECT_TRUE(Has(part[8], "  free in threads' caches"));
}

// It is the free pages that come first when there are more of them.
TEST(TextForm, TheOrderFollowsTheFigures) {
  const Snapshot made = Made(3);
  made->tails.now = size_t{1} << 40;
  EXPECT_TRUE(Has(Part(Text(made), "Memory  ")[2], "tails"));
}

TEST(TextForm, WhatIsRareIsSaidOnlyWhereItWas) {
  const Snapshot made = Made(1);
  EXPECT_TRUE(Has(Text(made), "lost in a fork"));
  EXPECT_TRUE(Has(Text(made), "not yet taken back by the kernel"));
  made->abandoned = made->refused = {0, 0};
  EXPECT_FALSE(Has(Text(made), "lost in a fork"));
  EXPECT_FALSE(Has(Text(made), "not yet taken back by the kernel"));
  made->refused.peak = 1;
  EXPECT_TRUE(Has(Text(made), "not yet taken back by the kernel"));
}

TEST(TextForm, AnEstimateIsCalledOne) {
  const Snapshot made = Made(1);
  made->in_use.now = 4 << 20;
  made->asked.now = 3 << 20;
  std::vector<std::string> part = Part(Text(made), "Fragmentation");
  ASSERT_EQ(part.size(), 3u);
  EXPECT_EQ(part[1],
            "internal              25.0 %   3.0 MiB asked for (estimate), 4.0 "
            "MiB given");
  made->asked_is_exact = true;
  part = Part(Text(made), "Fragmentation");
  EXPECT_EQ(part[1],
            "internal              25.0 %   3.0 MiB asked for, 4.0 MiB given");
}

TEST(TextForm, ExternalFragmentation) {
  const Snapshot made = Made(1);
  made->free.now = 3 << 20;
  made->returned.now = 1 << 20;
  made->largest_free = 1 << 20;
  EXPECT_EQ(Part(Text(made), "Fragmentation")[2],
            "external              75.0 %   the longest run of free pages has "
            "1.0 MiB");
}

TEST(TextForm, HitsAreSaidIfTheyWereCounted) {
  const Snapshot made = Made(2);
  EXPECT_TRUE(Has(Text(made),
                  "hit rate                   -   counted only "
                  "with POOL_STATS=1\n"));
  made->allocations = 2000000;
  made->hits = 1998000;
  EXPECT_TRUE(
      Has(Text(made), "hit rate              99.9 %   of 2.0 M allocations\n"));
  EXPECT_TRUE(Has(Text(made), "misses                   318   calls found"));
}

TEST(TextForm, ThreadsAndLargeBlocks) {
  const std::vector<std::string> part =
      Part(Text(Made(1)), "Threads and blocks");
  ASSERT_EQ(part.size(), 5u);
  EXPECT_EQ(part[1],
            "threads                    7   have a cache, and 8 at most");
  EXPECT_EQ(part[2],
            "large blocks               3   of 5.0 MiB, 4 at most, 6 ever");
}

TEST(TextForm, ClassesWithTheMostMemoryComeFirst) {
  const Snapshot made = Zeros();
  for (const size_t i : {1, 5, 9}) Fill(made->classes[i], i == 5 ? 1 : 100);
  made->classes[9].allocations = 1000;
  made->classes[9].hits = 900;
  const std::vector<std::string> part = Part(Text(made), "Blocks by ");
  ASSERT_EQ(part.size(), 5u);
  EXPECT_EQ(part[1].substr(0, 18), "   size     memory");
  EXPECT_EQ(part[2],
            "     80    7.9 MiB   97.1 %   100001     1002     2007    1006"
            "    10009   90.0 %");
  EXPECT_EQ(part[3].substr(0, 18), "     16    1.6 MiB");
  EXPECT_EQ(part[4].substr(0, 18), "     48   48.8 KiB");
  EXPECT_EQ(part[4].back(), '-');
}

TEST(TextForm, TwentyClassesAreShownAndTheRestAddedUp) {
  EXPECT_EQ(Part(Text(Made(20)), "Blocks by ").size(), 2u + 20);
  const std::vector<std::string> part = Part(Text(Made(22)), "Blocks by ");
  ASSERT_EQ(part.size(), 2u + 20 + 1);
  EXPECT_EQ(part[0],
            "Blocks by their size in bytes (20 of 22 sizes): how many are "
            "where");
  // Those of 8 and 16 bytes: 1040 * 8 + 2070 * 16 bytes, and so on.
  EXPECT_EQ(part.back(),
            "   rest   40.5 KiB   96.6 %     3002       34       74      42"
            "      318        -");
}

TEST(TextForm, ClassesThatHoldNothingAreInTheRest) {
  const Snapshot made = Zeros();
  EXPECT_EQ(Part(Text(made), "Blocks by ").size(), 2u);
  made->classes[7].spans_taken = 1;
  made->classes[8].fetched = 1;
  made->classes[8].misses = 5;
  EXPECT_EQ(Part(Text(made), "Blocks by ").size(), 3u);
  EXPECT_EQ(Part(Text(made), "Blocks by ")[2],
            "   rest        0 B        -        0        0        0       0"
            "        5        -");
  Fill(made->classes[9], 1);
  EXPECT_EQ(Part(Text(made), "Blocks by ")[0].substr(0, 42),
            "Blocks by their size in bytes (1 of 3 size");
  EXPECT_EQ(Part(Text(made), "Blocks by ").size(), 4u);
}

TEST(TextForm, LocksAndSystemCalls) {
  const std::string text = Text(Made(2));
  const std::vector<std::string> locks = Part(text, "Locks ");
  ASSERT_EQ(locks.size(), 5u);
  EXPECT_EQ(locks[1],
            "of the list of threads            2000          19       1.0 %"
            "           20 ns");
  EXPECT_EQ(locks[2],
            "of the page heap                  1000          17       1.7 %"
            "         18.0 us");
  EXPECT_EQ(locks[3],
            "of all classes                     926          58       6.3 %"
            "          2.0 us");
  EXPECT_EQ(locks[4],
            "of all magazines' memory           300           3       1.0 %"
            "            4 ns");
  const std::vector<std::string> calls = Part(text, "System calls");
  ASSERT_EQ(calls.size(), 4u);
  EXPECT_EQ(calls[1], "given back, addresses kept          15        16 B");
  EXPECT_EQ(calls[3], "memory asked for                    11        12 B");
}

TEST(TextForm, WhatOthersDidMeanwhileIsSaid) {
  const Snapshot made = Made(1);
  EXPECT_FALSE(Has(Text(made), "meanwhile"));
  EXPECT_FALSE(Has(Text(made), "Not accounted for"));
  made->changes = 12;
  made->unaccounted = -4096;
  EXPECT_TRUE(Has(Text(made),
                  "\nOther threads went on meanwhile (12 changes): "
                  "figures may differ by these.\n"));
  EXPECT_TRUE(Has(Text(made), "\nNot accounted for: -4.0 KiB\n"));
  made->unaccounted = 4096;
  EXPECT_TRUE(Has(Text(made), "\nNot accounted for: 4.0 KiB\n"));
}

}  // namespace
}  // namespace pool
