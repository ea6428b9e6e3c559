// The heap profile in the child of a fork: what nobody was changing is as it
// was, and what another thread was changing is begun anew.
#include <gtest/gtest.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "common/testing/child.h"
#include "heap_profile_text.h"
#include "pool/heap_profile.h"
#include "pool/macros.h"
#include "pool/pool.h"
#include "pool/system_memory.h"

// There if the thread sanitizer is: it allows no threads after a fork.
void ThreadSanitizer() __asm__("__tsan_init") __attribute__((weak));

namespace pool {
namespace {

// Before the pool's first call, with which its handlers are there, too. What is
// written at the end is not read.
void Begin() {
  setenv("POOL_PROFILE", "/dev/null:1000", 1);
  Deallocate(Allocate(1));
  ASSERT_TRUE(HeapProfile::On());
}

ProfileText Profile() {
  std::string text;
  const auto append = [](void* all, const char* piece, size_t length) {
    static_cast<std::string*>(all)->append(piece, length);
  };
  {
    Output output(append, &text);
    HeapProfile::Write(output);
  }
  return ParseProfile(text);
}

TEST(HeapProfileFork, TheChildHasWhatTheParentHad) {
  Begin();
  const uint32_t stack = HeapProfile::Add(500);
  const size_t blocks = Profile().sum.blocks;
  EXPECT_EQ(course::RunInChild([=] {
              CHECK(Profile().sum.blocks == blocks);
              HeapProfile::Remove(stack, 500);
              CHECK(Profile().sum.blocks == blocks - 1);
              HeapProfile::Validate();
            }),
            "");
  EXPECT_EQ(Profile().sum.blocks, blocks);
}

std::vector<char> Lots() {
  std::vector<char> lots;
  for (int i = 0; i < 200; ++i) lots.push_back(HeapProfile::Chooses(700));
  return lots;
}

// They would else choose the same calls, for as long as both do the same.
TEST(HeapProfileFork, TheChildHasLotsOfItsOwn) {
  Begin();
  Lots();
  struct Result {
    char lots[200];
  };
  const course::SharedReport<Result> report;
  EXPECT_EQ(course::RunInChild([&report] {
              const std::vector<char> lots = Lots();
              std::copy(lots.begin(), lots.end(), report->lots);
            }),
            "");
  const std::vector<char> mine = Lots();
  EXPECT_FALSE(std::equal(mine.begin(), mine.end(), report->lots));
}

// A thread that waits for the kernel, and holds the profile's lock meanwhile.
class StuckThread {
 public:
  StuckThread() {
    sem_init(&is_stuck_, 0, 0);
    sem_init(&go_on_, 0, 0);
    current_ = this;
    table_ = RealKernelCalls();
    table_.map = [](size_t bytes) -> void* {
      if (pthread_self() == current_->who_) {
        sem_post(&current_->is_stuck_);
        sem_wait(&current_->go_on_);
      }
      return RealKernelCalls().map(bytes);
    };
    previous_ = SetKernelCalls(&table_);
    thread_ = std::thread([this] {
      who_ = pthread_self();
      Recurse(12);
      who_ = pthread_t{};
    });
    sem_wait(&is_stuck_);
  }
  ~StuckThread() {
    who_ = pthread_t{};
    sem_post(&go_on_);
    thread_.join();
    SetKernelCalls(previous_);
  }

 private:
  // Each way down is another stack: more than there is room for.
  NOINLINE void Recurse(int depth) {
    HeapProfile::Add(10);
    if (depth == 0) return;
    Recurse(depth - 1);
    HeapProfile::Remove(0, 0);
    Recurse(depth - 1);
    HeapProfile::Remove(0, 0);
  }

  static inline StuckThread* current_ = nullptr;
  KernelCalls table_;
  const KernelCalls* previous_;
  sem_t is_stuck_;
  sem_t go_on_;
  pthread_t who_{};
  std::thread thread_;
};

TEST(HeapProfileFork, WhatAnotherThreadWasChangingIsBegunAnew) {
  if (ThreadSanitizer != nullptr) GTEST_SKIP() << "forks among threads";
  Begin();
  const uint32_t old_stack = HeapProfile::Add(500);
  const size_t footprint = HeapProfile::Footprint();
  const StuckThread stuck;
  EXPECT_EQ(course::RunInChild([=] {
              HeapProfile::Validate();
              CHECK(Profile().sum.all_blocks == 0);
              HeapProfile::Remove(old_stack, 500);
              CHECK(Profile().sum.all_blocks == 0);
              CHECK(HeapProfile::Footprint() >= footprint);
              const uint32_t stack = HeapProfile::Add(11);
              CHECK(stack != 0 && stack != old_stack);
              CHECK(Profile().sum.bytes == 11);
              HeapProfile::Remove(old_stack, 500);
              CHECK(Profile().sum.bytes == 11 && Profile().wrong.empty());
              HeapProfile::Validate();
            }),
            "");
}

}  // namespace
}  // namespace pool
