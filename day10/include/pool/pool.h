// The façade: the only header that a user of the allocator needs.
//
// Every call may be made from any thread, before main and after it.
#ifndef POOL_POOL_H_
#define POOL_POOL_H_

#include <cstddef>

#include "pool/stats.h"

namespace pool {

// A block of at least `bytes`, aligned to 16 (to 8, if it has up to 8 bytes).
// 0 bytes give a block, too: distinct from all others, and to be given back.
// When the request cannot be served: nullptr, and errno is ENOMEM.
void* Allocate(size_t bytes) noexcept;

// Gives back what Allocate(bytes) or Reallocate(block, bytes) returned, from
// whichever thread. nullptr is fine and does nothing.
void Deallocate(void* block, size_t bytes) noexcept;

// Gives back what any of these calls returned. nullptr is fine. A pointer that
// is not the pool's, or lies inside a block, ends the process with
// one line that says so; so does a large block that is free already.
void Deallocate(void* block) noexcept;

// A block of at least `bytes` whose address is a multiple of `alignment`, any
// power of two. For another alignment: nullptr, and errno is EINVAL. When the
// request cannot be served: nullptr, and errno is ENOMEM.
void* AllocateAligned(size_t bytes, size_t alignment) noexcept;

// A block for `count` things of `size` bytes each, all bytes zero. When there
// cannot be so many bytes: nullptr, and errno is ENOMEM.
void* AllocateZeroed(size_t count, size_t size) noexcept;

// A block of at least `bytes` with the contents of this one, as far as both
// go: the same block, made longer or shorter in place, or another one, aligned
// as Allocate aligns; the old one is then given back. nullptr stands for no
// block yet; 0 bytes give the block back, and the result is nullptr. When the
// request cannot be served: nullptr, errno is ENOMEM, and the block stays.
void* Reallocate(void* block, size_t bytes) noexcept;

// How many bytes the block really has: all of them are its owner's. 0 for
// nullptr.
size_t UsableSize(const void* block) noexcept;

// Gives back what AllocateAligned(bytes, alignment) returned.
void DeallocateAligned(void* block, size_t bytes, size_t alignment) noexcept;

// Warms up: afterwards `count` allocations of `bytes` on this thread make no
// system call, as long as other threads do not take what was prepared. False,
// and errno is ENOMEM, when there is not so much memory.
bool Reserve(size_t bytes, size_t count) noexcept;

// Gives the memory of all free pages back to the system, those first that this
// thread's cache keeps from being free. Returns how much that was, in bytes.
size_t ReleaseFreeMemory() noexcept;

// What the pool holds and has done (stats.h). A struct of some 40 KiB.
PoolStatistics Statistics() noexcept;

// The same as text, piece by piece to sink(context, text, length). False, and
// errno is ENOMEM, when there is no memory for them.
bool PrintStatistics(StatisticsForm form, TextSink sink,
                     void* context) noexcept;

// The same to a file: as JSON, if its name ends in .json; in Prometheus' text
// format, if in .prom; as XML, if in .xml; else as text for people. False, and
// errno says why, if it could not be written.
bool WriteStatistics(const char* path) noexcept;

// A picture of the heap as SVG; or, if the name ends in .json, the figures
// behind it. False, and errno says why, if it could not be written.
bool WriteHeapMap(const char* path) noexcept;

// Who holds the memory, in the format that pprof reads. Only in a program that
// was started with POOL_PROFILE; else false, and errno is ENOTSUP.
bool WriteHeapProfile(const char* path) noexcept;

}  // namespace pool

#endif  // POOL_POOL_H_
