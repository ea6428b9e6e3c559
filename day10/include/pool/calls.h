// Calls: what the façade and the drop-in malloc are made of.
//
// Each takes the name of the call that the user made, so that a report of a
// wrong free says `free` to who typed free, and `Deallocate` to who typed that.
//
// Owner: none; no locks of its own.
#ifndef POOL_CALLS_H_
#define POOL_CALLS_H_

#include <cstddef>

#include "pool/arena.h"
#include "pool/checks.h"
#include "pool/macros.h"
#include "pool/size_class.h"
#include "pool/span.h"
#include "pool/thread_cache.h"

namespace pool {

// The slow roads of the next two. Coarse: above SizeClass::kLastFine.
NOINLINE void* AllocateCoarse(size_t bytes) noexcept;
NOINLINE void* NoteOutSlow(void* object) noexcept;
NOINLINE void FreeSlow(void* block, const char* call) noexcept;

// A debug build notes, at each call, which of a span's objects are out.
inline void* NoteOut(void* object) {
  return kDebugBuild ? NoteOutSlow(object) : object;
}

//! [AllocateHere]
// A block, on which the checks did not look yet.
inline void* TakeBlock(size_t bytes) {
  if (bytes > SizeClass::kLastFine) return AllocateCoarse(bytes);
  const size_t tag = SizeClass::FineTagForRequest(bytes);
  return NoteOut(ThreadCache::Current().Allocate(bytes, tag));
}

// As Allocate(bytes): for whoever has the name that callers call.
inline void* AllocateHere(size_t bytes, const char* call) {
  void* block = TakeBlock(bytes);
  return kChecks ? Checks::Out(block, bytes, call) : block;
}
//! [AllocateHere]

//! [Free]
// As Deallocate(block); or, where the caller says what was asked for, and there
// are checks, as Deallocate(block, bytes).
inline void Free(void* block, const char* call,
                 size_t said = Checks::kNotSaid) noexcept {
  if (kChecks) Checks::Home(block, call, said);
  const size_t tag = Arena::TagOf(block);
  if (kDebugBuild || !ThreadCache::Current().Deallocate(block, tag)) {
    FreeSlow(block, call);
  }
}
//! [Free]

// As Reallocate(block, bytes).
void* Resize(void* block, size_t bytes, const char* call) noexcept;

// As UsableSize(block).
size_t SizeOf(const void* block, const char* call) noexcept;

// A span for a block that is no object of a class, with room to grow; nullptr,
// when the system has no memory. REQUIRES: alignment is a power of two, and
// bytes + room does not overflow.
Span* NewLarge(size_t bytes, size_t alignment, size_t room = 0) noexcept;

// Of such blocks.
struct LargeCounts {
  size_t taken;   // ever
  size_t blocks;  // that there are now
  size_t blocks_peak;
  size_t asked;  // bytes that callers asked for, ever,
  size_t given;  // and bytes of the pages that they got
};
LargeCounts ReadLargeCounts() noexcept;

}  // namespace pool

#endif  // POOL_CALLS_H_
