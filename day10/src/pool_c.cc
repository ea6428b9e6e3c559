#include "pool/pool_c.h"

#include "pool/pool.h"

//! [pool_c]
void* pool_allocate(size_t bytes) { return pool::Allocate(bytes); }

void* pool_allocate_zeroed(size_t count, size_t size) {
  return pool::AllocateZeroed(count, size);
}

void* pool_allocate_aligned(size_t bytes, size_t alignment) {
  return pool::AllocateAligned(bytes, alignment);
}

void* pool_reallocate(void* block, size_t bytes) {
  return pool::Reallocate(block, bytes);
}

void pool_deallocate(void* block) { pool::Deallocate(block); }

void pool_deallocate_sized(void* block, size_t bytes) {
  pool::Deallocate(block, bytes);
}

size_t pool_usable_size(const void* block) { return pool::UsableSize(block); }

bool pool_reserve(size_t bytes, size_t count) {
  return pool::Reserve(bytes, count);
}

size_t pool_release_free_memory(void) { return pool::ReleaseFreeMemory(); }

bool pool_write_statistics(const char* path) {
  return pool::WriteStatistics(path);
}

bool pool_write_heap_map(const char* path) { return pool::WriteHeapMap(path); }

bool pool_write_heap_profile(const char* path) {
  return pool::WriteHeapProfile(path);
}
//! [pool_c]
