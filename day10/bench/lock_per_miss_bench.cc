// One lock for each call against one lock for each miss.
//
// `locks_per_million_calls` says how often the lock is taken. A thread cache
// takes it while it learns what its thread needs, and then hardly ever; how
// often that is at first, FirstWave shows. Other times are wall times for one
// block, taken and given back.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include "pool/mutex.h"
#include "pool/pool.h"
#include "pool/thread_cache.h"

namespace {

constexpr size_t kBytes = 64;
constexpr size_t kWave = 1000;
constexpr size_t kThreads = 4;

// The simplest allocator that threads can share.
class OneLock {
 public:
  OneLock() : objects_(kThreads * kWave) {
    const pool::MutexLock lock(mutex_);
    for (Object& object : objects_) free_.push_back(&object);
  }
  void* Take() {
    const pool::MutexLock lock(mutex_);
    void* object = free_.back();
    free_.pop_back();
    return object;
  }
  void GiveBack(void* object) {
    const pool::MutexLock lock(mutex_);
    free_.push_back(object);
  }
  static double Locks(double calls) { return calls; }

  static OneLock& Get() {
    static OneLock one_lock;
    return one_lock;
  }

 private:
  struct alignas(kBytes) Object {
    char bytes[kBytes];
  };
  std::vector<Object> objects_;
  pool::Mutex mutex_;
  std::vector<void*> free_ GUARDED_BY(mutex_);
};

class ThreadCaches {
 public:
  void* Take() { return pool::Allocate(kBytes); }
  void GiveBack(void* block) { pool::Deallocate(block, kBytes); }
  static double Locks(double) {
    return static_cast<double>(pool::ThreadCache::Footprint().fetches);
  }

  static ThreadCaches& Get() {
    static ThreadCaches caches;
    return caches;
  }
};

// Takes `blocks` blocks, gives all of them back, and so on.
template <typename Allocator>
void Waves(benchmark::State& state) {
  Allocator& allocator = Allocator::Get();
  std::vector<void*> blocks(static_cast<size_t>(state.range(0)));
  const double before = Allocator::Locks(0);
  for (auto _ : state) {
    for (void*& block : blocks) {
      block = allocator.Take();
      *static_cast<char*>(block) = 1;
    }
    for (void* block : blocks) allocator.GiveBack(block);
  }
  const double pairs = static_cast<double>(state.iterations()) *
                       static_cast<double>(blocks.size());
  state.SetItemsProcessed(static_cast<int64_t>(pairs));
  // Other threads' counters are gone as soon as they are.
  if (state.threads() == 1) {
    state.counters["locks_per_million_calls"] =
        (Allocator::Locks(2 * pairs) - before) / (2 * pairs) * 1e6;
  }
}

void Rows(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(1)->Arg(kWave)->Threads(1)->Threads(kThreads)->UseRealTime();
}
BENCHMARK(Waves<OneLock>)->Name("Waves/lock_per_call")->Apply(Rows);
BENCHMARK(Waves<ThreadCaches>)->Name("Waves/lock_per_miss")->Apply(Rows);

// Each time a new thread's first wave: all that it needs, it has to fetch.
void FirstWave(benchmark::State& state) {
  ThreadCaches& allocator = ThreadCaches::Get();
  std::vector<void*> blocks(kWave);
  double locks = 0;
  for (auto _ : state) {
    std::thread([&] {
      const double before = ThreadCaches::Locks(0);
      const auto start = std::chrono::steady_clock::now();
      for (void*& block : blocks) {
        block = allocator.Take();
        *static_cast<char*>(block) = 1;
      }
      for (void* block : blocks) allocator.GiveBack(block);
      const std::chrono::duration<double> elapsed =
          std::chrono::steady_clock::now() - start;
      state.SetIterationTime(elapsed.count());
      locks += ThreadCaches::Locks(0) - before;
    }).join();
  }
  const double pairs =
      static_cast<double>(state.iterations()) * static_cast<double>(kWave);
  state.SetItemsProcessed(static_cast<int64_t>(pairs));
  state.counters["locks_per_million_calls"] = locks / (2 * pairs) * 1e6;
}
// A number of its own: where a thread leaves its cache behind, memory grows.
BENCHMARK(FirstWave)
    ->Name("FirstWave/lock_per_miss")
    ->Iterations(200)
    ->UseManualTime();

}  // namespace
