#include "pool/stats.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "pool/bytes.h"
#include "pool/calls.h"
#include "pool/central_cache.h"
#include "pool/checks.h"
#include "pool/macros.h"
#include "pool/magazine.h"
#include "pool/page_heap.h"
#include "pool/size_class.h"
#include "pool/system_memory.h"
#include "pool/thread_cache.h"
#include "pool/watch.h"

namespace pool {
namespace {

static_assert(PoolStatistics::kClasses == SizeClass::kCount);

// Of each class, in bytes: to search for them each time took a quarter
// of a snapshot's instructions.
struct Sizes {
  size_t block[SizeClass::kCount];
  size_t span[SizeClass::kCount];
};
constexpr Sizes kSizes = [] {
  Sizes sizes = {};
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    sizes.block[i] = SizeClass::Size(ClassIndex(i));
    sizes.span[i] = SizeClass::SpanPages(ClassIndex(i)).bytes();
  }
  return sizes;
}();

// The highest that a snapshot saw; of what no layer can note at each change.
struct SeenPeaks {
  std::atomic<size_t> in_use;
  std::atomic<size_t> in_thread_caches;
  std::atomic<size_t> in_central_cache;
  std::atomic<size_t> tails;
  std::atomic<size_t> metadata;
  std::atomic<size_t> abandoned;
  std::atomic<size_t> asked;
  std::atomic<size_t> of_class[SizeClass::kCount];  // blocks in use
};
CONSTINIT SeenPeaks seen = {};

Gauge See(std::atomic<size_t>& peak, size_t now) {
  RaiseTo(peak, now);
  return {now, std::max(now, peak.load(std::memory_order_relaxed))};
}

// What is left, where the parts were read at different moments.
size_t Less(size_t whole, size_t part) { return whole - std::min(whole, part); }

LockStatistics Of(const LockCounts& counts) {
  return {counts.taken, counts.waited, counts.longest};
}

//! [Changes]
// What has happened on the slow roads so far: each takes a lock, or calls the
// kernel. (Whoever holds one while we read keeps us waiting there, and what the
// kernel was asked is counted when it is done.)
size_t Changes() {
  const SystemFootprint system = ReadSystemFootprint();
  size_t sum = system.map_calls + system.unmap_calls + system.discard_calls;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    sum += CentralCache::Get().Locks(ClassIndex(i)).taken;
  }
  return sum + PageHeap::Get().Locks().taken + ThreadCache::Locks().taken +
         MagazineLocks().taken;
}
//! [Changes]

//! [ReadClass]
// From what its bucket counted, and what is in the threads' caches.
void ReadClass(ClassIndex index, const CachedClass& cached,
               ClassStatistics& row) {
  const ClassCounts counts = CentralCache::Get().Counts(index);
  // An object that went from a cache that was read to one that was not is there
  // twice.
  row.in_caches = std::min(cached.objects, counts.out.now);
  row.in_use = See(seen.of_class[index], counts.out.now - row.in_caches);
  row.out = counts.out;
  row.capacity = counts.spans.now * (kSizes.span[index] / row.size);
  row.free = counts.carved - counts.out.now;
  row.uncarved = row.capacity - counts.carved;
  row.spans = counts.spans;
  row.spans_taken = counts.spans_taken;
  row.spans_given_up = counts.spans_given_up;
  row.misses = counts.fetches;
  row.fetched = counts.fetched;
  row.releases = counts.releases;
  row.released = counts.released;
  row.lock = Of(CentralCache::Get().Locks(index));
  // Of all requests, as of those that had to fetch: how much they did not want.
  const double waste = static_cast<double>(cached.waste) /
                       static_cast<double>(std::max<size_t>(row.misses, 1));
  const double wanted = std::max(static_cast<double>(row.size) - waste, 0.0);
  row.asked = static_cast<size_t>(wanted * static_cast<double>(row.in_use.now));
}
//! [ReadClass]

// Sums over the classes, in bytes; `out` and `spans` are the central cache's.
struct Sums {
  size_t used;  // classes
  size_t out;
  size_t cached;
  size_t waiting;  // in the central cache
  size_t tails;
  size_t spans;
  size_t asked;
};

// A class that nobody has used yet has nothing but its size.
bool IsUsed(ClassIndex index) {
  return CentralCache::Get().Locks(index).taken > 0;
}

Sums ReadClasses(PoolStatistics& all, const CachedClass* cached) {
  Sums sums = {};
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    ClassStatistics& row = all.classes[i];
    row = {};
    row.size = kSizes.block[i];
    if (!IsUsed(ClassIndex(i))) continue;
    ++sums.used;
    ReadClass(ClassIndex(i), cached[i], row);
    sums.out += row.out.now * row.size;
    sums.cached += row.in_caches * row.size;
    sums.waiting += (row.free + row.uncarved) * row.size;
    sums.tails += row.spans.now * (kSizes.span[i] % row.size);
    sums.spans += row.spans.now * kSizes.span[i];
    sums.asked += row.asked;
  }
  return sums;
}

