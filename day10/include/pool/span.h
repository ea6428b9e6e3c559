// Span: a run of pages, cut into objects of one class. SpanList: spans in a
// row.
//
// Owner: the page heap, while the span is free; while it is in use, the central
// cache, or the caller whose large block it is. The owner's lock guards it;
// neither class has one of its own. What a free needs to know of a block (the
// first group of members) is set before any block is handed out and stays until
// all of them are back: threads that hold a block may read it without a lock.
//
//   pages   │   8 KiB   │   8 KiB   │   8 KiB   │   8 KiB   │
//   objects ├────┬────┬────┬────┬────┬────┬────┬───────────┬┤
//           │ out│free│ out│free│ out│ not yet carved      ││ tail
//           └────┴────┴────┴────┴────┴────┴────┴───────────┴┘
//
// What always holds, while the span is in use:
//  - An object is whole inside its span: capacity * size <= pages.bytes(). What
//    is left behind the last one (the tail) is never used.
//  - Objects are carved in address order: what is not needed is not touched.
//  - allocated + those at home == carved <= capacity.
#ifndef POOL_SPAN_H_
#define POOL_SPAN_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pool/bytes.h"
#include "pool/macros.h"
#include "pool/size_class.h"

namespace pool {

enum class SpanState : uint8_t {
  kInUse,
  kFree,      // and the kernel may hold memory for it
  kReturned,  // and the kernel holds none: fresh from it, or given back. Zero.
  kLeaving,   // a thread is giving it back to the kernel just now
};

// Which blocks their owners have, a bit for each: only in debug builds. An
// allocation sets it, a free clears it, and a second free finds it cleared.
template <bool on>
class LiveBits {
 public:
  constexpr LiveBits() = default;
  static constexpr size_t kMost = 1024;  // objects in a span
  // Each says whether that changed anything.
  bool SetLive(size_t index) {
    return (words_[index / 64].fetch_or(Bit(index), kOrder) & Bit(index)) == 0;
  }
  bool ClearLive(size_t index) {
    return (words_[index / 64].fetch_and(~Bit(index), kOrder) & Bit(index)) !=
           0;
  }
  void ClearAllLive() {
    for (std::atomic<uint64_t>& word : words_) word.store(0, kOrder);
  }

 private:
  // They order nothing: a release build, which has none, must not be worse off.
  static constexpr std::memory_order kOrder = std::memory_order_relaxed;
  static uint64_t Bit(size_t index) { return uint64_t{1} << index % 64; }

  std::atomic<uint64_t> words_[kMost / 64] = {};
};

template <>
class LiveBits<false> {
 public:
  bool SetLive(size_t) { return true; }
  bool ClearLive(size_t) { return true; }
  void ClearAllLive() {}
};

// What the checks note of a large block (checks.h); else nothing.
template <bool on>
class LargeNote {
 public:
  static constexpr size_t kFreed = ~size_t{0};
  // What was asked for, in bytes; kFreed, once somebody frees it.
  size_t Asked() const { return asked_.load(std::memory_order_relaxed); }
  void SetAsked(size_t asked) {
    asked_.store(asked, std::memory_order_relaxed);
  }
  // False, if somebody else has freed it.
  bool SetFreed() {
    return asked_.exchange(kFreed, std::memory_order_relaxed) != kFreed;
  }

  // Pages of the span that are not the block's. Guarded: nobody can touch them.
  PageCount PagesBefore() const { return before_; }
  PageCount PagesBehind() const { return behind_; }
  void SetPagesBeside(PageCount before, PageCount behind) {
    before_ = before;
    behind_ = behind;
  }
  bool Guarded() const { return guarded_; }
  void SetGuarded(bool guarded) { guarded_ = guarded; }

 private:
  std::atomic<size_t> asked_{0};
  PageCount before_;
  PageCount behind_;
  bool guarded_ = false;
};

template <>
class LargeNote<false> {
 public:
  static constexpr size_t kFreed = ~size_t{0};
  static size_t Asked() { return 0; }
  static void SetAsked(size_t) {}
  static bool SetFreed() { return true; }
  static void SetPagesBeside(PageCount, PageCount) {}
  static bool Guarded() { return false; }
  static void SetGuarded(bool) {}
  static constexpr PageCount PagesBefore() { return PageCount(0); }
  static constexpr PageCount PagesBehind() { return PageCount(0); }
};

//! [HomeBits]
// Which of a span's objects are at home, a bit for each: they came back, and
// were not handed out again. To come home, an object need not be touched.
class HomeBits {
 public:
  constexpr HomeBits() = default;
  static constexpr size_t kMost = 1024;  // objects in a span

  // False, if it was there already.
  bool Add(size_t index) {
    const uint64_t bit = uint64_t{1} << index % 64;
    if ((words_[index / 64] & bit) != 0) return false;
    words_[index / 64] |= bit;
    return true;
  }
  bool Has(size_t index) const {
    return (words_[index / 64] >> index % 64 & 1) != 0;
  }
  // Removes the lowest one. REQUIRES: there is one, and none below `start`.
  size_t TakeLowest(size_t start) {
    size_t i = start / 64;
    while (words_[i] == 0) ++i;
    const size_t index =
        i * 64 + static_cast<size_t>(__builtin_ctzll(words_[i]));
    words_[i] &= words_[i] - 1;
    return index;
  }
  size_t Count() const {
    size_t count = 0;
    for (const uint64_t word : words_) {
      count += static_cast<size_t>(__builtin_popcountll(word));
    }
    return count;
  }
  void Clear() { *this = HomeBits(); }

