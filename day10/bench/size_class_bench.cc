// What 208 classes waste inside their blocks, and what it costs to find a
// request's class.
//
// The waste is counted, not timed: every size of a range, each as likely as the
// others. `mean` and `worst` are shares of the block.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "pool/size_class.h"

namespace {

using pool::SizeClass;

struct Waste {
  double mean;
  double worst;
};

template <typename BlockSize>
Waste WasteOf(size_t first, size_t last, BlockSize block_size) {
  double sum = 0;
  double worst = 0;
  for (size_t bytes = first; bytes <= last; ++bytes) {
    const double block = static_cast<double>(block_size(bytes));
    const double waste = (block - static_cast<double>(bytes)) / block;
    sum += waste;
    worst = std::max(worst, waste);
  }
  return {sum / static_cast<double>(last - first + 1), worst};
}

size_t ClassOf(size_t bytes) { return SizeClass::ForRequest(bytes); }
size_t ClassSize(size_t bytes) {
  return SizeClass::Size(SizeClass::ForRequest(bytes));
}

size_t PowerOfTwo(size_t bytes) {
  size_t size = 8;
  while (size < bytes) size *= 2;
  return size;
}

// Times the first function, and counts what blocks of the second's size waste.
template <size_t (*kFind)(size_t), size_t (*kBlockSize)(size_t)>
void Find(benchmark::State& state) {
  const size_t first = static_cast<size_t>(state.range(0));
  const size_t last = static_cast<size_t>(state.range(1));
  size_t bytes = first;
  for (auto _ : state) {
    benchmark::DoNotOptimize(kFind(bytes));
    bytes = bytes == last ? first : bytes + 1;
  }
  const Waste waste = WasteOf(first, last, kBlockSize);
  state.counters["mean"] = waste.mean;
  state.counters["worst"] = waste.worst;
}

void Ranges(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({1, 16})->Args({17, 128})->Args({129, 1024});
  benchmark->Args({1025, 8192})->Args({8193, 65'536})->Args({65'537, 262'144});
}
BENCHMARK(Find<ClassOf, ClassSize>)->Apply(Ranges)->Name("Waste/classes");
BENCHMARK(Find<PowerOfTwo, PowerOfTwo>)
    ->Apply(Ranges)
    ->Name("Waste/powers_of_two");

}  // namespace
