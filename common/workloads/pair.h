// pair: allocate a block, free it, again and again, one size after another;
// 1 to 16 threads that stay. The cheapest thing an allocator is asked to do,
// and what most published figures measure.
#ifndef COURSE_WORKLOADS_PAIR_H_
#define COURSE_WORKLOADS_PAIR_H_

#include <atomic>
#include <cstddef>
#include <string>

#include "common/workloads/blocks.h"
#include "common/workloads/crew.h"
#include "common/workloads/measure.h"

namespace course {

inline constexpr size_t kPairSizes[kMostParts] = {16, 64, 256, 1024};
inline constexpr size_t kPairs = size_t{1} << 19;  // for each size

template <class Facade>
bool AllocateAndFree(size_t pairs, size_t size) {
  for (size_t i = 0; i < pairs; ++i) {
    void* block = Facade::Allocate(size);
    if (block == nullptr) return false;
    Touch(block);
    Facade::Deallocate(block, size);
  }
  return true;
}

template <class Facade>
Outcome Pair(int threads, const Limits& limits) {
  const auto round = [&](size_t pairs) {
    std::atomic<bool> served{true};
    Sample sample;
    for (size_t part = 0; part < kMostParts; ++part) {
      const auto work = [&](int) {
        if (!AllocateAndFree<Facade>(pairs, kPairSizes[part])) served = false;
      };
      sample.parts[part] = RunTogether(threads, work);
      if (sample.parts[part] < 0) served = false;
      sample.seconds += sample.parts[part];
    }
    sample.operations = kMostParts * pairs * threads;
    sample.served = served;
    return sample;
  };
  Outcome outcome = Measure({kPairs / threads}, limits, round);
  for (size_t part = 0; part < kMostParts && outcome.served; ++part) {
    const double share =
        static_cast<double>(outcome.operations) / double{kMostParts};
    outcome.figures.push_back({"ns_" + std::to_string(kPairSizes[part]),
                               outcome.parts[part] * 1e9 / share});
  }
  return outcome;
}

}  // namespace course

#endif  // COURSE_WORKLOADS_PAIR_H_
