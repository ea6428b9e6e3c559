#include "pool/central_cache.h"

#include "pool/bytes.h"
#include "pool/page_heap.h"

namespace pool {
namespace {

CONSTINIT CentralCache central_cache;

}  // namespace

CentralCache& CentralCache::Get() { return central_cache; }

//! [CentralCache::FetchRangeObj]
// One span may have less than was asked for. What other open spans have is
// added; a new span is asked for only where there is nothing at all.
size_t CentralCache::FetchRangeObj(void*& start, void*& end, size_t n,
                                   size_t size) {
  const ClassIndex index = SizeClass::Index(size);
  const MutexLock lock(lock_);
  Bucket& bucket = buckets_[index];
  Span* span = GetOneSpan(bucket, index);
  if (span == nullptr) return 0;
  size_t count = TakeFrom(bucket, span, start, end, n);
  while (count < n && !bucket.open.Empty()) {
    void* more;
    void* last;
    count += TakeFrom(bucket, bucket.open.First(), more, last, n - count);
    NextObj(end) = more;
    end = last;
  }
  return count;
}
//! [CentralCache::FetchRangeObj]

//! [CentralCache::GetOneSpan]
Span* CentralCache::GetOneSpan(Bucket& bucket, ClassIndex index) {
  while (bucket.open.Empty()) {
    lock_.Unlock();
    Span* span = PageHeap::Get().NewSpan(SizeClass::SpanPages(index));
    lock_.Lock();
    // Without memory: another thread may have been luckier, or have given back.
    if (span == nullptr) break;
    // With one: another thread may have brought one, too. One is enough.
    const bool wanted = bucket.open.Empty();
    if (wanted && AddSpan(bucket, span, SizeClass::Size(index))) break;
    lock_.Unlock();
    PageHeap::Get().ReleaseSpanToPageHeap(span);
    lock_.Lock();
    if (wanted) break;
  }
  return bucket.open.First();
}
//! [CentralCache::GetOneSpan]

// False when the system has no memory for the page map.
bool CentralCache::AddSpan(Bucket& bucket, Span* span, size_t size) {
  if (!page_map_.Insert(span)) return false;
  span->Open(size);
  bucket.open.PushFront(span);
  return true;
}

//! [CentralCache::TakeFrom]
size_t CentralCache::TakeFrom(Bucket& bucket, Span* span, void*& start,
                              void*& end, size_t n) {
  const size_t count = span->TakeRange(start, end, n);
  if (span->Full()) {
    bucket.open.Remove(span);
    bucket.full.PushFront(span);
  }
  return count;
}
//! [CentralCache::TakeFrom]

//! [CentralCache::ReleaseListToSpans]
// Spans whose last object comes home are collected first, and go to the page
// heap when the lock is free again.
void CentralCache::ReleaseListToSpans(void* start, size_t size) {
  SpanList idle;
  {
    const MutexLock lock(lock_);
    Bucket& bucket = buckets_[SizeClass::Index(size)];
    while (start != nullptr) {
      void* object = start;
      start = NextObj(object);
      PutBack(bucket, page_map_.Find(PageId::Of(object)), object, idle);
    }
  }
  while (Span* span = idle.PopFront()) {
    PageHeap::Get().ReleaseSpanToPageHeap(span);
  }
}
//! [CentralCache::ReleaseListToSpans]

//! [CentralCache::PutBack]
void CentralCache::PutBack(Bucket& bucket, Span* span, void* object,
                           SpanList& idle) {
  if (span->Full()) {
    bucket.full.Remove(span);
    bucket.open.PushFront(span);
  }
  span->PutBack(object);
  if (span->Idle()) {
    bucket.open.Remove(span);
    page_map_.Erase(span);
    idle.PushFront(span);
  }
}
//! [CentralCache::PutBack]

CentralCacheFootprint CentralCache::Footprint() {
  const MutexLock lock(lock_);
  CentralCacheFootprint sum = {};
  for (const Bucket& bucket : buckets_) {
    for (const SpanList* list : {&bucket.open, &bucket.full}) {
      for (Span* span = list->First(); span != nullptr; span = span->next) {
        sum.spans += span->pages.bytes();
        sum.out += span->allocated * span->size;
        sum.free += span->free.Length() * span->size;
        sum.uncarved += (span->capacity - span->carved) * span->size;
        sum.tails += span->Tail();
      }
    }
  }
  sum.metadata = page_map_.Footprint();
  return sum;
}

void CentralCache::Validate() {
  const MutexLock lock(lock_);
  page_map_.Validate();
  for (const Bucket& bucket : buckets_) {
    for (const SpanList* list : {&bucket.open, &bucket.full}) {
      list->Validate();
      for (Span* span = list->First(); span != nullptr; span = span->next) {
        span->Validate();
        CHECK(span->state == SpanState::kInUse && !span->Idle());
        CHECK(span->Full() == (list == &bucket.full));
        CHECK(page_map_.Find(span->first) == span);
        CHECK(page_map_.Find(span->End() - PageCount(1)) == span);
      }
    }
  }
}

}  // namespace pool
