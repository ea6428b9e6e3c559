// Gauge: a quantity that rises and falls, and the highest that it ever was.
//
// Owner: whoever holds the lock that guards it. No locks of its own.
#ifndef POOL_GAUGE_H_
#define POOL_GAUGE_H_

#include <algorithm>
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

}  // namespace pool

#endif  // POOL_GAUGE_H_
