// Gauge: a quantity that rises and falls, and the highest that it ever was.
//
// Owner: whoever holds the lock that guards it. No locks of its own. (RaiseTo
// needs none at all.)
#ifndef POOL_GAUGE_H_
#define POOL_GAUGE_H_

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace pool {

//! [Gauge]
struct Gauge {
  Gauge& operator+=(size_t n) {
    now += n;
    peak = std::max(peak, now);
    return *this;
  }
  Gauge& operator-=(size_t n) {
    now -= n;
    return *this;
  }

  size_t now;
  size_t peak;
};
//! [Gauge]

// The same for a peak that many threads raise at once, without a lock.
inline void RaiseTo(std::atomic<size_t>& peak, size_t value) {
  size_t highest = peak.load(std::memory_order_relaxed);
  while (highest < value && !peak.compare_exchange_weak(
                                highest, value, std::memory_order_relaxed)) {
  }
}

}  // namespace pool

#endif  // POOL_GAUGE_H_
