// How a finding ends a process: with one line that says what was seen and
// where, and exit code 1. The seed is told by the first process (stress.cc),
// which has no part in all this, and so can tell it after a crash, too.
//
// Owner: the process. Any thread may call; the first finding is the one told.
#ifndef COURSE_TESTING_STRESS_FINDINGS_H_
#define COURSE_TESTING_STRESS_FINDINGS_H_

#include <cstdint>
#include <string>

#include "common/testing/shadow_heap.h"

namespace course {

// Where the calling thread is.
struct Place {
  uint64_t round = 0;
  uint64_t thread = 0;
  bool is_guest = false;  // born to that thread
  uint64_t step = 0;
};
Place& Here();

// For the child of a fork: its findings say so.
void BecomeChild();
bool IsChild();

[[noreturn]] void Found(const std::string& what);

inline void Demand(const Fault& fault) {
  if (fault) Found(*fault);
}

}  // namespace course

#endif  // COURSE_TESTING_STRESS_FINDINGS_H_
