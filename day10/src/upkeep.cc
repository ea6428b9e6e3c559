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
// Owner: the process. No lock is held from one step to the next.
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

}  // namespace

//! [ThreadCache::UpkeepIfDue]
void ThreadCache::UpkeepIfDue() {
  const size_t now = SystemMilliseconds();
  size_t due = next_upkeep.load(std::memory_order_relaxed);
  if (now < due) return;
  const size_t next = now + tuning::kUpkeepEvery;
  if (next_upkeep.compare_exchange_strong(due, next,
                                          std::memory_order_relaxed)) {
    DoUpkeep();
  }
}

void ThreadCache::DoUpkeep() {
  ReleaseIdleOrphans();
  CentralCache::Get().ReclaimIdle();
  PageHeap::Get().ReturnIdle();
}
//! [ThreadCache::UpkeepIfDue]

}  // namespace pool
