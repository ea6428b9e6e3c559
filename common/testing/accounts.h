// Whether a snapshot of the statistics agrees with itself: for tests that take
// one now and then, whatever they are about.
#ifndef COURSE_TESTING_ACCOUNTS_H_
#define COURSE_TESTING_ACCOUNTS_H_

#include <cstddef>
#include <string>

#include "common/testing/shadow_heap.h"

namespace course {

// Who makes calls while the snapshot is taken.
enum class Company { kAlone, kOthers };

template <typename Statistics>
size_t SumOfParts(const Statistics& all) {
  return all.in_use.now + all.in_thread_caches.now + all.in_central_cache.now +
         all.tails.now + all.free.now + all.returned.now + all.metadata.now +
         all.abandoned.now + all.refused.now;
}

// What is wrong with it. Where others make calls, no more can be demanded than
// that it says by how much it is wrong, and that something has changed.
template <typename Statistics>
Fault FaultOf(const Statistics& all, Company company) {
  const size_t missing = all.system.now - SumOfParts(all);
  if (missing != static_cast<size_t>(all.unaccounted)) {
    return "the parts and what is unaccounted for make " +
           std::to_string(all.system.now - missing + all.unaccounted) + " of " +
           std::to_string(all.system.now) + " bytes";
  }
  if (company == Company::kAlone && all.changes != 0) {
    return std::to_string(all.changes) + " changes, and nobody made any";
  }
  if (all.changes == 0 && all.unaccounted != 0) {
    return std::to_string(all.unaccounted) +
           " bytes are unaccounted for, and nothing has changed";
  }
  return {};
}

// Takes a snapshot, if `F` (facade.h) has them.
template <typename F>
Fault CheckAccounts([[maybe_unused]] Company company) {
  if constexpr (F::kHasStatistics) return FaultOf(F::Statistics(), company);
  return {};
}

}  // namespace course

#endif  // COURSE_TESTING_ACCOUNTS_H_
