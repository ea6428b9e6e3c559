#include "pool/pool.h"

#include <cerrno>

#include "pool/system_memory.h"

namespace pool {

//! [Allocate]
void* Allocate(size_t bytes) noexcept {
  void* block = SystemAlloc(bytes == 0 ? 1 : bytes);
  if (block == nullptr) errno = ENOMEM;
  return block;
}
//! [Allocate]

//! [Deallocate]
void Deallocate(void* block, size_t bytes) noexcept {
  if (block == nullptr) return;
  SystemFree(block, bytes == 0 ? 1 : bytes);
}
//! [Deallocate]

}  // namespace pool
