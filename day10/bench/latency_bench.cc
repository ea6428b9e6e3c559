// How long does a single call take? Not on average, as all other benchmarks
// say, but the calls that somebody has to wait for.
//
// The race's workloads run with a façade between, which reads the clock before
// and after each call (to allocate, to free or to reallocate) and counts what
// it took. Pool and malloc take turns within each row. Of all calls of a row:
//
//   p50, p99, p999, max   of how many nanoseconds the call took
//   calls                 of how many calls
//
// The row `clock` is the same with nothing between the two readings: what is
// counted includes this much, so that no figure can be less. Its last figures
// are the machine's: somebody else had the core. A call that waits for memory
// of the kernel is among ours, and so is the first of each thread.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "common/testing/facade.h"
#include "common/workloads/burst.h"
#include "common/workloads/churn.h"
#include "common/workloads/cold.h"
#include "common/workloads/grow.h"
#include "common/workloads/handoff.h"
#include "common/workloads/large.h"
#include "common/workloads/malloc_facade.h"
#include "common/workloads/mapped_array.h"
#include "common/workloads/measure.h"
#include "common/workloads/mixed.h"
#include "common/workloads/pair.h"

namespace {

using course::Limits;
using course::Outcome;

// The C library reads it without a call to the kernel.
uint64_t Nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<uint64_t>(now.tv_nsec);
}

// How many calls took how long. Each power of two is divided into 32, so that a
// figure is right to 3 %, and up to 63 ns exact.
class Histogram {
 public:
  void Add(uint64_t value) {
    ++counts_[IndexOf(value)];
    max_ = std::max(max_, value);
  }

  void AddAll(const Histogram& other) {
    for (size_t i = 0; i < kCounts; ++i) counts_[i] += other.counts_[i];
    max_ = std::max(max_, other.max_);
  }

  uint64_t Calls() const {
    uint64_t calls = 0;
    for (const uint64_t count : counts_) calls += count;
    return calls;
  }
  uint64_t Max() const { return max_; }

  // The least value that so many thousandths of all values do not exceed.
  uint64_t Thousandth(uint64_t thousandths) const {
    const uint64_t wanted = (Calls() * thousandths + 999) / 1000;
    uint64_t seen = 0;
    for (size_t i = 0; i < kCounts; ++i) {
      seen += counts_[i];
      if (seen >= wanted && seen > 0) return std::min(LastOf(i), max_);
    }
    return max_;
  }

 private:
  static constexpr size_t kParts = 32;
  static constexpr size_t kCounts = 60 * kParts;

  static size_t IndexOf(uint64_t value) {
    if (value < 2 * kParts) return value;
    const int shift = 63 - __builtin_clzll(value) - 5;
    return static_cast<size_t>(shift) * kParts + (value >> shift);
  }
  // The largest value that is counted there.
  static uint64_t LastOf(size_t index) {
    if (index < 2 * kParts) return index;
    const size_t shift = index / kParts - 1;
    return ((index % kParts + kParts + 1) << shift) - 1;
  }

  std::array<uint64_t, kCounts> counts_{};
  uint64_t max_ = 0;
};

// One histogram for each thread, as long as it lives. Threads take them in
// turn; there are more than run at once. A thread-local object would do, too,
// but its destructor's registration allocates, and so would spoil a thread's
// first call.
class Histograms {
 public:
  static Histogram& Mine() {
    if (mine_ == nullptr) mine_ = &All()[next_++ % kThreads];
    return *mine_;
  }

  // The sum of all, which are empty then. REQUIRES: no other thread runs.
  static void Take(Histogram* sum) {
    for (size_t i = 0; i < kThreads; ++i) {
      sum->AddAll(All()[i]);
      All()[i] = Histogram();
    }
  }

 private:
  static constexpr size_t kThreads = 64;
  static_assert(kThreads > 2 * course::kMostThreads);

  static course::MappedArray<Histogram>& All() {
    static course::MappedArray<Histogram> all(kThreads);
    return all;
  }

