// churn: threads that live for one block. A thread starts, allocates a block,
// frees it and dies, two thousand times: what does it cost to give a thread a
// cache and to take it away again? Most of the time is the thread's own, and
// the same for every allocator.
#ifndef COURSE_WORKLOADS_CHURN_H_
#define COURSE_WORKLOADS_CHURN_H_

#include <atomic>
#include <cstddef>

#include "common/workloads/blocks.h"
#include "common/workloads/crew.h"
#include "common/workloads/measure.h"
#include "common/workloads/pair.h"

namespace course {

inline constexpr size_t kChurnThreads = 2000;
inline constexpr size_t kChurnSize = 64;

template <class Facade>
Outcome Churn(const Limits& limits) {
  const auto round = [&](size_t threads) {
    std::atomic<bool> served{true};
    const Stopwatch watch;
    for (size_t i = 0; i < threads; ++i) {
      const bool ran = RunFresh(1, [&](int) {
        if (!AllocateAndFree<Facade>(1, kChurnSize)) served = false;
      });
      if (!ran) served = false;
    }
    Sample sample;
    sample.seconds = watch.Seconds();
    sample.operations = threads;
    sample.served = served;
    return sample;
  };
  return Measure({kChurnThreads}, limits, round);
}

}  // namespace course

#endif  // COURSE_WORKLOADS_CHURN_H_
