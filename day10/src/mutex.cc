#include "pool/mutex.h"

#include <time.h>

#include <algorithm>

namespace pool {
namespace {

// The clock that the C library reads without a call to the kernel.
size_t Nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<size_t>(now.tv_sec) * 1000000000 +
         static_cast<size_t>(now.tv_nsec);
}

}  // namespace

//! [Mutex::Wait]
// Only who has to wait looks at the clock.
void Mutex::Wait() {
  const size_t start = Nanoseconds();
  pthread_mutex_lock(&mutex_);
  const size_t waited = Nanoseconds() - start;
  Count(waited_, 1);
  longest_.store(std::max(longest_.load(std::memory_order_relaxed), waited),
                 std::memory_order_relaxed);
}
//! [Mutex::Wait]

}  // namespace pool
