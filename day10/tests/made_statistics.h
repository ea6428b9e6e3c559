// Statistics made by hand, and what a form makes of them as a string.
#ifndef POOL_TESTS_MADE_STATISTICS_H_
#define POOL_TESTS_MADE_STATISTICS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "pool/output.h"
#include "pool/size_class.h"
#include "pool/stats.h"

namespace pool {

using Snapshot = std::unique_ptr<PoolStatistics>;

inline Snapshot Zeros() {
  auto statistics = std::make_unique<PoolStatistics>(PoolStatistics{});
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    statistics->classes[i].size = SizeClass::Size(ClassIndex(i));
  }
  return statistics;
}

// A class of which all figures differ from each other and from other classes'.
inline void Fill(ClassStatistics& each, size_t n) {
  each.in_use = {1000 * n + 1, 1000 * n + 501};
  each.in_caches = 10 * n + 2;
  each.free = 10 * n + 3;
  each.uncarved = 10 * n + 4;
  each.out = {each.in_use.now + each.in_caches, 2000 * n + 5};
  each.capacity = each.out.now + each.free + each.uncarved;
  each.spans = {10 * n + 6, 10 * n + 7};
  each.spans_taken = 20 * n + 8;
  each.spans_given_up = 10 * n + 2;
  each.misses = 100 * n + 9;
  each.fetched = 3200 * n + 10;
  each.releases = 100 * n + 11;
  each.released = 3200 * n + 12;
  each.asked = each.in_use.now * (each.size - 1);
  each.lock = {300 * n + 13, 10 * n + 14, 1000 * n + 15};
}

// Gives the places of memory what the classes do not, adds all up, and gives
// each a peak of its own.
inline void FillPlaces(PoolStatistics& made) {
  made.tails.now = 70001;
  made.free.now = 3 << 20;
  made.returned.now = 80002;
  made.metadata.now = 90003;
  made.abandoned.now = 1004;
  made.refused.now = 1005;
  size_t more = 1;
  for (Gauge* part :
       {&made.in_use, &made.in_thread_caches, &made.in_central_cache,
        &made.tails, &made.free, &made.returned, &made.metadata,
        &made.abandoned, &made.refused}) {
    made.system.now += part->now;
    part->peak = part->now + more++;
  }
  made.system.peak = made.system.now + 1;
}

// A snapshot in which `used` classes were used, and the equation holds.
inline Snapshot Made(size_t used) {
  Snapshot made = Zeros();
  for (size_t i = 0; i < used; ++i) {
    ClassStatistics& each = made->classes[i];
    Fill(each, i + 1);
    made->in_use.now += each.in_use.now * each.size;
    made->in_thread_caches.now += each.in_caches * each.size;
    made->in_central_cache.now += (each.free + each.uncarved) * each.size;
    made->asked.now += each.asked;
  }
  made->large_blocks = {3, 4};
  made->large_in_use = 5 << 20;
  made->large_taken = 6;
  made->in_use.now += made->large_in_use;
  made->asked.now += made->large_in_use - 4096;
  made->asked.peak = made->asked.now + 2;
  FillPlaces(*made);
  made->largest_free = 1 << 20;
  made->heap_in_use = 12345678;
  made->threads = {7, 8};
  made->map = {11, 12};
  made->unmap = {13, 14};
  made->discard = {15, 16};
  made->heap_lock = {1000, 17, 18000};
  made->thread_lock = {2000, 19, 20};
  made->magazine_lock = {300, 3, 4};
  return made;
}

// All that can be as large as possible is.
inline Snapshot Huge() {
  constexpr Gauge kHuge = {SIZE_MAX, SIZE_MAX};
  constexpr LockStatistics kLock = {SIZE_MAX, SIZE_MAX, SIZE_MAX};
  constexpr KernelStatistics kKernel = {SIZE_MAX, SIZE_MAX};
  Snapshot huge = Zeros();
  for (ClassStatistics& each : huge->classes) {
    const size_t size = each.size;
    each = {size,     kHuge,    SIZE_MAX, SIZE_MAX, SIZE_MAX, kHuge,
            SIZE_MAX, kHuge,    SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX,
            SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, kLock};
  }
  for (Gauge* gauge :
       {&huge->system, &huge->in_use, &huge->in_thread_caches,
        &huge->in_central_cache, &huge->tails, &huge->free, &huge->returned,
        &huge->metadata, &huge->abandoned, &huge->refused, &huge->asked,
        &huge->large_blocks, &huge->threads}) {
    *gauge = kHuge;
  }
  huge->unaccounted = PTRDIFF_MIN;
  huge->changes = huge->large_in_use = huge->large_taken = SIZE_MAX;
  huge->largest_free = huge->heap_in_use = SIZE_MAX;
  huge->allocations = huge->hits = SIZE_MAX;
  huge->map = huge->unmap = huge->discard = kKernel;
  huge->heap_lock = huge->thread_lock = huge->magazine_lock = kLock;
  return huge;
}

inline void Append(void* text, const char* piece, size_t length) {
  static_cast<std::string*>(text)->append(piece, length);
}

inline std::string Written(const Snapshot& statistics, StatisticsForm form) {
  std::string text;
  {
    Output output(Append, &text);
    WriteStatistics(*statistics, form, output);
  }
  return text;
}

}  // namespace pool

#endif  // POOL_TESTS_MADE_STATISTICS_H_
