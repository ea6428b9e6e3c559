// Calls: what the façade and the drop-in malloc are made of.
//
// Each takes the name of the call that the user made, so that a report of a
// wrong free says `free` to who typed free, and `Deallocate` to who typed that.
//
// Owner: none; no locks of its own.
#ifndef POOL_CALLS_H_
#define POOL_CALLS_H_

#include <cstddef>

#include "pool/span.h"

namespace pool {

// As Deallocate(block).
void Free(void* block, const char* call) noexcept;

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
