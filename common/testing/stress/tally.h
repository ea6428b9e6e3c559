// What was done, by kind of call.
//
// Owner: one thread each; World (world.h) adds them up under its lock.
#ifndef COURSE_TESTING_STRESS_TALLY_H_
#define COURSE_TESTING_STRESS_TALLY_H_

#include <cstddef>
#include <cstdint>

namespace course {

// The façade's calls, in the order of its header.
enum class Call {
  kAllocate,
  kDeallocateSized,
  kDeallocate,
  kAllocateAligned,
  kAllocateZeroed,
  kReallocate,
  kUsableSize,
  kDeallocateAligned,
  kReserve,
  kReleaseFreeMemory,
  kStatistics,
  kPrintStatistics,
  kWriteStatistics,
  kWriteHeapMap,
  kWriteHeapProfile,
};

inline constexpr const char* kCallNames[] = {"Allocate",
                                             "Deallocate, with the size",
                                             "Deallocate, without",
                                             "AllocateAligned",
                                             "AllocateZeroed",
                                             "Reallocate",
                                             "UsableSize",
                                             "DeallocateAligned",
                                             "Reserve",
                                             "ReleaseFreeMemory",
                                             "Statistics",
                                             "PrintStatistics",
                                             "WriteStatistics",
                                             "WriteHeapMap",
                                             "WriteHeapProfile"};
inline constexpr size_t kCalls = sizeof(kCallNames) / sizeof(kCallNames[0]);

struct Tally {
  uint64_t made[kCalls] = {};
  uint64_t refused[kCalls] = {};  // by a kernel that refuses
  uint64_t in_vain[kCalls] = {};  // asked for what cannot be
  uint64_t bytes = 0;             // that callers asked for
  uint64_t handed_over = 0;       // blocks, from thread to thread
  uint64_t threads = 0;           // born
  uint64_t forks = 0;

  void Add(const Tally& other) {
    for (size_t i = 0; i < kCalls; ++i) {
      made[i] += other.made[i];
      refused[i] += other.refused[i];
      in_vain[i] += other.in_vain[i];
    }
    bytes += other.bytes;
    handed_over += other.handed_over;
    threads += other.threads;
    forks += other.forks;
  }
};

}  // namespace course

#endif  // COURSE_TESTING_STRESS_TALLY_H_
