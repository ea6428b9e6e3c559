#include "pool/pool.h"

#include <algorithm>
#include <cerrno>

#include "pool/bytes.h"
#include "pool/central_cache.h"
#include "pool/macros.h"
#include "pool/misuse.h"
#include "pool/page_heap.h"
#include "pool/size_class.h"
#include "pool/span.h"
#include "pool/thread_cache.h"

namespace pool {
namespace {

void* NoMemory() {
  errno = ENOMEM;
  return nullptr;
}

//! [AllocateLarge]
// A span of its own. REQUIRES: alignment is a power of two.
NOINLINE void* AllocateLarge(size_t bytes, size_t alignment) {
  if (bytes > kMaxBytes || alignment > kMaxBytes - bytes) return NoMemory();
  const PageCount pages = PagesFor(std::max(bytes, size_t{1}));
  Span* span = PageHeap::Get().NewSpan(pages, PagesFor(alignment));
  return span == nullptr ? NoMemory() : span->Start();
}
//! [AllocateLarge]

//! [DeallocateSlow]
// Not an object of a class: nothing, a large block, or a mistake.
NOINLINE void DeallocateSlow(void* block, const char* call) {
  if (block == nullptr || PageHeap::Get().ReleaseBlock(block)) return;
  ReportNoBlock(call, block, PageHeap::Get().MapObjectToSpan(block));
}
//! [DeallocateSlow]

//! [ReserveLarge]
bool ReserveLarge(size_t bytes, size_t count) {
  SpanList spans;
  if (!PageHeap::Get().NewSpans(PagesFor(bytes), count, spans)) return false;
  while (Span* span = spans.PopFront()) {
    PageHeap::Get().ReleaseSpanToPageHeap(span);
  }
  return true;
}
//! [ReserveLarge]

// In debug builds: notes who is out, to find out who comes home twice.
void* NoteOut(void* object) {
  if (!kDebugBuild || object == nullptr) return object;
  Span* span = PageHeap::Get().MapObjectToSpan(object);
  CHECK(span->SetLive(span->IndexOf(object)));
  return object;
}

void NoteHome(Span* span, void* object, const char* call) {
  if (kDebugBuild && !span->ClearLive(span->IndexOf(object))) {
    ReportFreedTwice(call, object, span);
  }
}

//! [Free]
inline void Free(void* block, const char* call) {
  Span* span = PageHeap::Get().MapObjectToSpan(block);
  if (span == nullptr || !span->IsObject(block)) {
    return DeallocateSlow(block, call);
  }
  NoteHome(span, block, call);
  ThreadCache::Current().Deallocate(block, span->Class());
}
//! [Free]

}  // namespace

//! [Allocate]
void* Allocate(size_t bytes) noexcept {
  if (bytes > SizeClass::kLargestSize) return AllocateLarge(bytes, 1);
  return NoteOut(ThreadCache::Current().Allocate(bytes));
}
//! [Allocate]

//! [Deallocate]
void Deallocate(void* block) noexcept { Free(block, "Deallocate"); }

// The span knows the size, too, and better.
void Deallocate(void* block, size_t) noexcept { Free(block, "Deallocate"); }
//! [Deallocate]

//! [AllocateAligned]
// The objects of a span stand side by side from a page's start on. So all of
// them are aligned, if their size is a multiple of the alignment.
void* AllocateAligned(size_t bytes, size_t alignment) noexcept {
  if (!IsPowerOfTwo(alignment)) {
    errno = EINVAL;
    return nullptr;
  }
  if (bytes > SizeClass::kLargestSize || alignment > kPageSize) {
    return AllocateLarge(bytes, alignment);
  }
  ClassIndex index = SizeClass::ForRequest(std::max(bytes, alignment));
  while (SizeClass::Size(index) % alignment != 0) index = ClassIndex(index + 1);
  return Allocate(SizeClass::Size(index));
}
//! [AllocateAligned]

//! [DeallocateAligned]
void DeallocateAligned(void* block, size_t, size_t) noexcept {
  Free(block, "DeallocateAligned");
}
//! [DeallocateAligned]

//! [Reserve]
bool Reserve(size_t bytes, size_t count) noexcept {
  if (count == 0) return true;
  if (count <= kMaxBytes / std::max(bytes, SizeClass::kLargestSize) &&
      (bytes > SizeClass::kLargestSize
           ? ReserveLarge(bytes, count)
           : ThreadCache::Current().Reserve(bytes, count))) {
    return true;
  }
  errno = ENOMEM;
  return false;
}
//! [Reserve]

//! [ReleaseFreeMemory]
size_t ReleaseFreeMemory() noexcept {
  ThreadCache::Current().ReleaseAll();
  CentralCache::Get().ReleaseIdleSpans();
  return PageHeap::Get().ReleaseFreeMemory();
}
//! [ReleaseFreeMemory]

}  // namespace pool
