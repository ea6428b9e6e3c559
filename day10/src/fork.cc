// Fork: what the child of a fork does about threads that are not in it.
//
// A child has one thread, the one that forked. The memory is a copy of the
// parent's, taken at some moment, and the other threads are gone, wherever they
// were. A lock that one of them held will never be released, and what it guards
// is half changed.
//
// The usual way out is to take all locks before the fork, and to release them
// in parent and child. It deadlocks. The C library has locks, too, and takes
// them in its own order: a thread that holds one of them (it opens a file, say)
// waits for ours in malloc, while the forking thread holds ours and waits for
// that one. So we take none, and the parent never waits.
//
// Instead the child looks at each lock.
//  - It is free: what it guards is sound, and stays.
//  - A thread that is not here holds it: that one thing is abandoned (the free
//    objects of a class, the free pages of the heap) and begun anew, and so is
//    the lock. Blocks that the child owns stay blocks, and may be freed.
//  - The forking thread itself holds it: it forked in a signal handler, in the
//    middle of a call, which goes on in the child when the handler returns.
// What is abandoned stays in memory. Each Footprint has a term for it.
//
// Threads' caches have no lock that could tell. This thread's stays, and so do
// those that no thread has; all others are abandoned. (Where the fork
// interrupts the making or the end of this thread's cache, the list of caches
// is this thread's: there the others stay, unused.)
//
// ThreadCache::AfterFork is the handler; each layer asks the one below first.
// It is registered by a constructor, or with the process's first cache, if that
// comes earlier still. Handlers run in the order in which they were registered,
// and one that comes before ours must not allocate.
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/system_memory.h"

namespace pool {

//! [PageHeap::AfterFork]
// Which spans are in use, the page map still knows. From all other pages, also
// from those that a span was about to get or to give up, it leads nowhere from
// now on, as if they were not ours.
void PageHeap::AfterFork() {
  SystemAfterFork();
  if (!lock_.LeftBehind()) return;
  lock_.MakeNew();
  const MutexLock lock(lock_);
  page_map_.ForEach([this](PageId page, const Span* span) {
    const bool is_there = !(page < span->first) && page < span->End();
    if (span->state != SpanState::kInUse || !is_there) {
      page_map_.Set(page, PageCount(1), nullptr);
    }
  });
  size_t spans = 0;
  PageCount pages;
  ForEachInUse([&](const Span* span) {
    ++spans;
    pages = pages + span->pages;
  });
  free_.Clear();
  returned_.Clear();
  leaving_ = low_water_ = PageCount();
  spans_.Abandon(spans);
  in_use_.now = pages.bytes();
  abandoned_ = system_ - in_use_.now;
}
//! [PageHeap::AfterFork]

//! [CentralCache::AfterFork]
// The lists may be broken, but the page map knows the spans. What was carved
// counts as out, and the child's own objects may come home as before. An idle
// span has none of them out. It was on its way to the page heap, or from it,
// perhaps with this very thread: it stays where it is, and to
// the statistics it is a large block.
void CentralCache::AfterFork() {
  PageHeap::Get().AfterFork();
  MagazinesAfterFork();
  reclaiming_.store(false, std::memory_order_relaxed);
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    Bucket& bucket = buckets_[i];
    if (!bucket.lock.LeftBehind()) continue;
    bucket.lock.MakeNew();
    SpanList spans;
    PageHeap::Get().ForEachInUse([&](Span* span) {
      if (!span->HoldsClass() || span->Class() != i || span->Idle()) return;
      abandoned_ += span->Abandon() * span->size;
      spans.PushFront(span);
    });
    const MutexLock lock(bucket.lock);
    for (SpanList& shelf : bucket.shelves) shelf.Clear();
    abandoned_ += bucket.depot.Abandon() * SizeClass::Size(ClassIndex(i));
    ClassCounts& counts = bucket.counts;
    counts.released = counts.fetched;
    counts.spans_given_up = counts.spans_taken;
    counts.carved = counts.out.now = counts.spans.now = 0;
    while (Span* span = spans.PopFront()) {
      AddSpan(bucket, span);
      counts.carved += span->carved;
      counts.fetched += span->allocated;
      counts.out += span->allocated;
    }
  }
}
//! [CentralCache::AfterFork]

}  // namespace pool
