// Preloaded into a program that knows nothing of it: makes keys for threads,
// and only then loads the library that COURSE_LIBRARY names. A key's destructor
// is called before those of later keys, so that these come before the
// library's own in each round in which a thread ends.
//
// The program ends with exit code 42 if all was well, 43 if a call failed, 44
// if a thousand threads left something behind.
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <cstring>

#include "../entry_points.h"
#include "../process_memory.h"

namespace pool {
namespace {

constexpr int kAllWell = 42;
constexpr int kCallFails = 43;
constexpr int kMemoryGrew = 44;
constexpr int kNoLibrary = 45;

void* (*give)(size_t);
void (*take_back)(void*);

// What a thread keeps under a key: how often its destructor was called.
struct Kept {
  pthread_key_t key;
  int rounds;
};
constexpr size_t kKeys = 3;
pthread_key_t keys[kKeys];

void UseSome() {
  for (size_t bytes = 1; bytes < 400'000; bytes *= 3) {
    void* block = give(bytes);
    if (block == nullptr) _exit(kCallFails);
    std::memset(block, 0x5A, bytes);
    take_back(block);
  }
}

// Comes again and again, until no thread's destructor is called any more.
void Destroy(void* value) {
  Kept* kept = static_cast<Kept*>(value);
  UseSome();
  if (++kept->rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
    pthread_setspecific(kept->key, kept);
  } else {
    take_back(kept);
  }
}

// The thread's first call comes from the first key's destructor, if it has no
// blocks of its own.
void RunThread(bool has_blocks) {
  const auto run = [](void* blocks) -> void* {
    for (const pthread_key_t key : keys) {
      if (blocks == nullptr) continue;
      auto* kept = static_cast<Kept*>(give(sizeof(Kept)));
      *kept = {key, 0};
      pthread_setspecific(key, kept);
    }
    return nullptr;
  };
  pthread_t thread;
  pthread_create(&thread, nullptr, run, has_blocks ? &thread : nullptr);
  pthread_join(thread, nullptr);
}

void ManyThreads(int count) {
  for (int i = 0; i < count; ++i) RunThread(i % 8 != 0);
}

__attribute__((constructor)) void Begin() {
  const char* path = std::getenv("COURSE_LIBRARY");
  if (path == nullptr) return;
  for (pthread_key_t& key : keys) pthread_key_create(&key, Destroy);
  void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) _exit(kNoLibrary);
  give = Library(handle).Find<void*(size_t)>("malloc");
  take_back = Library(handle).Find<void(void*)>("free");
  ManyThreads(100);
  const ProcessMemory before = ProcessMemory::Now();
  ManyThreads(1000);
  const ProcessMemory after = ProcessMemory::Now();
  constexpr size_t kLittle = 2 << 20;
  const bool is_flat = after.mapped <= before.mapped + kLittle &&
                       after.resident <= before.resident + kLittle;
  _exit(is_flat ? kAllWell : kMemoryGrew);
}

}  // namespace
}  // namespace pool
