// The sizes worth asking an allocator for, known from its specification alone:
// the tests that use them also run where there are no size classes yet.
#ifndef COURSE_TESTING_SIZES_H_
#define COURSE_TESTING_SIZES_H_

#include <cstddef>
#include <ostream>
#include <vector>

#include "common/workloads/random.h"

namespace course {

inline constexpr size_t kKiB = 1024;
inline constexpr size_t kMiB = 1024 * kKiB;
inline constexpr size_t kLargestClass = 256 * kKiB;

// The sizes of all 208 classes, in order.
inline std::vector<size_t> ClassSizes() {
  struct Run {
    size_t last;
    size_t step;
  };
  constexpr Run kRuns[] = {{128, 8},
                           {kKiB, 16},
                           {8 * kKiB, 128},
                           {64 * kKiB, kKiB},
                           {kLargestClass, 8 * kKiB}};
  std::vector<size_t> sizes;
  size_t size = 0;
  for (const Run& run : kRuns) {
    while (size < run.last) sizes.push_back(size += run.step);
  }
  return sizes;
}

// Each class's last size and its neighbours: where off-by-one lives.
inline std::vector<size_t> ClassEdges() {
  std::vector<size_t> edges;
  for (const size_t size : ClassSizes()) {
    edges.insert(edges.end(), {size - 1, size, size + 1});
  }
  return edges;
}

// What random sequences draw their sizes from.
enum class SizeMix {
  kPareto,      // mostly small, as in programs; 0 now and then
  kClassEdges,  // each class's size and its neighbours
  kThresholds,  // around the sizes where an allocator changes its ways
  kLarge,       // beyond all classes
};

// For the names of tests.
inline std::ostream& operator<<(std::ostream& out, SizeMix mix) {
  constexpr const char* kNames[] = {"Pareto", "ClassEdges", "Thresholds",
                                    "Large"};
  return out << kNames[static_cast<size_t>(mix)];
}

inline size_t Draw(SizeMix mix, Random& random) {
  switch (mix) {
    case SizeMix::kPareto:
      return random.Below(64) == 0
                 ? 0
                 : random.Pareto(1, 64 * kKiB) * 8 - random.Below(8);
    case SizeMix::kClassEdges: {
      static const std::vector<size_t> edges = ClassEdges();
      return edges[random.Below(edges.size())];
    }
    case SizeMix::kThresholds: {
      constexpr size_t kThresholds[] = {
          8, 16, 128, kKiB, 8 * kKiB, 32 * kKiB, 64 * kKiB, kMiB, 256 * kKiB};
      constexpr size_t kReach = 3;
      const size_t threshold =
          kThresholds[random.Below(sizeof(kThresholds) / sizeof(size_t))];
      return threshold - kReach + random.Below(2 * kReach + 1);
    }
    case SizeMix::kLarge:
      return kLargestClass + 1 + random.Pareto(1, 3 * kMiB) - 1 +
             random.Below(512 * kKiB);
  }
  return 0;
}

}  // namespace course

#endif  // COURSE_TESTING_SIZES_H_
