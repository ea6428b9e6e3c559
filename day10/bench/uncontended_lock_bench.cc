// What a lock costs when nobody else wants it, and what it costs when they do.
//
// The legend says 100 ns. Most of the price of a busy lock is waiting, and the
// journey of its cache line from core to core, not the lock.
//
// The rows run in this order (do not interleave them): a C library may leave
// out the atomic instructions as long as the process has never had a second
// thread. Whether this one does, the first row shows; it comes before any
// thread is made.
#include <benchmark/benchmark.h>

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>

#include "pool/mutex.h"
#include "pool/pool.h"

namespace {

pool::Mutex shared_lock;
size_t shared_count GUARDED_BY(shared_lock) = 0;

// A thread that is there and sleeps, as long as this object lives.
class Sleeper {
 public:
  Sleeper() : thread_([this] { Sleep(); }) {}
  ~Sleeper() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      awake_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

 private:
  void Sleep() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return awake_; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool awake_ = false;  // guarded by mutex_
  std::thread thread_;
};

void LockCountUnlock(benchmark::State& state) {
  for (auto _ : state) {
    const pool::MutexLock lock(shared_lock);
    benchmark::DoNotOptimize(++shared_count);
  }
}
BENCHMARK(LockCountUnlock)->Name("Lock/in_a_process_of_one_thread");

void CountOnly(benchmark::State& state) {
  size_t count = 0;
  for (auto _ : state) benchmark::DoNotOptimize(++count);
}
BENCHMARK(CountOnly)->Name("NoLock/count_only");

void LockBesideASleeper(benchmark::State& state) {
  const Sleeper sleeper;
  LockCountUnlock(state);
}
BENCHMARK(LockBesideASleeper)->Name("Lock/uncontended");

// For comparison: a block from the thread's own cache and back, without a lock.
void PoolPair(benchmark::State& state) {
  const Sleeper sleeper;
  for (auto _ : state) {
    void* block = pool::Allocate(64);
    benchmark::DoNotOptimize(block);
    pool::Deallocate(block, 64);
  }
}
BENCHMARK(PoolPair)->Name("NoLock/a_pair_from_the_thread_cache");

// Wall time for one locking, all threads working at once: on a machine that can
// run n threads at a time, 1/n of what it costs a thread would be the best.
BENCHMARK(LockCountUnlock)
    ->Name("Lock/contended")
    ->Threads(2)
    ->Threads(4)
    ->Threads(16)
    ->UseRealTime();

}  // namespace
