// Preloaded into a program that knows nothing of it, behind our library: plays
// the scene that COURSE_SCENE names, before the program's main.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace {

// More than any list has, so that it cannot be had without a lock.
constexpr size_t kLarge = 1 << 20;

// There are two of us from now on, and each ends in its own time.
void Fork() {
  free(malloc(1000));
  void* kept = malloc(kLarge);
  const pid_t child = fork();
  if (child == 0) {
    free(kept);
    return;
  }
  int status = 0;
  waitpid(child, &status, 0);
}

// Nothing may be printed by _exit, nor by what comes before the next call.
[[noreturn]] void Raise(bool and_allocate) {
  free(malloc(kLarge));
  raise(SIGUSR2);
  if (and_allocate) free(malloc(kLarge));
  _exit(0);
}

// In the middle of nothing, and often; nobody allocates in between.
[[noreturn]] void RaiseOften() {
  for (int i = 0; i < 1000; ++i) raise(SIGUSR2);
  free(malloc(kLarge));
  free(malloc(kLarge));
  _exit(0);
}

__attribute__((constructor)) void Play() {
  const char* scene = getenv("COURSE_SCENE");
  if (scene == nullptr) return;
  unsetenv("COURSE_SCENE");
  if (strcmp(scene, "fork") == 0) Fork();
  if (strcmp(scene, "raise") == 0) Raise(false);
  if (strcmp(scene, "raise and allocate") == 0) Raise(true);
  if (strcmp(scene, "raise often") == 0) RaiseOften();
  if (strcmp(scene, "close") == 0) close(STDERR_FILENO);
}

}  // namespace
