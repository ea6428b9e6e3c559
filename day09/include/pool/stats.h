// Statistics: what the pool holds, and what it has done, as a plain struct, and
// that struct as text.
//
// Owner: none. A snapshot is its caller's, and has no locks. To take one takes
// the lock of each class that was ever used, of the heap, and of the list of
// threads, for a moment, one after the other; some fifty thousand instructions
// and 4 KiB of stack.
//
// All counters are always on. They live on the slow roads: each layer counts
// what it does under a lock that it holds anyway, and a thread what it alone
// writes. Two things need work in each call, and are counted only if the
// program was started with POOL_STATS=1 (watch.h): hits, and the bytes that
// callers asked for. Without it, `asked` is an estimate.
//
// What always holds:
//  - system = the sum of its parts + unaccounted.
//  - When no thread is in another call while the snapshot is taken, `changes`
//    is 0, `unaccounted` is 0, and each figure is exact.
//  - Otherwise `changes` is how many slow roads the others took meanwhile. Each
//    may have moved memory from a place that was not yet counted to one that
//    was, or the other way round: a batch, a span, a large block, or a chunk
//    from the system. `unaccounted` is no more than all of these together.
//    No figure is torn. (A heap map that is being drawn is unaccounted, too.)
//  - In the child of a fork, `unaccounted` keeps what another thread was being
//    given by the system at that moment: nobody will ever know of it.
//
// Peaks. What the page heap and the system hold is noted at each change, under
// the lock, and so is what each class has out. Blocks come and go without a
// lock, so that no one knows when they were most: a peak of in_use,
// in_thread_caches and so on is the largest that was seen in a snapshot, and
// there is one whenever more pages are in use than ever, by a sixteenth and
// a mebibyte. (`asked` has its exact peak, where it is counted. While a block
// is moved to grow, there are two.)
#ifndef POOL_STATS_H_
#define POOL_STATS_H_

#include <cstddef>

#include "pool/gauge.h"
#include "pool/output.h"

namespace pool {

// How often a lock was taken, how often somebody had to wait for it, and how
// long at most.
struct LockStatistics {
  size_t taken;
  size_t waited;
  size_t longest;  // nanoseconds
};

// Of one of the 208 classes.
struct ClassStatistics {
  size_t size;  // of a block, in bytes

  // In blocks. A span holds `capacity`, each of them in one of four places:
  Gauge in_use;           // with callers
  size_t in_caches;       // in threads' caches
  size_t free;            // in the central cache, after use
  size_t uncarved;        // in the central cache, never used
  Gauge out;              // of the central cache: the first two together
  size_t capacity;        // all four together
  Gauge spans;            // that there are now
  size_t spans_taken;     // from the page heap, ever
  size_t spans_given_up;  // and given back to it

  // Batches between threads' caches and the central cache, and their blocks. A
  // miss is a call that found its thread's cache empty: it fetches a batch.
  size_t misses;
  size_t fetched;
  size_t releases;
  size_t released;

  // With POOL_STATS=1 only; else 0.
  size_t allocations;
  size_t hits;

  size_t asked;  // bytes that callers asked for, in all blocks in use
  LockStatistics lock;
};

struct KernelStatistics {
  size_t calls;
  size_t bytes;
};

struct PoolStatistics {
  static constexpr size_t kClasses = 208;

  // In bytes: what the kernel gave, and where it is.
  Gauge system;
  Gauge in_use;            // in blocks that callers have
  Gauge in_thread_caches;  // in free blocks in threads' caches
  Gauge in_central_cache;  // in free blocks in the central cache, and where
                           // none was cut yet
  Gauge tails;             // behind the last blocks of spans
  Gauge free;              // in free pages
  Gauge returned;          // in pages that the kernel holds no memory for
  Gauge metadata;          // for what the pool itself has to remember
  Gauge abandoned;         // lost in a fork
  Gauge refused;           // that the kernel would not take back yet

  ptrdiff_t unaccounted;  // system less all of these
  size_t changes;         // made by others while this was read

  // Of what is in use, in bytes: how much callers asked for. Exact, if every
  // call was counted from the first on; else an estimate, from the one request
  // in each miss.
  Gauge asked;
  bool asked_is_exact;

  // Blocks of more than 256 KiB, or of an alignment above a page.
  Gauge large_blocks;
  size_t large_in_use;  // bytes
  size_t large_taken;   // blocks, ever

  Gauge threads;        // that have a cache
  size_t largest_free;  // bytes of the longest span of free pages
  size_t heap_in_use;   // bytes of pages that are no free ones
  size_t allocations;   // with POOL_STATS=1, else 0
  size_t hits;          // of these

  KernelStatistics map;      // memory asked for
  KernelStatistics unmap;    // given back with its addresses
  KernelStatistics discard;  // given back without

  LockStatistics heap_lock;
  LockStatistics thread_lock;  // of the list of threads' caches
  ClassStatistics classes[kClasses];

  // The part of what callers hold that they did not ask for, in thousandths.
  size_t InternalFragmentation() const;
  // The part of the free pages that is not in the longest free run, in
  // thousandths.
  size_t ExternalFragmentation() const;
  // Of the locks of all classes together.
  LockStatistics ClassLocks() const;
};

enum class StatisticsForm {
  kText,        // for people: columns, units, the largest first
  kJson,        // docs/statistics.schema.json
  kPrometheus,  // the text exposition format
  kXml,         // as glibc's malloc_info
};

// Takes a snapshot. (Statistics(), in pool.h, is the same for a caller.)
void ReadStatistics(PoolStatistics& statistics);

// Writes a snapshot in a form.
void WriteStatistics(const PoolStatistics& statistics, StatisticsForm form,
                     Output& output);

}  // namespace pool

#endif  // POOL_STATS_H_
