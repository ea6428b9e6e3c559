// A snapshot, while the table of blocks grows on another thread.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include "balance.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/stats.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

// Before anybody asks the pool for anything. What is printed at the end, nobody
// wants to see.
[[maybe_unused]] const bool is_watched =
    setenv("POOL_STATS", "text:/dev/null", 1) == 0;

// A kernel that lets a thread wait when it has got a table from it, and not yet
// counted it: when it next asks for the page size. It waits until a snapshot
// has come as far as the page heap, and a little longer.
class SlowKernel {
 public:
  SlowKernel() { previous_ = SetKernelCalls(&kTable); }
  ~SlowKernel() { SetKernelCalls(previous_); }
  SlowKernel(const SlowKernel&) = delete;
  SlowKernel& operator=(const SlowKernel&) = delete;

  // Takes a snapshot, if a thread waits for one. Those who come meanwhile do
  // not wait: it is beyond the page heap, and may wait for them.
  template <typename Look>
  static void LookIfSomebodyWaits(Look look) {
    if (!waits_.exchange(false)) return;
    looks_ = true;
    look();
    looks_ = false;
  }

 private:
  static size_t PageSize() {
    if (std::exchange(has_mapped_, false) && !looks_) {
      const size_t taken = PageHeap::Get().Locks().taken;
      waits_ = true;
      for (int i = 0; i < 100'000; ++i) {
        if (PageHeap::Get().Locks().taken != taken) break;
        std::this_thread::yield();
      }
      for (int i = 0; i < 100; ++i) std::this_thread::yield();
    }
    return RealKernelCalls().page_size();
  }
  static void* Map(size_t bytes) {
    has_mapped_ = true;
    return RealKernelCalls().map(bytes);
  }

  static inline const KernelCalls kTable = {
      PageSize, Map, RealKernelCalls().unmap, RealKernelCalls().discard};
  static inline thread_local bool has_mapped_ = false;
  static inline std::atomic<bool> waits_{false};
  static inline std::atomic<bool> looks_{false};
  const KernelCalls* previous_;
};

// It is the system's already, and not yet the table's. Each of the first steps
// of growth is such a moment.
TEST(Watched, ATableThatIsOnItsWay) {
  constexpr size_t kBlocks = 60'000;
  ASSERT_TRUE(Reserve(64, kBlocks + 1000));  // or spans would come, too
  std::vector<void*> blocks(kBlocks);
  Deallocate(Allocate(64));
  std::atomic<bool> is_ready{false};
  std::atomic<bool> is_done{false};
  std::atomic<bool> may_begin{false};
  std::thread grows([&] {
    Deallocate(Allocate(64));
    is_ready = true;
    while (!may_begin) std::this_thread::yield();
    for (void*& block : blocks) block = Allocate(64);
    is_done = true;
  });
  while (!is_ready) std::this_thread::yield();
  {
    const SlowKernel kernel;
    may_begin = true;
    while (!is_done) {
      SlowKernel::LookIfSomebodyWaits([] {
        const PoolStatistics all = Statistics();
        EXPECT_TRUE(all.unaccounted == 0 || all.changes > 0)
            << all.unaccounted << " bytes, and nothing has happened";
      });
    }
    grows.join();
  }
  EXPECT_EQ(Imbalance(Statistics()), "");
  for (void* block : blocks) Deallocate(block);
}

}  // namespace
}  // namespace pool
