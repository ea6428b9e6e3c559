// The first blocks of a life, with Reserve and without.
//
// FreshProcess: nobody has used the allocator. FreshThread: another thread has
// used as many blocks and freed them, and its pages are there.
//
// The time is that of an allocation with a write to the block, the mean of all
// `count`. `first_us` is the first one's, and `slowest_us` the slowest one's;
// `kernel_calls` and `page_faults` are what they cost together. `reserve_us` is
// what Reserve took before that, once: to warm up moves the cost, and saves
// none of it.
//
// Each row runs in processes of its own.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "common/testing/child.h"
#include "pool/pool.h"
#include "pool/system_memory.h"

namespace {

struct Report {
  double mean;  // seconds
  double first;
  double slowest;
  double reserve;
  double kernel_calls;
  double page_faults;
};

struct Life {
  size_t bytes;
  size_t count;
  bool reserve;
};

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double KernelCalls() {
  return static_cast<double>(pool::ReadSystemFootprint().map_calls);
}

double PageFaults() {
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<double>(usage.ru_minflt);
}

void* NewBlock(size_t bytes) {
  void* block = pool::Allocate(bytes);
  *static_cast<volatile char*>(block) = 1;
  return block;
}

void FreeAll(const std::vector<void*>& blocks, size_t bytes) {
  for (void* block : blocks) pool::Deallocate(block, bytes);
}

void Prepare(const Life& life, Report* report) {
  const double start = Now();
  if (life.reserve) pool::Reserve(life.bytes, life.count);
  report->reserve = Now() - start;
}

// Looks at the clock only before and after.
void MeasureMean(const Life& life, Report* report) {
  std::vector<void*> blocks(life.count, nullptr);
  Prepare(life, report);
  const double calls = KernelCalls();
  const double faults = PageFaults();
  const double start = Now();
  for (void*& block : blocks) block = NewBlock(life.bytes);
  report->mean = (Now() - start) / static_cast<double>(life.count);
  report->kernel_calls = KernelCalls() - calls;
  report->page_faults = PageFaults() - faults;
  FreeAll(blocks, life.bytes);
}

void MeasureEach(const Life& life, Report* report) {
  std::vector<void*> blocks(life.count, nullptr);
  Prepare(life, report);
  report->slowest = 0;
  double before = Now();
  for (void*& block : blocks) {
    block = NewBlock(life.bytes);
    const double after = Now();
    if (&block == &blocks.front()) report->first = after - before;
    report->slowest = std::max(report->slowest, after - before);
    before = after;
  }
  FreeAll(blocks, life.bytes);
}

// Another thread's life, without a trace but for the pages.
void UseMemory(const Life& life) {
  std::thread([&] {
    std::vector<void*> blocks(life.count);
    for (void*& block : blocks) block = NewBlock(life.bytes);
    FreeAll(blocks, life.bytes);
  }).join();
}

void FirstBlocks(benchmark::State& state, bool fresh_process) {
  const Life life{static_cast<size_t>(state.range(0)),
                  static_cast<size_t>(state.range(1)), state.range(2) != 0};
  const course::SharedReport<Report> report;
  for (auto _ : state) {
    for (const auto measure : {MeasureEach, MeasureMean}) {
      const std::string end = course::RunInChild([&] {
        if (!fresh_process) UseMemory(life);
        std::thread([&] { measure(life, report.get()); }).join();
      });
      if (!end.empty()) return state.SkipWithError(end.c_str());
    }
    state.SetIterationTime(report->mean);
  }
  state.counters["first_us"] = report->first * 1e6;
  state.counters["slowest_us"] = report->slowest * 1e6;
  state.counters["reserve_us"] = report->reserve * 1e6;
  state.counters["kernel_calls"] = report->kernel_calls;
  state.counters["page_faults"] = report->page_faults;
}

void Rows(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"bytes", "count", "reserve"});
  for (const int reserve : {0, 1}) {
    benchmark->Args({64, 1000, reserve})->Args({64, 100'000, reserve});
    benchmark->Args({1024, 1000, reserve})->Args({1024, 20'000, reserve});
    benchmark->Args({65'536, 200, reserve});
  }
  benchmark->Iterations(1)->UseManualTime();
}
BENCHMARK_CAPTURE(FirstBlocks, process, true)
    ->Name("FreshProcess")
    ->Apply(Rows);
BENCHMARK_CAPTURE(FirstBlocks, thread, false)->Name("FreshThread")->Apply(Rows);

}  // namespace
