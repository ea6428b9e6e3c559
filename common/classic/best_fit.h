// Best fit: of all holes that are large enough, the smallest; of several
// equal ones, the lowest.
//
// Large holes are kept for large requests. The price: every search looks at
// every hole, unless one fits exactly. (Real ones keep the holes in a tree by
// size: fewer steps to the same hole, so the same fragmentation.)
//
// Used by one thread; no locks. The holes are one list in order of address.
#ifndef COURSE_CLASSIC_BEST_FIT_H_
#define COURSE_CLASSIC_BEST_FIT_H_

#include "common/classic/fit.h"

namespace course::classic {

class BestFit final : public OrderedFit {
 public:
  BestFit(void* start, size_t bytes) : OrderedFit(start, bytes) {}
  const char* name() const override { return "best fit"; }

 private:
  Block* FindHole(size_t bytes) override {
    Block* best = nullptr;
    for (Block* hole = holes_.first(); hole != nullptr;
         hole = hole->next_hole) {
      CountStep();
      if (hole->bytes < bytes) continue;
      if (best == nullptr || hole->bytes < best->bytes) best = hole;
      if (best->bytes == bytes) break;
    }
    return best;
  }
};

}  // namespace course::classic

#endif  // COURSE_CLASSIC_BEST_FIT_H_
