#include "pool/pool.h"

#include <cerrno>

#include "pool/bytes.h"
#include "pool/macros.h"
#include "pool/size_class.h"
#include "pool/system_memory.h"
#include "pool/thread_cache.h"

namespace pool {
namespace {

NOINLINE void* AllocateLarge(size_t bytes) {
  void* block = SystemAlloc(bytes);
  if (block == nullptr) errno = ENOMEM;
  return block;
}

NOINLINE void DeallocateLarge(void* block, size_t bytes) {
  SystemFree(block, bytes);
}

}  // namespace

//! [Allocate]
void* Allocate(size_t bytes) noexcept {
  if (bytes > SizeClass::kLargestSize) return AllocateLarge(bytes);
  return ThreadCache::Current().Allocate(bytes);
}
//! [Allocate]

//! [Deallocate]
void Deallocate(void* block, size_t bytes) noexcept {
  if (block == nullptr) return;
  if (bytes > SizeClass::kLargestSize) return DeallocateLarge(block, bytes);
  ThreadCache::Current().Deallocate(block, bytes);
}
//! [Deallocate]

//! [Reserve]
bool Reserve(size_t bytes, size_t count) noexcept {
  if (count == 0) return true;
  if (bytes <= SizeClass::kLargestSize &&
      count <= kMaxBytes / SizeClass::kLargestSize &&
      ThreadCache::Current().Reserve(bytes, count)) {
    return true;
  }
  errno = ENOMEM;
  return false;
}
//! [Reserve]

}  // namespace pool
