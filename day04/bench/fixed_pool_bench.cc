// The fixed pool against malloc: 8-byte objects, one size, one thread. That is
// the ground that such a pool was made for.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <vector>

#include "pool/fixed_pool.h"

namespace {

constexpr size_t kBytes = 8;
constexpr size_t kInit = 1000;
constexpr size_t kGrow = 1000;

struct Malloc {
  void* Take() { return malloc(kBytes); }
  void GiveBack(void* object) { free(object); }
};

struct FixedPool {
  void* Take() { return pool.Allocate(); }
  void GiveBack(void* object) { pool.Deallocate(object); }
  pool::FixedPool pool{kBytes, kBytes, kInit, kGrow};
};

// Each object goes back before the next is taken.
template <typename Allocator>
void Pairs(benchmark::State& state) {
  Allocator allocator;
  for (auto _ : state) {
    for (int64_t i = 0; i < state.range(0); ++i) {
      char* object = static_cast<char*>(allocator.Take());
      *object = 1;
      benchmark::DoNotOptimize(object);
      allocator.GiveBack(object);
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(Pairs<Malloc>)->DenseRange(20'000, 200'000, 60'000);
BENCHMARK(Pairs<FixedPool>)->DenseRange(20'000, 200'000, 60'000);

// All are taken before the first goes back. The pool then has many blocks, and
// has to look through them for the one that an object came from.
template <typename Allocator>
void TakeAllThenGiveBack(benchmark::State& state) {
  Allocator allocator;
  std::vector<void*> objects(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    for (void*& object : objects) object = allocator.Take();
    for (void* object : objects) allocator.GiveBack(object);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(TakeAllThenGiveBack<Malloc>)->RangeMultiplier(4)->Range(1000, 64'000);
BENCHMARK(TakeAllThenGiveBack<FixedPool>)
    ->RangeMultiplier(4)
    ->Range(1000, 64'000);

}  // namespace
