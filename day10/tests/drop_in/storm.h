// Forks while other threads are busy, and what a child has to be able to do.
#ifndef POOL_TESTS_DROP_IN_STORM_H_
#define POOL_TESTS_DROP_IN_STORM_H_

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "common/testing/child.h"
#include "common/testing/sizes.h"
#include "common/workloads/random.h"

namespace pool {

// How often to fork: COURSE_FORKS, or a number for every day's test run.
inline int Forks(int usual) {
  const char* asked_for = std::getenv("COURSE_FORKS");
  return asked_for == nullptr ? usual : std::atoi(asked_for);
}

// A block whose ends tell whose it is. To write all of it would take the longer
// part of a child's short life.
class MarkedBlock {
 public:
  static MarkedBlock New(size_t bytes) {
    MarkedBlock block{static_cast<char*>(malloc(bytes)), bytes};
    if (block.start_ != nullptr) block.Mark();
    return block;
  }

  // Whether it was intact, and its beginning came along.
  bool Resize(size_t bytes) {
    bool intact = Intact();
    const uintptr_t old = reinterpret_cast<uintptr_t>(start_);
    const size_t kept = bytes < Ends() ? bytes : Ends();
    start_ = static_cast<char*>(realloc(start_, bytes));
    bytes_ = bytes;
    if (start_ == nullptr) return false;
    intact &= std::memcmp(start_, &old, kept) == 0;
    Mark();
    return intact;
  }

  // Whether it was intact.
  bool Free() {
    const bool intact = Intact();
    free(start_);
    start_ = nullptr;
    return intact;
  }

  bool Intact() const {
    return start_ != nullptr && std::memcmp(start_, &start_, Ends()) == 0 &&
           std::memcmp(start_ + bytes_ - Ends(), &start_, Ends()) == 0;
  }

 private:
  MarkedBlock(char* start, size_t bytes) : start_(start), bytes_(bytes) {}

  size_t Ends() const { return bytes_ < 16 ? bytes_ / 2 : 8; }
  void Mark() {
    std::memcpy(start_, &start_, Ends());
    std::memcpy(start_ + bytes_ - Ends(), &start_, Ends());
  }

  char* start_;
  size_t bytes_;
};

// A block of every class and larger ones, all at once, resized and freed. Says
// what is wrong by its result: a child prints nothing.
inline bool CanAllocateEverything() {
  std::vector<MarkedBlock> blocks;
  for (const size_t bytes : course::ClassSizes()) {
    blocks.push_back(MarkedBlock::New(bytes));
  }
  for (const size_t bytes : {300, 1000, 5000}) {
    blocks.push_back(MarkedBlock::New(bytes * course::kKiB));
  }
  bool fine = true;
  for (const MarkedBlock& block : blocks) fine &= block.Intact();
  fine &= blocks.back().Resize(8 * course::kMiB);
  fine &= blocks.front().Resize(1000);
  for (MarkedBlock& block : blocks) fine &= block.Free();
  return fine;
}

// Threads that are busy from here to the end of the scope.
class BusyThreads {
 public:
  // work(random) is called again and again, and false is a failure.
  template <typename Work>
  BusyThreads(size_t count, Work work) {
    for (size_t i = 0; i < count; ++i) {
      threads_.emplace_back([this, i, work] {
        // Who forks goes first, where there are few processors. That stops
        // these threads at any moment, with a lock in their hands perhaps.
        setpriority(PRIO_PROCESS, 0, 19);
        course::Random random(i + 1);
        while (!stop_) {
          if (!work(random)) failed_ = true;
        }
      });
    }
  }
  BusyThreads(const BusyThreads&) = delete;
  BusyThreads& operator=(const BusyThreads&) = delete;
  ~BusyThreads() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    if (failed_) _exit(90);
  }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<bool> failed_{false};
  std::vector<std::thread> threads_;
};

// Some blocks at once, mostly small, now and then a large one.
inline bool AllocateALittle(course::Random& random) {
  std::vector<MarkedBlock> blocks;
  for (size_t i = random.Below(30) + 1; i > 0; --i) {
    const size_t most = random.Below(20) == 0 ? 1 << 20 : 2000;
    blocks.push_back(MarkedBlock::New(random.Below(most) + 1));
  }
  bool fine = blocks.back().Resize(random.Below(3000) + 1);
  for (MarkedBlock& block : blocks) fine &= block.Free();
  return fine;
}

// stdio allocates under locks of its own, which fork takes as well.
inline bool UseStdio(course::Random& random) {
  FILE* file = fopen("/dev/null", "w");
  if (file == nullptr) return false;
  fprintf(file, "%d\n", static_cast<int>(random.Below(1000)));
  fflush(nullptr);
  return fclose(file) == 0;
}

// How a storm went, for the test's process to see.
struct Storm {
  pid_t group = 0;
  std::atomic<int> forks{0};
  std::atomic<int> bad_children{0};
  std::atomic<int> last_status{0};
};

// In seconds, for one fork with its child's whole life.
inline constexpr unsigned kForkPatience = 100;

// Forks once; the child's body says whether it is content.
template <typename Child>
void ForkOnce(Storm* storm, Child body) {
  alarm(kForkPatience);
  const pid_t child = fork();
  if (child == 0) _exit(body() ? 0 : 91);
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ++storm->forks;
  if (status == 0) return;
  storm->last_status = status;
  ++storm->bad_children;
}

// Runs body(storm), which forks, in a process group of its own: whoever hangs
// is ended with the whole group, and that is a failure that says when.
template <typename Body>
void RunStorm(int forks, Body body) {
  const course::SharedReport<Storm> storm;
  const std::string end = course::RunInChild(
      [&] {
        setpgid(0, 0);
        storm->group = getpid();
        body(storm.get());
      },
      kForkPatience);
  if (storm->group != 0) kill(-storm->group, SIGKILL);
  EXPECT_EQ(end, "") << "after " << storm->forks << " forks";
  EXPECT_EQ(storm->forks, forks);
  EXPECT_EQ(storm->bad_children, 0)
      << "the last of them: " << course::HowItEnded(storm->last_status);
}

}  // namespace pool

#endif  // POOL_TESTS_DROP_IN_STORM_H_
