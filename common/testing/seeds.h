// Where a random test gets its seeds, so that every failure can be repeated.
#ifndef COURSE_TESTING_SEEDS_H_
#define COURSE_TESTING_SEEDS_H_

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace course {

// How to run the same again; belongs into each message of a random test.
inline std::string HowToRepeat(uint64_t seed) {
  std::ostringstream text;
  text << "COURSE_SEED=0x" << std::hex << seed << " repeats it";
  return text.str();
}

inline uint64_t ParseSeed(const std::string& text) {
  char* end = nullptr;
  errno = 0;
  const uint64_t seed = std::strtoull(text.c_str(), &end, 0);
  if (text.empty() || *end != '\0' || errno != 0 || text[0] == '-') {
    throw std::invalid_argument("COURSE_SEED=" + text +
                                " is not a number such as 17 or 0x2a");
  }
  return seed;
}

// COURSE_SEED alone where it is set; what is no number ends the program. Else
// two that never change, so that a failure shows where it was made, and one
// that nobody has tried yet.
inline std::vector<uint64_t> SeedsToTry() {
  const char* asked_for = std::getenv("COURSE_SEED");
  if (asked_for == nullptr) return {1, 20240229, std::random_device{}()};
  try {
    return {ParseSeed(asked_for)};
  } catch (const std::invalid_argument& fault) {
    // Not one failure for each test that draws at random.
    std::fprintf(stderr, "%s\n", fault.what());
    std::exit(2);
  }
}

}  // namespace course

#endif  // COURSE_TESTING_SEEDS_H_
