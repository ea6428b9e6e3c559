// The façade: the only header that a user of the allocator needs.
//
// Every call may be made from any thread, before main and after it.
#ifndef POOL_POOL_H_
#define POOL_POOL_H_

#include <cstddef>

namespace pool {

// A block of at least `bytes`, aligned to 16 (to 8, if it has up to 8 bytes).
// 0 bytes give a block, too: distinct from all others, and to be given back.
// When the request cannot be served: nullptr, and errno is ENOMEM.
void* Allocate(size_t bytes) noexcept;

// Gives back what Allocate(bytes) returned, from whichever thread. nullptr is
// fine and does nothing.
void Deallocate(void* block, size_t bytes) noexcept;

// Warms up: afterwards `count` allocations of `bytes` on this thread make no
// system call, as long as other threads do not take what was prepared. False,
// and errno is ENOMEM, when there is not so much memory; blocks above 256 KiB
// cannot be prepared.
bool Reserve(size_t bytes, size_t count) noexcept;

}  // namespace pool

#endif  // POOL_POOL_H_
