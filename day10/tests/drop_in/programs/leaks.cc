// A program that knows nothing of the pool, and leaks in the ways that its
// arguments name, in this order. Each way has a function of its own, which
// nobody makes a part of another.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "../leak_size.h"

void* volatile last_block;

// The block is in use.
__attribute__((noinline)) void Keep(void* block) {
  memset(block, 1, LEAK_BYTES);
  last_block = block;
}

__attribute__((noinline)) void LeakInMain() {
  for (int i = 0; i < LEAK_BLOCKS; ++i) Keep(malloc(LEAK_BYTES));
}

__attribute__((noinline)) void LeakByNew() {
  for (int i = 0; i < LEAK_BLOCKS; ++i) Keep(new char[LEAK_BYTES]);
}

__attribute__((noinline)) void LeakAligned() {
  for (int i = 0; i < LEAK_BLOCKS; ++i) Keep(aligned_alloc(64, LEAK_BYTES));
}

__attribute__((noinline)) void LeakInThread() {
  for (int i = 0; i < LEAK_BLOCKS / 4; ++i) Keep(malloc(LEAK_BYTES));
}

__attribute__((noinline)) void LeakInChild() {
  for (int i = 0; i < LEAK_BLOCKS; ++i) Keep(malloc(LEAK_BYTES));
}

__attribute__((noinline)) void FreeAll() {
  for (int i = 0; i < LEAK_BLOCKS; ++i) {
    Keep(malloc(LEAK_BYTES));
    free(last_block);
  }
}

// Half of what it had is freed elsewhere.
void* blocks[2 * LEAK_BLOCKS];

__attribute__((noinline)) void LeakHalf() {
  for (void*& block : blocks) Keep(block = malloc(LEAK_BYTES));
  std::thread([] {
    for (int i = 0; i < LEAK_BLOCKS; ++i) free(blocks[2 * i]);
  }).join();
}

void LoadAndLeak(const char* path) {
  void* library = dlopen(path, RTLD_NOW);
  if (library == nullptr) _exit(3);
  reinterpret_cast<void (*)()>(dlsym(library, "LeakInLibrary"))();
}

int main(int count, char** ways) {
  for (int i = 1; i < count; ++i) {
    const char* way = ways[i];
    if (strcmp(way, "main") == 0) LeakInMain();
    if (strcmp(way, "new") == 0) LeakByNew();
    if (strcmp(way, "aligned") == 0) LeakAligned();
    if (strcmp(way, "free") == 0) FreeAll();
    if (strcmp(way, "half") == 0) LeakHalf();
    if (way[0] == '/') LoadAndLeak(way);
    if (strcmp(way, "thread") == 0) {
      std::vector<std::thread> threads;
      for (int k = 0; k < 4; ++k) threads.emplace_back(LeakInThread);
      for (std::thread& thread : threads) thread.join();
    }
    if (strcmp(way, "child") == 0) {
      if (fork() == 0) {
        LeakInChild();
        return 0;
      }
      wait(nullptr);
    }
  }
  return 0;
}
