#include "common/classic/fit.h"

namespace course::classic {

Fit::Fit(void* start, size_t bytes) : Arena(start, bytes) {
  last_bytes_ = static_cast<uint32_t>(size());
  *At(0) = Block{last_bytes_, 0, 0, BlockState::kFree, nullptr, nullptr};
}

Block* Fit::Place(size_t bytes) {
  Block* hole = FindHole(bytes);
  if (hole == nullptr) {
    hole = Wilderness(bytes);
    if (hole != nullptr) Split(hole, bytes);  // what is left is wild again
    return hole;
  }
  Block* previous = hole->previous_hole;
  RemoveHole(hole);
  Block* rest = Split(hole, bytes);
  if (rest != nullptr) PutHole(rest, previous);
  return hole;
}

Block* Fit::Wilderness(size_t bytes) {
  CountStep();
  Block* last = At(size() - last_bytes_);
  const bool fits = last->state == BlockState::kFree && last->bytes >= bytes;
  return fits ? last : nullptr;
}

void Fit::Release(Block* block) {
  block->state = BlockState::kFree;
  bool merged = false;
  Block* previous = nullptr;  // in the list, of the hole that we merge with
  Block* left = Left(block);
  if (left != nullptr && left->state == BlockState::kFree) {
    previous = left->previous_hole;
    RemoveHole(left);
    block = Merge(left, block);
    merged = true;
  }
  Block* right = Right(block);
  if (right != nullptr && right->state == BlockState::kFree) {
    if (!IsLast(right)) {
      previous = right->previous_hole;
      RemoveHole(right);
    }
    block = Merge(block, right);
    merged = true;
  }
  if (IsLast(block)) return;  // part of the wilderness now
  if (merged) {
    PutHole(block, previous);
  } else {
    AddHole(block);
  }
}

// Cuts `block` to `bytes` and returns what is left over, or nullptr when that
// is too little to be a block: it then stays inside, as waste.
Block* Fit::Split(Block* block, size_t bytes) {
  const size_t rest_bytes = block->bytes - bytes;
  if (rest_bytes < kMinBlockBytes) return nullptr;
  block->bytes = static_cast<uint32_t>(bytes);
  Block* rest = Right(block);
  rest->bytes = static_cast<uint32_t>(rest_bytes);
  rest->asked = 0;
  rest->state = BlockState::kFree;
  TagRight(block);
  TagRight(rest);
  return rest;
}

Block* Fit::Merge(Block* left, Block* right) {
  left->bytes += right->bytes;
  right->state = BlockState::kGone;  // so that freeing it again is noticed
  TagRight(left);
  return left;
}

void Fit::TagRight(const Block* block) {
  Block* right = Right(block);
  uint32_t& tag = right != nullptr ? right->left_bytes : last_bytes_;
  tag = block->bytes;
}

// Both neighbours must agree with the header: a user's bytes that happen to
// look like a header will hardly pass this.
bool Fit::StandsRight(const Block* block) const {
  const size_t offset = OffsetOf(block);
  if (block->bytes < kMinBlockBytes || block->bytes % kAlignment != 0 ||
      block->bytes > size() - offset || block->left_bytes > offset ||
      block->left_bytes % kAlignment != 0) {
    return false;
  }
  const Block* left = Left(block);
  const Block* right = Right(block);
  const uint32_t tag = right != nullptr ? right->left_bytes : last_bytes_;
  if (tag != block->bytes) return false;
  return left == nullptr ? block->left_bytes == 0
                         : left != block && left->bytes == block->left_bytes;
}

std::string Fit::ValidatePolicy() const {
  size_t expected = 0;
  uint32_t left_bytes = 0;
  bool left_free = false;
  for (const Block* b = At(0); b != nullptr; b = Right(b)) {
    const std::string at = "block at offset " + std::to_string(OffsetOf(b));
    const bool free = b->state == BlockState::kFree;
    if (b->left_bytes != left_bytes) return at + ": its boundary tag is wrong";
    if (free && left_free) return at + ": it and the one before are both free";
    if (free && !IsLast(b)) ++expected;
    left_bytes = b->bytes;
    left_free = free;
  }
  if (left_bytes != last_bytes_) return "the last block's tag is wrong";
  size_t found = 0;
  const std::string wrong = ValidateHoles(&found);
  if (!wrong.empty()) return wrong;
  return found == expected ? "" : "the free lists do not hold every hole once";
}

// A hole between two live blocks belongs behind the nearest hole on its left.
// Two ways lead there: the boundary tags, block by block to the left, which is
// short where holes are many, and the list from its head, which is short where
// holes are few. Walk both at once, until one arrives. (By the tags alone, a
// program that mostly grows looked at 400 blocks for each free.)
void OrderedFit::AddHole(Block* hole) {
  Block* left = Left(hole);
  Block* before = nullptr;
  Block* after = holes_.first();
  while (left != nullptr && left->state != BlockState::kFree &&
         after != nullptr && after < hole) {
    CountStep();
    left = Left(left);
    before = after;
    after = after->next_hole;
  }
  const bool by_tags = left == nullptr || left->state == BlockState::kFree;
  holes_.InsertAfter(by_tags ? left : before, hole);
}

std::string OrderedFit::ValidateHoles(size_t* holes) const {
  std::string wrong = ValidateList(holes_.first(), holes);
  if (!wrong.empty()) return wrong;
  for (const Block* hole = holes_.first(); hole != nullptr;
       hole = hole->next_hole) {
    if (hole->next_hole != nullptr && hole->next_hole < hole) {
      return "the free list is not in order of address";
    }
  }
  return "";
}

}  // namespace course::classic
