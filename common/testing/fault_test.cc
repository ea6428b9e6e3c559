// The kernel refuses, at every point where it can, and nothing is lost.
//
// Each case runs in a child of its own, so that each begins with an allocator
// that nobody has used: the workload meets refusals, then runs once more with a
// willing kernel. What the allocator holds at the end is compared with what it
// holds after two runs without any refusal. Lost memory would have had to be
// mapped once more. An allocator with statistics is asked, too: when all is
// freed, nothing may be in use, and its parts make up the whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/testing/accounts.h"
#include "common/testing/child.h"
#include "common/testing/facade.h"
#include "common/testing/fault_workload.h"
#include "common/testing/kernel_faults.h"
#include "common/testing/pace.h"
#include "common/testing/shadow_heap.h"
#include "pool/system_memory.h"

namespace course {
namespace {

using Workload = FaultWorkload<Facade>;

struct Report {
  uint64_t calls;                 // to the kernel, during the first run
  uint64_t unmaps;                // of those
  uint64_t discards;              // of those
  uint64_t refused;               // of those
  uint64_t failures;              // requests without a block, in the first run
  pool::SystemFootprint between;  // after the first run
  pool::SystemFootprint after;    // after the second
  char trouble[512];
};

using Plan = std::function<void(KernelFaults*)>;

// What is done while the kernel refuses.
using Life = void (Workload::*)();
constexpr Life kOneAtATime = &Workload::Run;
constexpr Life kTwoAtOnce = &Workload::RunTogether;

// What waits for that is tried again then. (An allocator that keeps its
// addresses may have no reason of its own to unmap anything.)
void AnUnmapSucceeds() { pool::SystemFree(pool::SystemAlloc(1), 1); }

// Everything was freed, so nothing is in use, and the parts make up the whole.
template <typename F>
Fault CheckAllIsFree() {
  if constexpr (F::kHasStatistics) {
    const auto all = F::Statistics();
    if (all.in_use.now != 0) {
      return std::to_string(all.in_use.now) + " bytes are in use by nobody";
    }
    return FaultOf(all, Company::kAlone);
  }
  return {};
}

void RunTwice(Life life, Kernel kernel, const Plan& plan, Report* report) {
  KernelFaults faults;
  plan(&faults);
  Workload first(kernel);
  (first.*life)();
  report->calls = faults.calls();
  report->unmaps = faults.calls(KernelCall::kUnmap);
  report->discards = faults.calls(KernelCall::kDiscard);
  report->refused = faults.refused();
  report->failures = first.failures();
  report->between = pool::ReadSystemFootprint();
  faults.Recover();
  Workload second(Kernel::kWilling);
  (second.*life)();
  AnUnmapSucceeds();
  const Fault lost = CheckAllIsFree<Facade>();
  if (lost) throw std::runtime_error(*lost);
  report->after = pool::ReadSystemFootprint();
}

// What went wrong is in `trouble`, a crash too.
Report RunCase(Kernel kernel, const Plan& plan, Life life = kOneAtATime) {
  const SharedReport<Report> report;
  const auto say = [&](const std::string& text) {
    std::snprintf(report->trouble, sizeof(report->trouble), "%s", text.c_str());
  };
  const std::string end = RunInChild([&] {
    try {
      RunTwice(life, kernel, plan, report.get());
    } catch (const std::exception& fault) {
      say(fault.what());
    }
  });
  if (!end.empty()) say(end);
  return *report;
}

Report CleanCase(Life life = kOneAtATime) {
  return RunCase(
      Kernel::kWilling, [](KernelFaults*) {}, life);
}

// Every number up to `all`, then about `some` of the rest, in equal steps.
// Under a sanitizer some sixty are enough: the others are for the other builds.
std::vector<uint64_t> NumbersUpTo(uint64_t last, uint64_t all, uint64_t some) {
  if (IsSanitized()) {
    all = std::min<uint64_t>(all, 30);
    some = std::min<uint64_t>(some, 30);
  }
  std::vector<uint64_t> numbers;
  for (uint64_t k = 1; k <= std::min(last, all); ++k) numbers.push_back(k);
  const uint64_t step = std::max<uint64_t>((last - numbers.size()) / some, 1);
  for (uint64_t k = all + step; k <= last; k += step) numbers.push_back(k);
  if (numbers.back() != last) numbers.push_back(last);
  const bool every = numbers.size() == last;
  std::cout << "The workload makes " << last << " calls; refusing "
            << numbers.size() << " of them: 1 to "
            << (every ? last : std::min(last, all))
            << (every ? "" : ", then in steps of " + std::to_string(step))
            << "." << std::endl;
  return numbers;
}

class FaultTest : public testing::Test {
 protected:
  void SetUp() override {
    clean_ = CleanCase();
    ASSERT_STREQ(clean_.trouble, "");
    ASSERT_GT(clean_.calls, 50u) << "too few points to refuse at";
  }

  void ExpectNothingLost(const Report& report) const {
    EXPECT_STREQ(report.trouble, "");
    EXPECT_LE(report.after.mapped, Enough()) << "memory was lost";
    EXPECT_EQ(report.after.refused, 0u) << "an unmap was not tried again";
  }

