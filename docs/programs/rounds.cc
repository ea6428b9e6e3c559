// One thread takes 10,000 blocks of one size and gives them all back, ten
// times. How often did it visit the central cache, and what has it kept?
#include <cstdio>
#include <thread>
#include <vector>

#include "pool/pool.h"
#include "pool/thread_cache.h"

void Rounds(size_t size) {
  const size_t before = pool::ThreadCache::Footprint().fetches;
  size_t last = before;
  std::vector<void*> blocks(10'000);
  std::printf("%6zu bytes: visits", size);
  for (int round = 1; round <= 10; ++round) {
    for (void*& block : blocks) block = pool::Allocate(size);
    for (void* block : blocks) pool::Deallocate(block, size);
    const size_t now = pool::ThreadCache::Footprint().fetches;
    std::printf(" %zu", now - last);
    last = now;
  }
  std::printf("; kept %zu\n", pool::ThreadCache::Footprint().cached);
}

int main() {
  for (const size_t size : {64, 256, 512, 1024, 2048, 16384}) {
    std::thread([size] { Rounds(size); }).join();
  }
}
