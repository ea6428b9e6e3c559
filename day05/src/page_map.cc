#include "pool/page_map.h"

#include <cstdint>

#include "pool/system_memory.h"

namespace pool {
namespace {

// The first array has room for 2 MiB of spans; each further one is double.
constexpr size_t kFirstCapacity = 512;

}  // namespace

//! [PageMap::Home]
// Fibonacci hashing: neighbouring pages, of which there are many, go to places
// far from each other. It is the product's uppermost bits that do that.
size_t PageMap::Home(PageId page) const {
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
  return page.value() * kGolden >> shift_;
}
//! [PageMap::Home]

//! [PageMap::PlaceOf]
// The page's entry, or the free one where it would be put. REQUIRES: there is
// an array.
size_t PageMap::PlaceOf(PageId page) const {
  size_t place = Home(page);
  while (entries_[place].span != nullptr && entries_[place].page != page) {
    place = After(place);
  }
  return place;
}
//! [PageMap::PlaceOf]

Span* PageMap::Find(PageId page) const {
  return capacity_ == 0 ? nullptr : entries_[PlaceOf(page)].span;
}

bool PageMap::Insert(Span* span) {
  while ((count_ + span->pages.value()) * 2 > capacity_) {
    if (!Grow()) return false;
  }
  for (PageId page = span->first; page != span->End();
       page = page + PageCount(1)) {
    Put(page, span);
  }
  return true;
}

void PageMap::Erase(const Span* span) {
  for (PageId page = span->first; page != span->End();
       page = page + PageCount(1)) {
    Take(page);
  }
}

void PageMap::Put(PageId page, Span* span) {
  Entry& entry = entries_[PlaceOf(page)];
  DCHECK(entry.span == nullptr);
  entry = {page, span};
  ++count_;
}

//! [PageMap::Take]
// Frees the page's entry. A search stops at a free one, so those behind it that
// did not get their own place move up, as long as that brings them no further
// than home.
void PageMap::Take(PageId page) {
  size_t hole = PlaceOf(page);
  DCHECK(entries_[hole].span != nullptr);
  for (size_t place = After(hole); entries_[place].span != nullptr;
       place = After(place)) {
    const size_t from_home =
        (place - Home(entries_[place].page)) & (capacity_ - 1);
    const size_t from_hole = (place - hole) & (capacity_ - 1);
    if (from_home >= from_hole) {
      entries_[hole] = entries_[place];
      hole = place;
    }
  }
  entries_[hole].span = nullptr;
  --count_;
}
//! [PageMap::Take]

//! [PageMap::Grow]
bool PageMap::Grow() {
  const size_t old_capacity = capacity_;
  Entry* old_entries = entries_;
  const size_t capacity = old_capacity == 0 ? kFirstCapacity : 2 * old_capacity;
  // Zeroed, as the kernel's memory is: all entries are free.
  void* memory = SystemAlloc(capacity * sizeof(Entry));
  if (memory == nullptr) return false;
  entries_ = static_cast<Entry*>(memory);
  capacity_ = capacity;
  shift_ = static_cast<size_t>(__builtin_clzll(capacity)) + 1;
  count_ = 0;
  for (size_t i = 0; i < old_capacity; ++i) {
    if (old_entries[i].span != nullptr) {
      Put(old_entries[i].page, old_entries[i].span);
    }
  }
  if (old_entries != nullptr) {
    SystemFree(old_entries, old_capacity * sizeof(Entry));
  }
  return true;
}
//! [PageMap::Grow]

size_t PageMap::Footprint() const {
  return capacity_ == 0 ? 0 : SystemSize(capacity_ * sizeof(Entry));
}

void PageMap::Validate() const {
  size_t count = 0;
  for (size_t place = 0; place < capacity_; ++place) {
    const Entry& entry = entries_[place];
    if (entry.span == nullptr) continue;
    ++count;
    CHECK(PlaceOf(entry.page) == place);
    CHECK(!(entry.page < entry.span->first));
    CHECK(entry.page < entry.span->End());
  }
  CHECK(count == count_ && count_ * 2 <= capacity_);
}

}  // namespace pool