void ReadSystem(PoolStatistics& all) {
  const SystemFootprint system = ReadSystemFootprint();
  all.system = {system.mapped, system.mapped_peak};
  all.refused = {system.refused, system.refused_peak};
  all.map = {system.map_calls, system.map_bytes};
  all.unmap = {system.unmap_calls, system.unmap_bytes};
  all.discard = {system.discard_calls, system.discard_bytes};
}

//! [ReadAsked]
// The estimate, if not every block was counted.
void ReadAsked(PoolStatistics& all, size_t estimate) {
  const bool counts = Watch::Counts();
  all.asked_is_exact = Watch::CountsAll();
  all.allocations = all.hits = 0;
  size_t asked = 0;
  for (size_t i = 0; i <= SizeClass::kCount; ++i) {
    const Tally tally = counts ? Watch::TallyOf(i) : Tally{};
    all.allocations += tally.allocations;
    all.hits += tally.hits;
    asked += tally.asked;
    if (i == SizeClass::kCount) break;
    all.classes[i].allocations = tally.allocations;
    all.classes[i].hits = tally.hits;
    if (all.asked_is_exact) all.classes[i].asked = tally.asked;
  }
  all.asked = all.asked_is_exact ? Gauge{asked, Watch::AskedPeak()}
                                 : See(seen.asked, estimate);
}
//! [ReadAsked]

// As for all large blocks that there ever were.
size_t EstimateLarge(const LargeCounts& large, size_t in_use) {
  if (large.given == 0) return 0;
  return static_cast<size_t>(static_cast<double>(in_use) *
                             static_cast<double>(large.asked) /
                             static_cast<double>(large.given));
}

size_t Sum(const PoolStatistics& all) {
  size_t sum = 0;
  for (const Gauge* part :
       {&all.in_use, &all.in_thread_caches, &all.in_central_cache, &all.tails,
        &all.free, &all.returned, &all.metadata, &all.abandoned,
        &all.refused}) {
    sum += part->now;
  }
  return sum;
}

}  // namespace

//! [ReadStatistics]
void ReadStatistics(PoolStatistics& all) {
  if (kChecks) Checks::ReleaseWaiting("a look at the statistics");
  const size_t before = Changes();
  ReadSystem(all);
  CachedClass cached[SizeClass::kCount];
  const ThreadCacheFootprint caches = ThreadCache::CountClasses(cached);
  const Sums sums = ReadClasses(all, cached);
  const PageHeapFootprint heap = PageHeap::Get().Footprint();
  const LargeCounts large = ReadLargeCounts();
  const size_t central_abandoned = CentralCache::Get().Abandoned();

  all.large_in_use = Less(heap.in_use, sums.spans);
  all.large_blocks = {large.blocks, large.blocks_peak};
  all.large_taken = large.taken;
  const size_t lost = caches.abandoned + central_abandoned;
  all.in_use =
      See(seen.in_use, Less(sums.out, sums.cached + lost) + all.large_in_use);
  all.in_thread_caches = See(seen.in_thread_caches, sums.cached);
  all.in_central_cache = See(seen.in_central_cache, sums.waiting);
  all.tails = See(seen.tails, sums.tails);
  all.free = {heap.free, heap.free_peak};
  all.returned = {heap.returned, heap.returned_peak};
  all.metadata =
      See(seen.metadata, heap.metadata + caches.metadata + Watch::Footprint());
  all.abandoned = See(seen.abandoned, heap.abandoned + lost);
  all.heap_in_use = heap.in_use;
  all.largest_free = heap.largest_free;
  all.threads = caches.threads;
  all.heap_lock = Of(PageHeap::Get().Locks());
  all.thread_lock = Of(caches.lock);
  all.magazine_lock = Of(MagazineLocks());
  ReadAsked(all, sums.asked + EstimateLarge(large, all.large_in_use));
  all.in_use.peak = std::max(all.in_use.peak, all.asked.peak);
  all.unaccounted = static_cast<ptrdiff_t>(all.system.now - Sum(all));
  const size_t ours = sums.used + 3;  // classes, threads, magazines, the heap
  all.changes = Less(Changes(), before + ours);
}
//! [ReadStatistics]

size_t PoolStatistics::InternalFragmentation() const {
  if (in_use.now == 0) return 0;
  return Less(in_use.now, asked.now) * 1000 / in_use.now;
}

size_t PoolStatistics::ExternalFragmentation() const {
  const size_t pages = free.now + returned.now;
  return pages == 0 ? 0 : Less(pages, largest_free) * 1000 / pages;
}

LockStatistics PoolStatistics::ClassLocks() const {
  LockStatistics sum = {};
  for (const ClassStatistics& row : classes) {
    sum.taken += row.lock.taken;
    sum.waited += row.lock.waited;
    sum.longest = std::max(sum.longest, row.lock.longest);
  }
  return sum;
}

}  // namespace pool
