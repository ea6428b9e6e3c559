// Snapshot: statistics for a caller whose stack may be small. They have some
// 40 KiB, and a thread may have 16: so they lie in a block of the pool, which
// is in use like any other while they are read, and in their figures.
//
// Owner: one thread, for as long as it reads. No locks are held meanwhile.
#ifndef POOL_SNAPSHOT_H_
#define POOL_SNAPSHOT_H_

#include <new>

#include "pool/pool.h"
#include "pool/stats.h"

namespace pool {

class Snapshot {
 public:
  Snapshot() : block_(Allocate(sizeof(PoolStatistics))) {
    if (block_ == nullptr) return;
    statistics_ = ::new (block_) PoolStatistics;
    ReadStatistics(*statistics_);
  }
  ~Snapshot() { Deallocate(block_, sizeof(PoolStatistics)); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  // nullptr, and errno was ENOMEM, when there is no memory for it.
  const PoolStatistics* get() const { return statistics_; }

 private:
  void* const block_;
  PoolStatistics* statistics_ = nullptr;
};

}  // namespace pool

#endif  // POOL_SNAPSHOT_H_
