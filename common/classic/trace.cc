#include "common/classic/trace.h"

#include <algorithm>

#include "common/classic/arena.h"

namespace course::classic {
namespace {

// The highest sum, over time, of `cost` of the live blocks' sizes.
template <class Cost>
size_t Peak(const Trace& trace, Cost cost) {
  std::vector<uint32_t> bytes(trace.blocks);
  size_t now = 0;
  size_t peak = 0;
  for (const Event& event : trace.events) {
    if (event.allocates) {
      bytes[event.block] = event.bytes;
      now += cost(event.bytes);
      peak = std::max(peak, now);
    } else {
      now -= cost(bytes[event.block]);
    }
  }
  return peak;
}

}  // namespace

size_t PeakAsked(const Trace& trace) {
  return Peak(trace, [](size_t bytes) { return bytes; });
}

size_t ArenaBytesFor(const Trace& trace) {
  const size_t packed = Peak(trace, BlockBytesFor);
  size_t arena = kMinBlockBytes;
  while (arena < packed + packed / 4) arena *= 2;
  return arena;
}

}  // namespace course::classic
