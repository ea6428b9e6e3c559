// Free memory is not all alike: what is its longest piece? A burst of 64 MiB in
// blocks of one size is taken and freed; one block in `keep` stays, chosen at
// random (0: none does). Then, of the pages that the burst had:
//
// `free_mib` are free. They lie in `runs` runs of free pages side by side, and
// the page heap keeps them as `spans` free spans. `longest_run_kib` is the
// longest run, and `longest_span_kib` the longest span: the largest block that
// they can serve. Where neighbours are not merged, the two differ.
// `grown_mib` is what 16 blocks of 1 MiB then take from the system.
//
// Each row runs in a process of its own. The time is that of the frees, for one
// block.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <random>
#include <thread>
#include <vector>

#include "common/testing/child.h"
#include "pool/bytes.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/span.h"
#include "pool/system_memory.h"

namespace {

constexpr size_t kBurstBytes = 64 << 20;

struct Report {
  double ns;
  size_t free;
  size_t runs;
  size_t spans;
  size_t longest_run;
  size_t longest_span;
  size_t grown;
};

// The pages that the blocks lie on, in order. Each of them was handed out, and
// so the page heap knows it.
std::vector<pool::PageId> PagesOf(const std::vector<void*>& blocks,
                                  size_t bytes) {
  std::vector<pool::PageId> pages;
  for (void* block : blocks) {
    for (size_t at = 0; at < bytes; at += pool::kPageSize) {
      pages.push_back(pool::PageId::Of(static_cast<char*>(block) + at));
    }
  }
  std::sort(pages.begin(), pages.end());
  const auto same = [](pool::PageId a, pool::PageId b) { return a == b; };
  pages.erase(std::unique(pages.begin(), pages.end(), same), pages.end());
  return pages;
}

// Goes from span to span by the first page of each.
void LookAround(const std::vector<pool::PageId>& pages, Report* report) {
  size_t run = 0;
  pool::PageId end(0);  // of the span before
  for (const pool::PageId page : pages) {
    if (page < end) continue;
    const pool::Span* span =
        pool::PageHeap::Get().MapObjectToSpan(page.Start());
    if (!(page == end) || span->state == pool::SpanState::kInUse) run = 0;
    end = span->End();
    if (span->state == pool::SpanState::kInUse) continue;
    if (run == 0) ++report->runs;
    run += span->pages.bytes();
    ++report->spans;
    report->free += span->pages.bytes();
    report->longest_run = std::max(report->longest_run, run);
    report->longest_span = std::max(report->longest_span, span->pages.bytes());
  }
}

// On a thread of its own, whose cache is empty afterwards.
std::vector<pool::PageId> Burst(size_t bytes, size_t keep, Report* report) {
  std::vector<pool::PageId> pages;
  std::thread([&] {
    std::mt19937_64 random(1);
    std::vector<void*> blocks(kBurstBytes / bytes);
    for (void*& block : blocks) block = pool::Allocate(bytes);
    pages = PagesOf(blocks, bytes);
    for (void*& block : blocks) {
      if (keep != 0 && random() % keep == 0) block = nullptr;
    }
    const auto start = std::chrono::steady_clock::now();
    for (void* block : blocks) pool::Deallocate(block, bytes);
    const std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    report->ns = time.count() * 1e9 / static_cast<double>(blocks.size());
  }).join();
  return pages;
}

void BurstThenLarge(size_t bytes, size_t keep, Report* report) {
  *report = {};
  const std::vector<pool::PageId> pages = Burst(bytes, keep, report);
  LookAround(pages, report);
  const size_t before = pool::ReadSystemFootprint().mapped;
  for (int i = 0; i < 16; ++i) {
    benchmark::DoNotOptimize(pool::Allocate(size_t{1} << 20));
  }
  report->grown = pool::ReadSystemFootprint().mapped - before;
}

void Fragmentation(benchmark::State& state) {
  const size_t bytes = static_cast<size_t>(state.range(0));
  const size_t keep = static_cast<size_t>(state.range(1));
  const course::SharedReport<Report> report;
  for (auto _ : state) {
    const std::string end =
        course::RunInChild([&] { BurstThenLarge(bytes, keep, report.get()); });
    if (!end.empty()) return state.SkipWithError(end.c_str());
    state.SetIterationTime(report->ns * 1e-9);
  }
  constexpr double kMiB = 1 << 20;
  constexpr double kKiB = 1 << 10;
  const auto in = [](double unit, size_t n) {
    return static_cast<double>(n) / unit;
  };
  state.counters["free_mib"] = in(kMiB, report->free);
  state.counters["runs"] = in(1, report->runs);
  state.counters["spans"] = in(1, report->spans);
  state.counters["longest_run_kib"] = in(kKiB, report->longest_run);
  state.counters["longest_span_kib"] = in(kKiB, report->longest_span);
  state.counters["grown_mib"] = in(kMiB, report->grown);
}
BENCHMARK(Fragmentation)
    ->ArgNames({"bytes", "keep"})
    ->ArgsProduct({{64, 4096, 32768}, {0, 10'000, 1000, 100}})
    ->Iterations(1)
    ->UseManualTime();

}  // namespace
