// Next fit: like first fit, but each search goes on where the last one ended,
// and comes round to the bottom when it reaches the top.
//
// Searches are short, since small left-overs do not gather in one place. The
// price: live blocks are spread over the whole heap, and with them the holes.
//
// Used by one thread; no locks. The holes are one list in order of address.
// What always holds: `rover_` is the first hole that ends beyond `position_`,
// or nullptr when there is none.
#ifndef COURSE_CLASSIC_NEXT_FIT_H_
#define COURSE_CLASSIC_NEXT_FIT_H_

#include "common/classic/fit.h"

namespace course::classic {

class NextFit final : public OrderedFit {
 public:
  NextFit(void* start, size_t bytes) : OrderedFit(start, bytes) {}
  const char* name() const override { return "next fit"; }

 private:
  Block* FindHole(size_t bytes) override {
    Block* const begin = rover_ != nullptr ? rover_ : holes_.first();
    Block* hole = begin;
    while (hole != nullptr) {
      CountStep();
      if (hole->bytes >= bytes) {
        position_ = OffsetOf(hole) + bytes;
        rover_ = hole;
        return hole;
      }
      hole = hole->next_hole != nullptr ? hole->next_hole : holes_.first();
      if (hole == begin) break;  // once round
    }
    return nullptr;
  }

  void RemoveHole(Block* hole) override {
    if (rover_ == hole) rover_ = hole->next_hole;
    OrderedFit::RemoveHole(hole);
  }
  void AddHole(Block* hole) override {
    OrderedFit::AddHole(hole);
    LookAt(hole);
  }
  void PutHole(Block* hole, Block* previous) override {
    OrderedFit::PutHole(hole, previous);
    LookAt(hole);
  }

  // Is this new hole the one to go on with?
  void LookAt(Block* hole) {
    const bool beyond = OffsetOf(hole) + hole->bytes > position_;
    if (beyond && (rover_ == nullptr || hole < rover_)) rover_ = hole;
  }

  size_t position_ = 0;  // the end of the block that was placed last
  Block* rover_ = nullptr;
};

}  // namespace course::classic

#endif  // COURSE_CLASSIC_NEXT_FIT_H_
