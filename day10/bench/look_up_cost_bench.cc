// What does a free cost that finds out by itself what it frees? It asks the
// page map for the span of each block, and reads there what a caller might have
// said.
//
// Pair: a block is taken and freed, again and again: all of it is in the cache.
// Free: so many blocks of 64 bytes are freed, in the order of taking or in
// random order, and taken again. Timed are the frees, for one block.
// LookUp: the map alone, for blocks in random order.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <random>
#include <vector>

#include "pool/page_heap.h"
#include "pool/pool.h"

namespace {

constexpr size_t kBytes = 64;

void Pair(benchmark::State& state) {
  const size_t bytes = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    void* block = pool::Allocate(bytes);
    benchmark::DoNotOptimize(block);
    pool::Deallocate(block, bytes);
  }
}
BENCHMARK(Pair)->ArgName("bytes")->Arg(16)->Arg(64)->Arg(1024);

class Blocks {
 public:
  explicit Blocks(size_t count) : blocks_(count) { Take(); }
  ~Blocks() { Free(); }
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;

  void Take() {
    for (void*& block : blocks_) block = pool::Allocate(kBytes);
  }
  void Free() {
    for (void* block : blocks_) pool::Deallocate(block, kBytes);
  }
  void Shuffle() { std::shuffle(blocks_.begin(), blocks_.end(), random_); }

  const std::vector<void*>& All() const { return blocks_; }

 private:
  std::vector<void*> blocks_;
  std::mt19937_64 random_{1};
};

void Free(benchmark::State& state) {
  Blocks blocks(static_cast<size_t>(state.range(0)));
  const bool shuffled = state.range(1) != 0;
  for (auto _ : state) {
    if (shuffled) blocks.Shuffle();
    const auto start = std::chrono::steady_clock::now();
    blocks.Free();
    const std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    blocks.Take();
    state.SetIterationTime(time.count() /
                           static_cast<double>(blocks.All().size()));
  }
}
BENCHMARK(Free)
    ->ArgNames({"blocks", "shuffled"})
    ->ArgsProduct({{1'000, 100'000, 1'000'000}, {0, 1}})
    ->Iterations(20)
    ->UseManualTime();

void LookUp(benchmark::State& state) {
  Blocks blocks(static_cast<size_t>(state.range(0)));
  blocks.Shuffle();
  size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        pool::PageHeap::Get().MapObjectToSpan(blocks.All()[next]));
    if (++next == blocks.All().size()) next = 0;
  }
}
BENCHMARK(LookUp)->ArgName("blocks")->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

}  // namespace
