// Preloaded into a program that knows nothing of it, so that it is initialised
// before our library: what it wants to be called in the child of a fork is then
// called before ours. It allocates there, as some libraries do.
//
// The program ends with exit code 42 if a good number of forks went well, 43 if
// a child did not.
#include <pthread.h>
#include <signal.h>
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
constexpr unsigned kPatience = 60;  // seconds; only for who hangs

bool Wanted() { return std::getenv("COURSE_OLDER_HANDLERS") != nullptr; }

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

void ForkOften() {
  for (int i = 0; i < kThreads; ++i) {
    pthread_t thread;
    pthread_create(&thread, nullptr, UseForEver, nullptr);
  }
  for (int i = 0; i < kForks; ++i) {
    alarm(kPatience);
    const pid_t child = fork();
    if (child == 0) {
      UseSome();
      _exit(0);
    }
    int status = -1;
    if (waitpid(child, &status, 0) != child || status != 0) _exit(kChildFails);
  }
  _exit(kAllWell);
}

__attribute__((constructor)) void Begin() {
  if (!Wanted()) return;
  pthread_atfork(nullptr, nullptr, UseSome);
  ForkOften();
}

}  // namespace
