// Buddy system: every block is a power of two long and stands at a multiple of
// its length. A block that is too large is halved until it fits; a freed block
// merges with its buddy, the other half of the block that both came from.
//
// The buddy's address is one XOR away, so splitting and merging take a step
// for each halving, never a search. The price: a request is rounded up to a
// power of two, and two free neighbours that are not buddies stay apart. The
// header makes it worse: 4096 bytes with their header take a block of 8192.
// (The Linux kernel, whose requests are whole pages, keeps it elsewhere.)
//
// Used by one thread; no locks. The arena is the largest power of two that
// fits into the given range; the rest of the range is left alone. What always
// holds:
//   - a block of 2^k bytes stands at a multiple of 2^k and, while it is free,
//     is in lists_[k];
//   - two buddies of one size are never both free.
#ifndef COURSE_CLASSIC_BUDDY_H_
#define COURSE_CLASSIC_BUDDY_H_

#include "common/classic/arena.h"
#include "common/classic/hole_list.h"

namespace course::classic {

class Buddy final : public Arena {
 public:
  Buddy(void* start, size_t bytes);
  const char* name() const override { return "buddy"; }

 private:
  static constexpr int kOrders = 32;  // block lengths are 32-bit numbers

  Block* Place(size_t bytes) override;
  void Release(Block* block) override;
  bool StandsRight(const Block* block) const override;
  std::string ValidatePolicy() const override;

  void Halve(Block* block);
  Block* BuddyOf(const Block* block) const;  // nullptr for the whole arena

  HoleList lists_[kOrders];
};

}  // namespace course::classic

#endif  // COURSE_CLASSIC_BUDDY_H_
