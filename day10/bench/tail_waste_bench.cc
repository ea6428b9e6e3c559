// The table of all 208 classes: how long a span is, how many objects it has,
// and what is lost behind the last one.
//
// tail_percent is of the span. tail_percent_before is what it would be if a
// span were as long as its batches ask for, and no page longer. No time here is
// of interest.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "pool/bytes.h"
#include "pool/size_class.h"

namespace {

double TailPercent(size_t bytes, size_t size) {
  return static_cast<double>(bytes % size) / static_cast<double>(bytes) * 100;
}

// The first part of the rule of SizeClass::SpanPages.
size_t BytesForBatches(size_t size) {
  const size_t batches = 4 * pool::SizeClass::NumMoveSize(size) * size;
  return pool::PagesFor(std::max(size, std::min<size_t>(batches, 64 * 1024)))
      .bytes();
}

void Tail(benchmark::State& state, pool::ClassIndex index) {
  pool::PageCount pages;
  for (auto _ : state) {
    pages = pool::SizeClass::SpanPages(index);
    benchmark::DoNotOptimize(pages);
  }
  const size_t size = pool::SizeClass::Size(index);
  state.counters["pages"] = static_cast<double>(pages.value());
  state.counters["objects"] = static_cast<double>(pages.bytes() / size);
  state.counters["tail_percent"] = TailPercent(pages.bytes(), size);
  state.counters["tail_percent_before"] =
      TailPercent(BytesForBatches(size), size);
}

const bool registered = [] {
  for (size_t i = 0; i < pool::SizeClass::kCount; ++i) {
    const pool::ClassIndex index(i);
    const std::string size = std::to_string(pool::SizeClass::Size(index));
    benchmark::RegisterBenchmark(("Tail/size:" + size).c_str(), Tail, index)
        ->Iterations(1);
  }
  return true;
}();

}  // namespace
