// TracedBlock: what is noted of a block that a trace asked for.
#ifndef COURSE_WORKLOADS_TRACED_BLOCK_H_
#define COURSE_WORKLOADS_TRACED_BLOCK_H_

#include <cstddef>
#include <cstdint>

namespace course {

struct TracedBlock {
  uintptr_t start;
  size_t bytes;
  bool is_live;
};

}  // namespace course

#endif  // COURSE_WORKLOADS_TRACED_BLOCK_H_
