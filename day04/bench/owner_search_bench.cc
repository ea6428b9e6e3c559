// Where the fixed pool hurts: to take an object back it looks for the block
// that owns it, one block after the other. Twice the blocks, twice the time.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <vector>

#include "pool/fixed_pool.h"

namespace {

constexpr size_t kBytes = 64;
constexpr size_t kObjectsInBlock = 1000;

// Gives one object back and takes another, with `range` blocks in the pool.
void GiveBackAndTake(benchmark::State& state) {
  pool::FixedPool pool(kBytes, 16, kObjectsInBlock, kObjectsInBlock);
  const size_t count = static_cast<size_t>(state.range(0)) * kObjectsInBlock;
  std::vector<void*> objects(count);
  for (void*& object : objects) object = pool.Allocate();
  std::shuffle(objects.begin(), objects.end(), std::mt19937(1));

  size_t next = 0;
  for (auto _ : state) {
    pool.Deallocate(objects[next]);
    objects[next] = pool.Allocate();
    next = next + 1 == count ? 0 : next + 1;
  }
  state.SetComplexityN(state.range(0));
}
BENCHMARK(GiveBackAndTake)->RangeMultiplier(4)->Range(1, 1024)->Complexity();

}  // namespace
