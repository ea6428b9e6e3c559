// A program outside the course that uses the pool from C++: the façade, a
// container, an arena.
#include <pool/allocator.h>
#include <pool/memory_resource.h>
#include <pool/pool.h>

#include <cstdio>
#include <functional>
#include <map>
#include <memory_resource>
#include <string>
#include <utility>
#include <vector>

namespace {

bool UsesTheFacade() {
  void* block = pool::Allocate(1000);
  const bool good = pool::UsableSize(block) >= 1000;
  pool::Deallocate(block, 1000);
  return good;
}

bool UsesAContainer() {
  std::map<int, int, std::less<>,
           pool::PoolAllocator<std::pair<const int, int>>>
      squares;
  for (int i = 0; i < 1000; ++i) squares[i] = i * i;
  return squares.size() == 1000;
}

bool UsesAnArena() {
  std::pmr::monotonic_buffer_resource arena(pool::PoolResource());
  std::pmr::vector<std::pmr::string> words(100, &arena);
  words[99] = std::string(100, 'x');
  return words[99].size() == 100;
}

}  // namespace

int main() {
  const bool good = UsesTheFacade() && UsesAContainer() && UsesAnArena();
  std::puts(good ? "C++: good" : "C++: NOT GOOD");
  return good ? 0 : 1;
}
