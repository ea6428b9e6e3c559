// The table of blocks in the child of a fork: what nobody was changing is
// known, and the shard that another thread was changing is forgotten.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>

#include "common/testing/child.h"
#include "common/testing/gang.h"
#include "common/testing/kernel_hooks.h"
#include "pool/block_table.h"
#include "pool/macros.h"

// There if the thread sanitizer is: it allows no threads after a fork.
void ThreadSanitizer() __asm__("__tsan_init") __attribute__((weak));

namespace pool {
namespace {

size_t BlocksIn(BlockTable& table) {
  size_t sum = 0;
  for (size_t i = 0; i < BlockTable::kRows; ++i) sum += table.TallyOf(i).blocks;
  return sum;
}

class BlockTableAfterFork : public testing::Test {
 protected:
  void SetUp() override {
    if (&ThreadSanitizer != nullptr) {
      GTEST_SKIP() << "the thread sanitizer allows no threads after a fork";
    }
  }

  // A table never looks at what its blocks hold, so there need be none.
  static uintptr_t AddressOf(size_t i) { return 0x7F1234560000 + i * 16; }
  static const void* Block(size_t i) {
    return reinterpret_cast<const void*>(AddressOf(i));
  }
  void Add(size_t i) { table_->Add({AddressOf(i), 3, 1, 0}, true); }

  // Of the first `count` blocks, removes those that are known.
  size_t RemoveAll(size_t count) {
    size_t found = 0;
    for (size_t i = 0; i < count; ++i) {
      if (table_->Remove(Block(i)).block != 0) ++found;
    }
    return found;
  }

  // In a child: it can be used as if nothing had happened.
  void LiveOn() {
    table_->Validate();
    for (size_t i = 0; i < 20'000; ++i) Add(i);
    CHECK(RemoveAll(20'000) == 20'000);
    table_->Validate();
    CHECK(table_->AskedPeak() < 200'000);
  }

  const std::unique_ptr<BlockTable> table_ = std::make_unique<BlockTable>();
};

TEST_F(BlockTableAfterFork, KnowsAllIfNobodyWasInIt) {
  for (size_t i = 0; i < 5000; ++i) Add(i);
  EXPECT_EQ(course::RunInChild([&] {
              table_->AfterFork();
              table_->Validate();
              CHECK(table_->Missed() == 0 && table_->AskedPeak() == 15'000);
              CHECK(RemoveAll(5000) == 5000);
              table_->Add({AddressOf(0), 15'001, 1, 0}, true);
              CHECK(table_->AskedPeak() == 15'001);
              CHECK(RemoveAll(1) == 1);
              LiveOn();
            }),
            "");
}

// The shard that a thread was changing is lost, and no other. It stops where a
// shard asks the kernel for a larger table.
TEST_F(BlockTableAfterFork, ForgetsTheShardThatAnotherThreadWasIn) {
  size_t added = 0;
  for (; added < 5000; ++added) Add(added);
  course::Barrier stopped(2);
  course::Barrier go_on(2);
  bool is_over = false;
  const course::KernelHooks hooks([&] {
    if (std::exchange(is_over, true)) return;
    stopped.ArriveAndWait();
    go_on.ArriveAndWait();
  });
  std::thread other([&] {
    while (!is_over) {
      Add(added);
      ++added;
    }
  });
  stopped.ArriveAndWait();
  EXPECT_EQ(course::RunInChild([&] {
              table_->AfterFork();
              table_->Validate();
              // With the one that was about to be added.
              const size_t missed = table_->Missed();
              CHECK(missed > 1 && missed < added / 8);
              CHECK(BlocksIn(*table_) == added + 1 - missed);
              CHECK(RemoveAll(added) == added + 1 - missed);
              LiveOn();
              CHECK(table_->Missed() == missed);
            }),
            "");
  go_on.ArriveAndWait();
  other.join();
  EXPECT_EQ(table_->Missed(), 0u);
  EXPECT_EQ(RemoveAll(added), added);
}

// As a signal handler may, in the middle of Add. It goes on in the child.
TEST_F(BlockTableAfterFork, LosesNothingThatThisThreadWasIn) {
  EXPECT_EQ(course::RunInChild([&] {
              size_t added = 0;
              for (; added < 5000; ++added) Add(added);
              pid_t child = -1;
              const course::KernelHooks hooks([&] {
                if (child >= 0) return;
                child = fork();
                if (child == 0) table_->AfterFork();
              });
              while (child < 0) {
                Add(added);
                ++added;
              }
              CHECK(table_->Missed() == 0);
              CHECK(RemoveAll(added) == added);
              LiveOn();
              if (child == 0) _exit(0);
              int status = -1;
              CHECK(waitpid(child, &status, 0) == child && status == 0);
            }),
            "");
}

}  // namespace
}  // namespace pool
