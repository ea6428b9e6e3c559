// burst: the promised table. In each round 16 fresh threads each allocate
// 10,000 blocks, write the first byte of each and free them in order of
// allocation; timed from before the threads start until they are joined.
#ifndef COURSE_WORKLOADS_BURST_H_
#define COURSE_WORKLOADS_BURST_H_

#include <atomic>
#include <cstddef>

#include "common/workloads/blocks.h"
#include "common/workloads/crew.h"
#include "common/workloads/mapped_array.h"
#include "common/workloads/measure.h"

namespace course {

inline constexpr int kBurstThreads = 16;
inline constexpr size_t kBurstBlocks = 10000;  // of each thread
inline constexpr int kBurstRounds = 11;
inline constexpr size_t kBurstSizes[] = {8,   16,  32,   64,  128,
                                         256, 512, 1024, 2048};

template <class Facade>
Outcome Burst(size_t size, const Limits& limits) {
  MappedArray<void*> blocks(kBurstThreads * kBurstBlocks);
  const auto round = [&](size_t count) {
    std::atomic<bool> served{true};
    const auto work = [&](int thread) {
      void** mine = &blocks[thread * kBurstBlocks];
      if (!Fill<Facade>(mine, count, size)) served = false;
      Empty<Facade>(mine, count, size);
    };
    const Stopwatch watch;
    const bool all = RunFresh(kBurstThreads, work);
    Sample sample;
    sample.seconds = watch.Seconds();
    sample.operations = kBurstThreads * count;
    sample.asked = kBurstThreads * count * size;
    sample.served = all && served;
    return sample;
  };
  return Measure({kBurstBlocks, 3, kBurstRounds}, limits, round);
}

}  // namespace course

#endif  // COURSE_WORKLOADS_BURST_H_
