// The allocator works before main and after it, and while threads end.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "common/contract/promises.h"
#include "common/testing/facade.h"

namespace course {
namespace {

constexpr size_t kBytes = 100;

// Runs where no test can fail any more: the exit code tells.
void UseOrDie(const char* when) {
  const FilledBlock block = FilledBlock::New(kBytes);
  if (block.Free()) return;
  std::fprintf(stderr, "the allocator does not work %s\n", when);
  _exit(1);
}

// The first object of the program to be made, and the last to go.
class EarlyBird {
 public:
  EarlyBird() : block_(FilledBlock::New(kBytes)) {}
  ~EarlyBird() {
    if (!block_.Free()) _exit(1);
    UseOrDie("after all destructors");
    if (announce_) std::fputs("the early bird is gone\n", stderr);
  }

  bool Intact() const { return block_.Intact(); }
  void Announce() { announce_ = true; }

 private:
  const FilledBlock block_;
  bool announce_ = false;
};

__attribute__((init_priority(101))) EarlyBird early_bird;

TEST(Life, BlocksFromBeforeMainAreBlocks) { EXPECT_TRUE(early_bird.Intact()); }

TEST(LifeDeathTest, WorksAfterAllDestructors) {
  const auto leave = [] {
    early_bird.Announce();
    std::exit(0);
  };
  EXPECT_EXIT(leave(), testing::ExitedWithCode(0), "the early bird is gone");
}

TEST(LifeDeathTest, WorksInAnExitHandler) {
  const auto leave = [] {
    std::atexit([] {
      UseOrDie("in an exit handler");
      std::fputs("the handler is done\n", stderr);
    });
    std::exit(0);
  };
  EXPECT_EXIT(leave(), testing::ExitedWithCode(0), "the handler is done");
}

std::atomic<int> sound_farewells{0};

// Frees what its thread allocated, when the thread is nearly gone.
struct Farewell {
  FilledBlock block;
  ~Farewell() {
    if (block.Free() && FilledBlock::New(kBytes).Free()) ++sound_farewells;
  }
};

TEST(Life, WorksWhileAThreadEnds) {
  constexpr int kThreads = 20;
  for (int i = 0; i < kThreads; ++i) {
    std::thread([] {
      // Made before the thread's first block: it goes after what that made.
      thread_local Farewell farewell;
      farewell.block = FilledBlock::New(kBytes);
    }).join();
  }
  EXPECT_EQ(sound_farewells, kThreads);
}

}  // namespace
}  // namespace course
