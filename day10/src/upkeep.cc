// Upkeep: what has to be done now and then, so that memory does not stay where
// it is of no use. There is no thread for it: whoever comes by on a slow road,
// and finds that it is time, does it. The others go on.
//
// The same rule for all: what lay idle since the last time (there never was
// less of it) was not needed, and goes one step down.
//
//   orphans (caches of threads that ended)  ──► the central cache's spans
//   magazines in a depot                    ──► the spans
//   spans without objects                   ──► the page heap, at once
//   free pages                              ──► the system
//
// A program that makes no call, or finds all that it wants in its magazines,
// comes by on no slow road, and keeps what it has.
//
// Declared in thread_cache.h, as it is threads' caches that call it. Owner: the
// process. No lock is held from one step to the next.
#include <atomic>

#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/system_memory.h"
#include "pool/thread_cache.h"
#include "pool/tuning.h"

namespace pool {
namespace {

// The clock's time, in milliseconds, from which on the next upkeep is due.
CONSTINIT std::atomic<size_t> next_upkeep{0};

// How far it has come.
enum Stage : unsigned { kOrphans, kMagazines, kPages };
CONSTINIT std::atomic<unsigned> stage{kOrphans};

}  // namespace

//! [ThreadCache::UpkeepIfDue]
void ThreadCache::UpkeepIfDue() {
  const size_t now = SystemMilliseconds();
  size_t due = next_upkeep.load(std::memory_order_relaxed);
  if (now < due) return;
  const size_t next = now + tuning::kUpkeepEvery;
  if (!next_upkeep.compare_exchange_strong(due, next,
                                           std::memory_order_relaxed)) {
    return;
  }
  if (!DoUpkeep()) {
    next_upkeep.store(now + tuning::kUpkeepAgain, std::memory_order_relaxed);
  }
}

// False, if there is more to do: the next one goes on there. So what is idle
// has been so for a whole period, however many it takes.
bool ThreadCache::DoUpkeep() {
  switch (stage.load(std::memory_order_relaxed)) {
    case kOrphans:
      if (!ReleaseIdleOrphans(tuning::kUpkeepOrphans)) return false;
      stage.store(kMagazines, std::memory_order_relaxed);
      [[fallthrough]];
    case kMagazines:
      if (!CentralCache::Get().ReclaimIdle(tuning::kUpkeepMagazines)) {
        return false;
      }
      stage.store(kPages, std::memory_order_relaxed);
      [[fallthrough]];
    default:
      if (!PageHeap::Get().ReturnIdle(PagesFor(tuning::kUpkeepBytes))) {
        return false;
      }
      stage.store(kOrphans, std::memory_order_relaxed);
      return true;
  }
}
//! [ThreadCache::UpkeepIfDue]

}  // namespace pool
