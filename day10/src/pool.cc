#include "pool/pool.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "pool/arena.h"
#include "pool/bytes.h"
#include "pool/calls.h"
#include "pool/central_cache.h"
#include "pool/checks.h"
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

// Those that are not AllocateHere's.
void* CheckOut(void* block, size_t bytes, const char* call) {
  return kChecks ? Checks::Out(block, bytes, call) : block;
}

//! [AllocateLarge]
POOL_FRAME NOINLINE void* AllocateLarge(size_t bytes,
                                        size_t alignment) noexcept {
  Span* span = NewLarge(bytes, alignment);
  if (span == nullptr) return NoMemory();
  if (Watch::On()) Watch::AllocatedLarge(span->Block(), bytes);
  return span->Block();
}

// Pages that the kernel has just given are zero, and not there yet: to write
// zeros to them would bring them all.
POOL_FRAME NOINLINE void* AllocateLargeZeroed(size_t bytes) {
  Span* span = NewLarge(bytes, 1);
  if (span == nullptr) return NoMemory();
  if (!span->zero) std::memset(span->Block(), 0, span->BlockPages().bytes());
  if (Watch::On()) Watch::AllocatedLarge(span->Block(), bytes);
  return CheckOut(span->Block(), bytes, "AllocateZeroed");
}
//! [AllocateLarge]

// In debug builds: notes who is out, to find out who comes home twice.
void NoteHome(Span* span, void* object, const char* call) {
  if (kDebugBuild && !span->ClearLive(span->IndexOf(object))) {
    ReportFreedTwice(call, object, span);
  }
}

//! [ReserveLarge]
bool ReserveLarge(size_t bytes, size_t count) {
  SpanList spans;
  const PageCount pages = Checks::PagesFor(bytes, 1);
  if (!PageHeap::Get().NewSpans(pages, count, spans)) return false;
  while (Span* span = spans.PopFront()) {
    PageHeap::Get().ReleaseSpanToPageHeap(span);
  }
  return true;
}
//! [ReserveLarge]

// The span that the block lies in. REQUIRES: not nullptr.
Span* SpanOf(const void* block, const char* call) {
  Span* span = PageHeap::Get().MapObjectToSpan(block);
  const bool is_large = span != nullptr && span->state == SpanState::kInUse &&
                        !span->HoldsClass() && block == span->Block();
  if (!is_large && (span == nullptr || !span->IsObject(block))) {
    ReportNoBlock(call, block, span);
  }
  return span;
}

size_t BytesOfBlock(const Span* span) {
  return span->HoldsClass() ? span->size : span->BlockPages().bytes();
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

// Are its pages whole pages of the kernel's?
bool IsWhole(const Span* span) {
  const size_t unit = SystemSize(1);
  return span->pages.bytes() % unit == 0 && IsAligned(span->Start(), unit);
}

void LeaveLarge(Span* span) {
  const size_t bytes = span->pages.bytes();
  const bool is_gone = bytes >= kMuchToLeave && IsWhole(span) &&
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
    return bytes + SizeClass::kBehind <= span->size &&
           span->size - bytes < std::max(span->size / 2, size_t{8}) &&
           !Watch::MovesSmallBlocks();
  }
  if (bytes <= SizeClass::kLargestSize / 2) return false;
  const PageCount pages = PagesFor(bytes + SizeClass::kBehind);
  const PageCount most = PagesFor(bytes + bytes / 2);
  const PageCount now = span->BlockPages();
  if (!(now < pages) && !(most < now)) return true;
  return !kChecks && PageHeap::Get().ResizeSpan(span, pages);
}
//! [StaysInPlace]

void FreeChecked(Span* span, const char* call) {
  CountLargeBack();
  if (Checks::Wait(span)) Checks::ReleaseWaiting(call);
  ThreadCache::UpkeepIfDue();
}

// A block that grows has the room for it that others get (MoveLarge), but all
// is copied: pages beside it are closed.
void* AllocateToGrow(size_t bytes) {
  Span* span = NewLargeToGrow(bytes);
  if (span == nullptr) return NoMemory();
  if (Watch::On()) Watch::AllocatedLarge(span->Block(), bytes);
  return CheckOut(span->Block(), bytes, "Reallocate");
}

}  // namespace

//! [AllocateCoarse]
POOL_FRAME void* AllocateCoarse(size_t bytes) noexcept {
  if (bytes > SizeClass::kLargestRequest) return AllocateLarge(bytes, 1);
  return NoteOut(ThreadCache::Current().Allocate(bytes));
}
//! [AllocateCoarse]

// In debug builds: notes who is out, to find out who comes home twice.
void* NoteOutSlow(void* object) noexcept {
  if (object == nullptr) return object;
  Span* span = PageHeap::Get().MapObjectToSpan(object);
  if (!span->HoldsClass()) return object;  // a sampled one has its own span
  CHECK(span->SetLive(span->IndexOf(object)));
  return object;
}

//! [FreeSlow]
// The thread's magazine is full, or the page has no tag: an object outside the
// window, nothing, a large block, or a mistake.
void FreeSlow(void* block, const char* call) noexcept {
  if (block == nullptr) return;
  Span* span = PageHeap::Get().MapObjectToSpan(block);
  if (span != nullptr && span->IsObject(block)) {
    NoteHome(span, block, call);
    return ThreadCache::DeallocateSlow(block, span->Class());
  }
  if (Watch::On()) Watch::Freed(block);
  if (kChecks) return FreeChecked(span, call);
  if (!PageHeap::Get().ReleaseBlock(block)) ReportNoBlock(call, block, span);
  CountLargeBack();
  ThreadCache::UpkeepIfDue();
}
//! [FreeSlow]

