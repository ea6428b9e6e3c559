#include "pool/fixed_pool.h"

#include <cstring>
#include <new>

namespace pool {

FixedPool::~FixedPool() {
  ReleaseAll(open_);
  ReleaseAll(full_);
}

//! [FixedPool::Allocate]
void* FixedPool::Allocate() {
  if (open_ == nullptr && !Grow()) return nullptr;
  Block* block = open_;
  void* object = TakeFrom(block);
  if (block->free_count == 0) {
    open_ = block->next;
    block->next = full_;
    full_ = block;
  }
  return object;
}
//! [FixedPool::Allocate]

//! [FixedPool::TakeFrom]
// REQUIRES: the block has a free object. One that came home goes first: its
// bytes may still be in the CPU's cache.
void* FixedPool::TakeFrom(Block* block) {
  Index index = block->first_free;
  if (index == kNoIndex) {
    index = block->carved++;
  } else {
    memcpy(&block->first_free, ObjectAt(block, index), sizeof(Index));
  }
  if (IsEmpty(block)) --empty_count_;
  --block->free_count;
  ++in_use_;
  return ObjectAt(block, index);
}
//! [FixedPool::TakeFrom]

//! [FixedPool::Deallocate]
void* FixedPool::Deallocate(void* object) {
  const Link open = FindOwner(&open_, object);
  const Link link = *open != nullptr ? open : FindOwner(&full_, object);
  Block* block = *link;
  if (block == nullptr) return object;

  const size_t offset =
      static_cast<size_t>(static_cast<char*>(object) - ObjectAt(block, 0));
  if (offset % stride_ != 0) return object;
  const Index index = static_cast<Index>(offset / stride_);
  if (index >= block->carved) return object;
  if (kDebugBuild && index == block->first_free) return object;

  const bool was_full = block->free_count == 0;
  PutInto(block, index);
  const bool surplus = IsEmpty(block) && empty_count_ > 1;
  if (!was_full && !surplus) return nullptr;
  *link = block->next;
  if (surplus) {
    Release(block);
  } else {
    block->next = open_;
    open_ = block;
  }
  return nullptr;
}
//! [FixedPool::Deallocate]

//! [FixedPool::PutInto]
void FixedPool::PutInto(Block* block, Index index) {
  memcpy(ObjectAt(block, index), &block->first_free, sizeof(Index));
  block->first_free = index;
  ++block->free_count;
  if (IsEmpty(block)) ++empty_count_;
  --in_use_;
}
//! [FixedPool::PutInto]

char* FixedPool::ObjectAt(const Block* block, size_t index) const {
  const char* start = reinterpret_cast<const char*>(block);
  return const_cast<char*>(start) + header_bytes_ + index * stride_;
}

bool FixedPool::Owns(const Block* block, const void* object) const {
  const uintptr_t address = reinterpret_cast<uintptr_t>(object);
  const uintptr_t first = reinterpret_cast<uintptr_t>(ObjectAt(block, 0));
  return address >= first && address - first < block->size * stride_;
}

//! [FixedPool::FindOwner]
// The link that leads to the block that `object` lies in; one that leads to
// nullptr, if none of the list's blocks does.
FixedPool::Link FixedPool::FindOwner(Block** list, const void* object) {
  Link link = list;
  while (*link != nullptr && !Owns(*link, object)) link = &(*link)->next;
  return link;
}
//! [FixedPool::FindOwner]

//! [FixedPool::Grow]
// REQUIRES: no block is open. Adds one.
bool FixedPool::Grow() {
  const bool first = block_count_ == 0 && init_ != 0;
  const size_t objects = first ? init_ : grow_;
  if (objects == 0 || objects >= kNoIndex) return false;
  if (stride_ > (kMaxBytes - header_bytes_) / objects) return false;
  void* memory = SystemAlloc(BlockBytes(objects));
  if (memory == nullptr) return false;

  open_ = ::new (memory) Block{objects, objects, kNoIndex, 0, nullptr};
  ++block_count_;
  ++empty_count_;
  block_bytes_ += SystemSize(BlockBytes(objects));
  object_count_ += objects;
  return true;
}
//! [FixedPool::Grow]

// REQUIRES: the block is empty, and on no list.
void FixedPool::Release(Block* block) {
  const size_t objects = block->size;
  --block_count_;
  --empty_count_;
  block_bytes_ -= SystemSize(BlockBytes(objects));
  object_count_ -= objects;
  SystemFree(block, BlockBytes(objects));
}

void FixedPool::ReleaseAll(Block* list) {
  while (list != nullptr) {
    Block* next = list->next;
    SystemFree(list, BlockBytes(list->size));
    list = next;
  }
}

FixedPoolFootprint FixedPool::Footprint() const {
  return {block_bytes_, in_use_ * stride_, (object_count_ - in_use_) * stride_};
}

void FixedPool::Validate() const {
  Tally seen;
  ValidateList(open_, true, &seen);
  ValidateList(full_, false, &seen);
  CHECK(seen.blocks == block_count_);
  CHECK(seen.empty == empty_count_ && empty_count_ <= 1);
  CHECK(seen.objects == object_count_);
  CHECK(seen.free == object_count_ - in_use_);
}

void FixedPool::ValidateList(const Block* list, bool open, Tally* seen) const {
  for (const Block* block = list; block != nullptr; block = block->next) {
    CHECK((block->free_count != 0) == open);
    CHECK(block->carved <= block->size);
    size_t free_count = block->size - block->carved;
    for (Index index = block->first_free; index != kNoIndex; ++free_count) {
      CHECK(index < block->carved);
      CHECK(free_count < block->free_count);  // or the free list has a loop
      memcpy(&index, ObjectAt(block, index), sizeof(Index));
    }
    CHECK(free_count == block->free_count);
    seen->blocks += 1;
    seen->empty += IsEmpty(block) ? 1 : 0;
    seen->objects += block->size;
    seen->free += free_count;
  }
}

}  // namespace pool
