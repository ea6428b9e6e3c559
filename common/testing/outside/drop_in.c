/* A program outside the course that is linked with libpool_malloc.so and calls
 * nothing of it, not even malloc: its libraries do. It ends well if the malloc,
 * and the operator new, that they find is the pool's. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static int is_ours(const char* function) {
  Dl_info info;
  void* found = dlsym(RTLD_DEFAULT, function);
  const int ours = found != NULL && dladdr(found, &info) != 0 &&
                   strstr(info.dli_fname, "/libpool_malloc.so") != NULL;
  printf("%s: %s\n", function, ours ? "ours" : "NOT OURS");
  return ours;
}

int main(void) {
  char* copy = strdup("strdup calls malloc");
  size_t (*usable)(const void*);
  *(void**)&usable = dlsym(RTLD_DEFAULT, "pool_usable_size"); /* as in POSIX */
  const int good = is_ours("malloc") && is_ours("free") && is_ours("_Znwm") &&
                   usable != NULL && copy != NULL &&
                   usable(copy) >= strlen(copy);
  puts(good ? "drop-in: good" : "drop-in: NOT GOOD");
  return good ? 0 : 1;
}