//! [NewLarge]
Span* NewLarge(size_t bytes, size_t alignment, size_t room) noexcept {
  Watch::On();  // the settings are read, before there are pages
  const size_t all = bytes + room;
  if (all > kMaxBytes || alignment > kMaxBytes - all) return nullptr;
  const PageCount pages = Checks::PagesFor(std::max(all, size_t{1}), alignment);
  if (kChecks && Checks::MuchWaits()) Checks::ReleaseWaiting("an allocation");
  Span* span = CentralCache::Get().NewSpan(pages, PagesFor(alignment));
  if (kChecks && span == nullptr && Checks::AnyWaits()) {
    Checks::ReleaseWaiting("an allocation");
    span = CentralCache::Get().NewSpan(pages, PagesFor(alignment));
  }
  if (span == nullptr) return nullptr;
  if (kChecks) Checks::Guard(span, std::max(all, size_t{1}), alignment);
  CountLarge(bytes, pages.bytes());
  Watch::ServeIfDue();
  ThreadCache::UpkeepIfDue();
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

//! [Resize]
POOL_FRAME void* Resize(void* block, size_t bytes, const char* call) noexcept {
  if (block == nullptr) return Allocate(bytes);
  Span* span = SpanOf(block, call);
  if (bytes == 0) {
    Free(block, call);
    return nullptr;
  }
  if (bytes > kMaxBytes) return NoMemory();
  const size_t old_bytes =
      kChecks ? Checks::Asked(block, call) : BytesOfBlock(span);
  if (StaysInPlace(span, bytes)) {
    if (kChecks) Checks::Resized(block, bytes);
    Watch::Resized(block, bytes);
    return block;
  }
  const bool grows = !span->HoldsClass() && bytes > span->BlockPages().bytes();
  if (grows && !kChecks) return MoveLarge(span, bytes);
  const int saved_errno = errno;
  void* moved = grows ? AllocateToGrow(bytes) : Allocate(bytes);
  if (moved == nullptr) {
    if (bytes > old_bytes) return nullptr;
    errno = saved_errno;  // the block may stay: to shrink never fails
    if (kChecks) Checks::Resized(block, bytes);
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
  if (block == nullptr) return 0;
  return kChecks ? Checks::Asked(block, call)
                 : BytesOfBlock(SpanOf(block, call));
}
//! [SizeOf]

//! [Allocate]
POOL_FRAME void* Allocate(size_t bytes) noexcept {
  return AllocateHere(bytes, "Allocate");
}
//! [Allocate]

//! [Deallocate]
void Deallocate(void* block) noexcept { Free(block, "Deallocate"); }

// The span knows the size, too, and better.
void Deallocate(void* block, size_t bytes) noexcept {
  Free(block, "Deallocate", bytes);
}
//! [Deallocate]

//! [AllocateAligned]
// The objects of a span stand side by side from a page's start on. So all of
// them are aligned, if their size is a multiple of the alignment.
POOL_FRAME void* AllocateAligned(size_t bytes, size_t alignment) noexcept {
  if (!IsPowerOfTwo(alignment)) {
    errno = EINVAL;
    return nullptr;
  }
  if (bytes > SizeClass::kLargestRequest || alignment > kPageSize) {
    return CheckOut(AllocateLarge(bytes, alignment), bytes, "AllocateAligned");
  }
  ClassIndex index = SizeClass::ForRequest(std::max(bytes, alignment));
  while (SizeClass::Size(index) % alignment != 0) index = ClassIndex(index + 1);
  void* block = Watch::On()
                    ? NoteOut(ThreadCache::AllocateWatched(index, bytes))
                    : TakeBlock(SizeClass::Size(index) - SizeClass::kBehind);
  return CheckOut(block, bytes, "AllocateAligned");
}
//! [AllocateAligned]

//! [DeallocateAligned]
void DeallocateAligned(void* block, size_t bytes, size_t alignment) noexcept {
  if (kChecks) Checks::Alignment(block, "DeallocateAligned", alignment);
  Free(block, "DeallocateAligned", bytes);
}
//! [DeallocateAligned]

//! [AllocateZeroed]
POOL_FRAME void* AllocateZeroed(size_t count, size_t size) noexcept {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return NoMemory();
  if (bytes > SizeClass::kLargestRequest) return AllocateLargeZeroed(bytes);
  void* block = Allocate(bytes);
  if (block == nullptr) return nullptr;
  // All that it can use.
  const size_t all =
      kChecks ? bytes : SizeClass::Size(SizeClass::ForRequest(bytes));
  return std::memset(block, 0, all);
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
      (bytes > SizeClass::kLargestRequest
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
  if (kChecks) Checks::ReleaseWaiting("ReleaseFreeMemory");
  ThreadCache::Current().ReleaseAll();
  CentralCache::Get().EmptyDepots();
  CentralCache::Get().ReleaseIdleSpans();
  return PageHeap::Get().ReleaseFreeMemory();
}
//! [ReleaseFreeMemory]

}  // namespace pool
