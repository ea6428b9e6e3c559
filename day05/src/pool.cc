#include "pool/pool.h"

#include <cerrno>

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

}  // namespace pool
