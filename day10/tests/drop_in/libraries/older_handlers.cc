// Preloaded into a program that knows nothing of it, so that it is initialised
// before our library: what it wants to be called in the child of a fork is then
// called before ours. It allocates there, as some libraries do.
#include "fork_often.h"

namespace {

__attribute__((constructor)) void Begin() {
  if (std::getenv("COURSE_OLDER_HANDLERS") == nullptr) return;
  // Until now nobody has allocated. In the child, this one hangs if ours has
  // not run yet: a child that does not even begin, so its patience begins here.
  pthread_atfork(nullptr, nullptr, [] {
    alarm(kPatience);
    UseSome();
  });
  ForkOften();
}

}  // namespace