  // Where blocks lie is chance: a table of pages (who has one can reserve, too)
  // may need one leaf or two for them. An allocator that splits and merges may
  // grow in other steps when it was refused one: by one step more. Its own
  // tests add up its parts.
  size_t Enough() const {
    constexpr size_t kLeaf = Facade::kHasReserve ? kMiB : 0;
    constexpr size_t kStep = Facade::kHasReleaseFreeMemory ? 16 * kMiB : 0;
    return clean_.after.mapped + kLeaf + kStep;
  }

  Report clean_{};
};

TEST_F(FaultTest, EachCallIsRefusedOnce) {
  uint64_t failures = 0;
  for (const uint64_t k : NumbersUpTo(clean_.calls, 2000, 60)) {
    SCOPED_TRACE("call " + std::to_string(k) + " to the kernel was refused");
    const Report report =
        RunCase(Kernel::kRefusesOnce,
                [k](KernelFaults* faults) { faults->RefuseCall(k); });
    ExpectNothingLost(report);
    EXPECT_EQ(report.refused, 1u);
    EXPECT_LE(report.failures, 1u);
    failures += report.failures;
    if (HasFailure()) return;
  }
  // Who asks again, for less, hides what is refused once.
  EXPECT_TRUE(failures > 0 || Facade::kHasReleaseFreeMemory)
      << "no refusal was ever seen from outside";
}

TEST_F(FaultTest, AllCallsAreRefusedFromOneOn) {
  for (const uint64_t k : NumbersUpTo(clean_.calls, 500, 60)) {
    SCOPED_TRACE("all calls to the kernel from " + std::to_string(k) +
                 " on were refused");
    const Report report = RunCase(
        Kernel::kRefuses, [k](KernelFaults* faults) { faults->RefuseFrom(k); });
    ExpectNothingLost(report);
    EXPECT_GE(report.refused, 1u);
    EXPECT_TRUE(k > 1 || report.failures > 0) << "no refusal was ever seen";
    if (HasFailure()) return;
  }
}

// Two threads take from the kernel in an order that chance decides, so how much
// is left over is not the same each time, and the k-th call may never come.
TEST_F(FaultTest, TwoThreadsAtOnceMeetARefusal) {
  Report calm{};
  for (int run = 0; run < 5; ++run) {
    const Report other = CleanCase(kTwoAtOnce);
    ASSERT_STREQ(other.trouble, "");
    if (other.after.mapped >= calm.after.mapped) calm = other;
  }
  const size_t enough = calm.after.mapped + calm.after.mapped / 4 + kMiB;
  const std::vector<uint64_t> numbers = NumbersUpTo(calm.calls, 100, 100);
  uint64_t refused = 0;
  for (const uint64_t k : numbers) {
    SCOPED_TRACE("call " + std::to_string(k) + " to the kernel was refused");
    const Report report = RunCase(
        Kernel::kRefusesOnce,
        [k](KernelFaults* faults) { faults->RefuseCall(k); }, kTwoAtOnce);
    EXPECT_STREQ(report.trouble, "");
    EXPECT_EQ(report.refused, k <= report.calls ? 1u : 0u);
    EXPECT_LE(report.failures, report.refused);
    EXPECT_LE(report.after.mapped, enough) << "memory was lost";
    EXPECT_EQ(report.after.refused, 0u) << "an unmap was not tried again";
    refused += report.refused;
    if (HasFailure()) return;
  }
  EXPECT_GT(refused, numbers.size() / 4) << "hardly any refusal came";
}

TEST_F(FaultTest, TwoThreadsAtOnceMeetNothingButRefusals) {
  const Report calm = CleanCase(kTwoAtOnce);
  for (const uint64_t k : NumbersUpTo(calm.calls, 50, 50)) {
    SCOPED_TRACE("all calls to the kernel from " + std::to_string(k) +
                 " on were refused");
    const Report report = RunCase(
        Kernel::kRefuses, [k](KernelFaults* faults) { faults->RefuseFrom(k); },
        kTwoAtOnce);
    EXPECT_STREQ(report.trouble, "");
    EXPECT_EQ(report.after.refused, 0u) << "an unmap was not tried again";
    EXPECT_TRUE(k > 1 || report.failures > 0) << "no refusal was ever seen";
    if (HasFailure()) return;
  }
}

TEST_F(FaultTest, MemoryThatCannotBeUnmappedWaitsForAnotherTry) {
  if (clean_.unmaps == 0) GTEST_SKIP() << "the workload unmaps nothing";
  const Report report = RunCase(Kernel::kRefusesOnce, [](KernelFaults* faults) {
    faults->RefuseAll(KernelCall::kUnmap);
  });
  ExpectNothingLost(report);
  EXPECT_EQ(report.failures, 0u) << "a refused unmap is nobody else's matter";
  EXPECT_GT(report.refused, 0u);
  EXPECT_GT(report.discards, 0u) << "the pages were not handed back";
  EXPECT_GT(report.between.refused, 0u) << "the refused pages are not counted";
  EXPECT_GE(report.between.mapped, report.between.refused);
}

}  // namespace
}  // namespace course
