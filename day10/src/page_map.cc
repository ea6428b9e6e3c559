#include "pool/page_map.h"

#include "pool/system_memory.h"

namespace pool {

//! [PageMap::Prepare]
bool PageMap::Prepare(PageId first, PageCount pages) {
  const uintptr_t last = (first + pages).value() - 1;
  if (last >> (kRootBits + kLeafBits) != 0) return false;
  for (uintptr_t i = first.value() >> kLeafBits; i <= last >> kLeafBits; ++i) {
    if (root_[i].load(std::memory_order_relaxed) != nullptr) continue;
    // Zeroed, as the kernel's memory is: no page leads anywhere.
    void* leaf = SystemAlloc(sizeof(Leaf));
    if (leaf == nullptr) return false;
    root_[i].store(static_cast<Leaf*>(leaf), std::memory_order_release);
    leaves_.store(leaves_.load(std::memory_order_relaxed) + 1,
                  std::memory_order_relaxed);
  }
  return true;
}
//! [PageMap::Prepare]

//! [PageMap::Set]
void PageMap::Set(PageId first, PageCount pages, Span* span) {
  for (PageId page = first; page != first + pages; page = page + PageCount(1)) {
    Leaf* leaf =
        root_[page.value() >> kLeafBits].load(std::memory_order_relaxed);
    leaf->spans[page.value() & kLeafMask].store(span,
                                                std::memory_order_release);
  }
}
//! [PageMap::Set]

}  // namespace pool
