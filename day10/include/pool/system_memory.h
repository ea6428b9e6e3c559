// Memory from the kernel and back to it. This is the only layer that asks the
// kernel for memory, and the whole contract of a port to another system.
//
// Owner: the process. Thread-safe without a lock: all state is atomic.
//
// What always holds:
//  - SystemAlloc gives zeroed pages: whole pages of the kernel, aligned to one.
//    A kernel's page has 4 KiB or more. SystemFree rounds the same way, so it
//    needs only the size that was asked for.
//  - Nothing is lost when the kernel refuses an unmap. It does so when a range
//    from the middle of a mapping would make one mapping too many (Linux allows
//    some 65,000 a process). Its contents are dropped instead, which takes no
//    new mapping, and the range is kept on a list and tried again after each
//    unmap that succeeds.
//  - errno is as it was before: what an error means, the caller knows.
#ifndef POOL_SYSTEM_MEMORY_H_
#define POOL_SYSTEM_MEMORY_H_

#include <cstddef>

namespace pool {

// No kernel that we run on has smaller pages, so everything from SystemAlloc is
// aligned to this, in bytes.
inline constexpr size_t kSmallestKernelPage = 4096;

// Pages of at least `bytes` (above 0), or nullptr.
void* SystemAlloc(size_t bytes) noexcept;

// The same at this address, which is a multiple of the kernel's page. nullptr,
// if something is there already.
void* SystemAllocAt(void* start, size_t bytes) noexcept;

// Where as many bytes are free in one piece. They stay free: nothing is taken.
// nullptr, if there is no such place, or the kernel cannot say.
void* SystemFindRoom(size_t bytes) noexcept;

// A clock, in milliseconds. It may be some behind, and costs next to nothing.
size_t SystemMilliseconds() noexcept;

// What SystemAlloc(bytes) takes from the kernel: `bytes`, rounded up to pages.
size_t SystemSize(size_t bytes) noexcept;

// Gives back what SystemAlloc(bytes) returned.
void SystemFree(void* start, size_t bytes) noexcept;

// Gives the memory behind these pages back and keeps the addresses: whoever
// touches them again finds zeros. False when the kernel refuses. REQUIRES:
// whole pages of the kernel, of one SystemAlloc or of several.
bool SystemDiscard(void* start, size_t bytes) noexcept;

// The kernel may use its huge pages for these. False, if it has none.
bool SystemUseHugePages(void* start, size_t bytes) noexcept;

// Closes whole pages of the kernel, so that whoever touches them dies, or opens
// them again. False when the kernel refuses.
bool SystemProtect(void* start, size_t bytes, bool closed) noexcept;

// For the child of a fork: what another thread had begun here, no one will end.
void SystemAfterFork() noexcept;

// What this layer holds, and what it asked of the kernel so far. While other
// threads run, each figure is right for some moment, not all for the same.
struct SystemFootprint {
  size_t mapped;         // bytes held from the kernel now, refused ones too
  size_t refused;        // bytes of those that wait for another unmap
  size_t map_calls;      // so often was the kernel asked to map,
  size_t unmap_calls;    // to unmap,
  size_t discard_calls;  // to drop contents; refused calls count, too
  // Bytes, ever: what it mapped, unmapped, and dropped.
  size_t map_bytes;
  size_t unmap_bytes;
  size_t discard_bytes;
  // The largest that these were.
  size_t mapped_peak;
  size_t refused_peak;
};
SystemFootprint ReadSystemFootprint() noexcept;

// The kernel's calls as a table, so that a test can refuse the k-th one, or
// pretend to be a kernel with another page size.
//! [KernelCalls]
struct KernelCalls {
  size_t (*page_size)();                       // a power of two
  void* (*map)(size_t bytes);                  // nullptr: refused
  bool (*unmap)(void* start, size_t bytes);    // false: refused
  bool (*discard)(void* start, size_t bytes);  // contents become zero
  // May be left out: then there is nothing at that address, no such place, and
  // the time is the real one.
  void* (*map_at)(void* start, size_t bytes) = nullptr;
  void* (*find_room)(size_t bytes) = nullptr;
  size_t (*milliseconds)() = nullptr;
  // May be left out, too: then it does neither.
  bool (*use_huge_pages)(void* start, size_t bytes) = nullptr;
  bool (*protect)(void* start, size_t bytes, bool closed) = nullptr;
};
//! [KernelCalls]

const KernelCalls& RealKernelCalls() noexcept;

// Replaces the table and returns the one before. REQUIRES: no other thread is
// inside this layer, and `calls` outlives its use.
const KernelCalls* SetKernelCalls(const KernelCalls* calls) noexcept;

}  // namespace pool

#endif  // POOL_SYSTEM_MEMORY_H_
