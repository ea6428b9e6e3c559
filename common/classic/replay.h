// Replays a trace on an arena, and measures it on the way.
//
// Owned by the caller, who also owns the arena; no locks.
//
// Two kinds of fragmentation, each a share between 0 and 1:
//   internal   of the bytes in live blocks, those that nobody asked for:
//              headers and rounding;
//   external   of the free bytes, those outside the largest free block: the
//              part that a request as large as all free memory cannot have.
#ifndef COURSE_CLASSIC_REPLAY_H_
#define COURSE_CLASSIC_REPLAY_H_

#include <vector>

#include "common/classic/arena.h"
#include "common/classic/trace.h"

namespace course::classic {

struct Snapshot {
  size_t event = 0;  // after so many events of the trace
  size_t asked = 0;
  size_t live = 0;  // bytes of live blocks
  FreeSpace free;
  double internal = 0;
  double external = 0;
  // Every request up to the first of these is served now. Beyond it requests
  // are refused, and up to the second only because the free bytes are
  // scattered: in one piece they would be enough.
  size_t largest_served = 0;
  size_t largest_scattered = 0;
  std::vector<BlockView> blocks;
};

struct Replay {
  double mean_internal = 0;  // over samples spread evenly over the trace
  double mean_external = 0;
  std::vector<Snapshot> snapshots;  // after each quarter of the trace
};

// A request that is refused is left out, and so is its free. Counts of steps
// and refusals are in the arena's counters.
Replay ReplayTrace(const Trace& trace, Arena* arena);

}  // namespace course::classic

#endif  // COURSE_CLASSIC_REPLAY_H_
