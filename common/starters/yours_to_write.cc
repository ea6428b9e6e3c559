#include "pool/yours_to_write.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace pool {
namespace {

// There is nothing to do about a failure: the process ends.
void Say(const char* words) {
  if (write(STDERR_FILENO, words, strlen(words)) < 0) abort();
}

}  // namespace

void StopAtUnwritten(const char* message) noexcept {
  Say(message);
  Say("\n");
  abort();
}

}  // namespace pool
