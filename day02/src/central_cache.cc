#include "pool/central_cache.h"

#include <algorithm>

#include "pool/immortal.h"

namespace pool {
namespace {

CONSTINIT Immortal<CentralCache> central_cache;

// What a pool asks of the system at a time, in bytes; for the largest sizes,
// two blocks. With more it would hold memory that nobody asked for; with less,
// Deallocate would have more places to search. Some room is left for the pool's
// own words, so that the whole of it is a round number of pages.
constexpr size_t kChunkBytes = 64 * 1024;
constexpr size_t kRoomForHeader = 64;

size_t BlocksAtATime(size_t size) {
  return std::max<size_t>(2, (kChunkBytes - kRoomForHeader) / size);
}

}  // namespace

CentralCache& CentralCache::Get() { return central_cache.value; }

CentralCache::~CentralCache() {
  for (FixedPool* pool : pools_) {
    if (pool != nullptr) pool_objects_.Delete(pool);
  }
}

//! [CentralCache::MakePool]
FixedPool* CentralCache::MakePool(ClassIndex index) {
  const size_t size = SizeClass::Size(index);
  const size_t count = BlocksAtATime(size);
  return pool_objects_.New(size, SizeClass::Alignment(size), count, count);
}
//! [CentralCache::MakePool]

//! [CentralCache::Allocate]
void* CentralCache::Allocate(ClassIndex index) {
  const MutexLock lock(lock_);
  FixedPool*& pool = pools_[index];
  if (pool == nullptr) pool = MakePool(index);
  return pool == nullptr ? nullptr : pool->Allocate();
}
//! [CentralCache::Allocate]

//! [CentralCache::Deallocate]
void CentralCache::Deallocate(void* block, ClassIndex index) {
  const MutexLock lock(lock_);
  FixedPool* pool = pools_[index];
  const bool taken_back = pool != nullptr && pool->Deallocate(block) == nullptr;
  CHECK(taken_back);
}
//! [CentralCache::Deallocate]

CentralCacheFootprint CentralCache::Footprint() {
  const MutexLock lock(lock_);
  CentralCacheFootprint sum = {};
  for (const FixedPool* pool : pools_) {
    if (pool == nullptr) continue;
    const FixedPoolFootprint part = pool->Footprint();
    sum.blocks += part.blocks;
    sum.in_use += part.in_use;
    sum.free += part.free;
  }
  sum.metadata = pool_objects_.Footprint().blocks;
  return sum;
}

void CentralCache::Validate() {
  const MutexLock lock(lock_);
  pool_objects_.Validate();
  for (const FixedPool* pool : pools_) {
    if (pool != nullptr) pool->Validate();
  }
}

}  // namespace pool
