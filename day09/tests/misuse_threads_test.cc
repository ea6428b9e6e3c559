// A block that two threads free at the same moment: each looks before the other
// has written, and yet one of them has to notice.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <sstream>
#include <string>
#include <thread>

#include "pool/pool.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

constexpr size_t kLarge = 300 * 1024;

// Does this thread of ours wait for something, or has it come to its end?
bool Waits(pid_t thread) {
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
  FILE* file = std::fopen(path, "r");
  if (file == nullptr) return true;
  char state = 0;
  const int found = std::fscanf(file, "%*d (%*[^)]) %c", &state);
  std::fclose(file);
  return found != 1 || state == 'S';
}

// A thread that frees a block, and is watched from outside.
class Freer {
 public:
  void Start(void* block) {
    thread_ = std::thread([this, block] {
      id_ = static_cast<pid_t>(syscall(SYS_gettid));
      Deallocate(block);
    });
  }
  // Until it waits for a lock in Deallocate: there is nothing else to wait for.
  void WaitUntilItWaits() const {
    while (id_ == 0 || !Waits(id_)) sched_yield();
  }
  void Join() { thread_.join(); }

 private:
  std::thread thread_;
  std::atomic<pid_t> id_{0};
};

// A kernel that takes its time: while it discards pages, and the page heap's
// lock is held for that, both threads get as far as that lock.
class SlowKernel {
 public:
  explicit SlowKernel(void* block) {
    block_ = block;
    started_ = false;
    table_ = RealKernelCalls();
    table_.discard = Discard;
    SetKernelCalls(&table_);
  }
  ~SlowKernel() {
    for (Freer& freer : freers_) freer.Join();
    SetKernelCalls(&RealKernelCalls());
  }
  SlowKernel(const SlowKernel&) = delete;
  SlowKernel& operator=(const SlowKernel&) = delete;

 private:
  static bool Discard(void* start, size_t bytes) {
    if (!started_) {
      started_ = true;
      for (Freer& freer : freers_) freer.Start(block_);
      for (const Freer& freer : freers_) freer.WaitUntilItWaits();
    }
    return RealKernelCalls().discard(start, bytes);
  }

  static inline void* block_;
  static inline bool started_;
  static inline Freer freers_[2];
  KernelCalls table_;
};

void FreeTwiceAtOnce(void* block) {
  const SlowKernel kernel(block);
  ReleaseFreeMemory();
}

TEST(MisuseThreadsDeathTest, TwoThreadsFreeALargeBlockAtOnce) {
  void* block = Allocate(kLarge);
  void* divides = Allocate(kLarge);  // the block from what is free
  Deallocate(Allocate(kLarge));      // something to discard
  std::ostringstream line;
  line << "pool: Deallocate\\(" << block
       << "\\): not allocated, or freed before: its pages are free\n$";
  EXPECT_EXIT(FreeTwiceAtOnce(block), testing::KilledBySignal(SIGABRT),
              line.str());
  Deallocate(divides);
  Deallocate(block);
}

}  // namespace
}  // namespace pool
