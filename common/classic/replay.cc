#include "common/classic/replay.h"

#include <algorithm>

namespace course::classic {
namespace {

constexpr size_t kSamples = 200;
constexpr size_t kSnapshots = 4;

double Share(size_t part, size_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / whole;
}

Snapshot Measure(const Arena& arena) {
  Snapshot now;
  now.asked = arena.counters().live_asked;
  now.live = arena.counters().live_bytes;
  now.free = arena.Free();
  now.internal = Share(now.live - now.asked, now.live);
  now.external = Share(now.free.bytes - now.free.largest, now.free.bytes);
  now.largest_served = arena.LargestRequest();
  if (now.free.bytes != 0) {
    now.largest_scattered = now.free.bytes - kHeaderBytes;
  }
  return now;
}

// Is event number `done` the last one of one of `parts` equal parts of `all`?
bool EndsPart(size_t done, size_t parts, size_t all) {
  return done * parts / all != (done - 1) * parts / all;
}

}  // namespace

Replay ReplayTrace(const Trace& trace, Arena* arena) {
  Replay replay;
  std::vector<void*> blocks(trace.blocks, nullptr);
  const size_t all = trace.events.size();
  size_t samples = 0;
  size_t done = 0;
  for (const Event& event : trace.events) {
    if (event.allocates) {
      blocks[event.block] = arena->Allocate(event.bytes);
    } else {
      arena->Deallocate(blocks[event.block]);
    }
    ++done;
    if (EndsPart(done, kSamples, all)) {
      const Snapshot now = Measure(*arena);
      ++samples;
      replay.mean_internal += now.internal;
      replay.mean_external += now.external;
    }
    if (EndsPart(done, kSnapshots, all)) {
      replay.snapshots.push_back(Measure(*arena));
      replay.snapshots.back().event = done;
      replay.snapshots.back().blocks = arena->Blocks();
    }
  }
  replay.mean_internal /= static_cast<double>(std::max<size_t>(samples, 1));
  replay.mean_external /= static_cast<double>(std::max<size_t>(samples, 1));
  return replay;
}

}  // namespace course::classic
