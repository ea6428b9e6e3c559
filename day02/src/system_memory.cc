#include "pool/system_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

#include "pool/bytes.h"
#include "pool/macros.h"

namespace pool {
namespace {

// Restores errno: SystemFree is called by Deallocate, which must not touch it.
class ErrnoKeeper {
 public:
  ErrnoKeeper() : saved_(errno) {}
  ~ErrnoKeeper() { errno = saved_; }
  ErrnoKeeper(const ErrnoKeeper&) = delete;
  ErrnoKeeper& operator=(const ErrnoKeeper&) = delete;

 private:
  const int saved_;
};

//! [kernel calls]
size_t RealPageSize() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

void* RealMap(size_t bytes) {
  void* start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return start == MAP_FAILED ? nullptr : start;
}

bool RealUnmap(void* start, size_t bytes) { return munmap(start, bytes) == 0; }

bool RealDiscard(void* start, size_t bytes) {
  return madvise(start, bytes, MADV_DONTNEED) == 0;
}

constexpr KernelCalls kRealKernelCalls = {RealPageSize, RealMap, RealUnmap,
                                          RealDiscard};
//! [kernel calls]

std::atomic<const KernelCalls*> kernel_calls{&kRealKernelCalls};

const KernelCalls& Kernel() {
  return *kernel_calls.load(std::memory_order_acquire);
}

// The counters behind ReadSystemFootprint().
std::atomic<size_t> mapped{0};
std::atomic<size_t> refused{0};
std::atomic<size_t> map_calls{0};
std::atomic<size_t> unmap_calls{0};
std::atomic<size_t> discard_calls{0};

void Add(std::atomic<size_t>& counter, size_t n) {
  counter.fetch_add(n, std::memory_order_relaxed);
}
void Subtract(std::atomic<size_t>& counter, size_t n) {
  counter.fetch_sub(n, std::memory_order_relaxed);
}

void* Map(size_t bytes) {
  Add(map_calls, 1);
  void* start = Kernel().map(bytes);
  if (start != nullptr) Add(mapped, bytes);
  return start;
}

bool Unmap(void* start, size_t bytes) {
  Add(unmap_calls, 1);
  if (!Kernel().unmap(start, bytes)) return false;
  Subtract(mapped, bytes);
  return true;
}

// A range whose unmap was refused describes itself in its own first bytes.
struct RefusedRange {
  RefusedRange* next;
  size_t bytes;
};
std::atomic<RefusedRange*> refused_ranges{nullptr};

// Set while one thread retries; others pass by. With one taker at a time, the
// head that it reads cannot leave the list and come back behind its back.
std::atomic<bool> retrying{false};

void PushRefused(RefusedRange* range) {
  range->next = refused_ranges.load(std::memory_order_relaxed);
  while (!refused_ranges.compare_exchange_weak(range->next, range,
                                               std::memory_order_release,
                                               std::memory_order_relaxed)) {
  }
}

RefusedRange* PopRefused() {
  RefusedRange* range = refused_ranges.load(std::memory_order_acquire);
  while (range != nullptr &&
         !refused_ranges.compare_exchange_weak(range, range->next,
                                               std::memory_order_acquire)) {
  }
  return range;
}

void KeepRefused(void* start, size_t bytes) {
  Add(discard_calls, 1);
  Kernel().discard(start, bytes);
  Add(refused, bytes);
  PushRefused(::new (start) RefusedRange{nullptr, bytes});
}

// An unmap has just succeeded, so there may be room for others.
void RetryRefused() {
  if (refused_ranges.load(std::memory_order_relaxed) == nullptr) return;
  if (retrying.exchange(true, std::memory_order_acquire)) return;
  while (RefusedRange* range = PopRefused()) {
    const size_t bytes = range->bytes;
    if (!Unmap(range, bytes)) {
      PushRefused(range);
      break;
    }
    Subtract(refused, bytes);
  }
  retrying.store(false, std::memory_order_release);
}

void Unload(void* start, size_t bytes) {
  if (bytes == 0) return;
  if (Unmap(start, bytes)) {
    RetryRefused();
  } else {
    KeepRefused(start, bytes);
  }
}

// The kernel aligns to its own page only. Asks for one page of ours more than
// needed, and gives back what lies before and behind the aligned part. Mappings
// are laid side by side, so once one is aligned the next ones are, too: this is
// rare.
void* MapAligned(size_t bytes) {
  const size_t length = bytes + kPageSize;
  char* start = static_cast<char*>(Map(length));
  if (start == nullptr) return nullptr;
  const uintptr_t address = reinterpret_cast<uintptr_t>(start);
  const size_t before = RoundUp(address, kPageSize) - address;
  Unload(start, before);
  Unload(start + before + bytes, length - before - bytes);
  return start + before;
}

}  // namespace

size_t SystemSize(size_t bytes) noexcept {
  return RoundUp(bytes, std::max(kPageSize, Kernel().page_size()));
}

//! [SystemAlloc]
void* SystemAlloc(size_t bytes) noexcept {
  const ErrnoKeeper errno_keeper;
  // Room for the rounding, and for the surplus of MapAligned.
  if (bytes > kMaxBytes - 2 * SystemSize(1)) return nullptr;
  const size_t length = SystemSize(bytes);
  void* start = Map(length);
  if (start == nullptr || IsAligned(start, kPageSize)) return start;
  Unload(start, length);
  return MapAligned(length);
}
//! [SystemAlloc]

//! [SystemFree]
void SystemFree(void* start, size_t bytes) noexcept {
  const ErrnoKeeper errno_keeper;
  DCHECK(IsAligned(start, kPageSize));
  Unload(start, SystemSize(bytes));
}
//! [SystemFree]

SystemFootprint ReadSystemFootprint() noexcept {
  return {mapped.load(std::memory_order_relaxed),
          refused.load(std::memory_order_relaxed),
          map_calls.load(std::memory_order_relaxed),
          unmap_calls.load(std::memory_order_relaxed),
          discard_calls.load(std::memory_order_relaxed)};
}

const KernelCalls& RealKernelCalls() noexcept { return kRealKernelCalls; }

const KernelCalls* SetKernelCalls(const KernelCalls* calls) noexcept {
  return kernel_calls.exchange(calls, std::memory_order_acq_rel);
}

void CheckFailed(const char* message) noexcept {
  // Nothing is left to do if standard error cannot be written either.
  [[maybe_unused]] const ssize_t written =
      write(STDERR_FILENO, message, strlen(message));
  abort();
}

}  // namespace pool
