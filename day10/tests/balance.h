// What is wrong with a snapshot, as text; nothing, if it agrees with itself.
#ifndef POOL_TESTS_BALANCE_H_
#define POOL_TESTS_BALANCE_H_

#include <cstddef>
#include <sstream>
#include <string>

#include "pool/size_class.h"
#include "pool/stats.h"

namespace pool {

// REQUIRES: all other threads are quiet.
class Balance {
 public:
  explicit Balance(const PoolStatistics& all) : all_(all) {
    CompareWhole();
    for (const ClassStatistics& row : all.classes) CompareClass(row);
    Equal("in caches", all.in_thread_caches.now, cached_);
    Equal("in the central cache", all.in_central_cache.now, waiting_);
    Equal("tails", all.tails.now, tails_);
    Equal("pages in use", all.heap_in_use, spans_ + all.large_in_use);
  }

  std::string Faults() const { return text_.str(); }

 private:
  void CompareWhole() {
    Equal("system", all_.system.now,
          all_.in_use.now + all_.in_thread_caches.now +
              all_.in_central_cache.now + all_.tails.now + all_.free.now +
              all_.returned.now + all_.metadata.now + all_.abandoned.now +
              all_.refused.now);
    Equal("unaccounted", static_cast<size_t>(all_.unaccounted), 0);
    Equal("changes", all_.changes, 0);
    Equal("mapped less unmapped", all_.map.bytes - all_.unmap.bytes,
          all_.system.now);
    NotMore("longest free", all_.largest_free,
            all_.free.now + all_.returned.now);
    for (const Gauge* gauge :
         {&all_.system, &all_.in_use, &all_.in_thread_caches,
          &all_.in_central_cache, &all_.tails, &all_.free, &all_.returned,
          &all_.metadata, &all_.abandoned, &all_.refused, &all_.asked,
          &all_.large_blocks, &all_.threads}) {
      NotMore("now", gauge->now, gauge->peak);
    }
  }

  void CompareClass(const ClassStatistics& row) {
    const ClassIndex index(static_cast<size_t>(&row - all_.classes));
    const size_t span = SizeClass::SpanPages(index).bytes();
    Equal("size", row.size, SizeClass::Size(index));
    Equal("out", row.out.now, row.in_use.now + row.in_caches);
    Equal("capacity", row.capacity, row.out.now + row.free + row.uncarved);
    Equal("room in spans", row.capacity, row.spans.now * (span / row.size));
    Equal("spans", row.spans.now, row.spans_taken - row.spans_given_up);
    Equal("moved", row.out.now, row.fetched - row.released);
    NotMore("misses", row.misses, row.fetched);
    NotMore("releases", row.releases, row.released);
    NotMore("waited", row.lock.waited, row.lock.taken);
    NotMore("asked", row.asked, row.in_use.now * row.size);
    for (const Gauge* gauge : {&row.in_use, &row.out, &row.spans}) {
      NotMore("now", gauge->now, gauge->peak);
    }
    cached_ += row.in_caches * row.size;
    waiting_ += (row.free + row.uncarved) * row.size;
    tails_ += row.spans.now * (span % row.size);
    spans_ += row.spans.now * span;
  }

  void Equal(const char* what, size_t seen, size_t expected) {
    if (seen == expected) return;
    text_ << what << ": " << seen << ", but " << expected << " is right; ";
  }
  void NotMore(const char* what, size_t part, size_t whole) {
    if (part <= whole) return;
    text_ << what << ": " << part << ", of " << whole << "; ";
  }

  const PoolStatistics& all_;
  size_t cached_ = 0;
  size_t waiting_ = 0;
  size_t tails_ = 0;
  size_t spans_ = 0;
  std::ostringstream text_;
};

inline std::string Imbalance(const PoolStatistics& all) {
  return Balance(all).Faults();
}

}  // namespace pool

#endif  // POOL_TESTS_BALANCE_H_
