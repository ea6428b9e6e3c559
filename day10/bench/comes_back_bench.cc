// Memory that comes back. A burst of blocks is taken and freed; what of it does
// the page heap have then, for whoever needs it next?
//
// Burst: `bytes` is the size of a block; one block in `keep` stays, chosen at
// random (0: none does). `in_use_mib` is what the blocks took, and `back_mib`
// what is back at the page heap when all the others are freed and their thread
// has ended.
// NextBurst: afterwards comes another burst, as large, of another size.
// `grown_mib` is what it takes from the system. Where nothing comes back that
// is as much as the first took.
//
// Each row runs in a process of its own. The time is that of the frees, for one
// block.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <random>
#include <thread>
#include <vector>

#include "common/testing/child.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/system_memory.h"

namespace {

constexpr size_t kBurstBytes = 64 << 20;
constexpr double kMiB = 1 << 20;

struct Report {
  double seconds;
  double blocks;
  double in_use;
  double back;
  double grown;
};

double PagesInUse() {
  return static_cast<double>(pool::PageHeap::Get().Footprint().in_use);
}

// On a thread of its own, whose cache is empty afterwards.
void Burst(size_t bytes, size_t keep, Report* report) {
  std::thread([=] {
    std::mt19937_64 random(1);
    std::vector<void*> blocks(kBurstBytes / bytes);
    for (void*& block : blocks) block = pool::Allocate(bytes);
    report->blocks = static_cast<double>(blocks.size());
    report->in_use = PagesInUse();
    for (void*& block : blocks) {
      if (keep != 0 && random() % keep == 0) block = nullptr;
    }
    const auto start = std::chrono::steady_clock::now();
    for (void* block : blocks) pool::Deallocate(block, bytes);
    report->seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
  }).join();
  report->back = report->in_use - PagesInUse();
}

template <typename Body>
void RunRow(benchmark::State& state, Body body) {
  const course::SharedReport<Report> report;
  for (auto _ : state) {
    const std::string end = course::RunInChild([&] { body(report.get()); });
    if (!end.empty()) return state.SkipWithError(end.c_str());
    state.SetIterationTime(report->seconds / report->blocks);
  }
  state.counters["in_use_mib"] = report->in_use / kMiB;
  state.counters["back_mib"] = report->back / kMiB;
  state.counters["back_percent"] = report->back / report->in_use * 100;
  state.counters["grown_mib"] = report->grown / kMiB;
}

void OneBurst(benchmark::State& state) {
  const size_t bytes = static_cast<size_t>(state.range(0));
  const size_t keep = static_cast<size_t>(state.range(1));
  RunRow(state, [=](Report* report) { Burst(bytes, keep, report); });
}
BENCHMARK(OneBurst)
    ->Name("Burst")
    ->ArgNames({"bytes", "keep"})
    ->ArgsProduct({{8, 64, 512, 4096, 32768, 262144}, {0, 10'000, 1000, 100}})
    ->Iterations(1)
    ->UseManualTime();

void TwoBursts(benchmark::State& state) {
  const size_t first = static_cast<size_t>(state.range(0));
  const size_t second = static_cast<size_t>(state.range(1));
  RunRow(state, [=](Report* report) {
    Burst(first, 0, report);
    const size_t before = pool::ReadSystemFootprint().mapped;
    Report next = {};
    Burst(second, 0, &next);
    report->grown =
        static_cast<double>(pool::ReadSystemFootprint().mapped - before);
  });
}
BENCHMARK(TwoBursts)
    ->Name("NextBurst")
    ->ArgNames({"first", "second"})
    ->Args({64, 64})
    ->Args({64, 80})
    ->Args({64, 512})
    ->Args({512, 4096})
    ->Args({4096, 32768})
    ->Args({262144, 64})
    ->Iterations(1)
    ->UseManualTime();

}  // namespace
