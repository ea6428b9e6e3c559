// ThreadCache: the top layer. Each thread has its own, so there are no locks:
// most calls take a pointer from an array, or put one into it, and that is all.
//
//   slots │ no class │ class 0 │ class 1 │ … │ class 207 │     by tag
//             full        │
//                         ▼
//   loaded │●│●│●│●│ │ │ │ │     spare │ │ │ │ │ │ │ │ │
//          ╰ floor   ╰ top ╰ ceiling
//
// Owner: one thread. Others may only read how much there is (Footprint).
//
// Each class that the thread uses has two magazines (magazine.h). Objects come
// from the loaded one and go into it. When it is empty or full, the spare one
// may help, and if not, one of the two is exchanged for another in the central
// cache. So whoever stands just between two magazines does not go there with
// each call.
//
// A thread is born, alive, and dead; its pointer to a cache is never null.
//  - Unborn: the pointer leads to a cache that all such threads share, whose
//    slots have no magazines. So they are empty and full at once, each call
//    takes the slow road, and that one finds the thread's own cache.
//  - Alive: the thread has its own cache.
//  - Dead: when the thread ends, its cache stays as it is, an orphan, and the
//    next thread that is born adopts it. If none is for a while, its objects
//    go to the central cache (upkeep.cc). The pointer leads to another shared
//    cache that is empty and full at once. Whoever calls later still
//    (destructors of others, libc) is served by the central cache, object by
//    object, and makes no new cache.
//  - Watched: where each call is looked at (watch.h), a living thread's pointer
//    leads to a third such cache, and the slow road knows the thread's own.
// The slot of no class is full, too: what a page without a tag holds (nothing,
// a large block, or what is not ours) takes the slow road as well. The road
// that is taken a million times asks for none of this.
//
// (One hole stays: a thread whose very first call comes after the last of those
// destructors gets a cache that nobody takes back. No key can tell of its end.)
//
// A slot begins with a short magazine; who comes back gets a longer one.
// Together the magazines have room for tuning::kThreadBytes at most. When that
// is not enough, a hand goes round the slots, as in a clock: one that was used
// since the hand was there is passed over once, and any other gives its
// magazines up.
//
// What always holds:
//  - The objects in slot t's magazines are of the class with this tag, and in
//    no other magazine.
//  - A spare magazine is empty or full.
//  - room_ = the sum over the magazines of what they have room for, in bytes,
//    and at most tuning::kThreadBytes between two calls.
//  - A thread that cannot have a cache, for want of memory or of a key, is
//    served as a dead one is, and tries again with each call.
#ifndef POOL_THREAD_CACHE_H_
#define POOL_THREAD_CACHE_H_

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pool/bytes.h"
#include "pool/central_cache.h"
#include "pool/gauge.h"
#include "pool/macros.h"
#include "pool/magazine.h"
#include "pool/mutex.h"
#include "pool/size_class.h"

namespace pool {

struct ThreadCacheFootprint {
  size_t caches;    // caches that there are, orphans, too
  size_t cached;    // bytes in objects in their magazines
  size_t metadata;  // bytes taken from the system for caches and magazines
  size_t fetches;   // times that both magazines were empty: locks taken
  // Bytes in objects in magazines that were lost in a fork.
  size_t abandoned;
  Gauge threads;    // that have one, now and at most
  LockCounts lock;  // of the list of caches
};

// Of one class, in all caches.
struct CachedClass {
  size_t objects;  // in their magazines
  // Bytes by which the requests that had to fetch, ever, were smaller than what
  // they got. There are as many of them as the central cache counts fetches.
  size_t waste;
};

// No cache line is shared with another thread's cache.
class alignas(kCacheLine) ThreadCache {
 public:
  constexpr ThreadCache() = default;
  ThreadCache(const ThreadCache&) = delete;
  ThreadCache& operator=(const ThreadCache&) = delete;

  // The calling thread's own, or the unborn, the watched or the dead one.
  static ThreadCache& Current() { return *current_; }

