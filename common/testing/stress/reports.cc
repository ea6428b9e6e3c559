// The calls that tell about the pool.
#include <cerrno>
#include <cstddef>
#include <string>

#include "common/testing/accounts.h"
#include "common/testing/stress/caller.h"
#include "common/testing/stress/findings.h"
#include "pool/pool.h"

namespace course {
namespace {

constexpr char kNowhere[] = "/dev/null";

void AddLength(void* sum, const char*, size_t length) {
  *static_cast<size_t*>(sum) += length;
}

// A child keeps for ever what another thread was being given at the moment of
// the fork; that it says so is all that can be demanded.
Fault FaultInChild(const pool::PoolStatistics& all) {
  if (all.changes != 0) return "changes, where there is one thread";
  if (SumOfParts(all) + static_cast<size_t>(all.unaccounted) !=
      all.system.now) {
    return "the parts and what is unaccounted for are not the whole";
  }
  return {};
}

}  // namespace

void Caller::TakeSnapshot() {
  Count(Call::kStatistics);
  const uint64_t maps_done = world_.maps_done();
  const pool::PoolStatistics all = pool::Statistics();
  if (IsChild()) return Demand(FaultInChild(all));
  if (world_.maps_begun() != maps_done) return;
  Demand(FaultOf(all, Company::kOthers));
}

void Caller::Report(Random& random) {
  const uint64_t refusals = world_.kernel.refused();
  const Call call = static_cast<Call>(
      static_cast<size_t>(Call::kPrintStatistics) + random.Below(4));
  Count(call);
  bool done = false;
  size_t length = 0;
  errno = 0;
  switch (call) {
    case Call::kPrintStatistics:
      done = pool::PrintStatistics(
          static_cast<pool::StatisticsForm>(random.Below(4)), AddLength,
          &length);
      if (done && length == 0) Found("PrintStatistics printed nothing");
      break;
    case Call::kWriteStatistics:
      done = pool::WriteStatistics(kNowhere);
      break;
    case Call::kWriteHeapMap:
      world_.BeginMap();
      done = pool::WriteHeapMap(kNowhere);
      world_.EndMap();
      break;
    default:
      // Not without POOL_PROFILE.
      done = pool::WriteHeapProfile(kNowhere) || errno == ENOTSUP;
  }
  if (!done) Refused(call, refusals, "report", 0);
}

}  // namespace course
