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
#ifndef POOL_FREE_LIST_H_
#define POOL_FREE_LIST_H_

#include <atomic>
#include <cstddef>

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
  // REQUIRES: not Empty(). The object that came last goes first: its bytes are
  // the likeliest to be in the CPU's cache.
  void* Pop() {
    void* object = head_;
    head_ = NextObj(object);
    SetLength(Length() - 1);
    return object;
  }
  //! [FreeList::Pop]

  // REQUIRES: called by the owner.
  void Validate() const;

 private:
  // No other thread writes, so this need not be an atomic addition.
  void SetLength(size_t length) {
    length_.store(length, std::memory_order_relaxed);
  }

  void* head_ = nullptr;
  std::atomic<size_t> length_{0};
};

inline void FreeList::Validate() const {
  size_t length = 0;
  for (void* object = head_; object != nullptr; object = NextObj(object)) {
    ++length;
    CHECK(length <= Length());  // or the list has a loop
  }
  CHECK(length == Length());
}

}  // namespace pool

#endif  // POOL_FREE_LIST_H_
