#include "pool/block_table.h"

#include "pool/gauge.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

constexpr size_t kFirstRoom = 1024;  // entries

uintptr_t AddressOf(const void* block) {
  return reinterpret_cast<uintptr_t>(block);
}

}  // namespace

// The upper bits are good ones; the lower ones of an address are all zero.
uint64_t BlockTable::Hash(uintptr_t block) {
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
  const uint64_t mixed = block * kGolden;
  return mixed ^ mixed >> 32;
}

// By bits that do not choose the place in the shard.
BlockTable::Shard& BlockTable::ShardOf(uintptr_t block) {
  return shards_[Hash(block) >> 48 & (kShards - 1)];
}

//! [BlockTable::Find]
// The block's entry, or the empty one where it would be. REQUIRES: there is an
// empty one.
BlockTable::Entry* BlockTable::Find(Shard& shard, uintptr_t block) {
  const size_t mask = shard.room - 1;
  size_t i = Hash(block) & mask;
  while (shard.entries[i].block != 0 && shard.entries[i].block != block) {
    i = (i + 1) & mask;
  }
  return &shard.entries[i];
}
//! [BlockTable::Find]

//! [BlockTable::Grow]
bool BlockTable::Grow(Shard& shard) {
  Entry* const old = shard.entries;
  const size_t old_room = shard.room;
  const size_t room = old_room == 0 ? kFirstRoom : 2 * old_room;
  void* memory = SystemAlloc(room * sizeof(Entry));
  if (memory == nullptr) return false;
  shard.entries = static_cast<Entry*>(memory);  // zero: empty
  shard.room = room;
  for (size_t i = 0; i < old_room; ++i) {
    if (old[i].block != 0) *Find(shard, old[i].block) = old[i];
  }
  if (old_room > 0) SystemFree(old, old_room * sizeof(Entry));
  return true;
}
//! [BlockTable::Grow]

//! [BlockTable::Add]
void BlockTable::Add(const Entry& entry, bool hit) {
  Shard& shard = ShardOf(entry.block);
  const MutexLock lock(shard.lock);
  ++shard.tallies[entry.row].allocations;
  if (hit) ++shard.tallies[entry.row].hits;
  Insert(shard, entry);
}

void BlockTable::Put(const Entry& entry) {
  Shard& shard = ShardOf(entry.block);
  const MutexLock lock(shard.lock);
  Insert(shard, entry);
}

// One place stays empty, or who looks for what is not there would not stop.
void BlockTable::Insert(Shard& shard, const Entry& entry) {
  if ((shard.used + 1) * 4 > shard.room * 3 && !Grow(shard) &&
      shard.used + 1 >= shard.room) {
    missed_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  Entry* place = Find(shard, entry.block);
  DCHECK(place->block == 0);  // or it was given back, and nobody noticed
  *place = entry;
  ++shard.used;
  ++shard.tallies[entry.row].blocks;
  shard.tallies[entry.row].asked += entry.asked;
  NoteAsked(entry.asked, 0);
}
//! [BlockTable::Add]

//! [BlockTable::Forget]
// No gap may be left before an entry that is not where its hash says: who looks
// for it stops at the gap. So those behind move up, where they may.
void BlockTable::Forget(Shard& shard, Entry* entry) {
  Tally& tally = shard.tallies[entry->row];
  --tally.blocks;
  tally.asked -= entry->asked;
  NoteAsked(0, entry->asked);
  --shard.used;
  const size_t mask = shard.room - 1;
  size_t gap = static_cast<size_t>(entry - shard.entries);
  for (size_t i = (gap + 1) & mask; shard.entries[i].block != 0;
       i = (i + 1) & mask) {
    const size_t home = Hash(shard.entries[i].block) & mask;
    if (((i - home) & mask) < ((i - gap) & mask)) continue;
    shard.entries[gap] = shard.entries[i];
    gap = i;
  }
  shard.entries[gap] = Entry();
}
//! [BlockTable::Forget]

BlockTable::Entry BlockTable::Remove(const void* block) {
  Shard& shard = ShardOf(AddressOf(block));
  const MutexLock lock(shard.lock);
  if (shard.room == 0) return Entry();
  Entry* entry = Find(shard, AddressOf(block));
  const Entry found = *entry;
  if (found.block != 0) Forget(shard, entry);
  return found;
}

void BlockTable::NoteAsked(size_t more, size_t less) {
  const size_t change = more - less;
  const size_t sum =
      asked_.fetch_add(change, std::memory_order_relaxed) + change;
  if (more > less) RaiseTo(peak_, sum);
}

Tally BlockTable::TallyOf(size_t row) {
  Tally sum = {};
  for (Shard& shard : shards_) {
    const MutexLock lock(shard.lock);
    const Tally& tally = shard.tallies[row];
    sum.allocations += tally.allocations;
    sum.hits += tally.hits;
    sum.blocks += tally.blocks;
    sum.asked += tally.asked;
  }
  return sum;
}

// Under the locks, or a table that is just growing would be with the system and
// not here.
size_t BlockTable::Footprint() {
  size_t bytes = 0;
  for (Shard& shard : shards_) {
    const MutexLock lock(shard.lock);
    bytes += SystemSize(shard.room * sizeof(Entry)) + shard.lost;
  }
  return bytes;
}

//! [BlockTable::AfterFork]
// What the other thread had half done, nobody knows: the shard begins anew, its
// memory stays unused.
void BlockTable::AfterFork() {
  size_t asked = 0;
  for (Shard& shard : shards_) {
    if (shard.lock.LeftBehind()) {
      shard.lock.MakeNew();
      missed_.fetch_add(shard.used + 1, std::memory_order_relaxed);
      shard.lost += SystemSize(shard.room * sizeof(Entry));
      shard.entries = nullptr;
      shard.room = shard.used = 0;
      for (Tally& tally : shard.tallies) tally.blocks = tally.asked = 0;
    }
    for (const Tally& tally : shard.tallies) asked += tally.asked;
  }
  asked_.store(asked, std::memory_order_relaxed);
}
//! [BlockTable::AfterFork]

void BlockTable::Validate() {
  for (Shard& shard : shards_) {
    const MutexLock lock(shard.lock);
    Tally sums[kRows] = {};
    size_t used = 0;
    for (size_t i = 0; i < shard.room; ++i) {
      const Entry& entry = shard.entries[i];
      if (entry.block == 0) continue;
      ++used;
      ++sums[entry.row].blocks;
      sums[entry.row].asked += entry.asked;
      CHECK(Find(shard, entry.block) == &entry);
    }
    CHECK(used == shard.used && used <= shard.room);
    for (size_t i = 0; i < kRows; ++i) {
      CHECK(sums[i].blocks == shard.tallies[i].blocks);
      CHECK(sums[i].asked == shard.tallies[i].asked);
    }
  }
}

}  // namespace pool
