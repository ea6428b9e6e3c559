// How long should a batch be?
//
// Range: n objects of `size` bytes are fetched from the central cache in one
// call, and given back in one. What a call costs is shared by n objects;
// `per_object`, in seconds, shows how little is left to share soon. With two
// threads, both want the same lock, and a long range keeps it long.
// Burst, Mixed: the race's workloads, with batches longer by a multiplier. The
// time is for one block; `peak_mib` is what it took, at its highest.
//
// Bursts and mixes run in a process of their own, each row.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>
#include <vector>

#include "common/testing/child.h"
#include "common/testing/facade.h"
#include "common/workloads/burst.h"
#include "common/workloads/mixed.h"
#include "pool/central_cache.h"
#include "pool/size_class.h"

namespace {

// One object of each span stays out, and with it the span.
class Pin {
 public:
  Pin(size_t objects, size_t size) : size_(size) {
    const size_t in_span =
        pool::SizeClass::SpanPages(pool::SizeClass::Index(size)).bytes() / size;
    std::vector<void*> all;
    std::vector<void*> some(in_span);
    while (all.size() < objects + in_span) {
      const size_t count =
          pool::CentralCache::Get().FetchRangeObj(some.data(), in_span, size);
      all.insert(all.end(), some.begin(), some.begin() + count);
    }
    // Any `in_span` neighbours are of two spans at most.
    for (size_t i = 0; i < all.size(); ++i) {
      i % (in_span / 2) == 0 ? kept_.push_back(all[i]) : Release(all[i]);
    }
  }
  ~Pin() {
    for (void* object : kept_) Release(object);
  }
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;

 private:
  void Release(void* object) {
    pool::CentralCache::Get().ReleaseListToSpans(&object, 1, size_);
  }

  const size_t size_;
  std::vector<void*> kept_;
};

void Range(benchmark::State& state) {
  const size_t size = static_cast<size_t>(state.range(0));
  const size_t n = static_cast<size_t>(state.range(1));
  const Pin pin(2 * n, size);
  std::vector<void*> range(n);
  for (auto _ : state) {
    const size_t count =
        pool::CentralCache::Get().FetchRangeObj(range.data(), n, size);
    if (count != n) state.SkipWithError("the range is shorter");
    pool::CentralCache::Get().ReleaseListToSpans(range.data(), count, size);
  }
  state.counters["per_object"] = benchmark::Counter(
      static_cast<double>(n), benchmark::Counter::kIsIterationInvariantRate |
                                  benchmark::Counter::kAvgThreads |
                                  benchmark::Counter::kInvert);
}
BENCHMARK(Range)
    ->ArgNames({"size", "n"})
    ->ArgsProduct({{16, 64, 1024}, benchmark::CreateRange(1, 1024, 2)})
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime();

struct Report {
  double seconds;
  double peak;
};

// `run` gives the outcome of a workload.
template <typename Run>
void Multiplied(benchmark::State& state, Run run) {
  const size_t multiplier = static_cast<size_t>(state.range(1));
  const course::SharedReport<Report> report;
  for (auto _ : state) {
    const std::string end = course::RunInChild([&] {
      pool::SizeClass::SetBatchMultiplier(multiplier);
      course::Limits limits;
      limits.halvings = 0;
      const course::Outcome outcome = run(limits);
      report->seconds =
          outcome.seconds / static_cast<double>(outcome.operations);
      report->peak = static_cast<double>(outcome.peak);
    });
    if (!end.empty()) return state.SkipWithError(end.c_str());
    state.SetIterationTime(report->seconds);
  }
  state.counters["peak_mib"] = report->peak / (1 << 20);
}

void BurstOfBlocks(benchmark::State& state) {
  Multiplied(state, [&](const course::Limits& limits) {
    return course::Burst<course::Facade>(static_cast<size_t>(state.range(0)),
                                         limits);
  });
}
BENCHMARK(BurstOfBlocks)
    ->Name("Burst")
    ->ArgNames({"size", "multiplier"})
    ->ArgsProduct({{8, 64, 512, 2048}, {1, 2, 4, 8, 16}})
    ->Iterations(1)
    ->UseManualTime();

void MixedBlocks(benchmark::State& state) {
  Multiplied(state, [&](const course::Limits& limits) {
    return course::Mixed<course::Facade>(static_cast<int>(state.range(0)),
                                         limits);
  });
}
BENCHMARK(MixedBlocks)
    ->Name("Mixed")
    ->ArgNames({"workers", "multiplier"})
    ->ArgsProduct({{1, 4, 16}, {1, 2, 4, 8, 16}})
    ->Iterations(1)
    ->UseManualTime();

}  // namespace
