// A heap profile as a reader finds it: gperftools' heap_v2, strictly. What is
// not exactly so is named, with its line.
#ifndef POOL_TESTS_HEAP_PROFILE_TEXT_H_
#define POOL_TESTS_HEAP_PROFILE_TEXT_H_

#include <cstdint>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace pool {

struct ProfileText {
  struct Line {
    size_t blocks = 0;
    size_t bytes = 0;
    size_t all_blocks = 0;
    size_t all_bytes = 0;
    std::vector<uintptr_t> calls;
  };

  Line sum;
  size_t mean = 0;
  std::vector<Line> stacks;
  std::vector<std::string> mappings;
  std::string wrong;  // the first thing that is; empty if all is well
};

namespace profile_text {

// "     1:      100 [     2:      300] @ REST": REST, and the figures.
inline bool ParseFigures(const std::string& text, ProfileText::Line& line,
                         std::string& rest) {
  static const std::regex form(
      R"( *(\d+): +(\d+) \[ *(\d+): +(\d+)\] @ (\S.*))");
  std::smatch match;
  if (!std::regex_match(text, match, form)) return false;
  line.blocks = std::stoull(match[1]);
  line.bytes = std::stoull(match[2]);
  line.all_blocks = std::stoull(match[3]);
  line.all_bytes = std::stoull(match[4]);
  rest = match[5];
  return line.blocks <= line.all_blocks &&
         (line.blocks == 0) == (line.bytes == 0) &&
         (line.all_blocks == 0) == (line.all_bytes == 0);
}

inline bool ParseHeader(const std::string& text, ProfileText& profile) {
  const std::string title = "heap profile: ";
  const std::string type = "heap_v2/";
  std::string rest;
  if (text.compare(0, title.size(), title) != 0) return false;
  if (!ParseFigures(text.substr(title.size()), profile.sum, rest)) return false;
  if (rest.compare(0, type.size(), type) != 0) return false;
  profile.mean = std::stoull(rest.substr(type.size()));
  return type + std::to_string(profile.mean) == rest && profile.mean > 0;
}

inline bool ParseStack(const std::string& text, ProfileText::Line& line) {
  static const std::regex form(R"(0x[0-9a-f]{1,16}( 0x[0-9a-f]{1,16})*)");
  std::string rest;
  if (!ParseFigures(text, line, rest) || line.all_blocks == 0) return false;
  if (!std::regex_match(rest, form)) return false;
  std::istringstream addresses(rest);
  for (std::string address; addresses >> address;) {
    line.calls.push_back(std::stoull(address, nullptr, 16));
  }
  return true;
}

inline bool IsMapping(const std::string& text) {
  static const std::regex form(
      R"([0-9a-f]+-[0-9a-f]+ [r-][w-][x-][ps] [0-9a-f]+ \S+ \d+( +\S.*| *))");
  return std::regex_match(text, form);
}

}  // namespace profile_text

// The sums over all lines must be those of the header, unless there were other
// threads at work.
inline ProfileText ParseProfile(const std::string& text) {
  ProfileText profile;
  std::istringstream lines(text);
  std::string line;
  const auto wrong = [&](const std::string& what) {
    profile.wrong = what + ": '" + line + "'";
    return profile;
  };
  if (!std::getline(lines, line) || !profile_text::ParseHeader(line, profile)) {
    return wrong("no header");
  }
  while (std::getline(lines, line) && !line.empty()) {
    ProfileText::Line stack;
    if (!profile_text::ParseStack(line, stack)) return wrong("no stack");
    profile.stacks.push_back(stack);
  }
  if (!std::getline(lines, line) || line != "MAPPED_LIBRARIES:") {
    return wrong("no title");
  }
  while (std::getline(lines, line)) {
    if (!profile_text::IsMapping(line)) return wrong("no mapping");
    profile.mappings.push_back(line);
  }
  if (profile.mappings.empty() || text.back() != '\n') return wrong("no end");
  return profile;
}

inline bool SumsAreRight(const ProfileText& profile) {
  ProfileText::Line sum;
  for (const ProfileText::Line& line : profile.stacks) {
    sum.blocks += line.blocks;
    sum.bytes += line.bytes;
    sum.all_blocks += line.all_blocks;
    sum.all_bytes += line.all_bytes;
  }
  return sum.blocks == profile.sum.blocks && sum.bytes == profile.sum.bytes &&
         sum.all_blocks == profile.sum.all_blocks &&
         sum.all_bytes == profile.sum.all_bytes;
}

}  // namespace pool

#endif  // POOL_TESTS_HEAP_PROFILE_TEXT_H_
