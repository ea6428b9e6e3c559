// The five policies by name, for whatever treats them all alike.
//
// Each arena is owned by the caller; no locks.
#ifndef COURSE_CLASSIC_POLICIES_H_
#define COURSE_CLASSIC_POLICIES_H_

#include <memory>
#include <ostream>
#include <vector>

#include "common/classic/best_fit.h"
#include "common/classic/buddy.h"
#include "common/classic/first_fit.h"
#include "common/classic/next_fit.h"
#include "common/classic/segregated_fit.h"

namespace course::classic {

struct Policy {
  const char* name;
  std::unique_ptr<Arena> (*make)(void* start, size_t bytes);
};

// How a test shows the policy that it failed with.
inline void PrintTo(const Policy& policy, std::ostream* out) {
  *out << policy.name;
}

template <class Kind>
std::unique_ptr<Arena> MakeArena(void* start, size_t bytes) {
  return std::make_unique<Kind>(start, bytes);
}

inline std::vector<Policy> Policies() {
  return {{"first fit", MakeArena<FirstFit>},
          {"next fit", MakeArena<NextFit>},
          {"best fit", MakeArena<BestFit>},
          {"buddy", MakeArena<Buddy>},
          {"segregated fit", MakeArena<SegregatedFit>}};
}

}  // namespace course::classic

#endif  // COURSE_CLASSIC_POLICIES_H_
