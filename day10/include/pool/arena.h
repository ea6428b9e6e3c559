// Arena: where the pool's pages lie, if that can be: in one window of
// addresses. For each page of the window there is a byte, its tag, which says
// of which class the objects on it are. One load instead of three, so that a
// free need not look for the span.
//
//   window   │ chunk │ chunk │ chunk │   not used yet   │  others' mappings │
//            ▲ base          each page: 8 KiB           ▲ grows towards ◄──
//   tags     │17│17│17│ 0│ 0│42│42│ 0│ 0 …              a byte each
//
// The window is only a choice of addresses. The kernel is asked once where so
// many are free, and nothing is held there: no limit on address space is used
// up, and no memory is promised. Each chunk is then mapped at the next address.
// Where somebody else has mapped something meanwhile, or no window was found,
// the chunk comes from anywhere: its blocks have no tag, and are found by the
// page map, on the slow road.
//
// Owner: the process. No locks. A page's tag is written by who has the span,
// while none of its objects is out; who frees an object reads the tag that was
// written before the object was handed out: what brought it the object brought
// the tag, too. For any other address a reader gets 0, or the tag of some
// moment.
#ifndef POOL_ARENA_H_
#define POOL_ARENA_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pool/bytes.h"
#include "pool/tuning.h"

namespace pool {

class Arena {
 public:
  //! [Arena::TagOf]
  // What the address's page holds: 0, or the tag of a class. One comparison is
  // enough for all that lies outside: before the window, the difference is
  // negative, and so, unsigned, very large; and before there is a window, it
  // is as if it began at 2^63, above all addresses.
  static size_t TagOf(const void* address) {
    const uintptr_t offset = reinterpret_cast<uintptr_t>(address) -
                             base_.load(std::memory_order_relaxed);
    const uintptr_t page = offset >> kPageShift;
    if (page >= kPages) return 0;
    return tags_[page].load(std::memory_order_relaxed);
  }
  //! [Arena::TagOf]

  // From now on these pages have the tag, as far as they lie in the window.
  static void SetTags(PageId first, PageCount pages, uint8_t tag);

  // Whole pages, new from the kernel, and thus zero; nullptr when the system
  // has no memory.
  static void* NewChunk(PageCount pages);

 private:
  static constexpr size_t kPages = tuning::kWindowBytes >> kPageShift;
  static constexpr uintptr_t kNoWindow = uintptr_t{1} << 63;

  static void FindWindow();

  // Written once, before the first chunk.
  inline static std::atomic<uintptr_t> base_{kNoWindow};
  inline static std::atomic<bool> was_sought_{false};
  // What is left of the window: from here to there.
  inline static std::atomic<uintptr_t> next_{0};
  inline static std::atomic<uintptr_t> end_{0};
  // 8 MiB of addresses; only what is written exists.
  inline static std::atomic<uint8_t> tags_[kPages] = {};
};

}  // namespace pool

#endif  // POOL_ARENA_H_
