// Plays inputs of the fuzz target in an ordinary program, without libFuzzer:
//
//   replay FILE…             the inputs in these files
//   replay --random COUNT    so many inputs by chance; COURSE_SEED repeats them
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "common/testing/seeds.h"
#include "common/workloads/random.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace course {
namespace {

using Bytes = std::vector<uint8_t>;

void Play(const Bytes& input) {
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

bool PlayFile(const char* name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "replay: cannot read %s\n", name);
    return false;
  }
  // Before it is played: the line is missed if it crashes.
  std::printf("%s\n", name);
  std::fflush(stdout);
  Play(Bytes(std::istreambuf_iterator<char>(file), {}));
  return true;
}

void PlayRandom(size_t count) {
  for (const uint64_t seed : SeedsToTry()) {
    std::printf("%s\n", HowToRepeat(seed).c_str());
    std::fflush(stdout);
    Random random(seed);
    for (size_t i = 0; i < count; ++i) {
      Bytes input(random.Below(2000));
      for (uint8_t& byte : input)
        byte = static_cast<uint8_t>(random.Below(256));
      Play(input);
    }
  }
}

}  // namespace
}  // namespace course

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--random") == 0) {
    course::PlayRandom(std::strtoul(argv[2], nullptr, 10));
    return 0;
  }
  if (argc < 2) {
    std::fprintf(stderr, "usage: replay FILE… or replay --random COUNT\n");
    return 2;
  }
  for (int i = 1; i < argc; ++i) {
    if (!course::PlayFile(argv[i])) return 1;
  }
  return 0;
}
