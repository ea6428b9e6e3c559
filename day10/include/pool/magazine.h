// Magazine: an array of pointers to free objects of one class. Depot: the
// magazines of a class that no thread has.
//
// A thread takes objects from its magazine and puts them into it, and does not
// touch them. With a list, whose links lie in the objects, each step waits for
// memory; with an array, none does. When a magazine is empty or full, the
// thread exchanges it for another in the depot: one pointer is passed, whatever
// a hundred objects are in it.
//
//   thread   loaded │●│●│●│●│●│ │ │ │        spare │ │ │ │ │ │ │ │ │
//                                 ╰ top                 ▲
//   depot    loaded ● ──► ● ──► ●         empty ● ──► ●  exchanged
//
// Owner of a magazine: the thread, or the depot, that has it; of a depot, the
// class in the central cache, whose lock guards it. Magazines are made and
// taken back by NewMagazine and DeleteMagazine, which have a lock of their own
// and may be called by anyone who holds none. Their memory comes from the
// system, many of one length at a time, and goes back when all of those do.
#ifndef POOL_MAGAZINE_H_
#define POOL_MAGAZINE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "pool/mutex.h"
#include "pool/tuning.h"

namespace pool {

struct MagazineBlock;

//! [Magazine]
struct Magazine {
  // Which of tuning::kMagazineLengths.
  static constexpr size_t kLengths = 3;
  static constexpr size_t kLongest = kLengths - 1;

  // Its array lies behind it.
  void** Objects() { return reinterpret_cast<void**>(this + 1); }
  static Magazine* Of(void** objects) {
    return reinterpret_cast<Magazine*>(objects) - 1;
  }
  // How many objects of so many bytes it may hold.
  size_t RoomFor(size_t size) const;

  Magazine* next = nullptr;  // in a stack of them
  MagazineBlock* home = nullptr;
  uint32_t kind = 0;
  uint32_t count = 0;  // objects; not kept up to date while a thread pops
};
//! [Magazine]

inline size_t Magazine::RoomFor(size_t size) const {
  return std::clamp<size_t>(tuning::kMagazineBytes / size,
                            tuning::kMagazineLeast,
                            tuning::kMagazineLengths[kind]);
}

// The kind that is long enough for a class: a longer one would have no more
// room.
constexpr size_t LongestKind(size_t size) {
  size_t kind = 0;
  while (kind < Magazine::kLongest &&
         tuning::kMagazineLengths[kind] < tuning::kMagazineBytes / size) {
    ++kind;
  }
  return kind;
}

// An empty one, or nullptr when the system has no memory. Takes a lock.
Magazine* NewMagazine(size_t kind);

// Takes an empty one back; nullptr is fine. Takes a lock.
void DeleteMagazine(Magazine* magazine);

// Bytes taken from the system for all of them.
size_t MagazineFootprint();

LockCounts MagazineLocks();

// For the child of a fork: where another thread was half-way through a change,
// what was free is lost.
void MagazinesAfterFork();

// A stack of magazines.
class MagazineStack {
 public:
  constexpr MagazineStack() = default;
  MagazineStack(const MagazineStack&) = delete;
  MagazineStack& operator=(const MagazineStack&) = delete;

  size_t Count() const { return count_; }
  const Magazine* First() const { return first_; }

  void Push(Magazine* magazine) {
    magazine->next = first_;
    first_ = magazine;
    ++count_;
  }
  // nullptr, when there is none.
  Magazine* Pop() {
    Magazine* magazine = first_;
    if (magazine == nullptr) return nullptr;
    first_ = magazine->next;
    --count_;
    return magazine;
  }
  // Keeps those that came last, n of them; the others go to `rest`.
  // REQUIRES: there are so many.
  void CutTo(size_t n, MagazineStack& rest);
  // Forgets its magazines.
  void Clear() {
    first_ = nullptr;
    count_ = 0;
  }

 private:
  Magazine* first_ = nullptr;
  size_t count_ = 0;
};

//! [Depot]
// The one that came last goes first: its objects are the likeliest to be in the
// CPU's cache. What lies below the lowest level since the last look, nobody
// needed.
class Depot {
 public:
  // How many objects are here.
  size_t Objects() const { return objects_; }

  // nullptr, when there is none.
  Magazine* TakeLoaded() {
    Magazine* magazine = loaded_.Pop();
    if (magazine == nullptr) return nullptr;
    low_water_ = std::min(low_water_, loaded_.Count());
    objects_ -= magazine->count;
    return magazine;
  }
  void LeaveLoaded(Magazine* magazine) {
    loaded_.Push(magazine);
    objects_ += magazine->count;
  }

  Magazine* TakeEmpty() { return empty_.Pop(); }
  void LeaveEmpty(Magazine* magazine) { empty_.Push(magazine); }

  // Moves those that nobody needed since the last time to `idle`, `most` of
  // them at most, and the others the next time. And empty ones beyond as many
  // as stay loaded: who takes a loaded one leaves an empty one.
  void TakeIdle(MagazineStack& idle, size_t most = ~size_t{0});
  // Moves all of them.
  void TakeAll(MagazineStack& all, size_t most = ~size_t{0});

  // For the child of a fork: forgets its magazines. Returns how many objects
  // are lost with them.
  size_t Abandon();

  void Validate() const;

 private:
  MagazineStack loaded_;
  MagazineStack empty_;
  size_t objects_ = 0;
  size_t low_water_ = 0;  // loaded_ never had fewer since the last TakeIdle
};
//! [Depot]

}  // namespace pool

#endif  // POOL_MAGAZINE_H_
