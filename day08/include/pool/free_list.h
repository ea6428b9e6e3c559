// FreeList: free objects of one size, linked through their own first bytes.
//
// Owner: one thread, or whoever holds the lock that guards the list. Only the
// owner changes it. Any thread may ask for Length(): the owner writes it with
// plain relaxed stores, so that reading it is no race and writing it costs what
// an ordinary variable costs.
//
//   head ──► object ──► object ──► nullptr     each arrow is NextObj(object)
//
// A list costs nothing but its head: a free object has no other use for its
// bytes. It follows that an object has at least eight of them, and that whoever
// writes to an object after giving it back breaks the list.
//
// Beside its objects, the list knows how long it may become, and how short it
// has been: what never left it was not needed.
#ifndef POOL_FREE_LIST_H_
#define POOL_FREE_LIST_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pool/macros.h"

namespace pool {

//! [NextObj]
// The link in a free object: where the next one is.
inline void*& NextObj(void* object) { return *static_cast<void**>(object); }
//! [NextObj]

class FreeList {
 public:
  constexpr FreeList() = default;
  FreeList(const FreeList&) = delete;
  FreeList& operator=(const FreeList&) = delete;

  bool Empty() const { return head_ == nullptr; }
  void* First() const { return head_; }

  // How many objects; what another thread reads may be out of date.
  size_t Length() const { return length_.load(std::memory_order_relaxed); }

  //! [FreeList::Push]
  void Push(void* object) {
    NextObj(object) = head_;
    head_ = object;
    SetLength(Length() + 1);
  }
  //! [FreeList::Push]

  //! [FreeList::Pop]
  // REQUIRES: not AtLowWater(). The object that came last goes first: its bytes
  // are the likeliest to be in the CPU's cache.
  void* Pop() {
    void* object = head_;
    head_ = NextObj(object);
    SetLength(Length() - 1);
    return object;
  }
  //! [FreeList::Pop]

  //! [FreeList::PushRange]
  // Puts n objects on the list, linked from start to end. REQUIRES: n >= 1.
  void PushRange(void* start, void* end, size_t n) {
    NextObj(end) = head_;
    head_ = start;
    SetLength(Length() + n);
  }
  //! [FreeList::PushRange]

  //! [FreeList::PopRange]
  // Takes n objects off the list, linked from start to end, whose own link is
  // nullptr. REQUIRES: 1 <= n <= Length().
  void PopRange(void*& start, void*& end, size_t n) {
    start = end = head_;
    for (size_t i = 1; i < n; ++i) end = NextObj(end);
    head_ = NextObj(end);
    NextObj(end) = nullptr;
    SetLength(Length() - n);
    if (AtLowWater()) LowerLowWater();
  }
  //! [FreeList::PopRange]

  // Forgets its objects.
  void Clear() {
    head_ = nullptr;
    SetLength(0);
    ResetLowWater();
  }

  // How long the list may become. Nobody but its owner heeds it: Push does not.
  size_t MaxSize() const { return max_size_; }
  void SetMaxSize(size_t max_size) { max_size_ = max_size; }
  bool Full() const { return Length() >= max_size_; }

  // The low-water mark: the list was never shorter since ResetLowWater (but
  // perhaps not as short), so that many objects were not needed. Pop does not
  // look after it. Its caller asks AtLowWater first, which an empty list is,
  // too: one question for both. (Where ResetLowWater is never called the mark
  // stays 0, and not to be empty is enough.)
  size_t LowWater() const { return low_water_; }
  bool AtLowWater() const { return Length() <= low_water_; }
  void ResetLowWater() { low_water_ = static_cast<uint32_t>(Length()); }
  // By half at least, since each step is a slow call: a mark that is too low
  // only keeps objects that might have gone.
  void LowerLowWater() { low_water_ = static_cast<uint32_t>(Length() / 2); }

  // How often the list was too long, for its owner to count.
  uint32_t& Overages() { return overages_; }

  // REQUIRES: called by the owner.
  void Validate() const;

 private:
  // No other thread writes, so this need not be an atomic addition.
  void SetLength(size_t length) {
    length_.store(length, std::memory_order_relaxed);
  }

  void* head_ = nullptr;
  std::atomic<size_t> length_{0};
  size_t max_size_ = 0;
  uint32_t low_water_ = 0;  // at most Length()
  uint32_t overages_ = 0;
};

inline void FreeList::Validate() const {
  size_t length = 0;
  for (void* object = head_; object != nullptr; object = NextObj(object)) {
    ++length;
    CHECK(length <= Length());  // or the list has a loop
  }
  CHECK(length == Length());
  CHECK(low_water_ <= length);
}

}  // namespace pool

#endif  // POOL_FREE_LIST_H_
