#include "common/classic/segregated_fit.h"

#include <algorithm>

namespace course::classic {

// The highest set bit says which doubling, the two bits below it which
// quarter of that doubling.
int SegregatedFit::ClassOf(size_t block_bytes) {
  const int top_bit = 63 - __builtin_clzll(block_bytes);
  const int quarter = static_cast<int>(block_bytes >> (top_bit - 2)) & 3;
  constexpr int kLowestBit = 5;  // kMinBlockBytes is 1 << 5
  return std::min(kClasses - 1, (top_bit - kLowestBit) * 4 + quarter);
}

Block* SegregatedFit::FindHole(size_t bytes) {
  const int own = ClassOf(bytes);
  for (Block* hole = lists_[own].first(); hole != nullptr;
       hole = hole->next_hole) {
    CountStep();
    if (hole->bytes >= bytes) return hole;
  }
  // Every hole in a higher list is large enough. Shifting in two moves: one
  // by 64 would be undefined.
  const uint64_t higher = occupied_ >> own >> 1 << own << 1;
  if (higher == 0) return nullptr;
  CountStep();
  return lists_[__builtin_ctzll(higher)].first();
}

void SegregatedFit::AddHole(Block* hole) {
  const int index = ClassOf(hole->bytes);
  lists_[index].PushFront(hole);
  occupied_ |= uint64_t{1} << index;
}

void SegregatedFit::RemoveHole(Block* hole) {
  const int index = ClassOf(hole->bytes);
  lists_[index].Remove(hole);
  if (lists_[index].empty()) occupied_ &= ~(uint64_t{1} << index);
}

std::string SegregatedFit::ValidateHoles(size_t* holes) const {
  for (int index = 0; index < kClasses; ++index) {
    const HoleList& list = lists_[index];
    const std::string which = "list " + std::to_string(index);
    if (((occupied_ >> index & 1) != 0) == list.empty()) {
      return which + ": its bit is wrong";
    }
    std::string wrong = ValidateList(list.first(), holes);
    if (!wrong.empty()) return wrong;
    for (const Block* hole = list.first(); hole != nullptr;
         hole = hole->next_hole) {
      if (ClassOf(hole->bytes) != index) return which + ": a hole is misfiled";
    }
  }
  return "";
}

}  // namespace course::classic
