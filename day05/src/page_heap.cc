#include "pool/page_heap.h"

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
  Span* span = free_[pages.value()].PopFront();
  if (span == nullptr) span = CutSpan(pages);
  if (span == nullptr) return nullptr;
  DCHECK(span->state == SpanState::kFree);
  span->state = SpanState::kInUse;
  in_use_ += pages.bytes();
  return span;
}
//! [PageHeap::NewSpan]

//! [PageHeap::ReleaseSpanToPageHeap]
void PageHeap::ReleaseSpanToPageHeap(Span* span) {
  const MutexLock lock(lock_);
  CHECK(span->state == SpanState::kInUse);
  span->state = SpanState::kFree;
  in_use_ -= span->pages.bytes();
  free_[span->pages.value()].PushFront(span);
}
//! [PageHeap::ReleaseSpanToPageHeap]

//! [PageHeap::CutSpan]
Span* PageHeap::CutSpan(PageCount pages) {
  if (end_ - next_ < pages && !SystemAllocSpan()) return nullptr;
  Span* span = spans_.New();
  if (span == nullptr) return nullptr;
  span->first = next_;
  span->pages = pages;
  next_ = next_ + pages;
  return span;
}
//! [PageHeap::CutSpan]

//! [PageHeap::SystemAllocSpan]
// The kernel aligns to its own page, which may be half of ours: one page more
// than needed, and what lies before the first whole page and behind the last is
// lost. It is never touched.
bool PageHeap::SystemAllocSpan() {
  const size_t bytes = kChunkPages.bytes() + kPageSize;
  void* chunk = SystemAlloc(bytes);
  if (chunk == nullptr) return false;
  if (!KeepUncut()) {
    SystemFree(chunk, bytes);
    return false;
  }
  const uintptr_t start = reinterpret_cast<uintptr_t>(chunk);
  next_ = PageId(RoundUp(start, kPageSize) >> kPageShift);
  end_ = PageId((start + SystemSize(bytes)) >> kPageShift);
  system_ += SystemSize(bytes);
  tails_ += SystemSize(bytes) - (end_ - next_).bytes();
  return true;
}
//! [PageHeap::SystemAllocSpan]

//! [PageHeap::KeepUncut]
// What is left of the chunk before was too short for a request, so it is one
// span at most. False when the system has no memory for that.
bool PageHeap::KeepUncut() {
  if (next_ == end_) return true;
  Span* span = CutSpan(end_ - next_);
  if (span == nullptr) return false;
  free_[span->pages.value()].PushFront(span);
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
  sum.metadata = spans_.Footprint().blocks;
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
    }
  }
}

}  // namespace pool
