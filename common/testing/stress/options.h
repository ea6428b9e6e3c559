// What the stress program is told.
#ifndef COURSE_TESTING_STRESS_OPTIONS_H_
#define COURSE_TESTING_STRESS_OPTIONS_H_

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

namespace course {

struct StressOptions {
  // More threads than this would have more in their caches than the program may
  // hold.
  static constexpr uint64_t kMostThreads = 32;
  static constexpr uint64_t kMostSeconds = 7 * 24 * 3600;

  uint64_t seconds = 60;
  uint64_t threads = 8;
  std::optional<uint64_t> seed;  // none: one that nobody has tried yet
  bool forks = true;
  bool help = false;
};

// 17 or 0x2a; nothing, where the text is no such number, or it is out of range.
inline std::optional<uint64_t> ReadWhole(const std::string& text,
                                         uint64_t least, uint64_t most) {
  if (text.find_first_not_of("0123456789abcdefABCDEFxX") != text.npos) {
    return {};  // strtoull would take spaces and signs
  }
  const bool is_hex = text.rfind("0x", 0) == 0;
  char* end = nullptr;
  errno = 0;
  const uint64_t number = std::strtoull(text.c_str(), &end, is_hex ? 16 : 10);
  if (text.empty() || *end != '\0' || errno != 0) return {};
  if (number < least || number > most) return {};
  return number;
}

// Throws std::invalid_argument, with one line that says what is wrong.
inline StressOptions ReadStressOptions(int argc, const char* const* argv) {
  StressOptions options;
  int next = 1;
  const auto number = [&](const std::string& name, uint64_t least,
                          uint64_t most) {
    const std::string text = next < argc ? argv[next++] : "";
    const std::optional<uint64_t> found = ReadWhole(text, least, most);
    if (found) return *found;
    throw std::invalid_argument(
        name + (text.empty() ? " needs" : " " + text + " is not") +
        " a number from " + std::to_string(least) + " to " +
        std::to_string(most) + "; type: stress --help");
  };
  while (next < argc) {
    const std::string name = argv[next++];
    if (name == "--seconds") {
      options.seconds = number(name, 1, StressOptions::kMostSeconds);
    } else if (name == "--threads") {
      options.threads = number(name, 1, StressOptions::kMostThreads);
    } else if (name == "--seed") {
      options.seed = number(name, 0, UINT64_MAX);
    } else if (name == "--no-forks") {
      options.forks = false;
    } else if (name == "--help" || name == "-h") {
      options.help = true;
    } else {
      throw std::invalid_argument("there is no " + name +
                                  "; type: stress --help");
    }
  }
  return options;
}

}  // namespace course

#endif  // COURSE_TESTING_STRESS_OPTIONS_H_
