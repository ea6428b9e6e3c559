// Calls: what the façade and the drop-in malloc are made of.
//
// Each takes the name of the call that the user made, so that a report of a
// wrong free says `free` to who typed free, and `Deallocate` to who typed that.
//
// Owner: none; no locks of its own.
#ifndef POOL_CALLS_H_
#define POOL_CALLS_H_

#include <cstddef>

namespace pool {

// As Deallocate(block).
void Free(void* block, const char* call) noexcept;

// As Reallocate(block, bytes).
void* Resize(void* block, size_t bytes, const char* call) noexcept;

// As UsableSize(block).
size_t SizeOf(const void* block, const char* call) noexcept;

}  // namespace pool

#endif  // POOL_CALLS_H_
