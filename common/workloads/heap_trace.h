// HeapTrace: one fixed story of a program that loads, works, and lets go: the
// same blocks in the same order on every machine, for every allocator.
//
// While it loads, it takes blocks, mostly small ones, and gives half of them
// back soon. That is the peak. Then nearly all go back, in no order: the oldest
// stay, as what a program loads first often does, and some others, by chance.
#ifndef COURSE_WORKLOADS_HEAP_TRACE_H_
#define COURSE_WORKLOADS_HEAP_TRACE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "common/workloads/random.h"
#include "common/workloads/traced_block.h"

namespace course {

template <class Facade>
class HeapTrace {
 public:
  // All memory that it needs for itself it takes now: later, what the allocator
  // gave up must not come back as ours.
  HeapTrace() {
    blocks_.reserve(kBlocks);
    order_.reserve(kBlocks);
  }
  HeapTrace(const HeapTrace&) = delete;
  HeapTrace& operator=(const HeapTrace&) = delete;

  // Up to the peak. False, if a block could not be served.
  bool Load() {
    for (size_t i = 0; i < kBlocks; ++i) {
      const size_t bytes = i % kLargeEach == kLargeEach / 2
                               ? kLargeLeast + random_.Below(kLargeLeast)
                               : random_.Pareto(kLeast, kMost);
      void* const block = Facade::Allocate(bytes);
      if (block == nullptr) return false;
      std::memset(block, 1, bytes);
      blocks_.push_back({reinterpret_cast<uintptr_t>(block), bytes, true});
      // One of the last ones goes, if it is still there.
      if (i >= kYoung) Free(i - random_.Below(kYoung));
    }
    return true;
  }

  bool LetGo() {
    for (size_t i = kOldest; i < blocks_.size(); ++i) {
      if (random_.Below(kStaysOneIn) != 0) order_.push_back(i);
    }
    random_.Shuffle(order_.data(), order_.size());
    for (const size_t i : order_) Free(i);
    return true;
  }

  // All that were ever there, in the order in which they came.
  const std::vector<TracedBlock>& blocks() const { return blocks_; }

 private:
  static constexpr size_t kBlocks = 20000;
  static constexpr size_t kYoung = 50;
  static constexpr size_t kOldest = 400;
  static constexpr size_t kStaysOneIn = 40;
  static constexpr size_t kLeast = 40, kMost = 64 * 1024;  // bytes
  static constexpr size_t kLargeEach = 5000;
  static constexpr size_t kLargeLeast = 300 * 1024;

  void Free(size_t i) {
    TracedBlock& block = blocks_[i];
    if (!block.is_live) return;
    Facade::Deallocate(reinterpret_cast<void*>(block.start), block.bytes);
    block.is_live = false;
  }

  Random random_{2026};
  std::vector<TracedBlock> blocks_;
  std::vector<size_t> order_;
};

}  // namespace course

#endif  // COURSE_WORKLOADS_HEAP_TRACE_H_
