#include "pool/central_cache.h"

#include <algorithm>

#include "pool/arena.h"
#include "pool/misuse.h"
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

bool WasHandedOut(const Span* span, const void* object, ClassIndex index) {
  return span != nullptr && span->IsObject(object) && span->Class() == index &&
         span->IndexOf(object) < span->carved;
}

// REQUIRES: no lock is held, since who handles the abort may allocate.
[[noreturn]] void ReportWrongFree(const void* object, ClassIndex index) {
  constexpr const char* kCall = "a free before this one";
  const Span* span = PageHeap::Get().MapObjectToSpan(object);
  if (WasHandedOut(span, object, index)) ReportFreedTwice(kCall, object, span);
  ReportNoBlock(kCall, object, span);
}

// REQUIRES: no lock is held.
void Release(SpanList& idle) {
  while (Span* span = idle.PopFront()) {
    PageHeap::Get().ReleaseSpanToPageHeap(span);
  }
}

}  // namespace

CentralCache& CentralCache::Get() { return central_cache; }

//! [CentralCache::TakeLoaded]
// A short magazine is not kept: who gives it has come back for more, and should
// have a longer one next time.
Magazine* CentralCache::TakeLoaded(ClassIndex index, Magazine* empty) {
  Bucket& bucket = buckets_[index];
  const bool is_short =
      empty != nullptr && empty->kind < LongestKind(SizeClass::Size(index));
  Magazine* loaded;
  {
    const MutexLock lock(bucket.lock);
    loaded = bucket.depot.TakeLoaded();
    if (loaded == nullptr) return nullptr;
    if (empty != nullptr && !is_short) bucket.depot.LeaveEmpty(empty);
    ++bucket.counts.fetches;
    bucket.counts.fetched += loaded->count;
    bucket.counts.out += loaded->count;
  }
  if (is_short) DeleteMagazine(empty);
  return loaded;
}

Magazine* CentralCache::LeaveLoaded(ClassIndex index, Magazine* loaded) {
  const size_t size = SizeClass::Size(index);
  if (size > tuning::kLargestInDepot) {
    ReleaseListToSpans(loaded->Objects(), loaded->count, size);
    loaded->count = 0;
    return loaded;
  }
  Bucket& bucket = buckets_[index];
  const MutexLock lock(bucket.lock);
  bucket.depot.LeaveLoaded(loaded);
  ++bucket.counts.releases;
  bucket.counts.released += loaded->count;
  bucket.counts.out -= loaded->count;
  return bucket.depot.TakeEmpty();
}

void CentralCache::Leave(ClassIndex index, Magazine* magazine) {
  if (magazine->count > 0) magazine = LeaveLoaded(index, magazine);
  DeleteMagazine(magazine);
}
//! [CentralCache::TakeLoaded]

//! [CentralCache::FetchRangeObj]
// One span may have less than was asked for. What other open spans have is
// added; a new span is asked for only where there is nothing at all.
size_t CentralCache::FetchRangeObj(void** objects, size_t n, size_t size) {
  const ClassIndex index = SizeClass::Index(size);
  Bucket& bucket = buckets_[index];
  const MutexLock lock(bucket.lock);
  Span* span = GetOneSpan(bucket, index);
  size_t count = 0;
  for (; span != nullptr && count < n; span = FirstOpen(bucket)) {
    count += TakeFrom(bucket, span, objects + count, n - count);
  }
  if (count == 0) return 0;
  ++bucket.counts.fetches;
  bucket.counts.fetched += count;
  bucket.counts.out += count;
  return count;
}
//! [CentralCache::FetchRangeObj]

//! [CentralCache::GetOneSpan]
Span* CentralCache::GetOneSpan(Bucket& bucket, ClassIndex index) {
  while (FirstOpen(bucket) == nullptr) {
    bucket.lock.Unlock();
    Span* span = NewSpan(SizeClass::SpanPages(index));
    bucket.lock.Lock();
    // Without memory: another thread may have been luckier, or have given back.
    if (span == nullptr) break;
    // With one: another thread may have brought one, too. One is enough.
    if (FirstOpen(bucket) == nullptr) {
      span->Open(SizeClass::Size(index));
      AddSpan(bucket, span);
      break;
    }
    bucket.lock.Unlock();
    PageHeap::Get().ReleaseSpanToPageHeap(span);
    bucket.lock.Lock();
  }
  return FirstOpen(bucket);
}
//! [CentralCache::GetOneSpan]

