// How many allocations a thread's cache serves by itself.
//
// hit_rate is 1 - fetches / allocations. A thread lives for `calls` allocations
// and has `blocks` blocks in its hands; each new block takes the place of an
// old one, chosen at random. A short life is spent learning; a long one should
// hardly ever miss. What a cache gives back also takes the lock, and is not
// counted here: the time, for one allocation with its free, has it in it.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "pool/pool.h"
#include "pool/thread_cache.h"

namespace {

struct Block {
  void* start = nullptr;
  size_t bytes = 0;
};

// What a thread is going to do, drawn before the clock starts.
struct Step {
  uint32_t slot;
  uint32_t bytes;
};

std::vector<Step> DrawSteps(size_t slots, size_t largest) {
  std::mt19937 random(1);
  std::vector<Step> steps(1 << 16);
  for (Step& step : steps) {
    step.slot = static_cast<uint32_t>(random() % slots);
    step.bytes =
        static_cast<uint32_t>(largest == 0 ? 64 : 1 + random() % largest);
  }
  return steps;
}

void Replace(Block* block, size_t bytes) {
  if (block->start != nullptr) pool::Deallocate(block->start, block->bytes);
  *block = {pool::Allocate(bytes), bytes};
  *static_cast<char*>(block->start) = 1;
}

// One thread's life; returns how often it had to fetch.
size_t Live(const std::vector<Step>& steps, size_t calls,
            std::vector<Block>* blocks) {
  const size_t before = pool::ThreadCache::Footprint().fetches;
  for (size_t i = 0; i < calls; ++i) {
    const Step& step = steps[i % steps.size()];
    Replace(&(*blocks)[step.slot], step.bytes);
  }
  const size_t fetches = pool::ThreadCache::Footprint().fetches - before;
  for (Block& block : *blocks) {
    if (block.start != nullptr) pool::Deallocate(block.start, block.bytes);
    block = Block();
  }
  return fetches;
}

// Sizes are random up to `largest` bytes; 0 stands for 64 bytes each time.
void Lives(benchmark::State& state) {
  const size_t calls = static_cast<size_t>(state.range(0));
  std::vector<Block> blocks(static_cast<size_t>(state.range(1)));
  const std::vector<Step> steps =
      DrawSteps(blocks.size(), static_cast<size_t>(state.range(2)));
  double fetches = 0;
  for (auto _ : state) {
    std::thread([&] {
      const auto start = std::chrono::steady_clock::now();
      fetches += static_cast<double>(Live(steps, calls, &blocks));
      const std::chrono::duration<double> elapsed =
          std::chrono::steady_clock::now() - start;
      state.SetIterationTime(elapsed.count());
    }).join();
  }
  const double allocations =
      static_cast<double>(state.iterations()) * static_cast<double>(calls);
  state.SetItemsProcessed(static_cast<int64_t>(allocations));
  state.counters["hit_rate"] = 1 - fetches / allocations;
}

BENCHMARK(Lives)
    ->ArgNames({"calls", "blocks", "largest"})
    ->ArgsProduct({{100, 10'000, 1'000'000}, {1, 100, 10'000}, {0, 1024}})
    ->Args({1'000'000, 100, 64 * 1024})
    ->UseManualTime();

}  // namespace
