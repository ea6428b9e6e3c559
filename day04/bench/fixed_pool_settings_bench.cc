// The fixed pool in four settings: one or many threads, one or several sizes.
//
//   lock          fixed pools, one for each size, behind one lock
//   pool          the same for each thread, without a lock: only good where no
//                 thread frees what another allocated
//   thread_cache  pool::Allocate: no lock, and any thread may free
//   malloc        for comparison
//
// A thread holds 100 blocks. Each step gives one of them back, chosen at
// random, and takes another. What is chosen was drawn before the clock started.
#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "pool/fixed_pool.h"
#include "pool/mutex.h"
#include "pool/pool.h"

namespace {

constexpr size_t kHeld = 100;
constexpr std::array<size_t, 4> kSizes = {64, 16, 256, 1024};

// One pool for each size. Each has one block, large enough for all threads.
class Pools {
 public:
  void* Take(size_t which) { return pools_[which].Allocate(); }
  void GiveBack(void* block, size_t which) { pools_[which].Deallocate(block); }

 private:
  static constexpr size_t kObjects = 2000;
  pool::FixedPool pools_[kSizes.size()] = {{kSizes[0], 16, kObjects, kObjects},
                                           {kSizes[1], 16, kObjects, kObjects},
                                           {kSizes[2], 16, kObjects, kObjects},
                                           {kSizes[3], 16, kObjects, kObjects}};
};

class Lock {
 public:
  void* Take(size_t which) {
    const pool::MutexLock lock(mutex_);
    return pools_.Take(which);
  }
  void GiveBack(void* block, size_t which) {
    const pool::MutexLock lock(mutex_);
    pools_.GiveBack(block, which);
  }
  static std::shared_ptr<Lock> Get() {
    static const auto shared = std::make_shared<Lock>();
    return shared;
  }

 private:
  pool::Mutex mutex_;
  Pools pools_ GUARDED_BY(mutex_);
};

class PoolPerThread : public Pools {
 public:
  static std::shared_ptr<PoolPerThread> Get() {
    return std::make_shared<PoolPerThread>();
  }
};

struct ThreadCache {
  void* Take(size_t which) { return pool::Allocate(kSizes[which]); }
  void GiveBack(void* block, size_t which) {
    pool::Deallocate(block, kSizes[which]);
  }
  static std::shared_ptr<ThreadCache> Get() {
    return std::make_shared<ThreadCache>();
  }
};

struct Malloc {
  void* Take(size_t which) { return malloc(kSizes[which]); }
  void GiveBack(void* block, size_t) { free(block); }
  static std::shared_ptr<Malloc> Get() { return std::make_shared<Malloc>(); }
};

struct Block {
  void* start;
  size_t which;  // of kSizes
};

struct Step {
  uint32_t slot;
  uint32_t which;
};

std::vector<Step> DrawSteps(size_t sizes, int thread) {
  std::mt19937 random(static_cast<uint32_t>(thread));
  std::vector<Step> steps(4096);
  for (Step& step : steps) {
    step.slot = static_cast<uint32_t>(random() % kHeld);
    step.which = static_cast<uint32_t>(random() % sizes);
  }
  return steps;
}

// Wall time for one step, all threads working at once.
template <typename Allocator>
void Settings(benchmark::State& state) {
  const std::shared_ptr<Allocator> allocator = Allocator::Get();
  const std::vector<Step> steps =
      DrawSteps(static_cast<size_t>(state.range(0)), state.thread_index());
  std::vector<Block> blocks;
  while (blocks.size() < kHeld) blocks.push_back({allocator->Take(0), 0});

  size_t next = 0;
  for (auto _ : state) {
    const Step step = steps[next++ % 4096];
    Block& block = blocks[step.slot];
    allocator->GiveBack(block.start, block.which);
    block = {allocator->Take(step.which), step.which};
    *static_cast<char*>(block.start) = 1;
  }
  for (const Block& block : blocks) {
    allocator->GiveBack(block.start, block.which);
  }
  state.SetItemsProcessed(state.iterations());
}

void FourSettings(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("sizes")->Arg(1)->Arg(kSizes.size());
  benchmark->Threads(1)->Threads(4)->UseRealTime();
}
BENCHMARK(Settings<Lock>)->Name("Settings/lock")->Apply(FourSettings);
BENCHMARK(Settings<PoolPerThread>)->Name("Settings/pool")->Apply(FourSettings);
BENCHMARK(Settings<ThreadCache>)
    ->Name("Settings/thread_cache")
    ->Apply(FourSettings);
BENCHMARK(Settings<Malloc>)->Name("Settings/malloc")->Apply(FourSettings);

}  // namespace
