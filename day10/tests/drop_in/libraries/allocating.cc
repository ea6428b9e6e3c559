// A library that allocates whenever it can: as it is loaded and unloaded, and
// as the objects that each thread has of it come and go.
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace {

std::map<int, std::string> Numbers() {
  std::map<int, std::string> numbers;
  for (int i = 0; i < 100; ++i) numbers[i] = std::string(i * 10, 'x');
  return numbers;
}

// Made by the loader, in dlopen; gone in dlclose.
std::map<int, std::string> global = Numbers();

// A thread's own, and the loader's to allocate: at the thread's first use, at
// the alignment that it asks for.
struct alignas(128) Wide {
  char bytes[10'000];
};
thread_local Wide wide;

struct Local {
  Local() : words(50, "a word that is too long for a short string") {}
  ~Local() {
    words.resize(500, std::string(300, 'y'));
    free(malloc(3000));
  }
  std::vector<std::string> words;
};
thread_local Local local;
thread_local std::map<int, std::string> more = Numbers();

}  // namespace

// How much there is; 0 if something is not as it should be.
extern "C" size_t UseThreadLocals() {
  if (reinterpret_cast<size_t>(&wide) % alignof(Wide) != 0) return 0;
  std::memset(wide.bytes, 1, sizeof(wide.bytes));
  local.words.push_back(more[50]);
  return local.words.size() + more.size() + global.size();
}
