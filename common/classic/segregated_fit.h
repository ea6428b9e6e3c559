// Segregated fit: the holes are sorted into lists by size, four lists to each
// doubling. A request looks through the list of its own size; if nothing there
// fits, it takes any hole from the next list that has one.
//
// Almost best fit's choice, almost without search. Holes are split and merged
// as in the other fits. (Segregated *storage*, where a block never changes its
// class, is another thing: that is what size classes of a pool are.)
//
// Used by one thread; no locks. What always holds:
//   - a hole of b bytes is in list ClassOf(b);
//   - bit c of `occupied_` is set when list c is not empty.
#ifndef COURSE_CLASSIC_SEGREGATED_FIT_H_
#define COURSE_CLASSIC_SEGREGATED_FIT_H_

#include "common/classic/fit.h"

namespace course::classic {

class SegregatedFit final : public Fit {
 public:
  // One bit each in a 64-bit word. The last list, of 1.75 MiB on, has no upper
  // bound.
  static constexpr int kClasses = 64;

  SegregatedFit(void* start, size_t bytes) : Fit(start, bytes) {}
  const char* name() const override { return "segregated fit"; }

  // 32, 40, 48, 56, 64, 80, 96, 112, 128, 160 ... are the lower bounds.
  static int ClassOf(size_t block_bytes);

 private:
  Block* FindHole(size_t bytes) override;
  void RemoveHole(Block* hole) override;
  void AddHole(Block* hole) override;
  void PutHole(Block* hole, Block* /*previous*/) override { AddHole(hole); }
  std::string ValidateHoles(size_t* holes) const override;

  HoleList lists_[kClasses];
  uint64_t occupied_ = 0;
};

}  // namespace course::classic

#endif  // COURSE_CLASSIC_SEGREGATED_FIT_H_
