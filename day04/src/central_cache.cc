#include "pool/central_cache.h"

#include "pool/bytes.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

CONSTINIT CentralCache central_cache;

// What one visit to the kernel brings, in bytes: four of the largest objects.
// Pages that nothing is carved from are never touched, and so cost nothing.
constexpr size_t kChunkBytes = 4 * SizeClass::kLargestSize;

}  // namespace

CentralCache& CentralCache::Get() { return central_cache; }

//! [CentralCache::FetchRangeObj]
size_t CentralCache::FetchRangeObj(void*& start, void*& end, size_t n,
                                   size_t size) {
  const MutexLock lock(lock_);
  start = TakeOne(size);
  if (start == nullptr) return 0;
  end = start;
  size_t count = 1;
  for (; count < n; ++count) {
    void* object = TakeOne(size);
    if (object == nullptr) break;
    NextObj(end) = object;
    end = object;
  }
  NextObj(end) = nullptr;
  return count;
}
//! [CentralCache::FetchRangeObj]

//! [CentralCache::TakeOne]
// Those that came back first: they have been touched already.
void* CentralCache::TakeOne(size_t size) {
  FreeList& list = free_[SizeClass::Index(size)];
  if (!list.Empty()) return list.Pop();
  if (!HasRoom(size) && !NewChunk()) return nullptr;
  return Carve(size);
}
//! [CentralCache::TakeOne]

//! [CentralCache::Carve]
char* CentralCache::NextFor(size_t size) const {
  const uintptr_t next = reinterpret_cast<uintptr_t>(next_);
  return next_ + (RoundUp(next, SizeClass::Alignment(size)) - next);
}

bool CentralCache::HasRoom(size_t size) const {
  return NextFor(size) + size <= end_;
}

// REQUIRES: HasRoom(size).
void* CentralCache::Carve(size_t size) {
  char* object = NextFor(size);
  tails_ += static_cast<size_t>(object - next_);
  next_ = object + size;
  return object;
}
//! [CentralCache::Carve]

//! [CentralCache::NewChunk]
// What is left of the chunk before is given up.
bool CentralCache::NewChunk() {
  void* chunk = SystemAlloc(kChunkBytes);
  if (chunk == nullptr) return false;
  tails_ += static_cast<size_t>(end_ - next_);
  next_ = static_cast<char*>(chunk);
  end_ = next_ + SystemSize(kChunkBytes);
  system_ += SystemSize(kChunkBytes);
  return true;
}
//! [CentralCache::NewChunk]

//! [CentralCache::ReleaseRange]
void CentralCache::ReleaseRange(void* start, void* end, size_t n, size_t size) {
  const MutexLock lock(lock_);
  free_[SizeClass::Index(size)].PushRange(start, end, n);
}
//! [CentralCache::ReleaseRange]

CentralCacheFootprint CentralCache::Footprint() {
  const MutexLock lock(lock_);
  CentralCacheFootprint sum = {};
  sum.system = system_;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    sum.free += free_[i].Length() * SizeClass::Size(ClassIndex(i));
  }
  sum.uncarved = static_cast<size_t>(end_ - next_);
  sum.tails = tails_;
  sum.out = sum.system - sum.free - sum.uncarved - sum.tails;
  return sum;
}

void CentralCache::Validate() {
  const MutexLock lock(lock_);
  for (const FreeList& list : free_) list.Validate();
  CHECK(next_ <= end_);
}

}  // namespace pool
