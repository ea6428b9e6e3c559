// Where the page heap's room comes from, and where it goes: how it grows, and
// how it gives free pages back to the system.
#include <algorithm>

#include "pool/arena.h"
#include "pool/page_heap.h"
#include "pool/system_memory.h"
#include "pool/tuning.h"

namespace pool {

//! [PageHeap::MakeRoom]
// A free span of as many pages or more, or nullptr when the system has no
// memory.
Span* PageHeap::MakeRoom(PageCount pages, Growth growth) {
  Span* span = FindFree(pages);
  if (span == nullptr && (JoinStates(pages) || (growth == Growth::kAllowed &&
                                                SystemAllocSpan(pages)))) {
    span = FindFree(pages);
  }
  return span;
}
//! [PageHeap::MakeRoom]

//! [PageHeap::JoinStates]
// Before the heap grows: free and returned spans, side by side, may be enough
// together. Each such run has some of both, so it is enough to look around
// those of which there are fewer.
bool PageHeap::JoinStates(PageCount pages) {
  if (free_.Pages() + returned_.Pages() < pages) return false;
  const SpanTree& fewer = free_.Count() < returned_.Count() ? free_ : returned_;
  Span* found = nullptr;
  fewer.ForEach([&](Span* span) {
    if (found == nullptr && !(RunFrom(span) < pages)) found = span;
  });
  if (found == nullptr) return false;
  RemoveFree(found);
  JoinRun(found);
  InsertFree(found);
  return true;
}
//! [PageHeap::JoinStates]

// The span swallows all that is free or returned on both sides. Some of its
// pages may have memory then. REQUIRES: the span is in no tree.
void PageHeap::JoinRun(Span* span) {
  while (IsFree(Before(span))) Swallow(span, Before(span));
  while (IsFree(Behind(span))) Swallow(span, Behind(span));
  span->state = SpanState::kFree;
}

// How many pages lie side by side and are free or returned: the whole run, if
// this is its leftmost span of this state, else 0, so that no run is walked
// twice.
PageCount PageHeap::RunFrom(const Span* span) const {
  const Span* start = IsFree(Before(span)) ? Before(span) : span;
  if (start != span && IsFree(Before(start))) return PageCount(0);
  return start->pages + RunBehind(start);
}

PageCount PageHeap::RunBehind(const Span* span) const {
  PageCount pages;
  while (IsFree(span = Behind(span))) pages = pages + span->pages;
  return pages;
}

//! [PageHeap::SystemAllocSpan]
// Megabytes at a time, since a call to the kernel costs a thousand times what
// it costs to cut a span, and pages that are not used cost nothing. Where there
// is not so much memory, only what is needed.
bool PageHeap::SystemAllocSpan(PageCount pages) {
  const PageCount usual(pages.value() <= 8    ? 512
                        : pages.value() <= 32 ? 1024
                                              : 2048);
  if (AddChunk(std::max(pages, usual))) return true;
  return pages < usual && AddChunk(pages);
}
//! [PageHeap::SystemAllocSpan]

//! [PageHeap::AddChunk]
// Chunks that lie side by side are one run of pages.
bool PageHeap::AddChunk(PageCount pages) {
  pages = PagesFor(SystemSize(pages.bytes()));
  Span* span = spans_.New();
  if (span == nullptr) return false;
  void* chunk = Arena::NewChunk(pages);
  if (chunk == nullptr || !page_map_.Prepare(PageId::Of(chunk), pages)) {
    if (chunk != nullptr) SystemFree(chunk, pages.bytes());
    spans_.Delete(span);
    return false;
  }
  if (WantsHugePages(pages)) SystemUseHugePages(chunk, pages.bytes());
  span->first = PageId::Of(chunk);
  span->pages = pages;
  span->state = SpanState::kReturned;
  system_ += span->pages.bytes();
  Coalesce(span);
  InsertFree(span);
  return true;
}
//! [PageHeap::AddChunk]

//! [PageHeap::WantsHugePages]
// The first touch of a huge page brings all of it: in the worst case, a whole
// chunk for one object.
bool PageHeap::WantsHugePages(PageCount pages) const {
  const HugePages mode = huge_pages_.load(std::memory_order_relaxed);
  if (mode != HugePages::kAuto) return mode == HugePages::kOn;
  return pages.bytes() <= in_use_.now / tuning::kHugePageWaste;
}
//! [PageHeap::WantsHugePages]

//! [PageHeap::ReturnIdle]
// What was free all the time since the last visit was not needed. What is more
// than `most` of it is not needed the next time either.
bool PageHeap::ReturnIdle(PageCount most) {
  PageCount idle;
  {
    const MutexLock lock(lock_);
    idle = std::min(low_water_, free_.Pages());
  }
  Return(std::min(idle, most));
  const MutexLock lock(lock_);
  const bool is_all = !(most < idle);
  low_water_ = is_all ? free_.Pages() : std::min(idle - most, free_.Pages());
  return is_all;
}

size_t PageHeap::ReleaseFreeMemory() { return Return(kNoLimit); }
//! [PageHeap::ReturnIdle]

//! [PageHeap::Return]
// The kernel takes its time, some microseconds for each dozen pages: for that
// long, the span is nobody's but this thread's, and the lock is free. What the
// kernel refuses is put aside, so that it is not tried again, and is free again
// in the end.
size_t PageHeap::Return(PageCount most) {
  PageCount tried;
  PageCount returned;
  SpanList refused;
  while (tried < most) {
    bool has_whole_pages;
    Span* span = TakeToReturn(most - tried, has_whole_pages);
    if (span == nullptr) break;
    tried = tried + span->pages;
    if (has_whole_pages && SystemDiscard(span->Start(), span->pages.bytes())) {
      returned = returned + span->pages;
      PutDown(span, SpanState::kReturned);
    } else {
      refused.PushFront(span);
    }
  }
  while (Span* span = refused.PopFront()) PutDown(span, SpanState::kFree);
  return returned.bytes();
}
//! [PageHeap::Return]

//! [PageHeap::TakeToReturn]
// The longest free span: few calls for many pages. If it is too long, its last
// pages. The kernel takes whole pages of its own only: where those are larger
// than ours, what lies at the edges stays.
Span* PageHeap::TakeToReturn(PageCount most, bool& has_whole_pages) {
  const size_t unit = PagesFor(SystemSize(1)).value();
  const MutexLock lock(lock_);
  Span* span = free_.LongestSpan();
  if (span == nullptr) return nullptr;
  const PageId start = most < span->pages ? span->End() - most : span->first;
  const PageId first(RoundUp(start.value(), unit));
  const PageId end(RoundDown(span->End().value(), unit));
  RemoveFree(span);
  has_whole_pages = first < end && Trim(span, first, end - first);
  NoteLowWater();
  span->state = SpanState::kLeaving;
  leaving_ = leaving_ + span->pages;
  MarkEnds(span, span);
  return span;
}
//! [PageHeap::TakeToReturn]

}  // namespace pool