  static inline std::atomic<size_t> next_{0};
  static inline thread_local Histogram* mine_ = nullptr;
};

// The façade of the workloads, with a clock before and after each call.
template <class Facade>
class Timed {
 public:
  static constexpr bool kHasReallocate = Facade::kHasReallocate;

  static void* Allocate(size_t bytes) noexcept {
    return Time([&] { return Facade::Allocate(bytes); });
  }
  static void Deallocate(void* block, size_t bytes) noexcept {
    Time([&] {
      Facade::Deallocate(block, bytes);
      return nullptr;
    });
  }
  static void* Reallocate(void* block, size_t old_bytes,
                          size_t new_bytes) noexcept {
    return Time(
        [&] { return Facade::Reallocate(block, old_bytes, new_bytes); });
  }

 private:
  template <class Call>
  static void* Time(const Call& call) {
    const uint64_t start = Nanoseconds();
    void* result = call();
    const uint64_t end = Nanoseconds();
    Histograms::Mine().Add(end - start);
    return result;
  }
};

using Workload = Outcome (*)(const Limits&);

template <class Facade>
constexpr std::pair<const char*, Workload> kWorkloads[] = {
    {"pair/1", [](const Limits& l) { return course::Pair<Facade>(1, l); }},
    {"mixed/1", [](const Limits& l) { return course::Mixed<Facade>(1, l); }},
    {"mixed/4", [](const Limits& l) { return course::Mixed<Facade>(4, l); }},
    {"burst/64", [](const Limits& l) { return course::Burst<Facade>(64, l); }},
    {"handoff", course::Handoff<Facade>},
    {"cold", course::Cold<Facade>},
    {"churn", course::Churn<Facade>},
    {"grow", course::Grow<Facade>},
    {"large", course::Large<Facade>},
};
constexpr size_t kCount = std::size(kWorkloads<course::Facade>);

void Report(benchmark::State& state, const std::string& who,
            const Histogram& calls) {
  const auto set = [&](const char* what, uint64_t value) {
    state.counters[who + what] = static_cast<double>(value);
  };
  set("p50", calls.Thousandth(500));
  set("p99", calls.Thousandth(990));
  set("p999", calls.Thousandth(999));
  set("max", calls.Max());
  set("calls", calls.Calls());
}

// The whole workload, once; false if that is not possible.
bool Run(Workload workload, Histogram* calls) {
  Limits limits;
  limits.rounds = 1;
  limits.halvings = 0;
  const bool served = workload(limits).served;
  Histograms::Take(calls);
  return served;
}

// Each begins in every other round.
void Latency(benchmark::State& state, size_t index) {
  const Workload workloads[2] = {
      kWorkloads<Timed<course::Facade>>[index].second,
      kWorkloads<Timed<course::MallocFacade>>[index].second};
  Histogram calls[2];
  size_t turn = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < 2; ++i) {
      const size_t who = (turn + i) % 2;
      if (Run(workloads[who], &calls[who])) continue;
      return state.SkipWithError("it could not be served");
    }
    ++turn;
  }
  Report(state, "pool_", calls[0]);
  Report(state, "malloc_", calls[1]);
}

void Clock(benchmark::State& state) {
  constexpr int kReadings = 1'000'000;
  Histogram calls;
  for (auto _ : state) {
    for (int i = 0; i < kReadings; ++i) {
      const uint64_t start = Nanoseconds();
      const uint64_t end = Nanoseconds();
      calls.Add(end - start);
    }
  }
  Report(state, "", calls);
}

// The registry is filled before main.
[[maybe_unused]] const bool kRegistered = [] {
  const auto options = [](benchmark::internal::Benchmark* benchmark) {
    benchmark->Unit(benchmark::kMillisecond)->UseRealTime();
  };
  options(benchmark::RegisterBenchmark("clock", Clock));
  for (size_t i = 0; i < kCount; ++i) {
    const char* name = kWorkloads<course::Facade>[i].first;
    options(benchmark::RegisterBenchmark(
        name, [i](benchmark::State& state) { Latency(state, i); }));
  }
  return true;
}();

}  // namespace
