#include "pool/arena.h"

#include "pool/system_memory.h"

namespace pool {
namespace {

// What lies between two addresses goes back to the system.
void FreeEdge(uintptr_t start, uintptr_t end) {
  if (start < end) SystemFree(reinterpret_cast<void*>(start), end - start);
}

// The kernel aligns to its own page, which may be half of ours: one page more
// than needed, and what lies before the first whole page and behind the last
// goes back at once.
void* AllocAnywhere(size_t bytes) {
  const size_t all = bytes + kPageSize;
  void* chunk = SystemAlloc(all);
  if (chunk == nullptr) return nullptr;
  const uintptr_t start = reinterpret_cast<uintptr_t>(chunk);
  const uintptr_t first = RoundUp(start, kPageSize);
  FreeEdge(start, first);
  FreeEdge(first + bytes, start + SystemSize(all));
  return reinterpret_cast<void*>(first);
}

}  // namespace

//! [Arena::FindWindow]
// Half as many, until there are as many in one piece.
void Arena::FindWindow() {
  if (was_sought_.exchange(true, std::memory_order_relaxed)) return;
  for (size_t bytes = tuning::kWindowBytes;
       bytes >= tuning::kSmallestWindowBytes; bytes /= 2) {
    const uintptr_t room = reinterpret_cast<uintptr_t>(SystemFindRoom(bytes));
    if (room == 0) continue;
    const uintptr_t base = RoundUp(room, tuning::kHugePageBytes);
    base_.store(base, std::memory_order_relaxed);
    next_.store(base, std::memory_order_relaxed);
    end_.store(room + bytes, std::memory_order_release);
    return;
  }
}
//! [Arena::FindWindow]

//! [Arena::NewChunk]
// The next piece of the window is ours before the kernel is asked for it. It is
// passed over if somebody else has mapped something there. But where there is
// no memory at all, the addresses may serve another time.
void* Arena::NewChunk(PageCount pages) {
  FindWindow();
  const uintptr_t end = end_.load(std::memory_order_acquire);
  const size_t step = pages.bytes();
  uintptr_t piece = next_.load(std::memory_order_relaxed);
  do {
    if (end - piece < step) return AllocAnywhere(step);
  } while (!next_.compare_exchange_weak(piece, piece + step,
                                        std::memory_order_relaxed));
  void* chunk = SystemAllocAt(reinterpret_cast<void*>(piece), step);
  if (chunk == nullptr) chunk = AllocAnywhere(step);
  if (chunk == nullptr) {
    uintptr_t next = piece + step;  // unless another piece was taken meanwhile
    next_.compare_exchange_strong(next, piece, std::memory_order_relaxed);
  }
  return chunk;
}
//! [Arena::NewChunk]

//! [Arena::SetTags]
void Arena::SetTags(PageId first, PageCount pages, uint8_t tag) {
  const uintptr_t base = base_.load(std::memory_order_relaxed) >> kPageShift;
  for (PageId page = first; page != first + pages; page = page + PageCount(1)) {
    const uintptr_t index = page.value() - base;
    if (index < kPages) tags_[index].store(tag, std::memory_order_relaxed);
  }
}
//! [Arena::SetTags]

}  // namespace pool
