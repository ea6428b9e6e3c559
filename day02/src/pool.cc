#include "pool/pool.h"

#include <cerrno>

#include "pool/central_cache.h"
#include "pool/size_class.h"
#include "pool/system_memory.h"

namespace pool {

//! [Allocate]
void* Allocate(size_t bytes) noexcept {
  void* block = bytes <= SizeClass::kLargestSize
                    ? CentralCache::Get().Allocate(SizeClass::ForRequest(bytes))
                    : SystemAlloc(bytes);
  if (block == nullptr) errno = ENOMEM;
  return block;
}
//! [Allocate]

//! [Deallocate]
void Deallocate(void* block, size_t bytes) noexcept {
  if (block == nullptr) return;
  if (bytes <= SizeClass::kLargestSize) {
    CentralCache::Get().Deallocate(block, SizeClass::ForRequest(bytes));
  } else {
    SystemFree(block, bytes);
  }
}
//! [Deallocate]

}  // namespace pool
