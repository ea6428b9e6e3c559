// What is demanded while no other thread is in the pool.
#ifndef COURSE_TESTING_STRESS_CHECKS_H_
#define COURSE_TESTING_STRESS_CHECKS_H_

#include "common/testing/stress/world.h"

namespace course {

// Each layer's own Validate().
void ValidateLayers();

// The whole-pool equation, each block's pattern, and as many blocks in use as
// the shadow heap knows. REQUIRES: no other thread makes calls.
void CheckWhole(World* world);

// All blocks are freed: nothing is in use, nothing is lost. REQUIRES: as above,
// and the kernel refuses nothing.
void CheckEmpty(World* world);

}  // namespace course

#endif  // COURSE_TESTING_STRESS_CHECKS_H_
