// ObjectPool<T>: makes and destroys objects of one type without malloc. The
// allocator's own bookkeeping lives in such pools.
//
// Owner: whoever declares it. No locks: its owner's lock guards it, too.
//
// What always holds:
//  - New runs T's constructor and Delete its destructor, each time. What is
//    reused is memory, never an object.
//  - Memory comes from SystemAlloc, 128 KiB at a time; it goes back when the
//    pool dies, and not before. By then every object has been deleted.
//  - A slot is in use, or on the free list, or not yet carved, or lost in a
//    fork.
#ifndef POOL_OBJECT_POOL_H_
#define POOL_OBJECT_POOL_H_

#include <cstddef>
#include <new>
#include <utility>

#include "pool/bytes.h"
#include "pool/macros.h"
#include "pool/system_memory.h"

namespace pool {

struct ObjectPoolFootprint {
  size_t blocks;  // bytes taken from the system
  size_t in_use;  // bytes of those in objects that live
};

template <typename T>
class ObjectPool {
 public:
  // What one visit to the kernel brings, in bytes: some hundreds of objects of
  // the usual size, so that the visit does not count.
  static constexpr size_t kBlockBytes = 128 * 1024;

  constexpr ObjectPool() = default;
  ~ObjectPool();
  ObjectPool(const ObjectPool&) = delete;
  ObjectPool& operator=(const ObjectPool&) = delete;

  // A new T, or nullptr when the system has no memory. If T's constructor
  // throws, the slot is free again and the exception goes on to the caller.
  template <typename... Args>
  T* New(Args&&... args);

  // Destroys what New returned; nullptr is fine.
  void Delete(T* object) noexcept;

  // For the child of a fork, if it cannot know how far a change here had come.
  // The `in_use` objects that live stay; all other slots are lost.
  void Abandon(size_t in_use);

  ObjectPoolFootprint Footprint() const {
    return {block_count_ * kBlockBytes, in_use_ * sizeof(Slot)};
  }
  void Validate() const;

 private:
  // A free slot holds the link to the next one, in the bytes of the object
  // that it will be.
  union Slot {
    Slot() {}
    Slot* next_free;
    alignas(T) unsigned char object[sizeof(T)];
  };

  struct Block {
    Block* next;
  };
  static constexpr size_t kHeaderBytes = RoundUp(sizeof(Block), alignof(Slot));
  static constexpr size_t kSlotsInBlock =
      (kBlockBytes - kHeaderBytes) / sizeof(Slot);
  static_assert(alignof(Slot) <= kSmallestKernelPage, "what SystemAlloc gives");
  static_assert(sizeof(Slot) * 8 <= kBlockBytes, "a block holds a few objects");

  void* Take();
  void PutBack(void* object);
  bool Grow();

  Block* blocks_ = nullptr;
  Slot* free_ = nullptr;       // slots that were used before
  Slot* uncarved_ = nullptr;   // the rest of the newest block,
  size_t uncarved_count_ = 0;  // never used yet
  size_t block_count_ = 0;
  size_t in_use_ = 0;
  size_t lost_ = 0;
};

template <typename T>
ObjectPool<T>::~ObjectPool() {
  DCHECK(in_use_ == 0);
  while (blocks_ != nullptr) {
    Block* block = blocks_;
    blocks_ = block->next;
    SystemFree(block, kBlockBytes);
  }
}

//! [ObjectPool::New]
template <typename T>
template <typename... Args>
T* ObjectPool<T>::New(Args&&... args) {
  void* slot = Take();
  if (slot == nullptr) return nullptr;
  try {
    return ::new (slot) T(std::forward<Args>(args)...);
  } catch (...) {
    PutBack(slot);
    throw;
  }
}
//! [ObjectPool::New]

//! [ObjectPool::Delete]
template <typename T>
void ObjectPool<T>::Delete(T* object) noexcept {
  if (object == nullptr) return;
  object->~T();
  PutBack(object);
}
//! [ObjectPool::Delete]

//! [ObjectPool::Take]
template <typename T>
void* ObjectPool<T>::Take() {
  Slot* slot = free_;
  if (slot != nullptr) {
    free_ = slot->next_free;
  } else {
    if (uncarved_count_ == 0 && !Grow()) return nullptr;
    slot = uncarved_++;
    --uncarved_count_;
  }
  ++in_use_;
  return slot;
}
//! [ObjectPool::Take]

//! [ObjectPool::PutBack]
template <typename T>
void ObjectPool<T>::PutBack(void* object) {
  Slot* slot = ::new (object) Slot;
  slot->next_free = free_;
  free_ = slot;
  --in_use_;
}
//! [ObjectPool::PutBack]

template <typename T>
bool ObjectPool<T>::Grow() {
  void* memory = SystemAlloc(kBlockBytes);
  if (memory == nullptr) return false;
  blocks_ = ::new (memory) Block{blocks_};
  ++block_count_;
  uncarved_ =
      reinterpret_cast<Slot*>(static_cast<char*>(memory) + kHeaderBytes);
  uncarved_count_ = kSlotsInBlock;
  return true;
}

//! [ObjectPool::Abandon]
template <typename T>
void ObjectPool<T>::Abandon(size_t in_use) {
  free_ = nullptr;
  uncarved_count_ = 0;
  in_use_ = in_use;
  lost_ = block_count_ * kSlotsInBlock - in_use;
}
//! [ObjectPool::Abandon]

template <typename T>
void ObjectPool<T>::Validate() const {
  size_t slots = in_use_ + lost_ + uncarved_count_;
  for (const Slot* slot = free_; slot != nullptr; slot = slot->next_free) {
    ++slots;
    CHECK(slots <= block_count_ * kSlotsInBlock);  // the free list has a loop
  }
  CHECK(slots == block_count_ * kSlotsInBlock);
}

}  // namespace pool

#endif  // POOL_OBJECT_POOL_H_
