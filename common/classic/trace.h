// A trace: which blocks a program asked for and gave back, in which order. It
// holds no addresses, so any allocator can be asked to serve it.
//
// Plain values, owned by whoever made them; no locks. What always holds: a
// block is freed at most once, and only after it was allocated.
#ifndef COURSE_CLASSIC_TRACE_H_
#define COURSE_CLASSIC_TRACE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace course::classic {

struct Event {
  bool allocates;  // else it frees
  uint32_t block;  // blocks are numbered from 0 in order of allocation
  uint32_t bytes;  // what was asked for; 0 when it frees
};

struct Trace {
  std::string name;
  std::string about;  // one line
  std::vector<Event> events;
  uint32_t blocks = 0;  // how many were allocated in all

  uint32_t Allocate(uint32_t bytes) {  // returns the block's number
    events.push_back({true, blocks, bytes});
    return blocks++;
  }
  void Free(uint32_t block) { events.push_back({false, block, 0}); }
};

// The most bytes that were asked for at one time.
size_t PeakAsked(const Trace& trace);

// The size of the arena in which a trace is replayed: the smallest power of two
// (buddy needs one) that leaves a quarter more than the blocks of a perfect
// packing, headers included, would take.
size_t ArenaBytesFor(const Trace& trace);

// Reads a trace from a file of lines
//   # a line for the reader; the first one becomes `about`
//   a 48      the next block, of 48 bytes, is allocated
//   f 3       block 3 is freed
// Returns what is wrong with the file, or an empty string.
std::string ReadTrace(const std::string& path, Trace* trace);

}  // namespace course::classic

#endif  // COURSE_CLASSIC_TRACE_H_
