// Who waits for whom? Threads that use sizes of their own, and threads that all
// use the same one.
//
// Ranges: each thread fetches a range of 16 objects from the central cache and
// gives it back: all that it does is done under a lock.
// Waves: each thread allocates more blocks than its cache may hold, and frees
// them; of 32 calls or so, one has to go to the central cache.
//
// Times are wall times, divided by the ranges (or waves) of all threads
// together: what scales takes half as long on two cores. `waits_per_million` is
// how often a thread was put to sleep, for each million of ranges or waves: it
// is the kernel's count, and where threads do nothing else that could make them
// wait, what they wait for is a lock.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <cstddef>
#include <vector>

#include "pool/central_cache.h"
#include "pool/pool.h"
#include "pool/size_class.h"

namespace {

// The classes of 16 threads, if each has one of its own, are neighbours.
constexpr size_t kStep = 16;

double Waits() {
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<double>(usage.ru_nvcsw);
}

void ReportWaits(benchmark::State& state, double before) {
  state.counters["waits_per_million"] = benchmark::Counter(
      (Waits() - before) * 1e6, benchmark::Counter::kAvgIterations);
}

// Has so many objects that others come and go beside them: a few stay out, and
// with them the spans.
class Stock {
 public:
  explicit Stock(size_t size) : size_(size) {
    constexpr size_t kCount = 256;
    std::vector<void*> all;
    while (all.size() < kCount) {
      void* some[kCount];
      const size_t count = pool::CentralCache::Get().FetchRangeObj(
          some, kCount - all.size(), size_);
      all.insert(all.end(), some, some + count);
    }
    for (size_t i = 0; i < kCount; ++i) {
      i % 8 == 0 ? kept_.push_back(all[i]) : Release(all[i]);
    }
  }
  ~Stock() {
    for (void* object : kept_) Release(object);
  }
  Stock(const Stock&) = delete;
  Stock& operator=(const Stock&) = delete;

 private:
  void Release(void* object) {
    pool::CentralCache::Get().ReleaseListToSpans(&object, 1, size_);
  }

  const size_t size_;
  std::vector<void*> kept_;
};

void Ranges(benchmark::State& state, bool own_size) {
  constexpr size_t kRange = 16;
  const size_t thread = static_cast<size_t>(state.thread_index());
  const size_t size = 64 + (own_size ? kStep * thread : 0);
  const Stock stock(size);
  const double waits = Waits();
  for (auto _ : state) {
    void* range[kRange];
    const size_t count =
        pool::CentralCache::Get().FetchRangeObj(range, kRange, size);
    pool::CentralCache::Get().ReleaseListToSpans(range, count, size);
  }
  ReportWaits(state, waits);
}

void Waves(benchmark::State& state, bool own_size) {
  constexpr size_t kBlocks = 12'288;
  const size_t thread = static_cast<size_t>(state.thread_index());
  const size_t bytes = 768 - (own_size ? kStep * thread : 0);
  std::vector<void*> blocks(kBlocks);
  const double waits = Waits();
  for (auto _ : state) {
    for (void*& block : blocks) {
      block = pool::Allocate(bytes);
      *static_cast<char*>(block) = 1;
    }
    for (void* block : blocks) pool::Deallocate(block, bytes);
  }
  ReportWaits(state, waits);
}

void Rows(benchmark::internal::Benchmark* benchmark) {
  benchmark->ThreadRange(1, 16)->UseRealTime();
}
BENCHMARK_CAPTURE(Ranges, own_size, true)->Apply(Rows);
BENCHMARK_CAPTURE(Ranges, same_size, false)->Apply(Rows);
BENCHMARK_CAPTURE(Waves, own_size, true)->Apply(Rows);
BENCHMARK_CAPTURE(Waves, same_size, false)->Apply(Rows);

}  // namespace
