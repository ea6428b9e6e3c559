// The life of one process of the stress program: rounds. In a round all threads
// work; at its end they are gone, all is quiet, and the books must balance. At
// the end of some, and of the last, everything is freed, and nothing may be
// left.
//
// Owner: the process's only thread.
#ifndef COURSE_TESTING_STRESS_ROUNDS_H_
#define COURSE_TESTING_STRESS_ROUNDS_H_

#include <cstdint>

#include "common/testing/stress/options.h"
#include "common/testing/stress/tally.h"
#include "common/testing/stress/world.h"

namespace course {

// What was done so far.
struct Summary {
  Tally tally;
  uint64_t rounds = 0;
  uint64_t kernel_calls = 0;
  uint64_t maps = 0;  // of these
  uint64_t kernel_refusals = 0;
  uint64_t most_held = 0;  // bytes, at once
  uint64_t most_system = 0;
};

// Lives this life, and adds to the summary what was done. A finding ends the
// process (findings.h). REQUIRES: the pool has not been used; options.seed is
// there.
void RunRounds(const StressOptions& options, const Life& life,
               Summary* summary);

}  // namespace course

#endif  // COURSE_TESTING_STRESS_ROUNDS_H_
