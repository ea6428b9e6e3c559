/* A program in C that leaks in each way that C has. With a path as its argument
 * it asks for a profile before it frees one of the leaks, and its end is one
 * that nobody notices. */
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../leak_size.h"

/* There if the pool is. */
bool pool_write_heap_profile(const char* path) __attribute__((weak));

static void* blocks[LEAK_BLOCKS];
void* volatile last_block;

__attribute__((noinline)) void LeakByMalloc(void) {
  for (int i = 0; i < LEAK_BLOCKS; ++i) {
    blocks[i] = malloc(LEAK_BYTES);
    memset(blocks[i], 1, LEAK_BYTES);
  }
}

__attribute__((noinline)) void LeakByCalloc(void) {
  for (int i = 0; i < LEAK_BLOCKS; ++i) last_block = calloc(LEAK_BYTES / 4, 4);
}

/* From small blocks, which are gone then. */
__attribute__((noinline)) void LeakByRealloc(void) {
  for (int i = 0; i < LEAK_BLOCKS; ++i) {
    last_block = realloc(malloc(8), LEAK_BYTES);
  }
}

/* Where they are: blocks of both sizes have the same room. */
__attribute__((noinline)) void LeakByGrowth(void) {
  for (int i = 0; i < LEAK_BLOCKS; ++i) {
    last_block = realloc(malloc(LEAK_BYTES - 2), LEAK_BYTES);
  }
}

int main(int count, char** arguments) {
  LeakByMalloc();
  LeakByCalloc();
  LeakByRealloc();
  LeakByGrowth();
  if (count == 1) return 0;
  const bool written =
      pool_write_heap_profile != NULL && pool_write_heap_profile(arguments[1]);
  for (int i = 0; i < LEAK_BLOCKS; ++i) free(blocks[i]);
  _exit(written ? 0 : 4);
}
