// CentralCache: the middle layer. All threads take small blocks from it.
//
// Owner: the process has one, Get(). Thread-safe: one lock guards all of it,
// for as long as a call takes. While a pool grows, that includes the kernel's
// answer.
//
// It is a fixed pool for each size class, made when the class is first used. A
// block knows neither its size nor its pool; the caller names the class again
// when it gives the block back.
#ifndef POOL_CENTRAL_CACHE_H_
#define POOL_CENTRAL_CACHE_H_

#include <cstddef>

#include "pool/fixed_pool.h"
#include "pool/macros.h"
#include "pool/mutex.h"
#include "pool/object_pool.h"
#include "pool/size_class.h"

namespace pool {

struct CentralCacheFootprint {
  size_t blocks;    // bytes taken from the system for blocks
  size_t in_use;    // bytes of those that callers hold
  size_t free;      // bytes of those that nobody holds
  size_t metadata;  // bytes taken from the system for the pools themselves
};

class CentralCache {
 public:
  constexpr CentralCache() = default;
  ~CentralCache();
  CentralCache(const CentralCache&) = delete;
  CentralCache& operator=(const CentralCache&) = delete;

  // The process's own. It needs no constructor to run first, and never dies.
  static CentralCache& Get();

  // A block of SizeClass::Size(index) bytes; nullptr when the system has no
  // memory.
  void* Allocate(ClassIndex index) EXCLUDES(lock_);

  // Takes back what Allocate(index) returned. What is no block of the class
  // ends the process; a block that comes back twice is not noticed.
  void Deallocate(void* block, ClassIndex index) EXCLUDES(lock_);

  CentralCacheFootprint Footprint() EXCLUDES(lock_);
  void Validate() EXCLUDES(lock_);

 private:
  FixedPool* MakePool(ClassIndex index) REQUIRES(lock_);

  Mutex lock_;
  FixedPool* pools_[SizeClass::kCount] GUARDED_BY(lock_) = {};
  ObjectPool<FixedPool> pool_objects_ GUARDED_BY(lock_);
};

}  // namespace pool

#endif  // POOL_CENTRAL_CACHE_H_
