#include "pool/memory_pool.h"

#include <algorithm>
#include <cerrno>
#include <new>

#include "pool/bytes.h"
#include "pool/fixed_pool.h"
#include "pool/system_memory.h"

// C knows the struct by name only.
struct memory_pool {
  pool::FixedPool objects;
};

namespace {

// An array's elements stand side by side, so a type's alignment divides its
// size: the size's lowest one bit is an alignment that suits every type of that
// size. No type of plain C needs more than max_align_t's.
size_t AlignmentFor(size_t object_size) {
  const size_t lowest_bit = object_size & (~object_size + 1);
  return std::min(lowest_bit, alignof(max_align_t));
}

}  // namespace

memory_pool* memory_pool_create(size_t object_size, size_t init, size_t grow) {
  if (object_size == 0 || object_size > pool::kMaxBytes) {
    errno = EINVAL;
    return nullptr;
  }
  // A page for each pool's own few words: a program has few pools.
  void* memory = pool::SystemAlloc(sizeof(memory_pool));
  if (memory == nullptr) {
    errno = ENOMEM;
    return nullptr;
  }
  const size_t alignment = AlignmentFor(object_size);
  return ::new (memory) memory_pool{{object_size, alignment, init, grow}};
}

void* memory_alloc(memory_pool* pool) { return pool->objects.Allocate(); }

void* memory_free(memory_pool* pool, void* object) {
  return pool->objects.Deallocate(object);
}

void free_memory_pool(memory_pool* pool) {
  if (pool == nullptr) return;
  pool->~memory_pool();
  pool::SystemFree(pool, sizeof(memory_pool));
}
