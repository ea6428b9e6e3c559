// CentralCache: the middle layer. Threads' caches take objects from it, many at
// a time.
//
// Owner: the process has one, Get(). Thread-safe: one lock guards all of it,
// for as long as a call takes. When a new chunk is needed, that includes the
// kernel's answer.
//
//   chunk  ┌────────────┬────────────────────┬──────────────────────────┐
//          │ carved, in │ carved for another │ uncarved                 │
//          │ one class  │ class              │                          │
//          └────────────┴────────────────────┴──────────────────────────┘
//                                             ▲ next_               end_ ▲
//
// What always holds:
//  - An object is carved from one chunk and does not cross its end.
//  - An object is handed out, or on its class's free list, or not yet carved.
//  - What is not yet carved has not been touched.
//  - system = out + free + uncarved + tails, in bytes.
#ifndef POOL_CENTRAL_CACHE_H_
#define POOL_CENTRAL_CACHE_H_

#include <cstddef>

#include "pool/free_list.h"
#include "pool/macros.h"
#include "pool/mutex.h"
#include "pool/size_class.h"

namespace pool {

struct CentralCacheFootprint {
  size_t system;    // bytes taken from the system
  size_t out;       // of those, in objects that were handed out
  size_t free;      // in objects that came back
  size_t uncarved;  // in the chunk that is being carved
  size_t tails;     // at the ends of chunks, and between objects: never used
};

class CentralCache {
 public:
  constexpr CentralCache() = default;
  CentralCache(const CentralCache&) = delete;
  CentralCache& operator=(const CentralCache&) = delete;

  // The process's own. It needs no constructor to run first, and never dies.
  static CentralCache& Get();

  // Hands out up to n objects of the class of `size`, linked from start to end,
  // whose own link is nullptr. Returns how many: at least one, or 0 when the
  // system has no memory.
  // REQUIRES: n >= 1.
  size_t FetchRangeObj(void*& start, void*& end, size_t n, size_t size)
      EXCLUDES(lock_);

  // Takes back one object of the class of `size`.
  void ReleaseObj(void* object, size_t size) EXCLUDES(lock_);

  CentralCacheFootprint Footprint() EXCLUDES(lock_);
  void Validate() EXCLUDES(lock_);

 private:
  void* TakeOne(size_t size) REQUIRES(lock_);
  char* NextFor(size_t size) const REQUIRES(lock_);
  bool HasRoom(size_t size) const REQUIRES(lock_);
  void* Carve(size_t size) REQUIRES(lock_);
  bool NewChunk() REQUIRES(lock_);

  Mutex lock_;
  FreeList free_[SizeClass::kCount] GUARDED_BY(lock_);
  char* next_ GUARDED_BY(lock_) = nullptr;  // the chunk that is being carved:
  char* end_ GUARDED_BY(lock_) = nullptr;   // what is left of it
  size_t system_ GUARDED_BY(lock_) = 0;
  size_t tails_ GUARDED_BY(lock_) = 0;
};

}  // namespace pool

#endif  // POOL_CENTRAL_CACHE_H_
