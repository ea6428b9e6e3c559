/* The C face as C sees it: this file is compiled as C11, with the header as its
 * first line. */
#include "pool/pool_c.h"

#include <stdint.h>
#include <string.h>

/* Builds a text of `count` letters with every call; returns how far it came:
 * 0 when all was as the header says. */
int UsePoolFromC(size_t count) {
  char* text = pool_allocate(1);
  if (text == NULL) return 1;
  for (size_t i = 0; i < count; ++i) {
    text = pool_reallocate(text, i + 1);
    if (text == NULL || pool_usable_size(text) < i + 1) return 2;
    text[i] = (char)('a' + i % 26);
  }
  for (size_t i = 0; i < count; ++i) {
    if (text[i] != (char)('a' + i % 26)) return 3;
  }
  pool_deallocate(text);

  int* zeros = pool_allocate_zeroed(count, sizeof(int));
  int* line = pool_allocate_aligned(64, 64);
  if (zeros == NULL || line == NULL) return 4;
  if ((uintptr_t)line % 64 != 0) return 5;
  for (size_t i = 0; i < count; ++i) {
    if (zeros[i] != 0) return 6;
  }
  pool_deallocate(zeros);
  pool_deallocate(line);

  if (!pool_reserve(100, count)) return 7;
  void* warm = pool_allocate(100);
  memset(warm, 1, 100);
  pool_deallocate_sized(warm, 100);
  (void)pool_release_free_memory();
  return 0;
}

/* Whether the reports could be written, a bit for each: statistics, the heap
 * map, the heap profile. */
int WriteReportsFromC(const char* path) {
  return (pool_write_statistics(path) ? 1 : 0) |
         (pool_write_heap_map(path) ? 2 : 0) |
         (pool_write_heap_profile(path) ? 4 : 0);
}
