// Forks while other threads allocate and use stdio: parent and child can both
// go on. Nobody waits for another here, so a lock that is taken in the wrong
// order, or was left locked, hangs; the storm is then ended, and says so.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "storm.h"

namespace pool {
namespace {

constexpr size_t kAllocating = 8;
constexpr size_t kUsingStdio = 4;

TEST(ForkStorm, WhileOthersAllocateAndUseStdio) {
  const int forks = Forks(1000);
  RunStorm(forks, [forks](Storm* storm) {
    const BusyThreads allocate(kAllocating, AllocateALittle);
    const BusyThreads use_stdio(kUsingStdio, UseStdio);
    for (int i = 0; i < forks; ++i) ForkOnce(storm, CanAllocateEverything);
  });
}

// What the parent had is the child's as well, whoever allocated it.
TEST(ForkStorm, ChildrenOwnWhatTheParentHad) {
  const int forks = Forks(200);
  RunStorm(forks, [forks](Storm* storm) {
    std::vector<MarkedBlock> mine;
    for (size_t bytes = 1; bytes < 1 << 21; bytes += bytes / 3 + 1) {
      mine.push_back(MarkedBlock::New(bytes));
    }
    std::vector<MarkedBlock> others;
    std::thread([&] {
      for (size_t i = 0; i < 3000; ++i) others.push_back(MarkedBlock::New(i));
    }).join();
    const BusyThreads allocate(kAllocating, AllocateALittle);
    for (int i = 0; i < forks; ++i) {
      ForkOnce(storm, [&] {
        bool fine = true;
        for (MarkedBlock& block : mine) fine &= block.Resize(5000);
        for (MarkedBlock& block : mine) fine &= block.Free();
        for (MarkedBlock& block : others) fine &= block.Free();
        return fine && CanAllocateEverything();
      });
    }
    for (MarkedBlock& block : mine) block.Free();
    for (MarkedBlock& block : others) block.Free();
  });
}

TEST(ForkStorm, FromAnyThread) {
  constexpr int kForking = 4;
  const int each = Forks(800) / kForking;
  RunStorm(kForking * each, [each](Storm* storm) {
    const BusyThreads allocate(kAllocating, AllocateALittle);
    const BusyThreads use_stdio(kUsingStdio, UseStdio);
    std::vector<std::thread> forking;
    for (int thread = 0; thread < kForking; ++thread) {
      forking.emplace_back([=] {
        for (int i = 0; i < each; ++i) ForkOnce(storm, CanAllocateEverything);
      });
    }
    for (std::thread& thread : forking) thread.join();
  });
}

// A thread that has just begun, and has never allocated.
TEST(ForkStorm, FromThreadsThatHaveNotAllocated) {
  const int forks = Forks(300);
  RunStorm(forks, [forks](Storm* storm) {
    const BusyThreads allocate(kAllocating, AllocateALittle);
    const auto fork_once = [](void* to) -> void* {
      ForkOnce(static_cast<Storm*>(to), CanAllocateEverything);
      return nullptr;
    };
    for (int i = 0; i < forks; ++i) {
      pthread_t thread;
      if (pthread_create(&thread, nullptr, fork_once, storm) != 0) _exit(92);
      pthread_join(thread, nullptr);
    }
  });
}

bool ThreadsCanAllocate() {
  std::atomic<bool> fine{true};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      if (!CanAllocateEverything()) fine = false;
    });
  }
  for (std::thread& thread : threads) thread.join();
  return fine && CanAllocateEverything();
}

TEST(ForkStorm, ChildrenMayHaveThreads) {
  const int forks = Forks(200);
  RunStorm(forks, [forks](Storm* storm) {
    const BusyThreads allocate(kAllocating, AllocateALittle);
    for (int i = 0; i < forks; ++i) ForkOnce(storm, ThreadsCanAllocate);
  });
}

// A child that is busy itself has children, and so on.
bool ForkAgain(Storm* storm, int deep) {
  if (!CanAllocateEverything()) return false;
  if (deep == 0) return true;
  const BusyThreads allocate(2, AllocateALittle);
  for (int i = 0; i < 2; ++i) {
    ForkOnce(storm, [=] { return ForkAgain(storm, deep - 1); });
  }
  return CanAllocateEverything();
}

TEST(ForkStorm, ChildrenOfChildrenOfChildren) {
  const int trees = Forks(280) / 14;
  RunStorm(14 * trees, [trees](Storm* storm) {
    for (int i = 0; i < trees; ++i) ForkAgain(storm, 3);
  });
}

}  // namespace
}  // namespace pool
