#include "pool/page_heap.h"

#include <algorithm>

#include "pool/immortal.h"

namespace pool {
namespace {

CONSTINIT Immortal<PageHeap> page_heap;

// Where the page map leads from the middle of a free span: not to the span,
// which may be merged with others, and then all its pages would have to be
// written anew.
CONSTINIT Span inside_free_span;

// The first page of the span, or behind it, that is aligned.
PageId AlignedFirst(const Span* span, PageCount alignment) {
  return PageId(RoundUp(span->first.value(), alignment.value()));
}

}  // namespace

PageHeap& PageHeap::Get() { return page_heap.value; }

Span* PageHeap::NewSpan(PageCount pages, PageCount alignment, Growth growth) {
  const MutexLock lock(lock_);
  return TakeSpan(pages, alignment, growth);
}

//! [PageHeap::NewSpans]
// The kernel is asked once for all of them, and before the first is taken: a
// request that cannot be served costs nothing.
bool PageHeap::NewSpans(PageCount pages, size_t count, SpanList& spans) {
  const MutexLock lock(lock_);
  const PageCount together(count * pages.value());
  if (count > 0 && MakeRoom(together, Growth::kAllowed) == nullptr)
    return false;
  for (; count > 0; --count) {
    Span* span = TakeSpan(pages, kOnePage, Growth::kAllowed);
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
  if (span == nullptr || span->state != SpanState::kInUse ||
      span->HoldsClass() || block != span->Block()) {
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
Span* PageHeap::TakeSpan(PageCount pages, PageCount alignment, Growth growth) {
  Span* span = FindFree(pages);
  if (span == nullptr || span->End() < AlignedFirst(span, alignment) + pages) {
    span = MakeRoom(pages + alignment - kOnePage, growth);
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
  NoteLowWater();
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
  NoteLowWater();
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
  MarkEnds(span, span);
  TreeOf(span->state).Insert(span);
  free_peak_ = std::max(free_peak_, free_.Pages() + leaving_);
}

// What lies inside a free span must not lead to a span that is gone: the ends
// are marked before the span becomes another.
void PageHeap::RemoveFree(Span* span) {
  MarkEnds(span, &inside_free_span);
  TreeOf(span->state).Remove(span);
}

void PageHeap::MarkEnds(const Span* span, Span* mark) {
  page_map_.Set(span->first, kOnePage, mark);
  page_map_.Set(span->End() - kOnePage, kOnePage, mark);
}

void PageHeap::PutDown(Span* span, SpanState state) {
  const MutexLock lock(lock_);
  leaving_ = leaving_ - span->pages;
  span->state = state;
  MarkEnds(span, &inside_free_span);
  Coalesce(span);
  InsertFree(span);
}

PageHeapFootprint PageHeap::Footprint() {
  const MutexLock lock(lock_);
  const PageCount longest = std::max(free_.Longest(), returned_.Longest());
  return {system_,
          in_use_.now,
          (free_.Pages() + leaving_).bytes(),
          returned_.Pages().bytes(),
          spans_.Footprint().blocks + page_map_.Footprint(),
          abandoned_,
          in_use_.peak,
          free_peak_.bytes(),
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
