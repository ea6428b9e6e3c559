#include "pool/page_heap.h"

#include <algorithm>

#include "pool/immortal.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

CONSTINIT Immortal<PageHeap> page_heap;

// Where the page map leads from the middle of a free span: not to the span,
// which may be merged with others, and then all its pages would have to be
// written anew.
CONSTINIT Span inside_free_span;

constexpr PageCount kOnePage = PageCount(1);

bool IsFree(const Span* span) {
  return span != nullptr && span->state != SpanState::kInUse;
}

// The first page of the span, or behind it, that is aligned.
PageId AlignedFirst(const Span* span, PageCount alignment) {
  return PageId(RoundUp(span->first.value(), alignment.value()));
}

// What lies between two addresses goes back to the system.
void FreeEdge(uintptr_t start, uintptr_t end) {
  if (start < end) SystemFree(reinterpret_cast<void*>(start), end - start);
}

}  // namespace

PageHeap& PageHeap::Get() { return page_heap.value; }

Span* PageHeap::NewSpan(PageCount pages, PageCount alignment) {
  const MutexLock lock(lock_);
  return TakeSpan(pages, alignment);
}

//! [PageHeap::NewSpans]
// The kernel is asked once for all of them, and before the first is taken: a
// request that cannot be served costs nothing.
bool PageHeap::NewSpans(PageCount pages, size_t count, SpanList& spans) {
  const MutexLock lock(lock_);
  const PageCount together(count * pages.value());
  if (count > 0 && MakeRoom(together) == nullptr) return false;
  for (; count > 0; --count) {
    Span* span = TakeSpan(pages, kOnePage);
    if (span == nullptr) break;
    spans.PushFront(span);
  }
  if (count == 0) return true;
  while (Span* span = spans.PopFront()) KeepSpan(span);
  return false;
}
//! [PageHeap::NewSpans]

void PageHeap::ReleaseSpanToPageHeap(Span* span, SpanState state) {
  const MutexLock lock(lock_);
  KeepSpan(span, state);
}

//! [PageHeap::ReleaseBlock]
bool PageHeap::ReleaseBlock(const void* block) {
  const MutexLock lock(lock_);
  Span* span = MapObjectToSpan(block);
  if (span == nullptr || IsFree(span) || span->HoldsClass() ||
      block != span->Start()) {
    return false;
  }
  KeepSpan(span);
  return true;
}
//! [PageHeap::ReleaseBlock]

//! [PageHeap::TakeSpan]
// The best fit may be aligned by chance: a block that went back leaves a hole
// for another one like it. Otherwise, a span long enough for the worst case has
// an aligned page early enough. What lies before that page, and behind what was
// asked for, stays free.
Span* PageHeap::TakeSpan(PageCount pages, PageCount alignment) {
  Span* span = FindFree(pages);
  if (span == nullptr || span->End() < AlignedFirst(span, alignment) + pages) {
    span = MakeRoom(pages + alignment - kOnePage);
  }
  if (span == nullptr) return nullptr;
  RemoveFree(span);
  const PageId first = AlignedFirst(span, alignment);
  if (!Trim(span, first, pages)) {
    InsertFree(span);
    return nullptr;
  }
  span->zero = span->state == SpanState::kReturned;
  span->state = SpanState::kInUse;
  RaiseInUse(pages);
  page_map_.Set(span->first, span->pages, span);
  return span;
}
//! [PageHeap::TakeSpan]

//! [PageHeap::KeepSpan]
void PageHeap::KeepSpan(Span* span, SpanState state) {
  CHECK(span->state == SpanState::kInUse);
  in_use_ -= span->pages.bytes();
  span->Close();
  span->state = state;
  page_map_.Set(span->first, span->pages, &inside_free_span);
  Coalesce(span);
  InsertFree(span);
}
//! [PageHeap::KeepSpan]

bool PageHeap::ResizeSpan(Span* span, PageCount pages) {
  const MutexLock lock(lock_);
  return pages < span->pages ? Shorten(span, pages) : Lengthen(span, pages);
}

