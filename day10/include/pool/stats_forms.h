// The forms of the statistics, one function and one file for each.
//
// Owner: none; no locks. They only read the snapshot and write text; what they
// need is on the stack, below 1 KiB. No figure overflows: a sum that is too
// large for a size_t reads as the largest one. (A snapshot that was damaged is
// the one that somebody will want to read.)
#ifndef POOL_STATS_FORMS_H_
#define POOL_STATS_FORMS_H_

#include <cstddef>
#include <cstdint>

#include "pool/output.h"
#include "pool/stats.h"

namespace pool {

void WriteText(const PoolStatistics& statistics, Output& output);
void WriteJson(const PoolStatistics& statistics, Output& output);
void WritePrometheus(const PoolStatistics& statistics, Output& output);
void WriteXml(const PoolStatistics& statistics, Output& output);

// Was the class ever used?
inline bool EverUsed(const ClassStatistics& each) {
  return each.fetched > 0 || each.spans_taken > 0;
}

inline size_t Plus(size_t a, size_t b) {
  size_t sum;
  return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

inline size_t Less(size_t a, size_t b) { return a > b ? a - b : 0; }

inline size_t Times(size_t a, size_t b) {
  size_t product;
  return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

// Without its sign.
inline size_t Magnitude(ptrdiff_t number) {
  const size_t bits = static_cast<size_t>(number);
  return number < 0 ? size_t{0} - bits : bits;
}

}  // namespace pool

#endif  // POOL_STATS_FORMS_H_
