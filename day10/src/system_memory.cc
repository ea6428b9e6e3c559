#include "pool/system_memory.h"

#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

#include "pool/bytes.h"
#include "pool/gauge.h"
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

// A kernel that does not know the flag takes the address for a wish.
void* RealMapAt(void* start, size_t bytes) {
  void* got = mmap(start, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (got == start) return start;
  if (got != MAP_FAILED) munmap(got, bytes);
  return nullptr;
}

void* RealFindRoom(size_t bytes) {
  void* start = mmap(nullptr, bytes, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) return nullptr;
  munmap(start, bytes);
  return start;
}

bool RealUseHugePages(void* start, size_t bytes) {
  return madvise(start, bytes, MADV_HUGEPAGE) == 0;
}

bool RealProtect(void* start, size_t bytes, bool closed) {
  return mprotect(start, bytes, closed ? PROT_NONE : PROT_READ | PROT_WRITE) ==
         0;
}

size_t RealMilliseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<size_t>(now.tv_sec) * 1000 +
         static_cast<size_t>(now.tv_nsec) / 1000000;
}

constexpr KernelCalls kRealKernelCalls = {
    RealPageSize, RealMap,          RealUnmap,        RealDiscard, RealMapAt,
    RealFindRoom, RealMilliseconds, RealUseHugePages, RealProtect};
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
std::atomic<size_t> map_bytes{0};
std::atomic<size_t> unmap_bytes{0};
std::atomic<size_t> discard_bytes{0};
std::atomic<size_t> mapped_peak{0};
std::atomic<size_t> refused_peak{0};

void Add(std::atomic<size_t>& counter, size_t n) {
  counter.fetch_add(n, std::memory_order_relaxed);
}
void Subtract(std::atomic<size_t>& counter, size_t n) {
  counter.fetch_sub(n, std::memory_order_relaxed);
}

//! [AddWithPeak]
// The sum that this addition made, which no other thread can have missed, is
// what the peak is compared with.
void AddWithPeak(std::atomic<size_t>& counter, std::atomic<size_t>& peak,
                 size_t n) {
  const size_t sum = counter.fetch_add(n, std::memory_order_relaxed) + n;
  RaiseTo(peak, sum);
}
//! [AddWithPeak]

// When all that it changed is counted: who sees that no call was added while
// they read has read nothing half done.
void CountCall(std::atomic<size_t>& calls) {
  calls.fetch_add(1, std::memory_order_release);
}

// Anywhere, or there.
void* Map(size_t bytes, void* there = nullptr) {
  void* start =
      there == nullptr ? Kernel().map(bytes) : Kernel().map_at(there, bytes);
  if (start != nullptr) {
    Add(map_bytes, bytes);
    AddWithPeak(mapped, mapped_peak, bytes);
  }
  CountCall(map_calls);
  return start;
}

bool Unmap(void* start, size_t bytes, bool was_refused = false) {
  const bool done = Kernel().unmap(start, bytes);
  if (done) {
    Add(unmap_bytes, bytes);
    Subtract(mapped, bytes);
    if (was_refused) Subtract(refused, bytes);
  }
  CountCall(unmap_calls);
  return done;
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

bool Discard(void* start, size_t bytes) {
  const bool done = Kernel().discard(start, bytes);
  if (done) Add(discard_bytes, bytes);
  CountCall(discard_calls);
  return done;
}

//! [KeepRefused]
void KeepRefused(void* start, size_t bytes) {
  AddWithPeak(refused, refused_peak, bytes);
  Discard(start, bytes);
  PushRefused(::new (start) RefusedRange{nullptr, bytes});
}
//! [KeepRefused]

//! [RetryRefused]
// An unmap has just succeeded, so there may be room for others.
void RetryRefused() {
  if (refused_ranges.load(std::memory_order_relaxed) == nullptr) return;
  if (retrying.exchange(true, std::memory_order_acquire)) return;
  while (RefusedRange* range = PopRefused()) {
    const size_t bytes = range->bytes;
    if (!Unmap(range, bytes, true)) {
      PushRefused(range);
      break;
    }
  }
  retrying.store(false, std::memory_order_release);
}
//! [RetryRefused]

}  // namespace

size_t SystemSize(size_t bytes) noexcept {
  return RoundUp(bytes, Kernel().page_size());
}

//! [SystemAlloc]
void* SystemAlloc(size_t bytes) noexcept {
  const ErrnoKeeper errno_keeper;
  if (bytes > kMaxBytes - Kernel().page_size()) return nullptr;
  return Map(SystemSize(bytes));
}
//! [SystemAlloc]

//! [SystemAllocAt]
void* SystemAllocAt(void* start, size_t bytes) noexcept {
  const ErrnoKeeper errno_keeper;
  if (Kernel().map_at == nullptr) return nullptr;
  return Map(SystemSize(bytes), start);
}

void* SystemFindRoom(size_t bytes) noexcept {
  const ErrnoKeeper errno_keeper;
  return Kernel().find_room == nullptr ? nullptr : Kernel().find_room(bytes);
}
//! [SystemAllocAt]

bool SystemUseHugePages(void* start, size_t bytes) noexcept {
  const ErrnoKeeper errno_keeper;
  return Kernel().use_huge_pages != nullptr &&
         Kernel().use_huge_pages(start, bytes);
}

size_t SystemMilliseconds() noexcept {
  return Kernel().milliseconds == nullptr ? RealMilliseconds()
                                          : Kernel().milliseconds();
}

//! [SystemFree]
void SystemFree(void* start, size_t bytes) noexcept {
  const ErrnoKeeper errno_keeper;
  const size_t length = SystemSize(bytes);
  DCHECK(IsAligned(start, Kernel().page_size()));
  if (Unmap(start, length)) {
    RetryRefused();
  } else {
    KeepRefused(start, length);
  }
}
//! [SystemFree]

//! [SystemDiscard]
bool SystemDiscard(void* start, size_t bytes) noexcept {
  const ErrnoKeeper errno_keeper;
  DCHECK(IsAligned(start, Kernel().page_size()));
  return Discard(start, bytes);
}
//! [SystemDiscard]

bool SystemProtect(void* start, size_t bytes, bool closed) noexcept {
  const ErrnoKeeper errno_keeper;
  return Kernel().protect != nullptr && Kernel().protect(start, bytes, closed);
}

// A range that was being retried is lost to the list, but was never in use.
void SystemAfterFork() noexcept {
  retrying.store(false, std::memory_order_relaxed);
}

SystemFootprint ReadSystemFootprint() noexcept {
  const auto read = [](const std::atomic<size_t>& counter) {
    return counter.load(std::memory_order_acquire);
  };
  return {read(mapped),      read(refused),       read(map_calls),
          read(unmap_calls), read(discard_calls), read(map_bytes),
          read(unmap_bytes), read(discard_bytes), read(mapped_peak),
          read(refused_peak)};
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
