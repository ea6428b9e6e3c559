#include "pool/stack_table.h"

#include <algorithm>

#include "pool/macros.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

uint64_t HashOf(const CallStack& stack) {
  uint64_t hash = stack.depth;
  for (size_t i = 0; i < stack.depth; ++i) {
    hash = (hash ^ stack.calls[i]) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 32;
  }
  return hash;
}

bool AreEqual(const CallStack& a, const CallStack& b) {
  return a.depth == b.depth && std::equal(a.calls, a.calls + a.depth, b.calls);
}

}  // namespace

StackTable::~StackTable() {
  for (uint32_t i = 0; i < count_; ++i) memory_.Delete(stacks_[i]);
  if (room_ != 0) SystemFree(stacks_, TableBytes(room_));
}

//! [StackTable::Add]
uint32_t StackTable::Add(const CallStack& stack, size_t bytes) {
  const uint64_t hash = HashOf(stack);
  const uint32_t* place = room_ == 0 ? nullptr : PlaceOf(stack, hash);
  const uint32_t number =
      place != nullptr && *place != 0 ? *place : Insert(stack, hash);
  if (number == 0) return 0;
  for (StackUse* use : {&At(number)->entry.use, &sum_}) {
    ++use->blocks;
    ++use->all_blocks;
    use->bytes += bytes;
    use->all_bytes += bytes;
  }
  return number;
}
//! [StackTable::Add]

//! [StackTable::Remove]
void StackTable::Remove(uint32_t number, size_t bytes) {
  Stack* stack = At(number);
  if (stack == nullptr) return;
  for (StackUse* use : {&stack->entry.use, &sum_}) {
    --use->blocks;
    use->bytes -= bytes;
  }
}
//! [StackTable::Remove]

const StackTable::Entry* StackTable::Find(uint32_t number) const {
  const Stack* stack = At(number);
  return stack == nullptr ? nullptr : &stack->entry;
}

StackTable::Stack* StackTable::At(uint32_t number) const {
  const bool is_here = number >= Begin() && number < End();
  return is_here ? stacks_[number - Begin()] : nullptr;
}

uint32_t* StackTable::PlaceOf(const CallStack& stack, uint64_t hash) const {
  const uint32_t last = room_ * 2 - 1;
  for (uint32_t i = static_cast<uint32_t>(hash) & last;; i = (i + 1) & last) {
    if (places_[i] == 0) return &places_[i];
    const Stack* other = At(places_[i]);
    if (other->hash == hash && AreEqual(other->entry.stack, stack)) {
      return &places_[i];
    }
  }
}

//! [StackTable::Insert]
uint32_t StackTable::Insert(const CallStack& stack, uint64_t hash) {
  if (count_ == room_ && !Grow()) return 0;
  Stack* made = memory_.New();
  if (made == nullptr) return 0;
  made->entry.stack = stack;
  made->hash = hash;
  stacks_[count_++] = made;
  return *PlaceOf(stack, hash) = before_ + count_;
}
//! [StackTable::Insert]

//! [StackTable::Grow]
// Twice the room: half of the places stay empty, so that to look one up is
// short.
bool StackTable::Grow() {
  const uint32_t room = room_ == 0 ? kFirstRoom : room_ * 2;
  if (room > kMostRoom) return false;
  void* memory = SystemAlloc(TableBytes(room));
  if (memory == nullptr) return false;
  Stack** old_stacks = stacks_;
  const uint32_t old_room = room_;
  stacks_ = static_cast<Stack**>(memory);
  places_ = reinterpret_cast<uint32_t*>(stacks_ + room);
  room_ = room;
  for (uint32_t i = 0; i < count_; ++i) {
    stacks_[i] = old_stacks[i];
    *PlaceOf(stacks_[i]->entry.stack, stacks_[i]->hash) = Begin() + i;
  }
  if (old_room != 0) SystemFree(old_stacks, TableBytes(old_room));
  return true;
}
//! [StackTable::Grow]

size_t StackTable::Footprint() const {
  const size_t table = room_ == 0 ? 0 : SystemSize(TableBytes(room_));
  return table + memory_.Footprint().blocks + abandoned_;
}

//! [StackTable::Abandon]
// One number more than were counted: a stack may have been on its way in.
void StackTable::Abandon() {
  if (room_ != 0) abandoned_ += SystemSize(TableBytes(room_));
  before_ = End();
  memory_.Abandon(0);
  stacks_ = nullptr;
  places_ = nullptr;
  room_ = 0;
  count_ = 0;
  sum_ = {};
}
//! [StackTable::Abandon]

void StackTable::Validate() const {
  memory_.Validate();
  CHECK(count_ <= room_);
  StackUse sum;
  for (uint32_t i = 0; i < count_; ++i) {
    const Stack& stack = *stacks_[i];
    const StackUse& use = stack.entry.use;
    CHECK(stack.hash == HashOf(stack.entry.stack));
    CHECK(*PlaceOf(stack.entry.stack, stack.hash) == Begin() + i);
    CHECK(use.blocks <= use.all_blocks && use.bytes <= use.all_bytes);
    sum.blocks += use.blocks;
    sum.bytes += use.bytes;
    sum.all_blocks += use.all_blocks;
    sum.all_bytes += use.all_bytes;
  }
  CHECK(sum.blocks == sum_.blocks && sum.bytes == sum_.bytes);
  CHECK(sum.all_blocks == sum_.all_blocks && sum.all_bytes == sum_.all_bytes);
}

}  // namespace pool
