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
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
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
  void Add(uint64_t value) { ++counts_[IndexOf(value)]; }
  void Note(uint64_t value) {
    Add(value);
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
