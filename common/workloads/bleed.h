// bleed: threads die and leave their blocks to others. Each generation of four
// threads frees what its forerunners left, another thread's blocks each, leaves
// as many behind and dies. Memory that a dead thread's cache keeps adds up.
#ifndef COURSE_WORKLOADS_BLEED_H_
#define COURSE_WORKLOADS_BLEED_H_

#include <atomic>
#include <cstddef>

#include "common/workloads/blocks.h"
#include "common/workloads/crew.h"
#include "common/workloads/mapped_array.h"
#include "common/workloads/measure.h"

namespace course {

inline constexpr int kBleedThreads = 4;
inline constexpr size_t kBleedGenerations = 256;
inline constexpr size_t kBleedBlocks = 500;  // that one thread leaves
inline constexpr size_t kBleedSize = 128;

// The blocks that each thread of a generation left.
class Legacy {
 public:
  Legacy() : blocks_(kBleedThreads * kBleedBlocks) {}
  void** Of(int thread) { return &blocks_[thread * kBleedBlocks]; }

 private:
  MappedArray<void*> blocks_;
};

template <class Facade>
Outcome Bleed(const Limits& limits) {
  Legacy legacies[2];
  const auto round = [&](size_t generations) {
    std::atomic<bool> served{true};
    const Stopwatch watch;
    for (size_t age = 0; age < generations; ++age) {
      Legacy& before = legacies[age % 2];
      Legacy& after = legacies[(age + 1) % 2];
      const bool all = RunFresh(kBleedThreads, [&](int thread) {
        void** left = before.Of((thread + 1) % kBleedThreads);
        Empty<Facade>(left, kBleedBlocks, kBleedSize);
        for (size_t i = 0; i < kBleedBlocks; ++i) left[i] = nullptr;
        if (!Fill<Facade>(after.Of(thread), kBleedBlocks, kBleedSize)) {
          served = false;
        }
      });
      if (!all) served = false;
    }
    Sample sample;
    sample.seconds = watch.Seconds();
    for (Legacy& legacy : legacies) {
      for (int thread = 0; thread < kBleedThreads; ++thread) {
        Empty<Facade>(legacy.Of(thread), kBleedBlocks, kBleedSize);
        for (size_t i = 0; i < kBleedBlocks; ++i)
          legacy.Of(thread)[i] = nullptr;
      }
    }
    sample.operations = generations * kBleedThreads * kBleedBlocks;
    sample.asked = 2 * kBleedThreads * kBleedBlocks * kBleedSize;
    sample.served = served;
    return sample;
  };
  return Measure({kBleedGenerations}, limits, round);
}

}  // namespace course

#endif  // COURSE_WORKLOADS_BLEED_H_
