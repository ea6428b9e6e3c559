// How often does an allocator enter the kernel? Blocks of mixed sizes, each
// held until chance replaces it; counted are all system calls from the first
// allocation on, so what it takes to get going is in the figure.
//
// small: 16 bytes to 32 KiB, small ones far more often; 2048 are held.
// large: every hundredth step is a block of 256 KiB to 4 MiB, of which 16 are
// held.
//
// `kernel` asks it for each block. Counted and timed in two processes, each of
// them fresh: to be watched takes time.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "common/testing/child.h"
#include "common/testing/system_calls.h"
#include "pool/pool.h"
#include "pool/system_memory.h"

namespace {

struct Pool {
  static void* Take(size_t bytes) { return pool::Allocate(bytes); }
  static void GiveBack(void* block, size_t bytes) {
    pool::Deallocate(block, bytes);
  }
};

struct Malloc {
  static void* Take(size_t bytes) { return malloc(bytes); }
  static void GiveBack(void* block, size_t) { free(block); }
};

struct Kernel {
  static void* Take(size_t bytes) { return pool::SystemAlloc(bytes); }
  static void GiveBack(void* block, size_t bytes) {
    if (block != nullptr) pool::SystemFree(block, bytes);
  }
};

struct Step {
  size_t slot;
  size_t bytes;
};

constexpr size_t kSmallSlots = 2048;
constexpr size_t kLargeSlots = 16;

// The same for each allocator, and drawn before anything is counted.
std::vector<Step> DrawSteps(size_t count, bool large) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> fraction(0, 1);
  std::vector<Step> steps(count);
  for (size_t i = 0; i < count; ++i) {
    const double chance = fraction(random);
    if (large && i % 100 == 0) {
      steps[i] = {kSmallSlots + random() % kLargeSlots,
                  static_cast<size_t>(std::exp2(18 + 4 * chance))};
    } else {  // Pareto: half as long, twice as often
      const double most = 1 - 16.0 / 32768;
      steps[i] = {random() % kSmallSlots,
                  static_cast<size_t>(16 / (1 - chance * most))};
    }
  }
  return steps;
}

template <class Allocator>
void RunSteps(const std::vector<Step>& steps) {
  struct Held {
    void* block;
    size_t bytes;
  };
  static Held held[kSmallSlots + kLargeSlots];
  for (const Step& step : steps) {
    Held& place = held[step.slot];
    Allocator::GiveBack(place.block, place.bytes);
    place = {Allocator::Take(step.bytes), step.bytes};
    if (place.block == nullptr) abort();
    *static_cast<char*>(place.block) = 1;
  }
}

template <class Allocator, bool large, size_t count>
void Mixed(benchmark::State& state) {
  const std::vector<Step> steps = DrawSteps(count, large);
  const double blocks = static_cast<double>(count);
  const course::SharedReport<double> seconds;
  for (auto _ : state) {
    const std::string end = course::RunInChild([&] {
      const auto start = std::chrono::steady_clock::now();
      RunSteps<Allocator>(steps);
      *seconds.get() = std::chrono::duration<double>(
                           std::chrono::steady_clock::now() - start)
                           .count();
    });
    if (!end.empty()) return state.SkipWithError(end.c_str());
    state.SetIterationTime(*seconds.get() / blocks);
  }
  const auto calls =
      course::CountSystemCalls([&] { RunSteps<Allocator>(steps); });
  if (!calls) {
    state.SetLabel("system calls cannot be counted here: ptrace is forbidden");
    return;
  }
  state.counters["allocations"] = blocks;
  state.counters["system_calls"] = static_cast<double>(calls->total);
  state.counters["system_calls_per_million"] =
      static_cast<double>(calls->total) * 1e6 / blocks;
}

constexpr size_t kMillion = 1'000'000;
constexpr size_t kFew = 20'000;  // two calls for each, and each is watched

BENCHMARK(Mixed<Pool, false, kMillion>)
    ->Name("small/pool")
    ->Iterations(1)
    ->UseManualTime();
BENCHMARK(Mixed<Malloc, false, kMillion>)
    ->Name("small/malloc")
    ->Iterations(1)
    ->UseManualTime();
BENCHMARK(Mixed<Kernel, false, kFew>)
    ->Name("small/kernel")
    ->Iterations(1)
    ->UseManualTime();
BENCHMARK(Mixed<Pool, true, kMillion>)
    ->Name("large/pool")
    ->Iterations(1)
    ->UseManualTime();
BENCHMARK(Mixed<Malloc, true, kMillion>)
    ->Name("large/malloc")
    ->Iterations(1)
    ->UseManualTime();
BENCHMARK(Mixed<Kernel, true, kFew>)
    ->Name("large/kernel")
    ->Iterations(1)
    ->UseManualTime();

}  // namespace