//! [CentralCache::NewSpan]
// While the depots have idle magazines, the heap need not grow.
Span* CentralCache::NewSpan(PageCount pages, PageCount alignment) {
  PageHeap& heap = PageHeap::Get();
  Span* span = heap.NewSpan(pages, alignment, PageHeap::Growth::kNone);
  if (span != nullptr) return span;
  ReclaimIdle(tuning::kUpkeepMagazines);
  span = heap.NewSpan(pages, alignment);
  if (span != nullptr) return span;
  // There is no memory: no time to ask what is idle.
  EmptyDepots();
  return heap.NewSpan(pages, alignment);
}
//! [CentralCache::NewSpan]

//! [CentralCache::ShelfOf]
size_t CentralCache::ShelfOf(const Span* span) {
  const size_t left = span->Left();
  return left == 0 ? 0 : 64 - static_cast<size_t>(__builtin_clzll(left));
}

Span* CentralCache::FirstOpen(const Bucket& bucket) {
  for (size_t shelf = kNoneLeft + 1; shelf < kShelves; ++shelf) {
    if (!bucket.shelves[shelf].Empty()) return bucket.shelves[shelf].First();
  }
  return nullptr;
}
//! [CentralCache::ShelfOf]

//! [CentralCache::AddSpan]
// A new span. So that nobody has to count later, it is counted here.
void CentralCache::AddSpan(Bucket& bucket, Span* span) {
  Arena::SetTags(span->first, span->pages, span->class_tag);
  bucket.shelves[ShelfOf(span)].PushFront(span);
  ++bucket.counts.spans_taken;
  bucket.counts.spans += 1;
}

// An idle span, on its way to the page heap.
void CentralCache::RemoveSpan(Bucket& bucket, Span* span, SpanList& idle) {
  bucket.shelves[ShelfOf(span)].Remove(span);
  idle.PushFront(span);
  Arena::SetTags(span->first, span->pages, 0);
  ++bucket.counts.spans_given_up;
  bucket.counts.spans -= 1;
  bucket.counts.carved -= span->carved;
}
//! [CentralCache::AddSpan]

//! [CentralCache::TakeFrom]
size_t CentralCache::TakeFrom(Bucket& bucket, Span* span, void** objects,
                              size_t n) {
  const size_t carved = span->carved;
  bucket.shelves[ShelfOf(span)].Remove(span);
  const size_t count = span->TakeRange(objects, n);
  bucket.shelves[ShelfOf(span)].PushFront(span);
  bucket.counts.carved += span->carved - carved;
  return count;
}
//! [CentralCache::TakeFrom]

//! [CentralCache::ReleaseListToSpans]
// Spans whose last object comes home are collected first, and go to the page
// heap when the lock is free again.
void CentralCache::ReleaseListToSpans(void* const* objects, size_t n,
                                      size_t size) {
  SpanList idle;
  size_t count = 0;
  const ClassIndex index = SizeClass::Index(size);
  Bucket& bucket = buckets_[index];
  {
    const MutexLock lock(bucket.lock);
    while (count < n && PutBack(bucket, index, objects[count], idle)) ++count;
    ++bucket.counts.releases;
    bucket.counts.released += count;
    bucket.counts.out -= count;
  }
  if (count < n) ReportWrongFree(objects[count], index);
  Release(idle);
}
//! [CentralCache::ReleaseListToSpans]

//! [CentralCache::PutBack]
// Here it comes out what was freed that was no block, or was free already: at
// the time, nobody looked. Then it is false.
bool CentralCache::PutBack(Bucket& bucket, ClassIndex index, void* object,
                           SpanList& idle) {
  Span* span = PageHeap::Get().MapObjectToSpan(object);
  if (!WasHandedOut(span, object, index)) return false;
  const size_t shelf = ShelfOf(span);
  if (!span->PutBack(span->IndexOf(object))) return false;
  if (ShelfOf(span) != shelf) {
    bucket.shelves[shelf].Remove(span);
    bucket.shelves[ShelfOf(span)].PushFront(span);
  }
  if (span->Idle()) RemoveSpan(bucket, span, idle);
  return true;
}
//! [CentralCache::PutBack]

