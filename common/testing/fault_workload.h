// The workload of the fault tests: it makes every kind of call to the kernel
// that the allocator knows, and checks all that can be seen from outside.
//
//   a block of each class · blocks of up to a few megabytes · aligned blocks,
//   and memory given back, where there are such calls · a second thread that
//   frees some of all that, leaves some of its own, and exits · all is freed
#ifndef COURSE_TESTING_FAULT_WORKLOAD_H_
#define COURSE_TESTING_FAULT_WORKLOAD_H_

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/shadow_heap.h"
#include "common/testing/sizes.h"

namespace course {

// What the kernel is like while the workload runs.
enum class Kernel {
  kWilling,
  kRefusesOnce,  // so a call that failed succeeds when it is repeated
  kRefuses,      // so blocks may be missing
};

template <typename F>
class FaultWorkload {
 public:
  explicit FaultWorkload(Kernel kernel) : kernel_(kernel) {
    held_.reserve(1024);  // no allocation of the test's own meanwhile
  }

  // Throws std::runtime_error, with what is wrong, at a fault.
  void Run() {
    for (const size_t size : sizes_) Obtain(size);
    constexpr size_t kLarge[] = {kLargestClass + 1, 300 * kKiB, kMiB,
                                 2 * kMiB + 1, 5 * kMiB};
    for (const size_t size : kLarge) Obtain(size);
    ObtainAligned();
    RunGang(1, [this](size_t) { LiveAnotherThreadsLife(); });
    GiveBackPages();
    Demand(heap_.CheckAll());
    while (!held_.empty()) FreeLast();
  }

  // How many requests got nullptr.
  uint64_t failures() const { return failures_; }

 private:
  struct Holding {
    void* start;
    size_t bytes;
    size_t alignment;  // 0: none was asked for
  };

  static void Demand(const Fault& fault) {
    if (fault) throw std::runtime_error(*fault);
  }

  void Obtain(size_t bytes, size_t alignment = 0) {
    void* start = Ask(bytes, alignment);
    if (start == nullptr) {
      // What is held is as it was, whatever was tried.
      Demand(heap_.CheckAll());
      if (kernel_ == Kernel::kRefuses) return;
      start = Ask(bytes, alignment);
    }
    Demand(heap_.Allocated(start, bytes, alignment));
    held_.push_back({start, bytes, alignment});
  }

  void* Ask(size_t bytes, size_t alignment) {
    errno = 0;
    void* start = Call(bytes, alignment);
    if (start != nullptr) return start;
    ++failures_;
    if (errno != ENOMEM) {
      throw std::runtime_error("no block, but errno is " +
                               std::to_string(errno));
    }
    if (kernel_ == Kernel::kWilling) {
      throw std::runtime_error("no block of " + std::to_string(bytes) +
                               " bytes from a willing kernel");
    }
    return nullptr;
  }

  static void* Call(size_t bytes, size_t alignment) {
    if constexpr (F::kHasAligned) {
      if (alignment != 0) return F::AllocateAligned(bytes, alignment);
    }
    return F::Allocate(bytes);
  }

  void FreeLast() {
    const Holding last = held_.back();
    held_.pop_back();
    Demand(heap_.Freeing(last.start, last.bytes));
    errno = EDOM;
    GiveBack(last);
    if (errno != EDOM) {
      throw std::runtime_error("a free changed errno to " +
                               std::to_string(errno));
    }
  }

  static void GiveBack(const Holding& holding) {
    if constexpr (F::kHasAligned) {
      if (holding.alignment != 0) {
        return F::DeallocateAligned(holding.start, holding.bytes,
                                    holding.alignment);
      }
    }
    F::Deallocate(holding.start, holding.bytes);
  }

  void ObtainAligned() {
    if constexpr (F::kHasAligned) {
      for (size_t alignment = 1; alignment <= kMiB; alignment *= 2) {
        Obtain(100, alignment);
        Obtain(70 * kKiB, alignment);
      }
    }
  }

  void LiveAnotherThreadsLife() {
    for (size_t i = held_.size() / 3; i > 0; --i) FreeLast();
    for (size_t i = 0; i < sizes_.size(); i += 8) Obtain(sizes_[i]);
  }

  // An allocator that keeps pages for later enters the kernel rarely. It does
  // when it is made to give them back each time.
  void GiveBackPages() {
    if constexpr (F::kHasReleaseFreeMemory) {
      for (int round = 0; round < 64; ++round) {
        const size_t before = held_.size();
        Obtain(kMiB);
        Obtain(64 * kKiB);
        while (held_.size() > before) FreeLast();
        F::ReleaseFreeMemory();
      }
    }
  }

  // The ends of blocks are enough: no fault test writes into the middle.
  static constexpr size_t kEdge = 128;

  const Kernel kernel_;
  const std::vector<size_t> sizes_ = ClassSizes();
  ShadowHeap heap_{kEdge};
  std::vector<Holding> held_;
  uint64_t failures_ = 0;
};

}  // namespace course

#endif  // COURSE_TESTING_FAULT_WORKLOAD_H_
