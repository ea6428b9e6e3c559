// large: blocks of 0.25 to 32 MiB, every doubling as likely as the next. Eight
// are held; chance replaces one by one. Each page is written to, as whoever
// asks for that much will do: an allocator that hands every block back to the
// kernel pays for each page again.
#ifndef COURSE_WORKLOADS_LARGE_H_
#define COURSE_WORKLOADS_LARGE_H_

#include <array>
#include <cmath>
#include <cstddef>

#include "common/workloads/blocks.h"
#include "common/workloads/crew.h"
#include "common/workloads/mapped_array.h"
#include "common/workloads/measure.h"
#include "common/workloads/mixed.h"
#include "common/workloads/random.h"

namespace course {

inline constexpr size_t kLargeBlocks = 128;
inline constexpr size_t kLargeSlots = 8;
inline constexpr size_t kLargeLeast = size_t{1} << 18;
inline constexpr size_t kLargeMost = size_t{1} << 25;

inline void TouchPages(void* block, size_t bytes) {
  constexpr size_t kPage = 4096;
  for (size_t at = 0; at < bytes; at += kPage) {
    Touch(static_cast<char*>(block) + at);
  }
}

inline void DrawLargeSteps(MappedArray<MixedStep>* steps) {
  Random random(3);
  const double doublings =
      std::log2(static_cast<double>(kLargeMost / kLargeLeast));
  for (size_t i = 0; i < steps->size(); ++i) {
    const double times = std::exp2(doublings * random.Fraction());
    (*steps)[i].slot = static_cast<uint32_t>(random.Below(kLargeSlots));
    (*steps)[i].size =
        static_cast<uint32_t>(times * static_cast<double>(kLargeLeast));
  }
}

template <class Facade>
Outcome Large(const Limits& limits) {
  MappedArray<MixedStep> steps(kLargeBlocks);
  DrawLargeSteps(&steps);
  const auto round = [&](size_t count) {
    std::array<HeldBlock, kLargeSlots> held{};
    size_t live = 0;
    Sample sample;
    const Stopwatch watch;
    for (size_t i = 0; i < count && sample.served; ++i) {
      HeldBlock& place = held[steps[i].slot];
      Facade::Deallocate(place.block, place.size);
      live += steps[i].size - place.size;
      place = {Facade::Allocate(steps[i].size), steps[i].size};
      sample.served = place.block != nullptr;
      if (sample.served) TouchPages(place.block, place.size);
      sample.asked = std::max(sample.asked, live);
    }
    for (const HeldBlock& last : held)
      Facade::Deallocate(last.block, last.size);
    sample.seconds = watch.Seconds();
    sample.operations = count;
    return sample;
  };
  return Measure({kLargeBlocks}, limits, round);
}

}  // namespace course

#endif  // COURSE_WORKLOADS_LARGE_H_