  // An object for `bytes`; nullptr, and errno is ENOMEM, when the system has no
  // memory. REQUIRES: tag is SizeClass::TagForRequest(bytes).
  void* Allocate(size_t bytes, size_t tag);
  void* Allocate(size_t bytes) {
    return Allocate(bytes, SizeClass::TagForRequest(bytes));
  }

  // An object of this class, for a request of `bytes`, while each call is
  // looked at. REQUIRES: Watch::On(), and bytes <= SizeClass::Size(index).
  static void* AllocateWatched(ClassIndex index, size_t bytes) noexcept;

  // Takes back an object that any thread's Allocate returned, of the class with
  // this tag. False if it did not, and DeallocateSlow has to see to it; always
  // for tag 0.
  bool Deallocate(void* object, size_t tag);
  static void DeallocateSlow(void* object, ClassIndex index) noexcept;

  // Gives all objects back to their spans, of this cache and of all orphans.
  void ReleaseAll();

  // Does what has to be done now and then, if it is time: in a thread's slow
  // calls, since there is nobody else to do it (upkeep.cc).
  static void UpkeepIfDue();

  // Makes sure that `count` further objects for `bytes` can be had with no call
  // to the system and no new span, as long as no other thread takes them.
  // False when the system has no memory. REQUIRES: as for Allocate, and
  // count * bytes <= kMaxBytes.
  bool Reserve(size_t bytes, size_t count);

  // For the child of a fork: what other threads left half changed is abandoned,
  // in the layers below, too, and so are their caches (fork.cc).
  static void AfterFork();

  // Of all caches that there are now, together.
  static ThreadCacheFootprint Footprint();
  static LockCounts Locks();
  // The same, and for each class; `classes` has room for SizeClass::kCount.
  static ThreadCacheFootprint CountClasses(CachedClass* classes);
  // REQUIRES: called by the owner.
  void Validate() const;

 private:
  //! [Slot]
  // Of a class: the loaded magazine's array, and the spare magazine.
  struct Slot {
    std::atomic<void**> top{nullptr};      // behind the last object
    std::atomic<void**> floor{nullptr};    // there is none when top is here,
    std::atomic<void**> ceiling{nullptr};  // and room for no more when here
    Magazine* spare = nullptr;

    bool Empty() const { return Top() == Floor(); }
    bool Full() const { return Top() == Ceiling(); }
    void** Top() const { return top.load(std::memory_order_relaxed); }
    void** Floor() const { return floor.load(std::memory_order_relaxed); }
    void** Ceiling() const { return ceiling.load(std::memory_order_relaxed); }
    void SetTop(void** place) { top.store(place, std::memory_order_relaxed); }

    void Push(void* object) {
      *Top() = object;
      SetTop(Top() + 1);
    }
    void* Pop() {
      SetTop(Top() - 1);
      return *Top();
    }
    Magazine* Unload();
    void Load(Magazine* magazine, size_t size);
    // As another thread sees it: while the owner exchanges magazines, nonsense,
    // which counts as nothing.
    size_t Loaded() const;
  };
  //! [Slot]

  // A magazine is empty. (noexcept: else the façade, which is, must stay on the
  // stack to catch.)
  NOINLINE static void* AllocateSlow(size_t bytes) noexcept;
  // From the slot, if the thread has a cache and it is not empty.
  static void* TakeOrFetch(ThreadCache* cache, ClassIndex index, size_t bytes);
  // Without a magazine.
  static void* FetchOne(ClassIndex index, size_t bytes);

  Slot& SlotOf(ClassIndex index) { return slots_[SizeClass::TagOf(index)]; }
  // Both magazines are empty, or absent: now the loaded one is not. False, if
  // there is no memory.
  bool Refill(ClassIndex index);
  bool Fill(ClassIndex index);
  // The loaded magazine is full, or absent: now it is not. False, as above.
  bool MakeRoom(ClassIndex index);
  bool LoadLongest(ClassIndex index);
  void Swap(ClassIndex index);
  void SetSpare(ClassIndex index, Magazine* magazine);
  // Empty, and longer each time; nullptr, if there is no memory.
  Magazine* NewMagazineFor(ClassIndex index);

