// What the contract's tests have in common: fine blocks, and refusals.
#ifndef COURSE_CONTRACT_PROMISES_H_
#define COURSE_CONTRACT_PROMISES_H_

#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/testing/facade.h"
#include "common/testing/pattern.h"
#include "common/testing/shadow_heap.h"
#include "common/testing/sizes.h"

namespace course {

// The shadow heap has nothing to say.
inline testing::AssertionResult Fine(const Fault& fault) {
  if (!fault) return testing::AssertionSuccess();
  return testing::AssertionFailure() << *fault;
}

// Sizes that no object can have. No address space has room for the smallest.
inline std::vector<size_t> ImpossibleSizes() {
  std::vector<size_t> sizes = {
      size_t{1} << 52,         size_t{1} << 62,     size_t{PTRDIFF_MAX} - 4096,
      size_t{PTRDIFF_MAX} - 1, size_t{PTRDIFF_MAX}, size_t{PTRDIFF_MAX} + 1};
  // Where rounding up would come out at a small number.
  for (size_t k = 0; k <= 64; ++k) sizes.push_back(SIZE_MAX - k);
  for (size_t k = 128; k <= 64 * kMiB; k *= 2) {
    sizes.insert(sizes.end(), {SIZE_MAX - k, SIZE_MAX - k + 1});
  }
  return sizes;
}

// `give` makes a call that cannot be served: it returns nullptr, and errno says
// why.
template <typename Give>
testing::AssertionResult IsRefused(Give give, int why = ENOMEM) {
  errno = 0;
  void* block = give();
  const int seen = errno;
  if (block != nullptr) return testing::AssertionFailure() << "served";
  if (seen == why) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "errno is " << seen;
}

// A block full of its own pattern, for tests with many threads: they need no
// lock of ours, which would order what the allocator has to order.
struct FilledBlock {
  char* start = nullptr;
  size_t bytes = 0;

  static FilledBlock New(size_t bytes) {
    void* start = Facade::Allocate(bytes);
    if (start != nullptr) FillPattern(start, bytes, Key(start));
    return {static_cast<char*>(start), bytes};
  }

  bool Intact() const {
    return start != nullptr && FirstDamage(start, bytes, Key(start)) == bytes;
  }

  // Whether it was intact.
  bool Free() const {
    const bool intact = Intact();
    Facade::Deallocate(start, bytes);
    return intact;
  }

 private:
  static uint64_t Key(const void* start) {
    return reinterpret_cast<uintptr_t>(start);
  }
};

}  // namespace course

#endif  // COURSE_CONTRACT_PROMISES_H_
