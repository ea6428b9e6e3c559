#include "common/testing/stress/rounds.h"

#include <algorithm>
#include <exception>

#include "common/testing/gang.h"
#include "common/testing/pattern.h"
#include "common/testing/stress/checks.h"
#include "common/testing/stress/findings.h"
#include "common/testing/stress/watchdog.h"
#include "common/testing/stress/worker.h"
#include "common/testing/stress/world.h"
#include "pool/pool.h"

namespace course {
namespace {

// Long enough that all that there is happens in most of them.
constexpr size_t kStepsInARound = 1000;

// A thread's seed in a round: neighbours have nothing in common.
uint64_t SeedOf(uint64_t seed, uint64_t round, uint64_t thread) {
  Random random(seed ^ PatternWord(round, thread));
  random.Next();
  return random.Next();
}

// A thread begins with blocks that others left, and leaves all it has or none.
void RunRound(World* world, uint64_t round) {
  RunGang(world->options.threads, [&](size_t member) {
    const uint64_t seed = SeedOf(*world->options.seed, round, member);
    Worker worker(world, seed);
    for (const Owned& block : world->TakeLeft(700)) worker.Take(block);
    worker.Live(kStepsInARound, Place{round, member, false, 0});
    if (seed % 2 == 0) worker.GiveBackAll();
    worker.LeaveAll();
  });
}

// By a thread that ends, so that its cache is gone, too.
void FreeAll(World* world, uint64_t seed) {
  RunGang(1, [&](size_t) {
    Worker last(world, seed);
    Random random(seed);
    Owned block;
    while (world->exchange.Take(&block, random)) last.Take(block);
    for (const Owned& left : world->TakeLeft(SIZE_MAX)) last.Take(left);
    last.GiveBackAll();
  });
}

void AddUp(const World& world, Summary* summary) {
  summary->tally.Add(world.tally());
  summary->kernel_calls += world.kernel.calls();
  summary->maps += world.kernel.calls(KernelCall::kMap);
  summary->kernel_refusals += world.kernel.refused();
  summary->most_held = std::max(summary->most_held, world.most_held());
  summary->most_system =
      std::max(summary->most_system, pool::Statistics().system.peak);
}

}  // namespace

void RunRounds(const StressOptions& options, const Life& life,
               Summary* summary) {
  World world(options, life);
  uint64_t rounds = life.rounds;
  const Watchdog watchdog(&world);
  try {
    for (bool is_last = false; !is_last; ++summary->rounds) {
      const uint64_t round = summary->rounds;
      RunRound(&world, round);
      summary->tally.threads += options.threads;
      is_last = --rounds == 0 || world.TimeIsUp();
      world.kernel.Recover();
      Here() = Place{round, options.threads, false, 0};
      CheckWhole(&world);
      world.GoOn();
      if (!is_last && round % 4 != 3) continue;
      FreeAll(&world, SeedOf(*options.seed, round, SIZE_MAX));
      CheckEmpty(&world);
    }
  } catch (const std::exception& fault) {
    Found(fault.what());
  }
  AddUp(world, summary);
}

}  // namespace course
