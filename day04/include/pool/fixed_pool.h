// FixedPool: objects of one size, in blocks, free ones linked by index.
//
// Owner: whoever declares it. No locks: its owner's lock guards it.
//
//   block   ┌──────┬────────────┬────────────┬────────┬──────┬────────────────
//           │ size │ free count │ first free │ carved │ next │ object 0 │ 1 │ …
//           └──────┴────────────┴────────────┴────────┴──────┴────────────────
//
// A free object's first four bytes hold the index of the next free one. An
// index is half as long as a pointer, so objects of four bytes can be linked;
// the price is that the block must be known before the object is found.
//
// What always holds:
//  - The first block holds `init` objects, each further one `grow`.
//  - Blocks on the open list have a free object; those on the full list none.
//  - Objects below `carved` have been handed out at least once; those above it
//    have never been touched.
//  - free count = length of the free list + size - carved.
//  - At most one block stands empty. A second one goes back to the system. (One
//    stays, or a caller who takes and returns one object at the edge of a block
//    would enter the kernel each time.)
//
// Deallocate has to find the block that an object came from, and looks at one
// block after the other. That is this design's weakness; do not use it for many
// blocks.
#ifndef POOL_FIXED_POOL_H_
#define POOL_FIXED_POOL_H_

#include <cstddef>
#include <cstdint>

#include "pool/bytes.h"
#include "pool/macros.h"
#include "pool/system_memory.h"

namespace pool {

struct FixedPoolFootprint {
  size_t blocks;  // bytes taken from the system
  size_t in_use;  // bytes of those in objects that callers hold
  size_t free;    // bytes of those in objects that nobody holds
};

class FixedPool {
 public:
  // Objects of `object_size` bytes, aligned to `alignment` (a power of two up
  // to 4096). With `grow` 0 the pool never grows beyond its first block.
  // Takes no memory yet.
  constexpr FixedPool(size_t object_size, size_t alignment, size_t init,
                      size_t grow)
      : stride_(Stride(object_size, alignment)),
        header_bytes_(RoundUp(sizeof(Block), alignment)),
        init_(init),
        grow_(grow) {
    CHECK(IsPowerOfTwo(alignment) && alignment <= kSmallestKernelPage);
  }
  // Gives every block back, whether its objects came home or not.
  ~FixedPool();
  FixedPool(const FixedPool&) = delete;
  FixedPool& operator=(const FixedPool&) = delete;

  // An object, its contents undefined; nullptr when the pool may not grow or
  // the system has no memory.
  void* Allocate();

  // Takes back what Allocate returned, and returns nullptr. A pointer that is
  // not the start of one of the pool's objects is returned unchanged, and
  // nothing happens. So is, in debug builds, an object freed twice in a row.
  void* Deallocate(void* object);

  FixedPoolFootprint Footprint() const;
  void Validate() const;

 private:
  using Index = uint32_t;
  static constexpr Index kNoIndex = UINT32_MAX;

  //! [FixedPool::Block]
  struct Block {
    size_t size;        // objects in this block
    size_t free_count;  // of those, not handed out
    Index first_free;   // head of the list of objects that came home
    Index carved;       // objects that were ever handed out
    Block* next;        // on the open or on the full list
  };
  //! [FixedPool::Block]

  // A place in one of the lists, so that a block can be taken out of it.
  using Link = Block**;

  static constexpr size_t Stride(size_t object_size, size_t alignment) {
    const size_t linkable =
        object_size < sizeof(Index) ? sizeof(Index) : object_size;
    // What cannot be is never served: Grow sees that it does not fit.
    if (linkable > kMaxBytes - alignment) return kMaxBytes;
    return RoundUp(linkable, alignment);
  }

  char* ObjectAt(const Block* block, size_t index) const;
  bool Owns(const Block* block, const void* object) const;
  Link FindOwner(Block** list, const void* object);
  void* TakeFrom(Block* block);
  void PutInto(Block* block, Index index);
  bool IsEmpty(const Block* block) const {
    return block->free_count == block->size;
  }
  size_t BlockBytes(size_t objects) const {
    return header_bytes_ + objects * stride_;
  }
  bool Grow();
  void Release(Block* block);
  void ReleaseAll(Block* list);
  struct Tally {
    size_t blocks = 0, empty = 0, objects = 0, free = 0;
  };
  void ValidateList(const Block* list, bool open, Tally* seen) const;

  // Set once by the constructor.
  const size_t stride_;        // bytes from one object to the next
  const size_t header_bytes_;  // bytes from a block's start to object 0
  const size_t init_;
  const size_t grow_;

  Block* open_ = nullptr;
  Block* full_ = nullptr;
  size_t block_count_ = 0;
  size_t empty_count_ = 0;   // blocks without an object handed out: 0 or 1
  size_t block_bytes_ = 0;   // of all blocks
  size_t object_count_ = 0;  // in all blocks
  size_t in_use_ = 0;        // objects handed out
};

}  // namespace pool

#endif  // POOL_FIXED_POOL_H_
