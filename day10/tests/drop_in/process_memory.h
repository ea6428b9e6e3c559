// What the kernel says of this process. Read without allocating: what is
// measured is the allocator.
#ifndef POOL_TESTS_DROP_IN_PROCESS_MEMORY_H_
#define POOL_TESTS_DROP_IN_PROCESS_MEMORY_H_

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace pool {

// What the file begins with; the text ends with a zero.
template <size_t kBytes>
bool ReadFile(const char* path, char (&text)[kBytes]) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t length = file < 0 ? -1 : read(file, text, kBytes - 1);
  if (file >= 0) close(file);
  text[length < 0 ? 0 : length] = '\0';
  return length > 0;
}

struct ProcessMemory {
  size_t mapped = 0;    // bytes of addresses
  size_t resident = 0;  // of those, in memory

  static ProcessMemory Now() {
    char text[256];
    if (!ReadFile("/proc/self/statm", text)) return {};
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    char* next = text;
    const size_t mapped = std::strtoull(next, &next, 10) * page;
    return {mapped, std::strtoull(next, nullptr, 10) * page};
  }
};

// Those on their last way, too.
inline int ThreadsOfThisProcess() {
  char text[4096];
  if (!ReadFile("/proc/self/status", text)) return 0;
  const char* line = std::strstr(text, "\nThreads:");
  return line == nullptr ? 0 : std::atoi(line + std::strlen("\nThreads:"));
}

}  // namespace pool

#endif  // POOL_TESTS_DROP_IN_PROCESS_MEMORY_H_
