#include "common/classic/buddy.h"

#include <algorithm>

namespace course::classic {
namespace {

// The k of the largest 2^k that is not above `bytes`.
int OrderWithin(size_t bytes) { return 63 - __builtin_clzll(bytes); }

// The k of the smallest 2^k that is not below `bytes`.
int OrderAround(size_t bytes) { return OrderWithin(bytes - 1) + 1; }

}  // namespace

Buddy::Buddy(void* start, size_t bytes) : Arena(start, bytes) {
  const int order = OrderWithin(size());
  UseOnly(size_t{1} << order);
  *At(0) =
      Block{uint32_t{1} << order, 0, 0, BlockState::kFree, nullptr, nullptr};
  lists_[order].PushFront(At(0));
}

Block* Buddy::Place(size_t bytes) {
  const int wanted = OrderAround(bytes);
  int order = wanted;
  while (order < kOrders && lists_[order].empty()) {
    CountStep();
    ++order;
  }
  if (order >= kOrders) return nullptr;
  CountStep();
  Block* block = lists_[order].first();
  lists_[order].Remove(block);
  for (; order > wanted; --order) Halve(block);
  return block;
}

// The lower half stays `block`, the upper half becomes a hole.
void Buddy::Halve(Block* block) {
  block->bytes /= 2;
  Block* upper = Right(block);
  *upper = Block{block->bytes, 0, 0, BlockState::kFree, nullptr, nullptr};
  lists_[OrderWithin(upper->bytes)].PushFront(upper);
}

void Buddy::Release(Block* block) {
  block->state = BlockState::kFree;
  Block* buddy = BuddyOf(block);
  // A buddy that has been halved is smaller than the block: not whole, so not
  // to be merged with.
  while (buddy != nullptr && buddy->state == BlockState::kFree &&
         buddy->bytes == block->bytes) {
    CountStep();
    lists_[OrderWithin(buddy->bytes)].Remove(buddy);
    Block* upper = std::max(block, buddy);
    block = std::min(block, buddy);
    upper->state = BlockState::kGone;
    block->bytes *= 2;
    buddy = BuddyOf(block);
  }
  lists_[OrderWithin(block->bytes)].PushFront(block);
}

Block* Buddy::BuddyOf(const Block* block) const {
  if (block->bytes == size()) return nullptr;
  return At(OffsetOf(block) ^ block->bytes);
}

bool Buddy::StandsRight(const Block* block) const {
  const size_t bytes = block->bytes;
  const bool power_of_two = bytes != 0 && (bytes & (bytes - 1)) == 0;
  return power_of_two && bytes >= kMinBlockBytes && bytes <= size() &&
         OffsetOf(block) % bytes == 0;
}

std::string Buddy::ValidatePolicy() const {
  size_t expected = 0;
  for (const Block* b = At(0); b != nullptr; b = Right(b)) {
    const std::string at = "block at offset " + std::to_string(OffsetOf(b));
    if (!StandsRight(b)) return at + ": no such block can be here";
    if (b->state != BlockState::kFree) continue;
    ++expected;
    const Block* buddy = BuddyOf(b);
    if (buddy != nullptr && buddy->state == BlockState::kFree &&
        buddy->bytes == b->bytes) {
      return at + ": it and its buddy are both free";
    }
  }
  size_t found = 0;
  for (int order = 0; order < kOrders; ++order) {
    std::string wrong = ValidateList(lists_[order].first(), &found);
    if (!wrong.empty()) return wrong;
    for (const Block* hole = lists_[order].first(); hole != nullptr;
         hole = hole->next_hole) {
      if (OrderWithin(hole->bytes) != order) return "a hole is misfiled";
    }
  }
  return found == expected ? "" : "the lists do not hold every hole once";
}

}  // namespace course::classic
