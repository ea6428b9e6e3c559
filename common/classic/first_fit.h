// First fit: of all holes that are large enough, the one at the lowest address.
//
// The search begins at the bottom each time, so live blocks gather there and
// the top of the arena stays in one piece. The price: small left-overs gather
// at the bottom too, and each search walks past them.
//
// Used by one thread; no locks. The holes are one list in order of address.
#ifndef COURSE_CLASSIC_FIRST_FIT_H_
#define COURSE_CLASSIC_FIRST_FIT_H_

#include "common/classic/fit.h"

namespace course::classic {

class FirstFit final : public OrderedFit {
 public:
  FirstFit(void* start, size_t bytes) : OrderedFit(start, bytes) {}
  const char* name() const override { return "first fit"; }

 private:
  Block* FindHole(size_t bytes) override {
    Block* hole = holes_.first();
    for (; hole != nullptr; hole = hole->next_hole) {
      CountStep();
      if (hole->bytes >= bytes) break;
    }
    return hole;
  }
};

}  // namespace course::classic

#endif  // COURSE_CLASSIC_FIRST_FIT_H_
