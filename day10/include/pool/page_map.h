// PageMap: which span does a page belong to? A radix tree of two levels, page →
// span. The number of a page is cut in two: the upper bits choose a leaf, the
// lower bits an entry in it.
//
//   page   │ unused: 0 │  18 bits  │   17 bits   │      (and 13 in the page)
//                            │            │
//   root   │ leaf │ leaf │ ● │ … │        │            2 MiB, never written
//                          │              │            where there is no leaf
//   leaf                   └─► │ span │ … │ ● │ … │    1 MiB, for 1 GiB
//
// Owner: the page heap. Only who holds its lock may write. Any thread may read
// at any time, without a lock, and pays two loads.
//
// Why that is safe:
//  - A leaf is zeroed before the root leads to it (release, acquire), and it is
//    never moved or given back.
//  - An entry is one word, written and read whole. Whoever looks for an object
//    that it owns finds the entry that was written before the object was handed
//    out: what brought it the object brought the entry, too.
//  - For any other address a reader gets nullptr, or the span of some moment.
//
// A leaf costs address space; of its 1 MiB only the pages that are used exist.
#ifndef POOL_PAGE_MAP_H_
#define POOL_PAGE_MAP_H_

#include <atomic>
#include <cstddef>

#include "pool/bytes.h"
#include "pool/span.h"

namespace pool {

class PageMap {
 public:
  constexpr PageMap() = default;
  PageMap(const PageMap&) = delete;
  PageMap& operator=(const PageMap&) = delete;

  // Makes the leaves that these pages need. False when the system has no memory
  // for them; what was there stays.
  bool Prepare(PageId first, PageCount pages);

  // From now on each of these pages leads to the span. REQUIRES: prepared.
  void Set(PageId first, PageCount pages, Span* span);

  //! [PageMap::Find]
  // nullptr, if the page never was of a span.
  Span* Find(PageId page) const {
    const uintptr_t number = page.value();
    if (number >> (kRootBits + kLeafBits) != 0) return nullptr;
    const Leaf* leaf =
        root_[number >> kLeafBits].load(std::memory_order_acquire);
    if (leaf == nullptr) return nullptr;
    return leaf->spans[number & kLeafMask].load(std::memory_order_acquire);
  }
  //! [PageMap::Find]

  //! [PageMap::ForEach]
  // Calls visit(page, span) for each page that leads to a span.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (uintptr_t i = 0; i <= kRootMask; ++i) {
      const Leaf* leaf = root_[i].load(std::memory_order_acquire);
      if (leaf == nullptr) continue;
      for (uintptr_t j = 0; j <= kLeafMask; ++j) {
        Span* span = leaf->spans[j].load(std::memory_order_acquire);
        if (span != nullptr) visit(PageId(i << kLeafBits | j), span);
      }
    }
  }
  //! [PageMap::ForEach]

  // Bytes taken from the system.
  size_t Footprint() const {
    return leaves_.load(std::memory_order_relaxed) * sizeof(Leaf);
  }

 private:
  // 48 bits of address, on x86-64 and on AArch64, less those in the page.
  static constexpr size_t kLeafBits = 17;
  static constexpr size_t kRootBits = 48 - kPageShift - kLeafBits;
  static constexpr size_t kLeafMask = (size_t{1} << kLeafBits) - 1;
  static constexpr size_t kRootMask = (size_t{1} << kRootBits) - 1;

  struct Leaf {
    std::atomic<Span*> spans[kLeafMask + 1];
  };

  std::atomic<Leaf*> root_[kRootMask + 1] = {};
  std::atomic<size_t> leaves_{0};
};

}  // namespace pool

#endif  // POOL_PAGE_MAP_H_
