// What every workload does with blocks: fill an array of them, empty it again.
#ifndef COURSE_WORKLOADS_BLOCKS_H_
#define COURSE_WORKLOADS_BLOCKS_H_

#include <cstddef>

namespace course {

// A block that nobody writes to costs less than any program's block does, and
// its allocation might be optimized away.
inline void Touch(void* block) { *static_cast<volatile char*>(block) = 1; }

// Allocates `count` blocks of `size` bytes and writes the first byte of each.
// Stops at the first that is refused; the rest are null then.
template <class Facade>
bool Fill(void** blocks, size_t count, size_t size) {
  for (size_t i = 0; i < count; ++i) {
    blocks[i] = Facade::Allocate(size);
    if (blocks[i] == nullptr) {
      for (; i < count; ++i) blocks[i] = nullptr;
      return false;
    }
    Touch(blocks[i]);
  }
  return true;
}

// Frees them, first to last. Null blocks are allowed.
template <class Facade>
void Empty(void* const* blocks, size_t count, size_t size) {
  for (size_t i = 0; i < count; ++i) Facade::Deallocate(blocks[i], size);
}

}  // namespace course

#endif  // COURSE_WORKLOADS_BLOCKS_H_
