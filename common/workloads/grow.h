// grow: buffers that are appended to. Eight of them take turns to grow from 16
// bytes to a mebibyte, an eighth at a time, by Reallocate. What is new is
// written to; an allocator that lacks Reallocate allocates, copies and frees.
#ifndef COURSE_WORKLOADS_GROW_H_
#define COURSE_WORKLOADS_GROW_H_

#include <array>
#include <cstddef>

#include "common/workloads/blocks.h"
#include "common/workloads/crew.h"
#include "common/workloads/measure.h"

namespace course {

inline constexpr size_t kGrowBuffers = 8;
inline constexpr size_t kGrowLeast = 16, kGrowMost = size_t{1} << 20;
inline constexpr size_t kGrowSweeps = 32;

// At least eight more: an eighth of very little is nothing.
constexpr size_t NextSize(size_t size) { return size + size / 8 + 8; }

// Grows all buffers step by step and frees them. Counts what was allocated or
// grown; false when something was refused.
template <class Facade>
bool GrowBuffers(size_t* operations) {
  std::array<void*, kGrowBuffers> buffers;
  size_t size = kGrowLeast;
  bool served = Fill<Facade>(buffers.data(), kGrowBuffers, size);
  while (served && size < kGrowMost) {
    const size_t next = NextSize(size);
    for (size_t i = 0; i < kGrowBuffers; ++i) {
      void* grown = Facade::Reallocate(buffers[i], size, next);
      if (grown == nullptr) {
        // The first i are larger already.
        Empty<Facade>(buffers.data(), i, next);
        Empty<Facade>(buffers.data() + i, kGrowBuffers - i, size);
        return false;
      }
      buffers[i] = grown;
      Touch(static_cast<char*>(grown) + size);
    }
    size = next;
    *operations += kGrowBuffers;
  }
  Empty<Facade>(buffers.data(), kGrowBuffers, size);
  return served;
}

template <class Facade>
Outcome Grow(const Limits& limits) {
  const auto round = [&](size_t sweeps) {
    Sample sample;
    const Stopwatch watch;
    for (size_t i = 0; i < sweeps && sample.served; ++i) {
      sample.served = GrowBuffers<Facade>(&sample.operations);
    }
    sample.seconds = watch.Seconds();
    sample.asked = kGrowBuffers * kGrowMost;
    return sample;
  };
  Outcome outcome = Measure({kGrowSweeps}, limits, round);
  if constexpr (!Facade::kHasReallocate) {
    AddNote("no Reallocate yet: allocates, copies, frees", &outcome);
  }
  return outcome;
}

}  // namespace course

#endif  // COURSE_WORKLOADS_GROW_H_
