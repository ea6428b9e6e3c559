// ramp: a million blocks of 64 bytes, then all but a tenth are freed and the
// program stays. What comes back to the system: in ordinary use, and when asked
// for? Where the oldest tenth survives, nearly everything can. Where chance
// picks the survivors they pin almost every page: a row without a goal.
#ifndef COURSE_WORKLOADS_RAMP_H_
#define COURSE_WORKLOADS_RAMP_H_

#include <chrono>
#include <cstddef>
#include <thread>

#include "common/workloads/blocks.h"
#include "common/workloads/crew.h"
#include "common/workloads/mapped_array.h"
#include "common/workloads/measure.h"
#include "common/workloads/random.h"

namespace course {

enum class Survivors { kOldest, kRandom };

inline constexpr size_t kRampBlocks = 1000000;
inline constexpr size_t kRampSize = 64;
inline constexpr size_t kRampSurvivors = 10;  // one in so many

// Resident bytes of the ramp, at its peak and after.
struct RampMemory {
  size_t top = 0;
  size_t settled = 0;   // after ordinary use
  size_t released = 0;  // after ReleaseFreeMemory
};

// Ordinary use, until so little is resident or the time is over: now and then
// more blocks than a thread keeps for itself come and go.
template <class Facade>
void Stay(double seconds, const ResidentWatch& resident, size_t enough) {
  constexpr size_t kSmall = 2000, kMedium = 200, kMediumSize = 1024;
  MappedArray<void*> blocks(kSmall + kMedium);
  const Stopwatch watch;
  while (watch.Seconds() < seconds && resident.Now() > enough) {
    Fill<Facade>(blocks.data(), kSmall, kRampSize);
    Fill<Facade>(blocks.data() + kSmall, kMedium, kMediumSize);
    Empty<Facade>(blocks.data(), kSmall, kRampSize);
    Empty<Facade>(blocks.data() + kSmall, kMedium, kMediumSize);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

template <class Facade>
class RampRun {
 public:
  explicit RampRun(Survivors survivors) : survivors_(survivors) {}

  // Up and down. settle() is called while only the survivors live.
  template <class Settle>
  Sample Round(size_t count, const Settle& settle) {
    Sample sample;
    const Stopwatch growing;
    sample.served = Fill<Facade>(blocks_.data(), count, kRampSize);
    sample.seconds = growing.Seconds();
    if (survivors_ == Survivors::kRandom) Shuffle(count);

    memory_.top = resident_.Now();
    const size_t kept = count / kRampSurvivors;
    const Stopwatch shrinking;
    Empty<Facade>(blocks_.data() + kept, count - kept, kRampSize);
    sample.seconds += shrinking.Seconds();

    settle();
    Empty<Facade>(blocks_.data(), kept, kRampSize);
    sample.operations = count;
    sample.asked = count * kRampSize;
    return sample;
  }

  // What is resident after the fall: in use for `seconds`, then released.
  void Settle(double seconds) {
    Stay<Facade>(seconds, resident_, memory_.top / kRampSurvivors);
    memory_.settled = resident_.Now();
    Facade::ReleaseFreeMemory();
    memory_.released = resident_.Now();
  }

  const RampMemory& memory() const { return memory_; }

 private:
  void Shuffle(size_t count) {
    Random random(4);
    random.Shuffle(blocks_.data(), count);
  }

  const Survivors survivors_;
  MappedArray<void*> blocks_{kRampBlocks};
  ResidentWatch resident_;  // made after the array: leaves it out
  RampMemory memory_;
};

template <class Facade>
Outcome Ramp(Survivors survivors, const Limits& limits) {
  RampRun<Facade> run(survivors);
  Limits climb = limits;
  climb.seconds /= 2;  // the other half is for going up once more
  Outcome outcome = Measure({kRampBlocks, 1, 1}, climb, [&](size_t count) {
    return run.Round(count, [] {});
  });
  if (!outcome.served) return outcome;

  // Once more, to see where the memory goes. No goal: not worth the wait.
  const double stay =
      survivors == Survivors::kOldest ? limits.stay : limits.stay / 4;
  run.Round(outcome.operations, [&] { run.Settle(stay); });
  const RampMemory& memory = run.memory();
  outcome.figures = {{"top_bytes", static_cast<double>(memory.top)},
                     {"settled_bytes", static_cast<double>(memory.settled)},
                     {"released_bytes", static_cast<double>(memory.released)}};
  if constexpr (!Facade::kHasReleaseFreeMemory) {
    AddNote("no ReleaseFreeMemory yet", &outcome);
  }
  return outcome;
}

}  // namespace course

#endif  // COURSE_WORKLOADS_RAMP_H_
