// StackTable: which stacks of calls there were, and what they hold. Equal
// stacks have one number, which is short to keep beside a block.
//
// Owner: whoever declares it. No locks: its owner's lock guards it, too.
//
// What always holds:
//  - A number leads to the same stack as long as there is one; 0 to none. It
//    is never given to another stack, not even after Abandon.
//  - No two stacks of the table are equal.
//  - Memory comes from the system and stays. Without memory a new stack has no
//    number, and the table is as it was.
#ifndef POOL_STACK_TABLE_H_
#define POOL_STACK_TABLE_H_

#include <cstddef>
#include <cstdint>

#include "pool/call_stack.h"
#include "pool/object_pool.h"

namespace pool {

// Blocks that are there, and all that ever were.
struct StackUse {
  size_t blocks = 0;
  size_t bytes = 0;
  size_t all_blocks = 0;
  size_t all_bytes = 0;
};

class StackTable {
 public:
  constexpr StackTable() = default;
  StackTable(const StackTable&) = delete;
  StackTable& operator=(const StackTable&) = delete;
  ~StackTable();

  // Notes a block. Returns its stack's number; 0, if there is no memory.
  uint32_t Add(const CallStack& stack, size_t bytes);
  // The block is gone. An unknown number is no mistake: see Abandon.
  void Remove(uint32_t number, size_t bytes);

  // Numbers from Begin() on, and below End().
  uint32_t Begin() const { return before_ + 1; }
  uint32_t End() const { return before_ + count_ + 1; }
  struct Entry {
    CallStack stack;
    StackUse use;
  };
  // nullptr for a number that leads nowhere.
  const Entry* Find(uint32_t number) const;
  // Of all stacks together.
  const StackUse& Sum() const { return sum_; }

  // Bytes taken from the system.
  size_t Footprint() const;

  // For the child of a fork, if it cannot know how far a change here had come:
  // all stacks are forgotten, and their numbers lead nowhere.
  void Abandon();
  void Validate() const;

 private:
  struct Stack {
    Entry entry;
    uint64_t hash;
  };

  static constexpr uint32_t kFirstRoom = 512;
  static constexpr uint32_t kMostRoom = 1u << 24;  // 10 GiB of stacks

  Stack* At(uint32_t number) const;
  // Where the number of an equal stack stands, or would stand.
  uint32_t* PlaceOf(const CallStack& stack, uint64_t hash) const;
  uint32_t Insert(const CallStack& stack, uint64_t hash);
  bool Grow();

  // The stacks in the order of their numbers, then the hash table: twice as
  // many places (open addressing), each a number or 0.
  static size_t TableBytes(uint32_t room) {
    return room * (sizeof(Stack*) + 2 * sizeof(uint32_t));
  }

  ObjectPool<Stack> memory_;
  Stack** stacks_ = nullptr;
  uint32_t* places_ = nullptr;
  uint32_t room_ = 0;    // for stacks: a power of two, or 0
  uint32_t count_ = 0;   // stacks that there are
  uint32_t before_ = 0;  // numbers that lead nowhere, as they were abandoned
  StackUse sum_;
  size_t abandoned_ = 0;  // bytes
};

}  // namespace pool

#endif  // POOL_STACK_TABLE_H_
