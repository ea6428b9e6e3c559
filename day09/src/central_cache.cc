#include "pool/central_cache.h"

#include <algorithm>

#include "pool/page_heap.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

CONSTINIT CentralCache central_cache;

// Has the kernel back the span's pages now, and not at their first use.
// REQUIRES: none of its objects is out.
void Touch(const Span* span) {
  volatile char* start = static_cast<char*>(span->Start());
  for (size_t i = 0; i < span->pages.bytes(); i += kSmallestKernelPage) {
    start[i] = 0;
  }
}

// REQUIRES: no lock is held.
void Release(SpanList& idle) {
  while (Span* span = idle.PopFront()) {
    PageHeap::Get().ReleaseSpanToPageHeap(span);
  }
}

}  // namespace

CentralCache& CentralCache::Get() { return central_cache; }

//! [CentralCache::FetchRangeObj]
// One span may have less than was asked for. What other open spans have is
// added; a new span is asked for only where there is nothing at all.
size_t CentralCache::FetchRangeObj(void*& start, void*& end, size_t n,
                                   size_t size) {
  const ClassIndex index = SizeClass::Index(size);
  Bucket& bucket = buckets_[index];
  const MutexLock lock(bucket.lock);
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
  ++bucket.counts.fetches;
  bucket.counts.fetched += count;
  bucket.counts.out += count;
  return count;
}
//! [CentralCache::FetchRangeObj]

//! [CentralCache::GetOneSpan]
Span* CentralCache::GetOneSpan(Bucket& bucket, ClassIndex index) {
  while (bucket.open.Empty()) {
    bucket.lock.Unlock();
    Span* span = PageHeap::Get().NewSpan(SizeClass::SpanPages(index));
    bucket.lock.Lock();
    // Without memory: another thread may have been luckier, or have given back.
    if (span == nullptr) break;
    // With one: another thread may have brought one, too. One is enough.
    if (bucket.open.Empty()) {
      span->Open(SizeClass::Size(index));
      AddSpan(bucket, span);
      break;
    }
    bucket.lock.Unlock();
    PageHeap::Get().ReleaseSpanToPageHeap(span);
    bucket.lock.Lock();
  }
  return bucket.open.First();
}
//! [CentralCache::GetOneSpan]

//! [CentralCache::AddSpan]
// A new span. So that nobody has to count later, it is counted here.
void CentralCache::AddSpan(Bucket& bucket, Span* span) {
  bucket.open.PushFront(span);
  ++bucket.counts.spans_taken;
  bucket.counts.spans += 1;
}

// An idle span, on its way to the page heap.
void CentralCache::RemoveSpan(Bucket& bucket, Span* span, SpanList& idle) {
  bucket.open.Remove(span);
  idle.PushFront(span);
  ++bucket.counts.spans_given_up;
  bucket.counts.spans -= 1;
  bucket.counts.carved -= span->carved;
}
//! [CentralCache::AddSpan]

//! [CentralCache::TakeFrom]
size_t CentralCache::TakeFrom(Bucket& bucket, Span* span, void*& start,
                              void*& end, size_t n) {
  const size_t carved = span->carved;
  const size_t count = span->TakeRange(start, end, n);
  bucket.counts.carved += span->carved - carved;
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
  Bucket& bucket = buckets_[SizeClass::Index(size)];
  {
    const MutexLock lock(bucket.lock);
    size_t count = 0;
    for (; start != nullptr; ++count) {
      void* object = start;
      start = NextObj(object);
      PutBack(bucket, PageHeap::Get().MapObjectToSpan(object), object, idle);
    }
    ++bucket.counts.releases;
    bucket.counts.released += count;
    bucket.counts.out -= count;
  }
  Release(idle);
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
  if (span->Idle()) RemoveSpan(bucket, span, idle);
}
//! [CentralCache::PutBack]

//! [CentralCache::Reserve]
// What other threads take meanwhile is not made up for: to reserve is for the
// quiet before the work.
bool CentralCache::Reserve(size_t size, size_t count) {
  const ClassIndex index = SizeClass::Index(size);
  Bucket& bucket = buckets_[index];
  {
    const MutexLock lock(bucket.lock);
    for (const Span* span = bucket.open.First(); span != nullptr && count > 0;
         span = span->next) {
      count -= std::min(count, span->capacity - span->allocated);
    }
  }
  const PageCount pages = SizeClass::SpanPages(index);
  const size_t capacity = pages.bytes() / size;
  const size_t spans = count / capacity + (count % capacity != 0 ? 1 : 0);
  SpanList fresh;
  if (!PageHeap::Get().NewSpans(pages, spans, fresh)) return false;
  for (Span* span = fresh.First(); span != nullptr; span = span->next) {
    Touch(span);
    span->Open(size);
  }
  const MutexLock lock(bucket.lock);
  while (Span* span = fresh.PopFront()) AddSpan(bucket, span);
  return true;
}
//! [CentralCache::Reserve]

//! [CentralCache::ReleaseIdleSpans]
void CentralCache::ReleaseIdleSpans() {
  for (Bucket& bucket : buckets_) {
    SpanList idle;
    {
      const MutexLock lock(bucket.lock);
      Span* next;
      for (Span* span = bucket.open.First(); span != nullptr; span = next) {
        next = span->next;
        if (span->Idle()) RemoveSpan(bucket, span, idle);
      }
    }
    Release(idle);
  }
}
//! [CentralCache::ReleaseIdleSpans]

ClassCounts CentralCache::Counts(ClassIndex index) {
  Bucket& bucket = buckets_[index];
  const MutexLock lock(bucket.lock);
  return bucket.counts;
}

//! [CentralCache::Footprint]
// From what was counted, without a look at any span: it takes as long for a
// large heap as for a small one.
CentralCacheFootprint CentralCache::Footprint() {
  CentralCacheFootprint sum = {};
  sum.abandoned = abandoned_;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const ClassIndex index(i);
    const ClassCounts counts = Counts(index);
    const size_t size = SizeClass::Size(index);
    const size_t span = SizeClass::SpanPages(index).bytes();
    sum.spans += counts.spans.now * span;
    sum.out += counts.out.now * size;
    sum.free += (counts.carved - counts.out.now) * size;
    sum.uncarved += (counts.spans.now * (span / size) - counts.carved) * size;
    sum.tails += counts.spans.now * (span % size);
  }
  return sum;
}
//! [CentralCache::Footprint]

void CentralCache::ValidateCounts(const Bucket& bucket) {
  size_t spans = 0;
  size_t out = 0;
  size_t carved = 0;
  for (const SpanList* list : {&bucket.open, &bucket.full}) {
    for (const Span* span = list->First(); span != nullptr; span = span->next) {
      ++spans;
      out += span->allocated;
      carved += span->carved;
    }
  }
  const ClassCounts& counts = bucket.counts;
  CHECK(counts.spans.now == spans && counts.out.now == out);
  CHECK(counts.carved == carved);
  CHECK(counts.spans_taken - counts.spans_given_up == spans);
  CHECK(counts.fetched - counts.released == out);
}

void CentralCache::Validate() {
  for (Bucket& bucket : buckets_) {
    const MutexLock lock(bucket.lock);
    ValidateCounts(bucket);
    for (const SpanList* list : {&bucket.open, &bucket.full}) {
      list->Validate();
      for (Span* span = list->First(); span != nullptr; span = span->next) {
        span->Validate();
        CHECK(span->state == SpanState::kInUse);
        CHECK(span->Full() == (list == &bucket.full));
        CHECK(PageHeap::Get().MapObjectToSpan(span->Start()) == span);
      }
    }
  }
}

}  // namespace pool
