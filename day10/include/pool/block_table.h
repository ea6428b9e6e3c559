// BlockTable: what callers asked for, block by block. A block knows its class
// and not how much of it its caller wanted; this table does, while the pool is
// watched (watch.h). It also knows which blocks the heap profile has chosen.
//
// Owner: the process has one. Thread-safe: blocks are divided among shards by
// their address; each has a lock and a table of its own with open addressing.
// Memory comes from the system, and a shard's table is made twice as large when
// it is three quarters full.
//
// What always holds:
//  - A block is in the table from before its caller has it until it is given
//    back. What could not be noted, for want of memory, was counted as missed.
//  - tallies = sums over the blocks that are there, and calls counted once.
#ifndef POOL_BLOCK_TABLE_H_
#define POOL_BLOCK_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pool/bytes.h"
#include "pool/macros.h"
#include "pool/mutex.h"
#include "pool/size_class.h"
#include "pool/watch.h"

namespace pool {

class BlockTable {
 public:
  // The last row of tallies is that of blocks without a class.
  static constexpr size_t kLarge = SizeClass::kCount;
  static constexpr size_t kRows = kLarge + 1;

  constexpr BlockTable() = default;
  BlockTable(const BlockTable&) = delete;
  BlockTable& operator=(const BlockTable&) = delete;

  struct Entry {
    uintptr_t block = 0;  // its address; 0: the place is empty
    size_t asked = 0;     // bytes
    uint32_t row = 0;     // of the tallies
    uint32_t sample = 0;  // which stack of the profile, or 0
  };

  // Notes a call, and the block that it is about to hand out.
  void Add(const Entry& entry, bool hit);
  // Notes a block only: of its call, it is known already.
  void Put(const Entry& entry);
  // Forgets a block, and returns what was known of it; an entry of block 0, if
  // nothing was.
  Entry Remove(const void* block);

  Tally TallyOf(size_t row);
  // Blocks that could not be noted.
  size_t Missed() const { return missed_.load(std::memory_order_relaxed); }
  // The most bytes that were asked for at once.
  size_t AskedPeak() const { return peak_.load(std::memory_order_relaxed); }
  // Bytes taken from the system.
  size_t Footprint();

  // For the child of a fork: a shard that another thread was changing is
  // forgotten, and its blocks count as missed.
  ONE_THREAD void AfterFork();
  void Validate();

 private:
  static constexpr size_t kShards = 16;

  struct alignas(kCacheLine) Shard {
    Mutex lock;
    Entry* entries GUARDED_BY(lock) = nullptr;
    size_t room GUARDED_BY(lock) = 0;  // a power of two, or 0
    size_t used GUARDED_BY(lock) = 0;
    size_t lost GUARDED_BY(lock) = 0;  // bytes of a table abandoned in a fork
    Tally tallies[kRows] GUARDED_BY(lock) = {};
  };

  static uint64_t Hash(uintptr_t block);
  Shard& ShardOf(uintptr_t block);
  static Entry* Find(Shard& shard, uintptr_t block) REQUIRES(shard.lock);
  void Insert(Shard& shard, const Entry& entry) REQUIRES(shard.lock);
  bool Grow(Shard& shard) REQUIRES(shard.lock);
  void Forget(Shard& shard, Entry* entry) REQUIRES(shard.lock);
  void NoteAsked(size_t more, size_t less);

  Shard shards_[kShards];
  std::atomic<size_t> asked_{0};
  std::atomic<size_t> peak_{0};
  std::atomic<size_t> missed_{0};
};

}  // namespace pool

#endif  // POOL_BLOCK_TABLE_H_
