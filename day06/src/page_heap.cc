#include "pool/page_heap.h"

#include <algorithm>

#include "pool/immortal.h"
#include "pool/size_class.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

CONSTINIT Immortal<PageHeap> page_heap;

// What one visit to the kernel brings: pages that nothing is cut from are never
// touched, and so cost nothing.
constexpr PageCount kChunkPages = PageCount(512);

// The longest span that a class asks for.
constexpr PageCount LongestSpan() {
  PageCount longest;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const PageCount pages = SizeClass::SpanPages(ClassIndex(i));
    if (longest < pages) longest = pages;
  }
  return longest;
}
static_assert(LongestSpan() == PageHeap::kMaxPages);

}  // namespace

PageHeap& PageHeap::Get() { return page_heap.value; }

//! [PageHeap::NewSpan]
Span* PageHeap::NewSpan(PageCount pages) {
  const MutexLock lock(lock_);
  return TakeSpan(pages);
}
//! [PageHeap::NewSpan]

//! [PageHeap::NewSpans]
// The kernel is asked once for all that is missing, and before the first span
// is taken: a request that cannot be served costs nothing.
bool PageHeap::NewSpans(PageCount pages, size_t count, SpanList& spans) {
  const MutexLock lock(lock_);
  size_t missing = count;
  for (const Span* span = free_[pages.value()].First();
       span != nullptr && missing > 0; span = span->next) {
    --missing;
  }
  const PageCount uncut(missing * pages.value());
  if (end_ - next_ < uncut && !SystemAllocSpan(uncut)) return false;
  for (; count > 0; --count) {
    Span* span = TakeSpan(pages);
    if (span == nullptr) break;
    spans.PushFront(span);
  }
  if (count == 0) return true;
  while (Span* span = spans.PopFront()) KeepSpan(span);
  return false;
}
//! [PageHeap::NewSpans]

//! [PageHeap::ReleaseSpanToPageHeap]
void PageHeap::ReleaseSpanToPageHeap(Span* span) {
  const MutexLock lock(lock_);
  KeepSpan(span);
}
//! [PageHeap::ReleaseSpanToPageHeap]

//! [PageHeap::TakeSpan]
Span* PageHeap::TakeSpan(PageCount pages) {
  Span* span = free_[pages.value()].PopFront();
  if (span == nullptr) span = CutSpan(pages);
  if (span == nullptr) return nullptr;
  DCHECK(span->state == SpanState::kFree);
  span->state = SpanState::kInUse;
  in_use_ += pages.bytes();
  return span;
}
//! [PageHeap::TakeSpan]

//! [PageHeap::KeepSpan]
void PageHeap::KeepSpan(Span* span) {
  CHECK(span->state == SpanState::kInUse);
  span->state = SpanState::kFree;
  in_use_ -= span->pages.bytes();
  free_[span->pages.value()].PushFront(span);
}
//! [PageHeap::KeepSpan]

//! [PageHeap::CutSpan]
Span* PageHeap::CutSpan(PageCount pages) {
  if (end_ - next_ < pages && !SystemAllocSpan(pages)) return nullptr;
  Span* span = spans_.New();
  if (span == nullptr) return nullptr;
  span->first = next_;
  span->pages = pages;
  page_map_.Set(span->first, pages, span);
  next_ = next_ + pages;
  return span;
}
//! [PageHeap::CutSpan]

//! [PageHeap::SystemAllocSpan]
// The kernel aligns to its own page, which may be half of ours: one page more
// than needed, and what lies before the first whole page and behind the last is
// lost. It is never touched.
bool PageHeap::SystemAllocSpan(PageCount pages) {
  const size_t bytes = std::max(pages, kChunkPages).bytes() + kPageSize;
  void* chunk = SystemAlloc(bytes);
  if (chunk == nullptr) return false;
  const uintptr_t start = reinterpret_cast<uintptr_t>(chunk);
  const PageId first(RoundUp(start, kPageSize) >> kPageShift);
  const PageId end((start + SystemSize(bytes)) >> kPageShift);
  if (!page_map_.Prepare(first, end - first) || !KeepUncut()) {
    SystemFree(chunk, bytes);
    return false;
  }
  next_ = first;
  end_ = end;
  system_ += SystemSize(bytes);
  tails_ += SystemSize(bytes) - (end - first).bytes();
  return true;
}
//! [PageHeap::SystemAllocSpan]

//! [PageHeap::KeepUncut]
// What is left of the chunk before was too short for a request. It is cut into
// spans, for others that ask for as much. False when the system has no memory
// for those.
bool PageHeap::KeepUncut() {
  while (next_ != end_) {
    Span* span = CutSpan(std::min(end_ - next_, kMaxPages));
    if (span == nullptr) return false;
    free_[span->pages.value()].PushFront(span);
  }
  return true;
}
//! [PageHeap::KeepUncut]

PageHeapFootprint PageHeap::Footprint() {
  const MutexLock lock(lock_);
  PageHeapFootprint sum = {};
  sum.system = system_;
  sum.in_use = in_use_;
  for (const SpanList& list : free_) {
    for (Span* span = list.First(); span != nullptr; span = span->next) {
      sum.free += span->pages.bytes();
    }
  }
  sum.uncut = (end_ - next_).bytes();
  sum.tails = tails_;
  sum.metadata = spans_.Footprint().blocks + page_map_.Footprint();
  return sum;
}

void PageHeap::Validate() {
  const PageHeapFootprint sum = Footprint();
  CHECK(sum.system == sum.in_use + sum.free + sum.uncut + sum.tails);
  const MutexLock lock(lock_);
  spans_.Validate();
  for (size_t pages = 0; pages <= kMaxPages.value(); ++pages) {
    free_[pages].Validate();
    for (Span* span = free_[pages].First(); span != nullptr;
         span = span->next) {
      CHECK(span->state == SpanState::kFree);
      CHECK(span->pages == PageCount(pages));
      CHECK(page_map_.Find(span->first) == span);
      CHECK(page_map_.Find(span->End() - PageCount(1)) == span);
    }
  }
}

}  // namespace pool