//! [PageHeap::Shorten]
// The last pages become a span of their own, which goes back like any other.
bool PageHeap::Shorten(Span* span, PageCount pages) {
  Span* rest = spans_.New();
  if (rest == nullptr) return false;
  rest->first = span->first + pages;
  rest->pages = span->pages - pages;
  rest->state = SpanState::kInUse;
  span->pages = pages;
  KeepSpan(rest);
  return true;
}
//! [PageHeap::Shorten]

//! [PageHeap::Lengthen]
// There may be several free spans behind: of the last one, a part is taken.
bool PageHeap::Lengthen(Span* span, PageCount pages) {
  if (span->pages + RunBehind(span) < pages) return false;
  while (span->pages < pages) {
    Span* behind = Behind(span);
    RemoveFree(behind);
    const PageCount missing = pages - span->pages;
    if (missing < behind->pages && !Trim(behind, behind->first, missing)) {
      InsertFree(behind);
      return false;
    }
    page_map_.Set(behind->first, behind->pages, span);
    RaiseInUse(behind->pages);
    span->pages = span->pages + behind->pages;
    spans_.Delete(behind);
  }
  return true;
}
//! [PageHeap::Lengthen]

//! [PageHeap::FindFree]
// Memory that the kernel need not bring first.
Span* PageHeap::FindFree(PageCount pages) const {
  Span* span = free_.BestFit(pages);
  return span != nullptr ? span : returned_.BestFit(pages);
}
//! [PageHeap::FindFree]

