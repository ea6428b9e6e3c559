// For tests: a range of bytes to build an arena on, and small helpers.
//
// Each range is owned by its test; no locks.
#ifndef COURSE_CLASSIC_TEST_RANGE_H_
#define COURSE_CLASSIC_TEST_RANGE_H_

#include <cstring>
#include <vector>

#include "common/classic/arena.h"

namespace course::classic {

inline constexpr size_t kTestBytes = 64 * 1024;

class TestRange {
 public:
  // Old rubbish everywhere: an arena must not rely on zeroes.
  TestRange() { std::memset(bytes_, 0xA5, sizeof(bytes_)); }
  void* start() { return bytes_; }
  size_t size() const { return sizeof(bytes_); }

 private:
  alignas(kAlignment) char bytes_[kTestBytes];
};

// The header of a block, which tests damage on purpose.
inline Block* HeaderOf(void* user) {
  return reinterpret_cast<Block*>(static_cast<char*>(user) - kHeaderBytes);
}

// Holes that serve requests of just these sizes, in order of address, with a
// live block as large after each: in a buddy system, its buddy. Returns where
// the holes' user bytes were.
inline std::vector<void*> MakeHoles(Arena* arena,
                                    const std::vector<size_t>& sizes) {
  std::vector<void*> holes;
  for (size_t bytes : sizes) {
    holes.push_back(arena->Allocate(bytes));
    arena->Allocate(bytes);
  }
  for (void* hole : holes) arena->Deallocate(hole);
  return holes;
}

}  // namespace course::classic

#endif  // COURSE_CLASSIC_TEST_RANGE_H_
