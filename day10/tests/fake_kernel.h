// FakeKernel: while it lives, its table stands for the kernel. All calls in it
// are the real ones until a test replaces them, except for the time: that
// stands still until a test moves it.
//
// One at a time. REQUIRES, when it comes and when it goes, and when a call is
// replaced: no other thread is inside the allocator.
#ifndef POOL_TESTS_FAKE_KERNEL_H_
#define POOL_TESTS_FAKE_KERNEL_H_

#include <atomic>
#include <cstddef>

#include "pool/system_memory.h"

namespace pool {

class FakeKernel {
 public:
  // The first moment lies behind all that the real clock has told so far.
  FakeKernel() {
    now_ = RealKernelCalls().milliseconds() + 1000000;
    calls_.milliseconds = [] { return now_.load(); };
    previous_ = SetKernelCalls(&calls_);
  }
  ~FakeKernel() { SetKernelCalls(previous_); }
  FakeKernel(const FakeKernel&) = delete;
  FakeKernel& operator=(const FakeKernel&) = delete;

  KernelCalls* operator->() { return &calls_; }

  void Advance(size_t milliseconds) { now_ += milliseconds; }

 private:
  static inline std::atomic<size_t> now_;
  KernelCalls calls_ = RealKernelCalls();
  const KernelCalls* previous_ = nullptr;
};

}  // namespace pool

#endif  // POOL_TESTS_FAKE_KERNEL_H_