 private:
  uint64_t words_[kMost / 64] = {};
};
//! [HomeBits]

struct alignas(kCacheLine) Span : LiveBits<kDebugBuild>, LargeNote<kChecks> {
  // Makes the span, fresh or used before, one of objects of `object_size`.
  // None of its old objects is left. REQUIRES: object_size <= pages.bytes().
  void Open(size_t object_size);

  // From now on it holds no objects of a class.
  void Close() { class_tag = 0; }

  bool Full() const { return allocated == capacity; }
  bool Idle() const { return allocated == 0; }

  // Hands out up to n objects, in descending order: who takes them from the
  // array's end takes them in the order of addresses. Returns how many.
  size_t TakeRange(void** objects, size_t n);

  // Takes back the object with this index. False, if it is at home already.
  bool PutBack(size_t index);

  // Objects that it could hand out, and of those, the ones that came back.
  size_t Left() const { return capacity - allocated; }
  size_t AtHome() const { return carved - allocated; }

  void* Start() const { return first.Start(); }
  PageId End() const { return first + pages; }  // the page behind the last
  // The large block that it is: all of it, unless checks keep pages beside it.
  void* Block() const { return (first + PagesBefore()).Start(); }
  PageCount BlockPages() const { return pages - PagesBefore() - PagesBehind(); }
  // Bytes at the end that no object covers.
  size_t Tail() const { return pages.bytes() - capacity * size; }

  // Are there objects of a class? Of which?
  bool HoldsClass() const { return class_tag != 0; }
  ClassIndex Class() const { return ClassIndex(class_tag - size_t{1}); }

  //! [Span::IndexOf]
  // Which object an address on these pages lies in; capacity, if behind the
  // last. A division, done as a multiplication. REQUIRES: HoldsClass().
  size_t IndexOf(const void* address) const {
    return OffsetOf(address) * reciprocal >> kReciprocalShift;
  }
  //! [Span::IndexOf]

  //! [Span::IsObject]
  // Does an object begin at this address on these pages? Always false for spans
  // that hold no class.
  bool IsObject(const void* address) const {
    if (!HoldsClass()) return false;
    const size_t index = IndexOf(address);
    return index * size == OffsetOf(address) && index < capacity;
  }
  //! [Span::IsObject]

  // For the child of a fork, if it cannot know how far a change here had come:
  // the free objects are lost, as if they were out. Returns how many.
  size_t Abandon();

  void Validate() const;

  // Set by the page heap and by Open, before the first block is handed out.
  PageId first;
  PageCount pages;
  size_t size = 0;        // of an object, in bytes
  size_t reciprocal = 0;  // 2^kReciprocalShift / size, rounded up
  size_t capacity = 0;    // objects that there is room for
  SpanState state = SpanState::kFree;
  bool zero = false;      // all pages were zero when they were handed out
  uint8_t class_tag = 0;  // the class's index + 1, or 0

  // The page heap's, while the span is free: its branches in a SpanTree.
  Span* left = nullptr;
  Span* right = nullptr;

  // Of whoever owns it: the spans beside it in a SpanList.
  Span* next = nullptr;
  Span* previous = nullptr;

  // The central cache's, while the span holds a class.
  size_t carved = 0;     // objects that were handed out ever
  size_t allocated = 0;  // of those, objects that are out now
  HomeBits home;         // and those that came back

 private:
  // Exact for all classes (span.cc proves it), and the product fits in 64 bits.
  static constexpr size_t kReciprocalShift = 40;

  size_t OffsetOf(const void* address) const {
    return reinterpret_cast<uintptr_t>(address) -
           reinterpret_cast<uintptr_t>(Start());
  }
  void* Object(size_t index) const {
    return static_cast<char*>(Start()) + size * index;
  }
};

// Four cache lines: what every free reads, and what changes while objects come
// and go.
static_assert(kDebugBuild || kChecks || sizeof(Span) == 4 * kCacheLine);

class SpanList {
 public:
  constexpr SpanList() = default;
  SpanList(const SpanList&) = delete;
  SpanList& operator=(const SpanList&) = delete;

  bool Empty() const { return first_ == nullptr; }
  // nullptr, when there is none. The others follow by Span::next.
  Span* First() const { return first_; }

  //! [SpanList::PushFront]
  // REQUIRES: the span is on no list.
  void PushFront(Span* span) {
    span->previous = nullptr;
    span->next = first_;
    if (first_ != nullptr) first_->previous = span;
    first_ = span;
  }
  //! [SpanList::PushFront]

  //! [SpanList::Remove]
  // REQUIRES: the span is on this list.
  void Remove(Span* span) {
    Span*& link = span->previous == nullptr ? first_ : span->previous->next;
    link = span->next;
    if (link != nullptr) link->previous = span->previous;
    span->next = span->previous = nullptr;
  }
  //! [SpanList::Remove]

  // Forgets its spans.
  void Clear() { first_ = nullptr; }

  // nullptr, when there is none.
  Span* PopFront() {
    Span* span = first_;
    if (span != nullptr) Remove(span);
    return span;
  }

  void Validate() const;

 private:
  Span* first_ = nullptr;
};

}  // namespace pool

#endif  // POOL_SPAN_H_
