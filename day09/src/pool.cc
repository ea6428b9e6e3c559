#include "pool/pool.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "pool/bytes.h"
#include "pool/calls.h"
#include "pool/central_cache.h"
#include "pool/gauge.h"
#include "pool/macros.h"
#include "pool/misuse.h"
#include "pool/page_heap.h"
#include "pool/size_class.h"
#include "pool/span.h"
#include "pool/system_memory.h"
#include "pool/thread_cache.h"
#include "pool/watch.h"

namespace pool {
namespace {

void* NoMemory() {
  errno = ENOMEM;
  return nullptr;
}

//! [LargeCounts]
// The page heap's lock has just been taken for the block, so that an addition
// that waits for others is not what costs.
CONSTINIT std::atomic<size_t> large_taken{0};
CONSTINIT std::atomic<size_t> large_blocks{0};
CONSTINIT std::atomic<size_t> large_peak{0};
CONSTINIT std::atomic<size_t> large_asked{0};
CONSTINIT std::atomic<size_t> large_given{0};

void CountLarge(size_t asked, size_t given) {
  large_taken.fetch_add(1, std::memory_order_relaxed);
  large_asked.fetch_add(asked, std::memory_order_relaxed);
  large_given.fetch_add(given, std::memory_order_relaxed);
  const size_t now = large_blocks.fetch_add(1, std::memory_order_relaxed) + 1;
  RaiseTo(large_peak, now);
}

void CountLargeBack() { large_blocks.fetch_sub(1, std::memory_order_relaxed); }
//! [LargeCounts]

//! [AllocateLarge]
POOL_FRAME NOINLINE void* AllocateLarge(size_t bytes,
                                        size_t alignment) noexcept {
  Span* span = NewLarge(bytes, alignment);
  if (span == nullptr) return NoMemory();
  if (Watch::On()) Watch::AllocatedLarge(span->Start(), bytes);
  return span->Start();
}

// Pages that the kernel has just given are zero, and not there yet: to write
// zeros to them would bring them all.
POOL_FRAME NOINLINE void* AllocateLargeZeroed(size_t bytes) {
  Span* span = NewLarge(bytes, 1);
  if (span == nullptr) return NoMemory();
  if (!span->zero) std::memset(span->Start(), 0, span->pages.bytes());
  if (Watch::On()) Watch::AllocatedLarge(span->Start(), bytes);
  return span->Start();
}
//! [AllocateLarge]

//! [DeallocateSlow]
// Not an object of a class: nothing, a large block, or a mistake.
NOINLINE void DeallocateSlow(void* block, const char* call) {
  if (block == nullptr) return;
  if (Watch::On()) Watch::Freed(block);
  if (PageHeap::Get().ReleaseBlock(block)) return CountLargeBack();
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
  if (!span->HoldsClass()) return object;  // a sampled one has its own span
  CHECK(span->SetLive(span->IndexOf(object)));
  return object;
}

void NoteHome(Span* span, void* object, const char* call) {
  if (kDebugBuild && !span->ClearLive(span->IndexOf(object))) {
    ReportFreedTwice(call, object, span);
  }
}

// The span that the block lies in. REQUIRES: not nullptr.
Span* SpanOf(const void* block, const char* call) {
  Span* span = PageHeap::Get().MapObjectToSpan(block);
  const bool is_large = span != nullptr && span->state == SpanState::kInUse &&
                        !span->HoldsClass() && block == span->Start();
  if (!is_large && (span == nullptr || !span->IsObject(block))) {
    ReportNoBlock(call, block, span);
  }
  return span;
}

size_t BytesOfBlock(const Span* span) {
  return span->HoldsClass() ? span->size : span->pages.bytes();
}

//! [MoveLarge]
// To grow a block to 60 MiB, a mebibyte at a time, while others map pages
// between our chunks, took 1,716 MiB without the two that follow, 144 with the
// first and 82 with both (glibc, which has the kernel move its pages, 61).
//
// A block that has grown will grow again: it gets half as much again. Pages
// that it does not touch cost nothing, and it moves a few times in its life,
// not at each step. (Free pages behind it would do, if others did not take
// them.)
Span* NewLargeToGrow(size_t bytes) {
  Span* span = NewLarge(bytes, 1, bytes / 2);
  return span != nullptr ? span : NewLarge(bytes, 1);
}

// What it leaves behind is too short for it. The addresses may be of use to
// others. The memory goes back to the system, or a block that grows for long
// would have all that it ever was; unless it is so little that to have it back
// is worth more. (The kernel takes whole pages of its own.)
constexpr size_t kMuchToLeave = 4 * 1024 * 1024;

void LeaveLarge(Span* span) {
  const size_t bytes = span->pages.bytes();
  const size_t unit = SystemSize(1);
  const bool is_gone = bytes >= kMuchToLeave && bytes % unit == 0 &&
                       IsAligned(span->Start(), unit) &&
                       SystemDiscard(span->Start(), bytes);
  PageHeap::Get().ReleaseSpanToPageHeap(
      span, is_gone ? SpanState::kReturned : SpanState::kFree);
  CountLargeBack();
}

POOL_FRAME NOINLINE void* MoveLarge(Span* span, size_t bytes) {
  Span* moved = NewLargeToGrow(bytes);
  if (moved == nullptr) return NoMemory();
  std::memcpy(moved->Start(), span->Start(), span->pages.bytes());
  if (Watch::On()) {
    Watch::AllocatedLarge(moved->Start(), bytes);
    Watch::Freed(span->Start());
  }
  LeaveLarge(span);
  return moved->Start();
}
//! [MoveLarge]

//! [StaysInPlace]
// Can the block, where it is, have as many bytes? An object cannot grow, and
// should not waste half of its own; a large block may have half as much again
// as it needs, or takes or gives up pages, as long as it is not small.
bool StaysInPlace(Span* span, size_t bytes) {
  if (span->HoldsClass()) {
    return bytes <= span->size &&
           span->size - bytes < std::max(span->size / 2, size_t{8}) &&
           !Watch::MovesSmallBlocks();
  }
  if (bytes <= SizeClass::kLargestSize / 2) return false;
  const PageCount pages = PagesFor(bytes);
  const PageCount most = PagesFor(bytes + bytes / 2);
  if (!(span->pages < pages) && !(most < span->pages)) return true;
  return PageHeap::Get().ResizeSpan(span, pages);
}
//! [StaysInPlace]

}  // namespace

//! [NewLarge]
Span* NewLarge(size_t bytes, size_t alignment, size_t room) noexcept {
  const size_t all = bytes + room;
  if (all > kMaxBytes || alignment > kMaxBytes - all) return nullptr;
  const PageCount pages = PagesFor(std::max(all, size_t{1}));
  Span* span = PageHeap::Get().NewSpan(pages, PagesFor(alignment));
  if (span == nullptr) return nullptr;
  CountLarge(bytes, pages.bytes());
  Watch::ServeIfDue();
  return span;
}
//! [NewLarge]

LargeCounts ReadLargeCounts() noexcept {
  return {large_taken.load(std::memory_order_relaxed),
          large_blocks.load(std::memory_order_relaxed),
          large_peak.load(std::memory_order_relaxed),
          large_asked.load(std::memory_order_relaxed),
          large_given.load(std::memory_order_relaxed)};
}

//! [Free]
void Free(void* block, const char* call) noexcept {
  Span* span = PageHeap::Get().MapObjectToSpan(block);
  if (span == nullptr || !span->IsObject(block)) {
    return DeallocateSlow(block, call);
  }
  NoteHome(span, block, call);
  ThreadCache::Current().Deallocate(block, span->Class());
}
//! [Free]

//! [Resize]
POOL_FRAME void* Resize(void* block, size_t bytes, const char* call) noexcept {
  if (block == nullptr) return Allocate(bytes);
  Span* span = SpanOf(block, call);
  if (bytes == 0) {
    Free(block, call);
    return nullptr;
  }
  if (bytes > kMaxBytes) return NoMemory();
  if (StaysInPlace(span, bytes)) {
    Watch::Resized(block, bytes);
    return block;
  }
  if (!span->HoldsClass() && bytes > span->pages.bytes()) {
    return MoveLarge(span, bytes);
  }
  const size_t old_bytes = BytesOfBlock(span);
  const int saved_errno = errno;
  void* moved = Allocate(bytes);
  if (moved == nullptr) {
    if (bytes > old_bytes) return nullptr;
    errno = saved_errno;  // the block may stay: to shrink never fails
    Watch::Resized(block, bytes);
    return block;
  }
  std::memcpy(moved, block, std::min(bytes, old_bytes));
  Free(block, call);
  return moved;
}
//! [Resize]

//! [SizeOf]
size_t SizeOf(const void* block, const char* call) noexcept {
  return block == nullptr ? 0 : BytesOfBlock(SpanOf(block, call));
}
//! [SizeOf]

//! [Allocate]
POOL_FRAME void* Allocate(size_t bytes) noexcept {
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
POOL_FRAME void* AllocateAligned(size_t bytes, size_t alignment) noexcept {
  if (!IsPowerOfTwo(alignment)) {
    errno = EINVAL;
    return nullptr;
  }
  if (bytes > SizeClass::kLargestSize || alignment > kPageSize) {
    return AllocateLarge(bytes, alignment);
  }
  ClassIndex index = SizeClass::ForRequest(std::max(bytes, alignment));
  while (SizeClass::Size(index) % alignment != 0) index = ClassIndex(index + 1);
  if (Watch::On()) return NoteOut(ThreadCache::AllocateWatched(index, bytes));
  return Allocate(SizeClass::Size(index));
}
//! [AllocateAligned]

//! [DeallocateAligned]
void DeallocateAligned(void* block, size_t, size_t) noexcept {
  Free(block, "DeallocateAligned");
}
//! [DeallocateAligned]

//! [AllocateZeroed]
POOL_FRAME void* AllocateZeroed(size_t count, size_t size) noexcept {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return NoMemory();
  if (bytes > SizeClass::kLargestSize) return AllocateLargeZeroed(bytes);
  void* block = Allocate(bytes);
  if (block == nullptr) return nullptr;
  // All that it can use.
  return std::memset(block, 0, SizeClass::Size(SizeClass::ForRequest(bytes)));
}
//! [AllocateZeroed]

POOL_FRAME void* Reallocate(void* block, size_t bytes) noexcept {
  return Resize(block, bytes, "Reallocate");
}

size_t UsableSize(const void* block) noexcept {
  return SizeOf(block, "UsableSize");
}

//! [Reserve]
bool Reserve(size_t bytes, size_t count) noexcept {
  if (count == 0) return true;
  if (count <= kMaxBytes / std::max(bytes, SizeClass::kLargestSize) &&
      (bytes > SizeClass::kLargestSize
           ? ReserveLarge(bytes, count)
           : ThreadCache::Current().Reserve(bytes, count))) {
    Watch::ServeIfDue();
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
