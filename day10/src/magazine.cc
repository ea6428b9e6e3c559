#include "pool/magazine.h"

#include <algorithm>
#include <cstddef>
#include <new>

#include "pool/system_memory.h"

namespace pool {

//! [MagazineBlock]
// Where magazines of one length live, side by side. Not an ObjectPool, which
// never gives memory back: after a fall, millions of pointers are in magazines
// that nobody needs.
struct MagazineBlock {
  MagazineBlock* next = nullptr;  // of those with room
  MagazineBlock* previous = nullptr;
  MagazineStack free;
  size_t live = 0;
  size_t carved = 0;
  size_t generation;  // what is left of an older one, after a fork, is lost
};
//! [MagazineBlock]

namespace {

constexpr size_t SlotBytes(size_t kind) {
  return sizeof(Magazine) + tuning::kMagazineLengths[kind] * sizeof(void*);
}

constexpr size_t SlotsInBlock(size_t kind) {
  return (tuning::kMagazineBlockBytes - sizeof(MagazineBlock)) /
         SlotBytes(kind);
}

CONSTINIT Mutex blocks_lock;
CONSTINIT MagazineBlock* with_room[Magazine::kLengths] GUARDED_BY(
    blocks_lock) = {};
CONSTINIT size_t block_count GUARDED_BY(blocks_lock) = 0;
CONSTINIT size_t generation GUARDED_BY(blocks_lock) = 0;

void Link(MagazineBlock* block, size_t kind) REQUIRES(blocks_lock) {
  block->previous = nullptr;
  block->next = with_room[kind];
  if (block->next != nullptr) block->next->previous = block;
  with_room[kind] = block;
}

void Unlink(MagazineBlock* block, size_t kind) REQUIRES(blocks_lock) {
  MagazineBlock*& link =
      block->previous == nullptr ? with_room[kind] : block->previous->next;
  link = block->next;
  if (link != nullptr) link->previous = block->previous;
}

bool AddBlock(size_t kind) REQUIRES(blocks_lock) {
  void* memory = SystemAlloc(tuning::kMagazineBlockBytes);
  if (memory == nullptr) return false;
  MagazineBlock* block = ::new (memory) MagazineBlock;
  block->generation = generation;
  Link(block, kind);
  ++block_count;
  return true;
}

Magazine* Carve(MagazineBlock* block, size_t kind) {
  char* slots = reinterpret_cast<char*>(block + 1);
  void* slot = slots + block->carved++ * SlotBytes(kind);
  Magazine* magazine = ::new (slot) Magazine;
  magazine->kind = static_cast<uint32_t>(kind);
  magazine->home = block;
  return magazine;
}

}  // namespace

//! [NewMagazine]
Magazine* NewMagazine(size_t kind) {
  const MutexLock lock(blocks_lock);
  if (with_room[kind] == nullptr && !AddBlock(kind)) return nullptr;
  MagazineBlock* block = with_room[kind];
  Magazine* magazine = block->free.Pop();
  if (magazine == nullptr) magazine = Carve(block, kind);
  if (++block->live == SlotsInBlock(kind)) Unlink(block, kind);
  return magazine;
}
//! [NewMagazine]

//! [DeleteMagazine]
// A block without magazines goes back to the system, unless it is the only one
// with room. Under the lock: else statistics would meet bytes that nobody
// counts and the system still has.
void DeleteMagazine(Magazine* magazine) {
  if (magazine == nullptr) return;
  DCHECK(magazine->count == 0);
  MagazineBlock* block = magazine->home;
  const size_t kind = magazine->kind;
  const MutexLock lock(blocks_lock);
  if (block->generation != generation) return;
  if (block->live-- == SlotsInBlock(kind)) Link(block, kind);
  block->free.Push(magazine);
  const bool is_only_one = with_room[kind] == block && block->next == nullptr;
  if (block->live > 0 || is_only_one) return;
  Unlink(block, kind);
  --block_count;
  SystemFree(block, tuning::kMagazineBlockBytes);
}
//! [DeleteMagazine]

size_t MagazineFootprint() {
  const MutexLock lock(blocks_lock);
  return block_count * tuning::kMagazineBlockBytes;
}

LockCounts MagazineLocks() { return blocks_lock.Counts(); }

void MagazinesAfterFork() {
  if (!blocks_lock.LeftBehind()) return;
  blocks_lock.MakeNew();
  const MutexLock lock(blocks_lock);
  ++generation;
  for (MagazineBlock*& first : with_room) first = nullptr;
}

//! [MagazineStack::CutTo]
void MagazineStack::CutTo(size_t n, MagazineStack& rest) {
  Magazine** link = &first_;
  for (size_t i = 0; i < n; ++i) link = &(*link)->next;
  Magazine* magazine = *link;
  *link = nullptr;
  count_ = n;
  while (magazine != nullptr) {
    Magazine* next = magazine->next;
    rest.Push(magazine);
    magazine = next;
  }
}
//! [MagazineStack::CutTo]

//! [Depot::TakeIdle]
void Depot::TakeIdle(MagazineStack& idle, size_t most) {
  const size_t count = std::min(low_water_, most);
  loaded_.CutTo(loaded_.Count() - count, idle);
  for (const Magazine* magazine = idle.First(); magazine != nullptr;
       magazine = magazine->next) {
    objects_ -= magazine->count;
  }
  low_water_ = count < low_water_ ? low_water_ - count : loaded_.Count();
  empty_.CutTo(std::min(empty_.Count(), loaded_.Count()), idle);
}
//! [Depot::TakeIdle]

void Depot::TakeAll(MagazineStack& all, size_t) {
  low_water_ = loaded_.Count();
  TakeIdle(all, SIZE_MAX);
  empty_.CutTo(0, all);
}

size_t Depot::Abandon() {
  const size_t lost = objects_;
  loaded_.Clear();
  empty_.Clear();
  objects_ = low_water_ = 0;
  return lost;
}

void Depot::Validate() const {
  size_t count = 0;
  size_t objects = 0;
  for (const Magazine* magazine = loaded_.First(); magazine != nullptr;
       magazine = magazine->next) {
    CHECK(magazine->count > 0 &&
          magazine->count <= tuning::kMagazineLengths[magazine->kind]);
    objects += magazine->count;
    ++count;
  }
  CHECK(count == loaded_.Count() && objects == objects_);
  CHECK(low_water_ <= count);
}

}  // namespace pool
