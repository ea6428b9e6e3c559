// mixed: what programs do. Sizes are mostly small and now and then large
// (Pareto, 16 bytes to 32 KiB); a block lives until chance replaces it. Each of
// 1 to 16 threads holds up to 2048 blocks of its own.
#ifndef COURSE_WORKLOADS_MIXED_H_
#define COURSE_WORKLOADS_MIXED_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "common/workloads/blocks.h"
#include "common/workloads/crew.h"
#include "common/workloads/mapped_array.h"
#include "common/workloads/measure.h"
#include "common/workloads/random.h"

namespace course {

inline constexpr size_t kMixedBlocks = size_t{1} << 19;  // of all threads
inline constexpr size_t kMixedSlots = 2048;              // of one thread
inline constexpr size_t kMixedLeast = 16, kMixedMost = 32 * 1024;

// Drawn before the clock starts: replace the block in `slot` by one of `size`.
struct MixedStep {
  uint32_t slot;
  uint32_t size;
};

struct HeldBlock {
  void* block;
  size_t size;
};

// The same steps for all threads; each begins somewhere else.
class MixedScript {
 public:
  explicit MixedScript(uint64_t seed) : steps_(kSteps) {
    Random random(seed);
    for (size_t i = 0; i < kSteps; ++i) {
      steps_[i].slot = static_cast<uint32_t>(random.Below(kMixedSlots));
      steps_[i].size =
          static_cast<uint32_t>(random.Pareto(kMixedLeast, kMixedMost));
    }
  }

  const MixedStep& Step(int thread, size_t index) const {
    constexpr size_t kApart = 7919;  // a prime: no two threads in step
    return steps_[(thread * kApart + index) % kSteps];
  }

 private:
  static constexpr size_t kSteps = size_t{1} << 16;
  MappedArray<MixedStep> steps_;
};

template <class Facade>
bool RunMixed(const MixedScript& script, int thread, HeldBlock* held,
              size_t count) {
  bool served = true;
  for (size_t i = 0; i < count && served; ++i) {
    const MixedStep& step = script.Step(thread, i);
    HeldBlock& place = held[step.slot];
    Facade::Deallocate(place.block, place.size);
    place = {Facade::Allocate(step.size), step.size};
    served = place.block != nullptr;
    if (served) Touch(place.block);
  }
  for (size_t slot = 0; slot < kMixedSlots; ++slot) {
    Facade::Deallocate(held[slot].block, held[slot].size);
    held[slot] = {nullptr, 0};
  }
  return served;
}

template <class Facade>
Outcome Mixed(int threads, const Limits& limits) {
  const MixedScript script(1);
  MappedArray<HeldBlock> held(threads * kMixedSlots);
  const auto round = [&](size_t count) {
    std::atomic<bool> served{true};
    Sample sample;
    sample.seconds = RunTogether(threads, [&](int thread) {
      HeldBlock* mine = &held[thread * kMixedSlots];
      if (!RunMixed<Facade>(script, thread, mine, count)) served = false;
    });
    sample.operations = count * threads;
    constexpr size_t kMeanBytes = 80;
    sample.asked = threads * std::min(count, kMixedSlots) * kMeanBytes;
    sample.served = served && sample.seconds >= 0;
    return sample;
  };
  return Measure({kMixedBlocks / threads}, limits, round);
}

}  // namespace course

#endif  // COURSE_WORKLOADS_MIXED_H_
