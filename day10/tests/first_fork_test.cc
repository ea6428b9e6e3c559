// A fork while another thread makes the very first call of the process. So this
// has to be the only test of its process that uses the pool.
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <string>
#include <thread>

#include "common/testing/child.h"
#include "common/testing/kernel_hooks.h"
#include "pool/pool.h"

namespace pool {
namespace {

std::atomic<bool> fork_has_begun{false};
std::atomic<bool> first_call_is_stuck{false};
std::atomic<bool> fork_is_over{false};

void WaitFor(const std::atomic<bool>& event) {
  while (!event) std::this_thread::yield();
}

// The other thread's call gets as far as to the kernel, with a lock of ours.
void LetTheOtherCall() {
  fork_has_begun = true;
  WaitFor(first_call_is_stuck);
}

TEST(FirstFork, WhileAnotherThreadMakesTheFirstCallOfAll) {
  ASSERT_EQ(pthread_atfork(LetTheOtherCall, nullptr, nullptr), 0);
  const course::KernelHooks kernel([] {
    first_call_is_stuck = true;
    WaitFor(fork_is_over);
  });
  std::thread other([] {
    WaitFor(fork_has_begun);
    Deallocate(Allocate(64), 64);
  });
  const std::string end = course::RunInChild(
      [] {
        first_call_is_stuck = false;
        fork_is_over = true;
        Deallocate(Allocate(64), 64);
      },
      20);
  fork_is_over = true;
  other.join();
  EXPECT_EQ(end, "");
}

}  // namespace
}  // namespace pool
