#include "common/testing/refusals.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <string>

#include "common/testing/gang.h"

namespace course {
namespace {

enum class Kind { kTake, kGive };
using Plan = Refusals<Kind, 2>;

// Six calls, in turn of either kind: 'x' for a refused one, '.' for the others.
std::string SixCalls(Plan& plan) {
  std::string calls;
  for (int i = 0; i < 6; ++i) {
    calls += plan.Refuse(i % 2 == 0 ? Kind::kTake : Kind::kGive) ? 'x' : '.';
  }
  return calls;
}

TEST(Refusals, OnlyCountsAtFirst) {
  Plan plan;
  EXPECT_EQ(SixCalls(plan), "......");
  EXPECT_FALSE(plan.Refuse(Kind::kGive));
  EXPECT_EQ(plan.calls(), 7u);
  EXPECT_EQ(plan.calls(Kind::kTake), 3u);
  EXPECT_EQ(plan.calls(Kind::kGive), 4u);
  EXPECT_EQ(plan.refused(), 0u);
}

TEST(Refusals, RefusesOneCall) {
  Plan plan;
  plan.RefuseCall(3);
  EXPECT_EQ(SixCalls(plan), "..x...");
  EXPECT_EQ(plan.refused(), 1u);
}

TEST(Refusals, RefusesAllFromOneOn) {
  Plan plan;
  plan.RefuseFrom(4);
  EXPECT_EQ(SixCalls(plan), "...xxx");
  EXPECT_EQ(plan.refused(), 3u);
}

TEST(Refusals, RefusesOneKind) {
  Plan plan;
  plan.RefuseAll(Kind::kGive);
  EXPECT_EQ(SixCalls(plan), ".x.x.x");
}

TEST(Refusals, RecoversAndRestarts) {
  Plan plan;
  plan.RefuseCall(8);
  plan.RefuseFrom(5);
  plan.RefuseAll(Kind::kTake);
  EXPECT_EQ(SixCalls(plan), "x.x.xx");
  plan.Recover();
  EXPECT_EQ(SixCalls(plan), "......");
  EXPECT_EQ(plan.calls(), 12u);
  plan.Restart();
  EXPECT_EQ(plan.calls(), 0u);
  EXPECT_EQ(plan.calls(Kind::kTake), 0u);
  EXPECT_EQ(plan.refused(), 0u);
  plan.RefuseCall(1);
  EXPECT_EQ(SixCalls(plan), "x.....");
}

TEST(Refusals, OneOfManyThreadsMeetsTheRefusedCall) {
  constexpr size_t kThreads = 8;
  constexpr size_t kCalls = 1000;
  Plan plan;
  plan.RefuseCall(kThreads * kCalls / 2);
  std::atomic<int> refused{0};
  RunGang(kThreads, [&](size_t) {
    for (size_t i = 0; i < kCalls; ++i) {
      if (plan.Refuse(Kind::kTake)) ++refused;
    }
  });
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(plan.calls(), kThreads * kCalls);
}

}  // namespace
}  // namespace course
