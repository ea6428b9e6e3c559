// cold: a million blocks of 64 bytes, freed in random order and allocated
// again. Frees and allocations are timed apart: no block is in a cache when it
// is freed, so an allocator that must look at it waits for memory.
#ifndef COURSE_WORKLOADS_COLD_H_
#define COURSE_WORKLOADS_COLD_H_

#include <cstddef>

#include "common/workloads/blocks.h"
#include "common/workloads/crew.h"
#include "common/workloads/mapped_array.h"
#include "common/workloads/measure.h"
#include "common/workloads/random.h"

namespace course {

inline constexpr size_t kColdBlocks = 1000000;
inline constexpr size_t kColdSize = 64;
inline constexpr size_t kColdFree = 0, kColdMalloc = 1;  // parts of a sample

// Without Touch: that cache miss would be ours and not the allocator's.
template <class Facade>
bool FillUntouched(void** blocks, size_t count, size_t size) {
  bool served = true;
  for (size_t i = 0; i < count; ++i) {
    blocks[i] = Facade::Allocate(size);
    served &= blocks[i] != nullptr;
  }
  return served;
}

template <class Facade>
Outcome Cold(const Limits& limits) {
  MappedArray<void*> blocks(kColdBlocks);
  Random random(2);
  const auto round = [&](size_t count) {
    Sample sample;
    sample.served = Fill<Facade>(blocks.data(), count, kColdSize);
    random.Shuffle(blocks.data(), count);

    const Stopwatch freeing;
    Empty<Facade>(blocks.data(), count, kColdSize);
    sample.parts[kColdFree] = freeing.Seconds();

    const Stopwatch allocating;
    sample.served &= FillUntouched<Facade>(blocks.data(), count, kColdSize);
    sample.parts[kColdMalloc] = allocating.Seconds();

    Empty<Facade>(blocks.data(), count, kColdSize);
    sample.seconds = sample.parts[kColdFree] + sample.parts[kColdMalloc];
    sample.operations = count;
    sample.asked = count * kColdSize;
    return sample;
  };
  Outcome outcome = Measure({kColdBlocks, 1, 1}, limits, round);
  if (outcome.served) {
    const double blocks_done = static_cast<double>(outcome.operations);
    outcome.figures = {
        {"free_ns", outcome.parts[kColdFree] * 1e9 / blocks_done},
        {"malloc_ns", outcome.parts[kColdMalloc] * 1e9 / blocks_done}};
  }
  return outcome;
}

}  // namespace course

#endif  // COURSE_WORKLOADS_COLD_H_