  // The calling thread's cache, made or adopted now if need be. nullptr when it
  // is dead, or when the system has no memory.
  static ThreadCache* Own();
  static ThreadCache* Create();
  static void Exit(void* cache);
  // The next four REQUIRE the registry's lock.
  ONE_THREAD static ThreadCache* AdoptOrMake();
  ONE_THREAD static ThreadCache* TakeOrphan();
  ONE_THREAD static void LeaveOrphan(ThreadCache* cache);
  ONE_THREAD static void Forget(ThreadCache* cache);
  static void ReleaseOrphans(size_t most);
  static bool ReleaseIdleOrphans(size_t most);
  static bool DoUpkeep();

  void CountRoom(ClassIndex index);
  void KeepWithinBounds(ClassIndex busy);
  // Leaves the slot's magazines to the depot; or their objects to the spans.
  void Drop(ClassIndex index);
  void Release(ClassIndex index);
  size_t CachedObjects(ClassIndex index) const;
  size_t CachedBytes() const;
  static ThreadCacheFootprint CountCaches(CachedClass* classes);

  // No other thread writes, so this need not be an atomic addition.
  static void Count(std::atomic<size_t>& counter, size_t n) {
    counter.store(counter.load(std::memory_order_relaxed) + n,
                  std::memory_order_relaxed);
  }
  void CountWaste(ClassIndex index, size_t waste) {
    Count(waste_[index], waste);
  }
  void LeaveWaste() const;

  // Written by the owning thread only; others read the slots, the spares'
  // counts and the counters. (The dead one's counters are written by all.)
  Slot slots_[SizeClass::kTags];
  std::atomic<uint32_t> spare_objects_[SizeClass::kTags] = {};
  std::atomic<size_t> waste_[SizeClass::kCount] = {};  // see CachedClass
  std::atomic<size_t> fetches_{0};

  // Touched by the owning thread only.
  uint32_t class_room_[SizeClass::kTags] = {};  // bytes; see room_
  uint8_t next_kind_[SizeClass::kTags] = {};    // of the next magazine
  void** seen_top_[SizeClass::kTags] = {};      // when the hand was there
  size_t hand_ = 0;                             // a tag
  size_t room_ = 0;                             // bytes

  // Whose it is, and its place in the list of all caches: written under the
  // lock in thread_cache.cc.
  static constexpr pthread_t kNobody = 0;
  pthread_t owner_ = kNobody;  // an orphan has none
  ThreadCache* next_orphan_ = nullptr;
  ThreadCache* next_cache_ = nullptr;
  ThreadCache* previous_cache_ = nullptr;

  static ThreadCache unborn_;
  static ThreadCache watched_;
  static ThreadCache dead_;
  CONSTINIT static thread_local ThreadCache* current_;
  // The cache that the thread has, also while it is watched; else nullptr.
  CONSTINIT static thread_local ThreadCache* own_;
};

//! [ThreadCache::Allocate]
inline void* ThreadCache::Allocate(size_t bytes, size_t tag) {
  Slot& slot = slots_[tag];
  void** top = slot.Top();
  if (top == slot.Floor()) return AllocateSlow(bytes);
  slot.SetTop(top - 1);
  return top[-1];
}
//! [ThreadCache::Allocate]

//! [ThreadCache::Deallocate]
inline bool ThreadCache::Deallocate(void* object, size_t tag) {
  Slot& slot = slots_[tag];
  void** top = slot.Top();
  if (top == slot.Ceiling()) return false;
  *top = object;
  slot.SetTop(top + 1);
  return true;
}
//! [ThreadCache::Deallocate]

}  // namespace pool

#endif  // POOL_THREAD_CACHE_H_
