// PageHeap: the bottom layer. It takes memory from the system, some megabytes
// at a time, hands out runs of pages (spans), and keeps those that come back.
//
// Owner: the process has one, Get(). Thread-safe: one lock guards all of it.
//
//   pages   │ in use │  free  │ in use │ in use │     returned      │
//            ╰ a span ╯
//
// A request gets the free span that fits best. What is too much is split off,
// and is a free span of its own. A span that comes back is merged with the free
// ones on both sides, so that what was split is whole again.
//
// What always holds:
//  - Every page from the system is in one span.
//  - A free span is in the tree of its state. One in use belongs to whoever
//    asked for it.
//  - No free span stands beside another of the same state. Whether they may be
//    merged, the state says, which only this lock guards; how many of its
//    objects are out, nobody asks here.
//  - The page map leads from every page of a span in use to the span, and from
//    the first and the last page of a free one. From those between it leads to
//    a mark, or nowhere if they were never in use.
//  - A span that is leaving belongs to the thread that gives it back, and
//    counts as free. In the child of a fork, without that thread, it stays so.
//  - system = in use + free + returned + abandoned, in bytes.
#ifndef POOL_PAGE_HEAP_H_
#define POOL_PAGE_HEAP_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pool/bytes.h"
#include "pool/gauge.h"
#include "pool/macros.h"
#include "pool/mutex.h"
#include "pool/object_pool.h"
#include "pool/page_map.h"
#include "pool/span.h"
#include "pool/span_tree.h"
#include "pool/watch.h"

namespace pool {

struct PageHeapFootprint {
  size_t system;    // bytes taken from the system for pages
  size_t in_use;    // of those, in spans that are in use
  size_t free;      // in free spans that the kernel may hold memory for
  size_t returned;  // in free spans that it holds none for
  size_t metadata;  // bytes taken from the system beside them: for Span
                    // objects, and for the page map
  // Free before a fork, and lost in it: nobody knows where.
  size_t abandoned;
  // The largest that each of these was.
  size_t in_use_peak;
  size_t free_peak;
  size_t returned_peak;
  size_t largest_free;  // bytes of the longest span, free or returned
};

class PageHeap {
 public:
  static constexpr PageCount kNoLimit = PageCount(kMaxBytes >> kPageShift);

  constexpr PageHeap() = default;
  PageHeap(const PageHeap&) = delete;
  PageHeap& operator=(const PageHeap&) = delete;

  // The process's own. It needs no constructor to run first, and never dies.
  static PageHeap& Get();

  // A span of as many pages, in use from now on, or nullptr when the system has
  // no memory. Its first page is a multiple of `alignment`. What its pages hold
  // is undefined. REQUIRES: pages are 1 or more, alignment is a power of two,
  // and both together have at most kMaxBytes.
  // Growth::kNone: from what there is, or nullptr.
  enum class Growth { kNone, kAllowed };
  Span* NewSpan(PageCount pages, PageCount alignment = PageCount(1),
                Growth growth = Growth::kAllowed) EXCLUDES(lock_);

  // As many spans of as many pages, all or none. REQUIRES: `spans` is empty.
  bool NewSpans(PageCount pages, size_t count, SpanList& spans) EXCLUDES(lock_);

  // Takes back what NewSpan gave. Its state is kReturned from now on, if its
  // owner has given the memory back already. REQUIRES: none of its objects is
  // out.
  void ReleaseSpanToPageHeap(Span* span, SpanState state = SpanState::kFree)
      EXCLUDES(lock_);

  // Takes back a large block: the span in use, of no class, that begins there.
  // False, if there is none. It looks under the lock: two threads that free one
  // block get one true.
  bool ReleaseBlock(const void* block) EXCLUDES(lock_);

  // Makes the span that holds a large block as many pages long, without moving
  // it: gives up its last pages, or takes free ones behind it. False, and the
  // block has at least the pages that it had, if that cannot be.
  // REQUIRES: the caller owns the block; pages are 1 or more.
  bool ResizeSpan(Span* span, PageCount pages) EXCLUDES(lock_);

  // Gives the memory of all free spans back to the system. The addresses stay
  // here. Returns by how much there is less that is free, in bytes. The lock is
  // not held while the kernel works.
  size_t ReleaseFreeMemory() EXCLUDES(lock_);

  // The same for as much as was free all the time since the last call, `most`
  // at most. False, if there is more.
  bool ReturnIdle(PageCount most = kNoLimit) EXCLUDES(lock_);

  // The span that a block lies in. Takes no lock. For an address that was never
  // handed out: nullptr, or a span that is free, or one in use that it lies in.
  Span* MapObjectToSpan(const void* object) const {
    return page_map_.Find(PageId::Of(object));
  }

  // For the child of a fork: if another thread was half-way through a change,
  // all free pages are abandoned.
  void AfterFork() EXCLUDES(lock_);

  // Calls visit(span) for each span in use. Takes no lock. REQUIRES: there are
  // no other threads.
  template <typename Visit>
  void ForEachInUse(const Visit& visit) const {
    page_map_.ForEach([&](PageId page, Span* span) {
      if (span->state == SpanState::kInUse && span->first == page) visit(span);
    });
  }

