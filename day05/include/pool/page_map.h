// PageMap: which span does a page belong to? A hash table, page → span, with
// open addressing: the entries lie in one array, and one that finds its place
// taken goes to the next free one behind it.
//
// Owner: the central cache, whose lock guards it. No locks here.
//
// An object that comes home is only an address. Its page leads to its span.
//
// What always holds:
//  - At most half of the entries are taken, so that a search is short.
//  - From the place where a page belongs (Home) to its entry, none is free.
//  - The array comes from SystemAlloc: a standard container would call malloc.
#ifndef POOL_PAGE_MAP_H_
#define POOL_PAGE_MAP_H_

#include <cstddef>

#include "pool/bytes.h"
#include "pool/macros.h"
#include "pool/span.h"

namespace pool {

class PageMap {
 public:
  constexpr PageMap() = default;
  PageMap(const PageMap&) = delete;
  PageMap& operator=(const PageMap&) = delete;

  // From now on each of the span's pages leads to it. False, and nothing has
  // changed, when the system has no memory. REQUIRES: none of them is here.
  bool Insert(Span* span);

  // Forgets the span's pages. REQUIRES: they are here.
  void Erase(const Span* span);

  // nullptr, if the page is of no span.
  Span* Find(PageId page) const;

  // Bytes taken from the system.
  size_t Footprint() const;
  void Validate() const;

 private:
  struct Entry {
    PageId page;
    Span* span;  // nullptr: the entry is free
  };

  size_t Home(PageId page) const;
  size_t After(size_t place) const { return (place + 1) & (capacity_ - 1); }
  size_t PlaceOf(PageId page) const;
  void Put(PageId page, Span* span);
  void Take(PageId page);
  bool Grow();

  Entry* entries_ = nullptr;
  size_t capacity_ = 0;  // a power of two, or 0 before the first Insert
  size_t shift_ = 0;     // 64 - log2(capacity_)
  size_t count_ = 0;
};

}  // namespace pool

#endif  // POOL_PAGE_MAP_H_
