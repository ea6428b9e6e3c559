// What a system call costs, and how far malloc keeps away from making one.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>

#include "common/testing/system_calls.h"
#include "pool/bytes.h"
#include "pool/pool.h"
#include "pool/system_memory.h"

namespace {

constexpr size_t kBytes = 16;

// The cheapest there is: into the kernel and back.
void EnterTheKernel(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(getppid());
}
BENCHMARK(EnterTheKernel);

void MapAndUnmap(benchmark::State& state) {
  for (auto _ : state) {
    void* page = pool::SystemAlloc(pool::kPageSize);
    benchmark::DoNotOptimize(page);
    pool::SystemFree(page, pool::kPageSize);
  }
}
BENCHMARK(MapAndUnmap);

// The kernel finds memory for a page when it is first written to.
void MapTouchAndUnmap(benchmark::State& state) {
  for (auto _ : state) {
    char* page = static_cast<char*>(pool::SystemAlloc(pool::kPageSize));
    *page = 1;
    benchmark::DoNotOptimize(page);
    pool::SystemFree(page, pool::kPageSize);
  }
}
BENCHMARK(MapTouchAndUnmap);

void* MallocBlock() { return malloc(kBytes); }
void FreeBlock(void* block) { free(block); }
void* PoolBlock() { return pool::Allocate(kBytes); }
void ReturnBlock(void* block) { pool::Deallocate(block, kBytes); }

// A block is taken, written to, and given back. The counter says how many
// system calls a million of that make: counted, in a process of its own.
template <void* (*kTake)(), void (*kGiveBack)(void*)>
void Pair(benchmark::State& state) {
  const auto pairs = [](int count) {
    for (int i = 0; i < count; ++i) {
      char* block = static_cast<char*>(kTake());
      *block = 1;
      benchmark::DoNotOptimize(block);
      kGiveBack(block);
    }
  };
  for (auto _ : state) pairs(1);

  // Each call stops the process twice while it is watched, so count fewer.
  constexpr int kCounted = 10'000;
  const auto calls = course::CountSystemCalls([&] { pairs(kCounted); });
  if (calls) {
    state.counters["system_calls_per_million"] =
        static_cast<double>(calls->total) * (1e6 / kCounted);
  } else {
    state.SetLabel("system calls cannot be counted here: ptrace is forbidden");
  }
}
BENCHMARK(Pair<MallocBlock, FreeBlock>)->Name("Pair/malloc");
BENCHMARK(Pair<PoolBlock, ReturnBlock>)->Name("Pair/pool");

}  // namespace
