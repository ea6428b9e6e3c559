// The stress program: every call of the façade, by threads that hand blocks to
// each other, are born and die, by processes that fork, under a kernel that
// refuses now and then, over the shadow heap.
//
// The rounds (rounds.h) are run by processes of their own, one after another,
// some short and some long: a pool that has all its memory asks the kernel for
// none, and then nothing can be refused. This one only waits for them.
#include <sys/resource.h>

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <string>

#include "common/testing/child.h"
#include "common/testing/sizes.h"
#include "common/testing/stress/options.h"
#include "common/testing/stress/rounds.h"
#include "common/testing/stress/tally.h"
#include "common/workloads/random.h"

namespace course {
namespace {

constexpr char kHelp[] =
    R"(usage: stress [--seconds N] [--threads N] [--seed S] [--no-forks]

Mixes every call of the pool, hand-offs between threads, threads that come and
go, forks, and a kernel that refuses, and looks at every byte of every block.

  --seconds N   how long (default: 60)
  --threads N   at once, 1 to 32; each bears two others at most (default: 8)
  --seed S      17 or 0x2a: repeats what each thread draws, step by step. How
                the threads interleave, no seed can repeat (default: a new one)
  --no-forks    for a sanitizer that allows no threads after a fork

Exit code 0: nothing found; 1: something, and the seed is told; 2: it was asked
for what it cannot do.
)";

void Print(const char* what, uint64_t figure) {
  std::printf("  %-28s%14" PRIu64 "\n", what, figure);
}

void PrintMiB(const char* what, uint64_t bytes) {
  std::printf("  %-28s%14.1f MiB\n", what,
              static_cast<double>(bytes) / static_cast<double>(kMiB));
}

void PrintCalls(const Tally& tally) {
  Tally all;
  std::printf("\n  %-28s%14s%14s%14s\n", "call", "made", "refused", "in vain");
  const auto print = [](const char* name, uint64_t made, uint64_t refused,
                        uint64_t in_vain) {
    std::printf("  %-28s%14" PRIu64 "%14" PRIu64 "%14" PRIu64 "\n", name, made,
                refused, in_vain);
  };
  for (size_t i = 0; i < kCalls; ++i) {
    print(kCallNames[i], tally.made[i], tally.refused[i], tally.in_vain[i]);
    all.made[0] += tally.made[i];
    all.refused[0] += tally.refused[i];
    all.in_vain[0] += tally.in_vain[i];
  }
  print("all calls", all.made[0], all.refused[0], all.in_vain[0]);
}

void PrintSummary(const Summary& summary, uint64_t lives) {
  PrintCalls(summary.tally);
  std::printf("\n");
  Print("processes, one by one", lives);
  Print("rounds", summary.rounds);
  Print("threads born", summary.tally.threads);
  Print("forks", summary.tally.forks);
  Print("blocks handed over", summary.tally.handed_over);
  Print("calls to the kernel", summary.kernel_calls);
  Print("of these for memory", summary.maps);
  Print("refused by it", summary.kernel_refusals);
  PrintMiB("asked for, altogether", summary.tally.bytes);
  PrintMiB("asked for, at once", summary.most_held);
  PrintMiB("the pool's, at once", summary.most_system);
  rusage usage = {};
  getrusage(RUSAGE_CHILDREN, &usage);
  PrintMiB("a process's, at once",
           static_cast<uint64_t>(usage.ru_maxrss) * kKiB);
}

std::string CommandLine(const StressOptions& options) {
  char text[160];
  std::snprintf(text, sizeof(text),
                "stress --seconds %" PRIu64 " --threads %" PRIu64
                " --seed 0x%" PRIx64 "%s",
                options.seconds, options.threads, *options.seed,
                options.forks ? "" : " --no-forks");
  return text;
}

// Most are short, as a new pool asks for the most; in half of them the kernel
// has less memory than they would like.
void DrawLife(Random& random, Life* life) {
  const bool is_short = random.Below(4) != 0;
  life->rounds = is_short ? 1 : uint64_t{2} << random.Below(5);
  const bool is_poor = random.Below(2) == 0;
  life->memory = is_poor ? kMiB * (4 + random.Below(36)) : SIZE_MAX;
}

int Stress(StressOptions options) {
  if (!options.seed) options.seed = std::random_device()();
  std::printf("%s\n", CommandLine(options).c_str());
  std::fflush(stdout);
  Life life;
  life.end =
      std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
  const SharedReport<Summary> summary;
  Random random(*options.seed);
  uint64_t lives = 0;
  for (; lives == 0 || std::chrono::steady_clock::now() < life.end; ++lives) {
    DrawLife(random, &life);
    const std::string how =
        RunInChild([&] { RunRounds(options, life, summary.get()); },
                   0);  // a watchdog of its own looks after it
    if (how.empty()) continue;
    std::fprintf(stderr, "stress: FAILED: %s\nstress: %s draws the same\n",
                 how.c_str(), CommandLine(options).c_str());
    return 1;
  }
  PrintSummary(*summary, lives);
  std::printf("stress: nothing found, nothing lost; seed 0x%" PRIx64 "\n",
              *options.seed);
  return 0;
}

}  // namespace
}  // namespace course

int main(int argc, char** argv) {
  try {
    const course::StressOptions options = course::ReadStressOptions(argc, argv);
    if (!options.help) return course::Stress(options);
    std::fputs(course::kHelp, stdout);
    return 0;
  } catch (const std::invalid_argument& wrong) {
    std::fprintf(stderr, "stress: %s\n", wrong.what());
    return 2;
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "stress: cannot run: %s\n", fault.what());
    return 1;
  }
}
