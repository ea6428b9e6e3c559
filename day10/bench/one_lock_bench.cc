// One lock around everything, as the number of threads grows.
//
// Each thread takes and gives back blocks of its own: it shares nothing with
// the others but the allocator.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "pool/pool.h"

namespace {

constexpr size_t kBytes = 64;

void* FromMalloc() { return malloc(kBytes); }
void ToMalloc(void* block) { free(block); }
void* FromPool() { return pool::Allocate(kBytes); }
void ToPool(void* block) { pool::Deallocate(block, kBytes); }

// Wall time, not the sum of all threads' time: that would hide the waiting.
template <void* (*kTake)(), void (*kGiveBack)(void*)>
void Threads(benchmark::State& state) {
  for (auto _ : state) {
    char* block = static_cast<char*>(kTake());
    *block = 1;
    benchmark::DoNotOptimize(block);
    kGiveBack(block);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Threads<FromPool, ToPool>)
    ->Name("OneLock/pool")
    ->ThreadRange(1, 16)
    ->UseRealTime();
BENCHMARK(Threads<FromMalloc, ToMalloc>)
    ->Name("OneLock/malloc")
    ->ThreadRange(1, 16)
    ->UseRealTime();

}  // namespace
