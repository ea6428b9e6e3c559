// The workload of the fault tests: it makes every kind of call to the kernel
// that the allocator knows, and checks all that can be seen from outside.
//
//   a block of no bytes and one of each class · blocks of up to a few
//   megabytes, five of each · aligned and zeroed blocks, blocks that grow and
//   shrink, and memory given back, where there are such calls · a second thread
//   that frees some of all that, leaves some of its own, and exits · all is
//   freed
//
// RunTogether is the same for two threads that are at it at once. Which call to
// the kernel is the k-th is then a matter of chance.
#ifndef COURSE_TESTING_FAULT_WORKLOAD_H_
#define COURSE_TESTING_FAULT_WORKLOAD_H_

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/testing/accounts.h"
#include "common/testing/gang.h"
#include "common/testing/shadow_heap.h"
#include "common/testing/sizes.h"
#include "pool/system_memory.h"

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
  explicit FaultWorkload(Kernel kernel) : FaultWorkload(kernel, nullptr) {}

  // Throws std::runtime_error, with what is wrong, at a fault.
  void Run() {
    AskForNothing();
    for (const size_t size : sizes_) Obtain(size);
    ObtainLarge();
    ObtainAligned();
    ObtainZeroed();
    ChangeSizes();
    RunGang(1, [this](size_t) { LiveAnotherThreadsLife(); });
    GiveBackPages();
    Demand(heap_.CheckAll());
    Demand(CheckAccounts<F>(Company::kAlone));
    while (!held_.empty()) FreeLast();
    Demand(CheckAccounts<F>(Company::kAlone));
  }

  // The same, by two threads whose blocks must not overlap either.
  void RunTogether() {
    Barrier peak(2);
    RunGang(2, [&](size_t) {
      FaultWorkload mine(kernel_, &heap_);
      try {
        mine.LiveBesideAnother(&peak);
      } catch (...) {
        peak.CallOff();
        throw;
      }
      failures_ += mine.failures_;
    });
    Demand(heap_.CheckAll());
  }

  // How many requests got nullptr.
  uint64_t failures() const { return failures_; }

 private:
  FaultWorkload(Kernel kernel, ShadowHeap* shared)
      : kernel_(kernel),
        company_(shared == nullptr ? Company::kAlone : Company::kOthers),
        heap_(shared == nullptr ? own_heap_ : *shared) {
    held_.reserve(1024);  // no allocation of the test's own meanwhile
  }

  struct Holding {
    void* start;
    size_t bytes;
    size_t alignment;  // 0: none was asked for
  };

  static void Demand(const Fault& fault) {
    if (fault) throw std::runtime_error(*fault);
  }

  void Obtain(size_t bytes, size_t alignment = 0) {
    Hold(bytes, alignment, [=] { return Call(bytes, alignment); });
  }

  // By `request`, once more where it was refused by chance.
  template <typename Request>
  void Hold(size_t bytes, size_t alignment, Request request) {
    void* start = Ask(bytes, request);
    if (start == nullptr) {
      // What is held is as it was, whatever was tried.
      Demand(heap_.CheckAll());
      Demand(CheckAccounts<F>(company_));
      if (kernel_ == Kernel::kRefuses) return;
      start = Ask(bytes, request);
    }
    Demand(heap_.Allocated(start, bytes, alignment));
    held_.push_back({start, bytes, alignment});
  }

  template <typename Request>
  void* Ask(size_t bytes, Request request) {
    errno = 0;
    void* start = request();
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

  // A block of no bytes. What it took is back when it is freed; a page lost
  // each time would not show where each run loses it. REQUIRES: nothing is
  // held.
  void AskForNothing() {
    size_t mapped = 0;
    for (int round = 0; round < 8; ++round) {
      Obtain(0);
      if (!held_.empty()) FreeLast();
      if (round == 0) mapped = pool::ReadSystemFootprint().mapped;
    }
    if (kernel_ == Kernel::kWilling &&
        pool::ReadSystemFootprint().mapped > mapped) {
      throw std::runtime_error("blocks of 0 bytes were freed, and leaked");
    }
  }

  // Five of each: an allocator that asks for much at a time makes few calls for
  // all the others.
  void ObtainLarge() {
    constexpr size_t kLarge[] = {kLargestClass + 1, 300 * kKiB, kMiB,
                                 2 * kMiB + 1, 5 * kMiB};
    for (int round = 0; round < 5; ++round) {
      for (const size_t size : kLarge) Obtain(size);
    }
  }

  // Both hold all that they will ever hold when they meet at `peak`: so much
  // memory is needed in any case, whoever runs first.
  void LiveBesideAnother(Barrier* peak) {
    for (int round = 0; round < 2; ++round) {
      Obtain(0);
      for (size_t i = 0; i < sizes_.size(); i += 4) Obtain(sizes_[i]);
      ObtainLarge();
      ObtainAligned();
      ObtainZeroed();
      ChangeSizes();
      peak->ArriveAndWait();
      while (!held_.empty()) FreeLast();
      if constexpr (F::kHasReleaseFreeMemory) F::ReleaseFreeMemory();
    }
  }

  void ObtainAligned() {
    if constexpr (F::kHasAligned) {
      for (size_t alignment = 1; alignment <= kMiB; alignment *= 2) {
        Obtain(100, alignment);
        Obtain(70 * kKiB, alignment);
      }
    }
  }

  void ObtainZeroed() {
    if constexpr (F::kHasZeroed) {
      for (const size_t bytes : {100 * kKiB, 300 * kKiB, kMiB}) {
        Hold(bytes, 0, [this, bytes] { return CallZeroed(bytes); });
      }
    }
  }

  void* CallZeroed(size_t bytes) {
    void* start = F::AllocateZeroed(1, bytes);
    const char* seen = static_cast<const char*>(start);
    for (size_t i = 0; start != nullptr && i < bytes; ++i) {
      if (seen[i] != 0) throw std::runtime_error("zeroed memory is not zero");
    }
    return start;
  }

  // The block that came last, up and down again: in place, where it can be, or
  // elsewhere.
  void ChangeSizes() {
    if constexpr (F::kHasReallocate) {
      for (const size_t first : {size_t{100}, 300 * kKiB}) {
        const size_t before = held_.size();
        Obtain(first);
        if (held_.size() == before) continue;
        for (const size_t bytes : {10 * kKiB, 600 * kKiB, 2 * kMiB, 400 * kKiB,
                                   70 * kKiB, size_t{20}}) {
          ChangeSizeOfLast(bytes);
        }
      }
    }
  }

  // A refusal leaves the block as it was, and only to grow may be refused.
  void ChangeSizeOfLast(size_t bytes) {
    Holding& last = held_.back();
    ShadowHeap::Moving moving{};
    Demand(heap_.BeginMove(last.start, &moving));
    const auto request = [&] {
      return F::Reallocate(last.start, last.bytes, bytes);
    };
    void* start = Ask(bytes, request);
    if (start == nullptr && bytes <= last.bytes) {
      throw std::runtime_error("no smaller block in the place of a larger");
    }
    if (start == nullptr && kernel_ != Kernel::kRefuses) {
      start = Ask(bytes, request);
    }
    if (start == nullptr) return Demand(heap_.CancelMove(moving));
    Demand(heap_.EndMove(moving, start, bytes));
    last.start = start;
    last.bytes = bytes;
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
  const Company company_;
  const std::vector<size_t> sizes_ = ClassSizes();
  ShadowHeap own_heap_{kEdge};
  ShadowHeap& heap_;
  std::vector<Holding> held_;
  std::atomic<uint64_t> failures_{0};
};

}  // namespace course

#endif  // COURSE_TESTING_FAULT_WORKLOAD_H_
