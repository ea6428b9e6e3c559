// The common half of first fit, next fit, best fit and segregated fit: a hole
// is split when it is too large, and a freed block merges with free neighbours
// on both sides. Which hole is taken is left to the policy.
//
// Boundary tags make merging cheap: each header also holds the size of the
// block before it, so both neighbours are found by one addition each.
//
// The last block of the arena, while it is free, is the wilderness. It is in
// no list: it is used when no hole fits, so the heap grows only when it must.
//
// Used by one thread; no locks. What always holds:
//   - two free blocks are never neighbours;
//   - every free block but the wilderness is known to the policy.
#ifndef COURSE_CLASSIC_FIT_H_
#define COURSE_CLASSIC_FIT_H_

#include "common/classic/arena.h"
#include "common/classic/hole_list.h"

namespace course::classic {

class Fit : public Arena {
 protected:
  Fit(void* start, size_t bytes);

  // The policy. FindHole counts a step for each hole that it looks at and
  // leaves the hole where it is; nullptr when none has `bytes`.
  virtual Block* FindHole(size_t bytes) = 0;
  virtual void RemoveHole(Block* hole) = 0;
  // Files a hole that stands between two live blocks, place unknown.
  virtual void AddHole(Block* hole) = 0;
  // The same after a split or a merge: `previous` was before it in the list.
  virtual void PutHole(Block* hole, Block* previous) = 0;
  // How many holes the policy knows; says what is wrong with its lists.
  virtual std::string ValidateHoles(size_t* holes) const = 0;

  Block* Left(const Block* block) const {  // nullptr before the first block
    const size_t offset = OffsetOf(block);
    return offset == 0 ? nullptr : At(offset - block->left_bytes);
  }

 private:
  Block* Place(size_t bytes) override;
  void Release(Block* block) override;
  bool StandsRight(const Block* block) const override;
  std::string ValidatePolicy() const override;

  bool IsLast(const Block* block) const { return Right(block) == nullptr; }
  Block* Wilderness(size_t bytes);
  Block* Split(Block* block, size_t bytes);
  Block* Merge(Block* left, Block* right);
  void TagRight(const Block* block);

  uint32_t last_bytes_;  // the tag of the last block, which has no right one
};

// First, next and best fit keep their holes in one list in order of address.
class OrderedFit : public Fit {
 protected:
  using Fit::Fit;

  void RemoveHole(Block* hole) override { holes_.Remove(hole); }
  void AddHole(Block* hole) override;
  void PutHole(Block* hole, Block* previous) override {
    holes_.InsertAfter(previous, hole);
  }
  std::string ValidateHoles(size_t* holes) const override;

  HoleList holes_;
};

}  // namespace course::classic

#endif  // COURSE_CLASSIC_FIT_H_
