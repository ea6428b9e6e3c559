// Takes 200 MB in small blocks, frees them all, and goes on with a little work.
// How much of it is resident?
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

size_t ResidentMiB() {
  size_t pages = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (std::fscanf(file, "%zu %zu", &pages, &resident) != 2) std::abort();
  std::fclose(file);
  return resident * static_cast<size_t>(getpagesize()) >> 20;
}

int main() {
  //! [falls]
  std::vector<void*> blocks(2'000'000);
  for (void*& block : blocks) *static_cast<char*>(block = malloc(100)) = 1;
  std::printf("all allocated: %zu MiB\n", ResidentMiB());
  for (void* block : blocks) free(block);
  for (int tenths = 0; tenths <= 15; ++tenths) {
    if (tenths % 3 == 0) {
      std::printf("%.1f s: %zu MiB\n", tenths / 10.0, ResidentMiB());
    }
    free(malloc(300'000));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  //! [falls]
}