//! [CentralCache::ReclaimIdle]
// One class at a time: what is idle there leaves the depot under its lock, and
// goes home a magazine at a time, so that nobody waits for long. Who has sent
// enough of them home leaves the rest to the next one, who goes on there.
bool CentralCache::ReclaimIdle(size_t most) {
  if (reclaiming_.exchange(true, std::memory_order_acquire)) return true;
  while (most > 0 && reclaim_next_ < SizeClass::kCount) {
    most -= Reclaim(ClassIndex(reclaim_next_), &Depot::TakeIdle, most);
    if (most > 0) ++reclaim_next_;
  }
  const bool is_all = reclaim_next_ == SizeClass::kCount;
  if (is_all) reclaim_next_ = 0;
  reclaiming_.store(false, std::memory_order_release);
  return is_all;
}

void CentralCache::EmptyDepots() {
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    Reclaim(ClassIndex(i), &Depot::TakeAll, SIZE_MAX);
  }
}

size_t CentralCache::Reclaim(ClassIndex index,
                             void (Depot::*take)(MagazineStack&, size_t),
                             size_t most) {
  MagazineStack idle;
  Bucket& bucket = buckets_[index];
  // A class that was never used: not even its page of memory is there.
  if (bucket.lock.Counts().taken == 0) return 0;
  {
    const MutexLock lock(bucket.lock);
    (bucket.depot.*take)(idle, most);
    for (const Magazine* magazine = idle.First(); magazine != nullptr;
         magazine = magazine->next) {
      bucket.counts.out += magazine->count;  // until they are home
      bucket.counts.fetched += magazine->count;
    }
  }
  const size_t count = idle.Count();
  while (Magazine* magazine = idle.Pop()) {
    if (magazine->count > 0) {
      ReleaseListToSpans(magazine->Objects(), magazine->count,
                         SizeClass::Size(index));
      magazine->count = 0;
    }
    DeleteMagazine(magazine);
  }
  return std::min(count, most);
}
//! [CentralCache::ReclaimIdle]

//! [CentralCache::Reserve]
// What other threads take meanwhile is not made up for: to reserve is for the
// quiet before the work.
bool CentralCache::Reserve(size_t size, size_t count) {
  const ClassIndex index = SizeClass::Index(size);
  Bucket& bucket = buckets_[index];
  {
    const MutexLock lock(bucket.lock);
    count -= std::min(count, bucket.depot.Objects());
    for (const SpanList& shelf : bucket.shelves) {
      for (const Span* span = shelf.First(); span != nullptr && count > 0;
           span = span->next) {
        count -= std::min(count, span->Left());
      }
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
      Span* next = nullptr;
      for (const SpanList& shelf : bucket.shelves) {
        for (Span* span = shelf.First(); span != nullptr; span = next) {
          next = span->next;
          if (span->Idle()) RemoveSpan(bucket, span, idle);
        }
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
  for (const SpanList& shelf : bucket.shelves) {
    for (const Span* span = shelf.First(); span != nullptr; span = span->next) {
      ++spans;
      out += span->allocated;
      carved += span->carved;
    }
  }
  const ClassCounts& counts = bucket.counts;
  CHECK(counts.spans.now == spans);
  CHECK(counts.out.now + bucket.depot.Objects() == out);
  CHECK(counts.carved == carved);
  CHECK(counts.spans_taken - counts.spans_given_up == spans);
  CHECK(counts.fetched - counts.released == counts.out.now);
}

void CentralCache::Validate() {
  for (Bucket& bucket : buckets_) {
    const MutexLock lock(bucket.lock);
    ValidateCounts(bucket);
    bucket.depot.Validate();
    for (const SpanList& shelf : bucket.shelves) {
      shelf.Validate();
      for (Span* span = shelf.First(); span != nullptr; span = span->next) {
        span->Validate();
        CHECK(span->state == SpanState::kInUse);
        CHECK(&shelf == &bucket.shelves[ShelfOf(span)]);
        CHECK(PageHeap::Get().MapObjectToSpan(span->Start()) == span);
      }
    }
  }
}

}  // namespace pool
