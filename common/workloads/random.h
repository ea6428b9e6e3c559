// Random: a small generator (xorshift64*) that gives the same numbers on every
// machine. Workloads draw before the clock starts, never in a timed loop.
#ifndef COURSE_WORKLOADS_RANDOM_H_
#define COURSE_WORKLOADS_RANDOM_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace course {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}

  uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1Du;
  }

  // 0 … limit - 1. The bias of a 64-bit remainder is far below what shows.
  size_t Below(size_t limit) { return Next() % limit; }

  // Above 0, at most 1.
  double Fraction() {
    return static_cast<double>((Next() >> 11) + 1) * 0x1.0p-53;
  }

  // Mostly small and now and then large, as in programs: half of all sizes are
  // below 1.8 * least, one in sixteen is above 10 * least.
  size_t Pareto(size_t least, size_t most) {
    constexpr double kShape = 1.2;
    const double size =
        static_cast<double>(least) * std::pow(Fraction(), -1 / kShape);
    return size < static_cast<double>(most) ? static_cast<size_t>(size) : most;
  }

  template <class T>
  void Shuffle(T* items, size_t count) {
    for (size_t left = count; left > 1; --left) {
      std::swap(items[left - 1], items[Below(left)]);
    }
  }

 private:
  uint64_t state_;
};

}  // namespace course

#endif  // COURSE_WORKLOADS_RANDOM_H_
