// Loaded by a program, which calls it.
#include <cstdlib>
#include <cstring>

#include "../leak_size.h"

void* volatile last_block_of_library;

extern "C" __attribute__((noinline)) void LeakInLibrary() {
  for (int i = 0; i < LEAK_BLOCKS; ++i) {
    void* block = malloc(LEAK_BYTES);
    memset(block, 1, LEAK_BYTES);
    last_block_of_library = block;
  }
}