//! [PageHeap::MakeRoom]
// A free span of as many pages or more, or nullptr when the system has no
// memory.
Span* PageHeap::MakeRoom(PageCount pages) {
  Span* span = FindFree(pages);
  if (span == nullptr && (JoinStates(pages) || SystemAllocSpan(pages))) {
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

//! [PageHeap::Trim]
// Leaves the span these pages; what it had before and behind them become free
// spans. False, and nothing has changed, when there is no memory for those.
// REQUIRES: the span is in no tree.
bool PageHeap::Trim(Span* span, PageId first, PageCount pages) {
  const PageCount lead = first - span->first;
  const PageCount rest = span->pages - lead - pages;
  Span* before = lead == PageCount(0) ? nullptr : spans_.New();
  Span* behind = rest == PageCount(0) ? nullptr : spans_.New();
  if ((before == nullptr && lead != PageCount(0)) ||
      (behind == nullptr && rest != PageCount(0))) {
    spans_.Delete(before);
    spans_.Delete(behind);
    return false;
  }
  for (Span* part : {before, behind}) {
    if (part == nullptr) continue;
    part->first = part == before ? span->first : first + pages;
    part->pages = part == before ? lead : rest;
    part->state = span->state;
    InsertFree(part);
  }
  span->first = first;
  span->pages = pages;
  return true;
}
//! [PageHeap::Trim]

//! [PageHeap::Coalesce]
// The free span swallows its neighbours of the same state. REQUIRES: the span
// is in no tree.
void PageHeap::Coalesce(Span* span) {
  for (Span* other : {Before(span), Behind(span)}) {
    if (other != nullptr && other->state == span->state) Swallow(span, other);
  }
}
//! [PageHeap::Coalesce]

//! [PageHeap::Swallow]
// REQUIRES: the spans are neighbours, both are free, and `other` is in a tree.
void PageHeap::Swallow(Span* span, Span* other) {
  DCHECK(other != &inside_free_span);
  RemoveFree(other);
  span->first = std::min(span->first, other->first);
  span->pages = span->pages + other->pages;
  spans_.Delete(other);
}
//! [PageHeap::Swallow]

void PageHeap::InsertFree(Span* span) {
  page_map_.Set(span->first, kOnePage, span);
  page_map_.Set(span->End() - kOnePage, kOnePage, span);
  TreeOf(span->state).Insert(span);
}

// What lies inside a free span must not lead to a span that is gone: the ends
// are marked before the span becomes another.
void PageHeap::RemoveFree(Span* span) {
  page_map_.Set(span->first, kOnePage, &inside_free_span);
  page_map_.Set(span->End() - kOnePage, kOnePage, &inside_free_span);
  TreeOf(span->state).Remove(span);
}

//! [PageHeap::ReleaseFreeMemory]
// Whole runs, returned spans among them: where the kernel's pages are larger
// than ours, one may lie half in a free span and half in a returned one.
size_t PageHeap::ReleaseFreeMemory() {
  const MutexLock lock(lock_);
  const size_t before = free_.Pages().bytes();
  SpanList runs;
  while (Span* span = free_.Any()) {
    RemoveFree(span);
    JoinRun(span);
    runs.PushFront(span);
  }
  while (Span* span = runs.PopFront()) {
    if (!GiveBack(span)) InsertFree(span);
  }
  // A refused run counts as free, the returned spans in it, too.
  return before - std::min(before, free_.Pages().bytes());
}
//! [PageHeap::ReleaseFreeMemory]

//! [PageHeap::GiveBack]
// The kernel takes back whole pages of its own only. False, and the span is as
// it was, when it takes none. REQUIRES: the span is in no tree, and a whole
// run.
bool PageHeap::GiveBack(Span* span) {
  const size_t unit = PagesFor(SystemSize(1)).value();
  const PageId first(RoundUp(span->first.value(), unit));
  const PageId end(RoundDown(span->End().value(), unit));
  if (!(first < end)) return false;
  if (!SystemDiscard(first.Start(), (end - first).bytes())) return false;
  if (!Trim(span, first, end - first)) return false;
  span->state = SpanState::kReturned;
  InsertFree(span);
  return true;
}
//! [PageHeap::GiveBack]

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
// The kernel aligns to its own page, which may be half of ours: one page more
// than needed, and what lies before the first whole page and behind the last
// goes back at once. The next chunk then lies side by side with this one, and
// joins it.
bool PageHeap::AddChunk(PageCount pages) {
  const size_t bytes = pages.bytes() + kPageSize;
  Span* span = spans_.New();
  if (span == nullptr) return false;
  void* chunk = SystemAlloc(bytes);
  const uintptr_t start = reinterpret_cast<uintptr_t>(chunk);
  const uintptr_t chunk_end = start + SystemSize(bytes);
  const PageId first(RoundUp(start, kPageSize) >> kPageShift);
  const PageId end(chunk_end >> kPageShift);
  if (chunk == nullptr || !page_map_.Prepare(first, end - first)) {
    if (chunk != nullptr) SystemFree(chunk, bytes);
    spans_.Delete(span);
    return false;
  }
  FreeEdge(start, first.value() << kPageShift);
  FreeEdge(end.value() << kPageShift, chunk_end);
  span->first = first;
  span->pages = end - first;
  span->state = SpanState::kReturned;
  system_ += span->pages.bytes();
  Coalesce(span);
  InsertFree(span);
  return true;
}
//! [PageHeap::AddChunk]

PageHeapFootprint PageHeap::Footprint() {
  const MutexLock lock(lock_);
  const PageCount longest = std::max(free_.Longest(), returned_.Longest());
  return {system_,
          in_use_.now,
          free_.Pages().bytes(),
          returned_.Pages().bytes(),
          spans_.Footprint().blocks + page_map_.Footprint(),
          abandoned_,
          in_use_.peak,
          free_.PeakPages().bytes(),
          returned_.PeakPages().bytes(),
          longest.bytes()};
}

void PageHeap::ValidateTree(const SpanTree& tree, SpanState state) const {
  tree.Validate();
  tree.ForEach([&](const Span* span) {
    CHECK(span->state == state && !span->HoldsClass());
    CHECK(page_map_.Find(span->first) == span);
    CHECK(page_map_.Find(span->End() - kOnePage) == span);
    for (const Span* other : {Before(span), Behind(span)}) {
      CHECK(other == nullptr || other->state != state);
    }
  });
}

void PageHeap::Validate() {
  const PageHeapFootprint sum = Footprint();
  CHECK(sum.system == sum.in_use + sum.free + sum.returned + sum.abandoned);
  const MutexLock lock(lock_);
  spans_.Validate();
  ValidateTree(free_, SpanState::kFree);
  ValidateTree(returned_, SpanState::kReturned);
}

}  // namespace pool
