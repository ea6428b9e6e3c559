// What it costs to look: a snapshot of all counters, and its text.
//
// `threads` have a cache each, since a snapshot reads the lengths of all lists.
// How many blocks there are makes no difference, as nobody counts them:
// `blocks` shows it. Then what a busy program notices of a reader: the workload
// `mixed` with nobody reading, with a snapshot each second, and each
// millisecond. Started with POOL_STATS=1, the same rows say what it costs to
// look at each call (Mixed), and how much longer the snapshot takes.
#include <benchmark/benchmark.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "common/workloads/measure.h"
#include "common/workloads/mixed.h"
#include "pool/output.h"
#include "pool/pool.h"
#include "pool/stats.h"

namespace {

// Threads that have a cache and wait.
class Idlers {
 public:
  explicit Idlers(size_t count) {
    for (size_t i = 0; i < count; ++i)
      threads_.emplace_back([this] { Idle(); });
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return ready_ == threads_.size(); });
  }
  ~Idlers() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void Idle() {
    pool::Deallocate(pool::Allocate(1), 1);
    std::unique_lock<std::mutex> lock(mutex_);
    ++ready_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return done_; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  size_t ready_ = 0;
  bool done_ = false;
  std::vector<std::thread> threads_;
};

std::vector<void*> SomeBlocks(size_t count) {
  std::vector<void*> blocks(count);
  for (size_t i = 0; i < count; ++i) blocks[i] = pool::Allocate(1 + i % 1024);
  return blocks;
}

void Snapshot(benchmark::State& state) {
  const Idlers idlers(static_cast<size_t>(state.range(0)));
  const std::vector<void*> blocks =
      SomeBlocks(static_cast<size_t>(state.range(1)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(pool::Statistics().in_use.now);
  }
  for (void* block : blocks) pool::Deallocate(block);
}
BENCHMARK(Snapshot)
    ->ArgNames({"threads", "blocks"})
    ->Args({1, 0})
    ->Args({1, 1'000'000})
    ->Args({16, 0})
    ->Args({256, 0})
    ->Unit(benchmark::kMicrosecond);

void AsText(benchmark::State& state) {
  const auto nowhere = [](void*, const char*, size_t) {};
  const auto form = static_cast<pool::StatisticsForm>(state.range(0));
  for (auto _ : state) pool::PrintStatistics(form, nowhere, nullptr);
}
BENCHMARK(AsText)->ArgName("form")->DenseRange(0, 3)->Unit(
    benchmark::kMicrosecond);

// Takes a snapshot each so many milliseconds; 0: never.
class Reader {
 public:
  explicit Reader(int64_t milliseconds) : period_(milliseconds) {
    if (milliseconds > 0) thread_ = std::thread([this] { Read(); });
  }
  ~Reader() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Read() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!changed_.wait_for(lock, period_, [&] { return done_; })) {
      benchmark::DoNotOptimize(pool::Statistics().in_use.now);
    }
  }

  const std::chrono::milliseconds period_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

struct PoolFacade {
  static void* Allocate(size_t bytes) { return pool::Allocate(bytes); }
  static void Deallocate(void* block, size_t bytes) {
    pool::Deallocate(block, bytes);
  }
};

void Mixed(benchmark::State& state) {
  const Reader reader(state.range(0));
  const course::MixedScript script(1);
  course::MappedArray<course::HeldBlock> held(course::kMixedSlots);
  constexpr size_t kSteps = size_t{1} << 19;
  for (auto _ : state) {
    if (!course::RunMixed<PoolFacade>(script, 0, &held[0], kSteps)) {
      state.SkipWithError("there is no memory");
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kSteps));
}
BENCHMARK(Mixed)
    ->ArgName("read_each_ms")
    ->Arg(0)
    ->Arg(1000)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
