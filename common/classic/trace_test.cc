// Traces, made and read, and what a replay measures.
#include "common/classic/trace.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "common/classic/first_fit.h"
#include "common/classic/made_traces.h"
#include "common/classic/policies.h"
#include "common/classic/replay.h"
#include "common/classic/test_range.h"

namespace course::classic {
namespace {

TEST(Trace, KnowsItsPeak) {
  Trace trace;
  const uint32_t first = trace.Allocate(100);
  trace.Allocate(50);
  trace.Free(first);
  trace.Allocate(60);
  EXPECT_EQ(PeakAsked(trace), 150u);
}

TEST(Trace, ArenaIsAPowerOfTwoWithAQuarterToSpare) {
  Trace trace;
  for (int i = 0; i < 4; ++i) trace.Allocate(240);  // 256 with the header
  EXPECT_EQ(ArenaBytesFor(trace), 2048u);  // 1024 and a quarter do not fit
  Trace smaller;
  for (int i = 0; i < 3; ++i) smaller.Allocate(240);
  EXPECT_EQ(ArenaBytesFor(smaller), 1024u);
}

class MadeTrace : public testing::TestWithParam<std::string> {};

TEST_P(MadeTrace, IsTheSameEachTime) {
  const Trace one = MakeTrace(GetParam());
  const Trace other = MakeTrace(GetParam());
  EXPECT_EQ(one.name, GetParam());
  EXPECT_NE(one.about, "");
  ASSERT_EQ(one.events.size(), other.events.size());
  for (size_t i = 0; i < one.events.size(); ++i) {
    ASSERT_EQ(one.events[i].block, other.events[i].block);
    ASSERT_EQ(one.events[i].bytes, other.events[i].bytes);
  }
}

TEST_P(MadeTrace, FreesOnlyWhatLives) {
  const Trace trace = MakeTrace(GetParam());
  std::vector<bool> live;
  for (const Event& event : trace.events) {
    if (event.allocates) {
      ASSERT_EQ(event.block, live.size());
      live.push_back(true);
    } else {
      ASSERT_TRUE(live.at(event.block));
      live[event.block] = false;
    }
  }
  EXPECT_EQ(live.size(), trace.blocks);
}

TEST_P(MadeTrace, LeavesEveryPolicySound) {
  const Trace trace = MakeTrace(GetParam());
  for (const Policy& policy : Policies()) {
    std::vector<char> memory(ArenaBytesFor(trace) + kAlignment);
    const auto arena = policy.make(memory.data(), memory.size());
    ReplayTrace(trace, arena.get());
    EXPECT_EQ(arena->Validate(), "") << policy.name;
    EXPECT_EQ(arena->counters().allocations + arena->counters().refusals,
              trace.blocks)
        << policy.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Classic, MadeTrace,
                         testing::ValuesIn(MadeTraceNames()),
                         [](const auto& info) { return info.param; });

class TraceFile : public testing::Test {
 protected:
  ~TraceFile() override { std::remove(path_.c_str()); }

  std::string Read(const std::string& text, Trace* trace) {
    std::ofstream(path_) << text;
    return ReadTrace(path_, trace);
  }

  const std::string path_ =
      testing::TempDir() + "/classic_" +
      testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(TraceFile, IsReadAsItWasWritten) {
  Trace trace;
  ASSERT_EQ(Read("# of a program\n# more\na 48\na 7\nf 0\n", &trace), "");
  EXPECT_EQ(trace.about, "of a program");
  ASSERT_EQ(trace.events.size(), 3u);
  EXPECT_TRUE(trace.events[1].allocates);
  EXPECT_EQ(trace.events[1].bytes, 7u);
  EXPECT_FALSE(trace.events[2].allocates);
  EXPECT_EQ(trace.events[2].block, 0u);
}

TEST_F(TraceFile, IsRefusedWithTheLineThatIsWrong) {
  for (const char* line : {"x 1", "a", "a b", "a 1 2", "f 1", "a -", "a -1"}) {
    Trace trace;
    const std::string wrong = Read(std::string("a 8\n") + line + "\n", &trace);
    EXPECT_NE(wrong.find(":2:"), std::string::npos) << line << ": " << wrong;
  }
  Trace trace;
  EXPECT_NE(Read("a 8\nf 0\nf 0\n", &trace).find(":3:"), std::string::npos);
}

TEST_F(TraceFile, IsRefusedWhenItIsEmptyOrNotThere) {
  Trace trace;
  EXPECT_NE(Read("# nothing\n", &trace), "");
  EXPECT_NE(ReadTrace("/nowhere/at.all", &trace), "");
}

TEST(Replay, MeasuresBothKindsOfFragmentation) {
  TestRange range;
  FirstFit arena(range.start(), 1024);
  Trace trace;
  std::vector<uint32_t> blocks;
  for (int i = 0; i < 8; ++i) blocks.push_back(trace.Allocate(96));  // of 112
  trace.Free(blocks[1]);
  trace.Free(blocks[3]);
  const Replay replay = ReplayTrace(trace, &arena);
  const Snapshot& end = replay.snapshots.back();
  EXPECT_EQ(end.event, 10u);
  EXPECT_EQ(end.asked, 6u * 96);
  EXPECT_EQ(end.live, 6u * 112);
  EXPECT_DOUBLE_EQ(end.internal, 16.0 / 112);
  // Two holes of 112, and 1024 - 8 * 112 = 128 at the top.
  EXPECT_EQ(end.free.holes, 3u);
  EXPECT_DOUBLE_EQ(end.external, 224.0 / 352);
  EXPECT_EQ(end.largest_served, 112u);
  EXPECT_EQ(end.largest_scattered, 336u);
  EXPECT_EQ(end.blocks.size(), 9u);
  EXPECT_EQ(replay.snapshots.size(), 4u);
}

TEST(Replay, LeavesOutWhatIsRefused) {
  TestRange range;
  FirstFit arena(range.start(), 1024);
  Trace trace;
  const uint32_t huge = trace.Allocate(5000);
  trace.Allocate(16);
  trace.Free(huge);
  ReplayTrace(trace, &arena);
  EXPECT_EQ(arena.counters().refusals, 1u);
  EXPECT_EQ(arena.counters().releases, 0u);
  EXPECT_EQ(arena.counters().live_asked, 16u);
}

}  // namespace
}  // namespace course::classic