  // Calls visit(first, pages, state) for each span, in the order of addresses,
  // under the lock. That is all of a span that this lock guards while it is in
  // use: its class is the business of another.
  template <typename Visit>
  void ForEachSpan(const Visit& visit) EXCLUDES(lock_) {
    const MutexLock lock(lock_);
    page_map_.ForEach([&](PageId page, const Span* span) {
      if (span->first == page) visit(page, span->pages, span->state);
    });
  }

  // Are new chunks made of the kernel's huge pages? kAuto: where those waste
  // little of what is in use. For all heaps, from the next chunk on. Not unless
  // asked for: of what was given back, the kernel makes huge pages again by
  // itself, where a bit of each is still in use, and the memory is gone.
  enum class HugePages : uint8_t { kOff, kAuto, kOn };
  static void Use(HugePages huge_pages) {
    huge_pages_.store(huge_pages, std::memory_order_relaxed);
  }

  PageHeapFootprint Footprint() EXCLUDES(lock_);
  LockCounts Locks() const { return lock_.Counts(); }
  void Validate() EXCLUDES(lock_);

 private:
  static constexpr PageCount kOnePage = PageCount(1);
  static bool IsFree(const Span* span) {
    return span != nullptr && (span->state == SpanState::kFree ||
                               span->state == SpanState::kReturned);
  }

  Span* TakeSpan(PageCount pages, PageCount alignment, Growth growth)
      REQUIRES(lock_);
  void KeepSpan(Span* span, SpanState state = SpanState::kFree) REQUIRES(lock_);
  bool Shorten(Span* span, PageCount pages) REQUIRES(lock_);
  bool Lengthen(Span* span, PageCount pages) REQUIRES(lock_);
  Span* FindFree(PageCount pages) const REQUIRES(lock_);
  Span* MakeRoom(PageCount pages, Growth growth) REQUIRES(lock_);
  bool JoinStates(PageCount pages) REQUIRES(lock_);
  void JoinRun(Span* span) REQUIRES(lock_);
  PageCount RunFrom(const Span* span) const;
  PageCount RunBehind(const Span* span) const;
  bool Trim(Span* span, PageId first, PageCount pages) REQUIRES(lock_);
  void Coalesce(Span* span) REQUIRES(lock_);
  void Swallow(Span* span, Span* other) REQUIRES(lock_);
  void InsertFree(Span* span) REQUIRES(lock_);
  void RemoveFree(Span* span) REQUIRES(lock_);
  void MarkEnds(const Span* span, Span* mark) REQUIRES(lock_);
  size_t Return(PageCount most) EXCLUDES(lock_);
  Span* TakeToReturn(PageCount most, bool& has_whole_pages) EXCLUDES(lock_);
  void PutDown(Span* span, SpanState state) EXCLUDES(lock_);
  void NoteLowWater() REQUIRES(lock_) {
    low_water_ = std::min(low_water_, free_.Pages());
  }

  bool SystemAllocSpan(PageCount pages) REQUIRES(lock_);
  bool AddChunk(PageCount pages) REQUIRES(lock_);
  bool WantsHugePages(PageCount pages) const REQUIRES(lock_);

  // The spans beside this one, or nullptr. The page before its first is the
  // last one of the span there, and that page leads to its span even if that is
  // free.
  Span* Before(const Span* span) const {
    return page_map_.Find(span->first - PageCount(1));
  }
  Span* Behind(const Span* span) const { return page_map_.Find(span->End()); }

  //! [PageHeap::RaiseInUse]
  // At a new height, somebody should see who has it all. A sixteenth apart,
  // so that large heaps are not looked at all the time.
  void RaiseInUse(PageCount pages) REQUIRES(lock_) {
    in_use_ += pages.bytes();
    const size_t step = std::max(Watch::LookEvery(), looked_at_ / 16);
    if (in_use_.now < looked_at_ + step) return;
    looked_at_ = in_use_.now;
    Watch::Ask(Watch::kPeaks);
  }
  //! [PageHeap::RaiseInUse]

  SpanTree& TreeOf(SpanState state) REQUIRES(lock_) {
    return state == SpanState::kFree ? free_ : returned_;
  }
  void ValidateTree(const SpanTree& tree, SpanState state) const
      REQUIRES(lock_);

  inline static std::atomic<HugePages> huge_pages_{HugePages::kOff};

  // Written under the lock, read by anyone.
  PageMap page_map_;

  // Not on a cache line that others read.
  alignas(kCacheLine) Mutex lock_;
  SpanTree free_ GUARDED_BY(lock_);
  SpanTree returned_ GUARDED_BY(lock_);
  ObjectPool<Span> spans_ GUARDED_BY(lock_);
  size_t system_ GUARDED_BY(lock_) = 0;
  Gauge in_use_ GUARDED_BY(lock_) = {};
  PageCount leaving_ GUARDED_BY(lock_);     // in spans of that state
  PageCount free_peak_ GUARDED_BY(lock_);   // of those and of free_ together
  PageCount low_water_ GUARDED_BY(lock_);   // free_ never had fewer pages since
                                            // the last ReturnIdle
  size_t looked_at_ GUARDED_BY(lock_) = 0;  // in_use_, when it was
  size_t abandoned_ GUARDED_BY(lock_) = 0;
};

}  // namespace pool

#endif  // POOL_PAGE_HEAP_H_
