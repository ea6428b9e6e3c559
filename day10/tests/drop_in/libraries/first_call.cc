// Preloaded into a program that knows nothing of it: makes a call of ours the
// very first one, and others after the program's end.
//
// By the environment: COURSE_CALL names the call. COURSE_LIBRARY, if it is
// there, is the library to load first, as COURSE_SCOPE says (local, global).
// The program then ends with exit code 42 if all was well, 43 if the call does
// not work, 44 if others do not later.
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "../entry_points.h"

namespace pool {
namespace {

constexpr int kAllWell = 42;
constexpr int kFirstCallFails = 43;
constexpr int kLaterCallFails = 44;
constexpr int kNoLibrary = 45;

void* library_handle = RTLD_DEFAULT;

bool AllWork() {
  const Library library(library_handle);
  for (const EntryPoint& entry : kEntryPoints) {
    if (library_handle != RTLD_DEFAULT && entry.IsOfCpp()) continue;
    if (!entry.works(library, entry.name)) return false;
  }
  return true;
}

void Load(const char* path) {
  const char* scope = std::getenv("COURSE_SCOPE");
  const bool local = scope == nullptr || std::strcmp(scope, "local") == 0;
  library_handle = dlopen(path, RTLD_NOW | (local ? RTLD_LOCAL : RTLD_GLOBAL));
  if (library_handle == nullptr) _exit(kNoLibrary);
}

// In another thread, too: what it leaves is taken in by the library.
bool AllWorkInAThread() {
  const auto all_work = [](void*) -> void* {
    return AllWork() ? &library_handle : nullptr;
  };
  pthread_t thread;
  void* result = nullptr;
  return pthread_create(&thread, nullptr, all_work, nullptr) == 0 &&
         pthread_join(thread, &result) == 0 && result != nullptr;
}

__attribute__((constructor)) void Begin() {
  const char* name = std::getenv("COURSE_CALL");
  if (name == nullptr) return;
  const char* path = std::getenv("COURSE_LIBRARY");
  if (path != nullptr) Load(path);
  for (const EntryPoint& entry : kEntryPoints) {
    if (std::strcmp(entry.name, name) != 0) continue;
    if (!entry.works(Library(library_handle), name)) _exit(kFirstCallFails);
    if (!AllWork() || !AllWorkInAThread()) _exit(kLaterCallFails);
    return;
  }
  _exit(kFirstCallFails);
}

// The program is over. Nobody's destructor can have removed anything that these
// calls need; and what was loaded stays, though nobody wants it any more.
__attribute__((destructor)) void End() {
  if (std::getenv("COURSE_CALL") == nullptr) return;
  if (library_handle != RTLD_DEFAULT) dlclose(library_handle);
  _exit(AllWork() ? kAllWell : kLaterCallFails);
}

}  // namespace
}  // namespace pool
