// What two of these libraries do: fork while threads allocate, and see that
// each child can. Not a library of its own: each includes it.
//
// The program ends with exit code 42 if a good number of forks went well, 43 if
// a child did not.
#ifndef COURSE_TESTS_FORK_OFTEN_H_
#define COURSE_TESTS_FORK_OFTEN_H_

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace {

constexpr int kAllWell = 42;
constexpr int kChildFails = 43;
constexpr int kForks = 300;
constexpr int kThreads = 4;
constexpr unsigned kPatience = 20;  // seconds; only for a child that hangs

void UseSome() {
  constexpr size_t kSizes[] = {8, 64, 500, 3000, 20'000, 100'000, 600'000};
  for (const size_t bytes : kSizes) {
    void* block = malloc(bytes);
    if (block == nullptr) _exit(kChildFails);
    std::memset(block, 0x5A, 8);
    free(block);
  }
}

void* UseForEver(void*) {
  setpriority(PRIO_PROCESS, 0, 19);  // who forks goes first
  for (;;) {
    // More than one at a time, so that the thread does not keep them all.
    void* blocks[200];
    size_t bytes = 8;
    for (void*& block : blocks) block = malloc(bytes = bytes * 2 % 300'007);
    for (void* block : blocks) free(block);
  }
}

[[noreturn]] void ForkOften() {
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

#endif  // COURSE_TESTS_FORK_OFTEN_H_
