// How much work a stress test does. An allocator that asks the kernel for each
// block is a hundred times slower than one that does not; tests that fit the
// one are too short for the other to meet a race.
#ifndef COURSE_TESTING_PACE_H_
#define COURSE_TESTING_PACE_H_

#include <cstddef>
#include <string>

#include "common/testing/facade.h"
#include "common/workloads/malloc_facade.h"
#include "pool/system_memory.h"

namespace course {

inline bool EachBlockTakesASystemCall() {
  constexpr size_t kBytes = 64;
  Facade::Deallocate(Facade::Allocate(kBytes), kBytes);  // the first is special
  const size_t calls = pool::ReadSystemFootprint().map_calls;
  Facade::Deallocate(Facade::Allocate(kBytes), kBytes);
  return pool::ReadSystemFootprint().map_calls != calls;
}

// `little` where each block takes a system call, else `much`.
inline size_t Paced(size_t much, size_t little) {
  return EachBlockTakesASystemCall() ? little : much;
}

// A sanitizer watches: its malloc stands in for libc's, and each step takes
// some ten times as long.
inline bool IsSanitized() {
  return std::string(MallocLibrary()).find("libc.so") == std::string::npos;
}

}  // namespace course

#endif  // COURSE_TESTING_PACE_H_
