// Preloaded into a program that knows nothing of it. It loads the library of
// COURSE_LIBRARY when the program begins, so that this one's destructor is
// called later than that one's, and forks there while threads allocate.
//
// The program ends with exit code 42 if a good number of forks went well, 43 if
// a child did not, 45 if there is no such library.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace {

constexpr int kAllWell = 42;
constexpr int kChildFails = 43;
constexpr int kNoLibrary = 45;
constexpr int kForks = 200;
constexpr int kThreads = 4;
constexpr unsigned kPatience = 20;  // seconds; only for who hangs

// The library's own; the program's are others.
void* (*malloc_there)(size_t) = nullptr;
void (*free_there)(void*) = nullptr;

void UseSome() {
  constexpr size_t kSizes[] = {8, 64, 500, 3000, 20'000, 100'000, 600'000};
  for (const size_t bytes : kSizes) {
    void* block = malloc_there(bytes);
    if (block == nullptr) _exit(kChildFails);
    std::memset(block, 0x5A, 8);
    free_there(block);
  }
}

void* UseForEver(void*) {
  setpriority(PRIO_PROCESS, 0, 19);  // who forks goes first
  for (;;) {
    // More than one at a time, so that the thread does not keep them all.
    void* blocks[200];
    size_t bytes = 8;
    for (void*& block : blocks)
      block = malloc_there(bytes = bytes * 2 % 300'007);
    for (void* block : blocks) free_there(block);
  }
}

__attribute__((constructor)) void Begin() {
  const char* path = std::getenv("COURSE_LIBRARY");
  if (path == nullptr) return;
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) _exit(kNoLibrary);
  malloc_there = reinterpret_cast<void* (*)(size_t)>(dlsym(library, "malloc"));
  free_there = reinterpret_cast<void (*)(void*)>(dlsym(library, "free"));
  UseSome();
}

__attribute__((destructor)) void End() {
  if (malloc_there == nullptr) return;
  for (int i = 0; i < kThreads; ++i) {
    pthread_t thread;
    pthread_create(&thread, nullptr, UseForEver, nullptr);
  }
  for (int i = 0; i < kForks; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(kPatience);
      UseSome();
      _exit(0);
    }
    int status = -1;
    if (waitpid(child, &status, 0) != child || status != 0) _exit(kChildFails);
  }
  _exit(kAllWell);
}

}  // namespace
