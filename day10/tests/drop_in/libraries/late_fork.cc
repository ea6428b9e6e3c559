// Preloaded into a program that knows nothing of it, behind our library: what
// comes behind is finalised later. Its destructor forks while threads allocate.
#include "fork_often.h"

namespace {

__attribute__((destructor)) void End() {
  if (std::getenv("COURSE_LATE_FORK") != nullptr) ForkOften();
}

}  // namespace
