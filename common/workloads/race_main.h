// The race as a program: each row is a benchmark that runs once and reports
// what Measure found. Memory is only right for the first row of a process, so
// `course race` starts one process for each row.
//
//   malloc_race --row=burst/64 --benchmark_format=json
//   malloc_race --rows                       the names of all rows
//   --seconds=S --rounds=N --stay=S         see Limits in measure.h
//   --scale=1/16                            just so much of the work (1: all)
#ifndef COURSE_WORKLOADS_RACE_MAIN_H_
#define COURSE_WORKLOADS_RACE_MAIN_H_

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "common/workloads/measure.h"
#include "common/workloads/rows.h"

namespace course {

struct RaceOptions {
  Limits limits;
  std::string row;  // empty: all
  bool list = false;
};

// The value of --name=value, or null for another argument.
inline const char* OptionValue(const char* argument, const char* name) {
  const size_t length = std::strlen(name);
  return std::strncmp(argument, name, length) == 0 ? argument + length
                                                   : nullptr;
}

// False where the text is no number from 0 up.
inline bool ReadNumber(const char* text, double* number) {
  char* end;
  *number = std::strtod(text, &end);
  return end != text && *end == '\0' && *number >= 0;
}

// "1", "1/2" … "1/256", as halvings of the work.
inline bool ReadScale(const char* text, int* halvings) {
  for (int i = 0; i <= kMostHalvings; ++i) {
    const std::string share = i == 0 ? "1" : "1/" + std::to_string(1 << i);
    if (share != text) continue;
    *halvings = i;
    return true;
  }
  return false;
}

// False for what is none of our options, or has no sense as one: Google
// Benchmark then complains about it.
inline bool ReadOption(const char* argument, RaceOptions* options) {
  double number = 0;
  if (const char* seconds = OptionValue(argument, "--seconds=")) {
    return ReadNumber(seconds, &options->limits.seconds);
  }
  if (const char* rounds = OptionValue(argument, "--rounds=")) {
    if (!ReadNumber(rounds, &number)) return false;
    options->limits.rounds = std::clamp(static_cast<int>(number), 1, 1000);
    return true;
  }
  if (const char* stay = OptionValue(argument, "--stay=")) {
    return ReadNumber(stay, &options->limits.stay);
  }
  if (const char* scale = OptionValue(argument, "--scale=")) {
    return ReadScale(scale, &options->limits.halvings);
  }
  if (const char* row = OptionValue(argument, "--row=")) {
    options->row = row;
    return true;
  }
  options->list |= std::strcmp(argument, "--rows") == 0;
  return std::strcmp(argument, "--rows") == 0;
}

// Takes our options out of the command line; Google Benchmark gets the rest.
inline RaceOptions ReadOptions(int* argc, char** argv) {
  RaceOptions options;
  int kept = 1;
  for (int i = 1; i < *argc; ++i) {
    if (!ReadOption(argv[i], &options)) argv[kept++] = argv[i];
  }
  *argc = kept;
  return options;
}

inline void Report(const Outcome& outcome, benchmark::State* state) {
  state->SetIterationTime(outcome.seconds);
  state->SetLabel(outcome.note);
  const double operations = static_cast<double>(outcome.operations);
  auto& counters = state->counters;
  counters["served"] = outcome.served ? 1 : 0;
  counters["scale"] = outcome.scale;
  if (!outcome.served) return;
  counters["rounds"] = outcome.rounds;
  counters["operations"] = operations;
  counters["ns_per_op"] = outcome.seconds * 1e9 / operations;
  counters["asked_bytes"] = static_cast<double>(outcome.asked);
  counters["peak_bytes"] = static_cast<double>(outcome.peak);
  for (const Figure& figure : outcome.figures) {
    counters[figure.name] = figure.value;
  }
}

inline void Register(const Row& row, const Limits& limits) {
  auto run = [row, limits](benchmark::State& state) {
    for (auto _ : state) Report(row.run(limits), &state);
  };
  benchmark::RegisterBenchmark(row.name.c_str(), run)
      ->Iterations(1)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

template <class Facade>
int RaceMain(int argc, char** argv) {
  const RaceOptions options = ReadOptions(&argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  int registered = 0;
  for (const Row& row : AllRows<Facade>()) {
    if (options.list) std::printf("%s\n", row.name.c_str());
    if (!options.row.empty() && options.row != row.name) continue;
    Register(row, options.limits);
    ++registered;
  }
  if (options.list) return 0;
  if (registered == 0) {
    std::fprintf(stderr, "%s: no row is called '%s'; --rows lists them\n",
                 argv[0], options.row.c_str());
    return 2;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace course

#endif  // COURSE_WORKLOADS_RACE_MAIN_H_
