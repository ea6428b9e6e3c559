#include "common/testing/stress/checks.h"

#include <cstddef>
#include <string>

#include "common/testing/accounts.h"
#include "common/testing/stress/findings.h"
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/thread_cache.h"

namespace course {
namespace {

size_t BlocksInUse(const pool::PoolStatistics& all) {
  size_t blocks = all.large_blocks.now;
  for (const pool::ClassStatistics& row : all.classes) {
    blocks += row.in_use.now;
  }
  return blocks;
}

void DemandNone(const char* where, size_t bytes) {
  if (bytes == 0) return;
  Found("all is freed, and " + std::to_string(bytes) + " bytes are " + where);
}

}  // namespace

void ValidateLayers() {
  pool::ThreadCache::Current().Validate();
  pool::CentralCache::Get().Validate();
  pool::PageHeap::Get().Validate();
}

void CheckWhole(World* world) {
  Demand(world->heap.CheckAll());
  ValidateLayers();
  const pool::PoolStatistics all = pool::Statistics();
  Demand(FaultOf(all, Company::kAlone));
  DemandNone("abandoned, where nobody forked away", all.abandoned.now);
  const size_t live = world->heap.live();
  if (BlocksInUse(all) == live) return;
  Found(std::to_string(BlocksInUse(all)) + " blocks are in use, and " +
        std::to_string(live) + " is right");
}

void CheckEmpty(World* world) {
  // What the last free left over: spans that are idle, this thread's cache.
  pool::ReleaseFreeMemory();
  CheckWhole(world);
  if (world->heap.live() != 0) Found("blocks are left that nobody owns");
  const pool::PoolStatistics all = pool::Statistics();
  DemandNone("in use", all.in_use.now);
  DemandNone("in large blocks", all.large_in_use);
  DemandNone("in threads' caches", all.in_thread_caches.now);
  DemandNone("in the central cache", all.in_central_cache.now);
  DemandNone("behind the last blocks of spans", all.tails.now);
  DemandNone("in pages that are in use", all.heap_in_use);
  DemandNone("free, and not given back", all.free.now);
}

}  // namespace course
