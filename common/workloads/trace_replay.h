// TraceReplay: plays a trace (common/classic/trace.h) on an allocator, and
// writes to every byte that it got, as a program would.
//
// Owned by one thread. What always holds: blocks()[i] is the trace's block i.
#ifndef COURSE_WORKLOADS_TRACE_REPLAY_H_
#define COURSE_WORKLOADS_TRACE_REPLAY_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "common/classic/trace.h"
#include "common/workloads/traced_block.h"

namespace course {

template <class Facade>
class TraceReplay {
 public:
  // All memory that it needs for itself it takes now: later, what the allocator
  // gave up must not come back as ours.
  explicit TraceReplay(const classic::Trace& trace) : events_(trace.events) {
    blocks_.reserve(trace.blocks);
    peak_ = PeakOf(trace);
  }
  TraceReplay(const TraceReplay&) = delete;
  TraceReplay& operator=(const TraceReplay&) = delete;

  // Up to the moment when the most bytes are in use. False, if a block could
  // not be served.
  bool Load() { return PlayUpTo(peak_); }

  // The rest.
  bool LetGo() { return PlayUpTo(events_.size()); }

  const std::vector<TracedBlock>& blocks() const { return blocks_; }

 private:
  static size_t PeakOf(const classic::Trace& trace) {
    std::vector<size_t> bytes;
    size_t now = 0;
    size_t most = 0;
    size_t peak = 0;  // so many events were played then
    for (size_t i = 0; i < trace.events.size(); ++i) {
      const classic::Event& event = trace.events[i];
      if (!event.allocates) {
        now -= bytes[event.block];
        continue;
      }
      bytes.push_back(event.bytes);
      now += event.bytes;
      if (now > most) {
        most = now;
        peak = i + 1;
      }
    }
    return peak;
  }

  bool PlayUpTo(size_t end) {
    for (; next_ < end; ++next_) {
      const classic::Event& event = events_[next_];
      if (event.allocates ? !Take(event.bytes) : !Free(event.block)) {
        return false;
      }
    }
    return true;
  }

  bool Take(size_t bytes) {
    void* const block = Facade::Allocate(bytes);
    if (block == nullptr) return false;
    std::memset(block, 1, bytes);
    blocks_.push_back({reinterpret_cast<uintptr_t>(block), bytes, true});
    return true;
  }

  bool Free(size_t index) {
    TracedBlock& block = blocks_[index];
    Facade::Deallocate(reinterpret_cast<void*>(block.start), block.bytes);
    block.is_live = false;
    return true;
  }

  const std::vector<classic::Event>& events_;
  std::vector<TracedBlock> blocks_;
  size_t next_ = 0;  // the event to be played
  size_t peak_ = 0;
};

}  // namespace course

#endif  // COURSE_WORKLOADS_TRACE_REPLAY_H_
