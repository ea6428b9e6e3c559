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

#include "pool/page_heap.h"
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

// A kernel that takes its time: while it maps pages, and the page heap's lock
// is held for that, both threads get as far as that lock.
class SlowKernel {
 public:
  explicit SlowKernel(void* block) {
    block_ = block;
    started_ = false;
    table_ = RealKernelCalls();
    table_.map = Map;
    table_.map_at = nullptr;  // all chunks come from Map
    SetKernelCalls(&table_);
  }
  ~SlowKernel() {
    for (Freer& freer : freers_) freer.Join();
    SetKernelCalls(&RealKernelCalls());
  }
  SlowKernel(const SlowKernel&) = delete;
  SlowKernel& operator=(const SlowKernel&) = delete;

 private:
  static void* Map(size_t bytes) {
    if (!started_) {
      started_ = true;
      for (Freer& freer : freers_) freer.Start(block_);
      for (const Freer& freer : freers_) freer.WaitUntilItWaits();
    }
    return RealKernelCalls().map(bytes);
  }

  static inline void* block_;
  static inline bool started_;
  static inline Freer freers_[2];
  KernelCalls table_;
};

void FreeTwiceAtOnce(void* block) {
  const SlowKernel kernel(block);
  const PageHeapFootprint heap = PageHeap::Get().Footprint();
  Allocate(heap.free + heap.returned + kLarge);
}

TEST(MisuseThreadsDeathTest, TwoThreadsFreeALargeBlockAtOnce) {
  void* block = Allocate(kLarge);
  void* divides = Allocate(kLarge);  // the block from what is free
  std::ostringstream line;
  line << "pool: Deallocate\\(" << block
       << (kChecks
               ? "\\): free already; a block of 311296 bytes\n$"
               : "\\): not allocated, or freed before: its pages are free\n$");
  EXPECT_EXIT(FreeTwiceAtOnce(block), testing::KilledBySignal(SIGABRT),
              line.str());
  Deallocate(divides);
  Deallocate(block);
}

}  // namespace
}  // namespace pool
