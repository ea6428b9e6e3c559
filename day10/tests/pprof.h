// What google-pprof says of a heap profile. Debian's package google-perftools
// has it; it is not for us to bring.
#ifndef POOL_TESTS_PPROF_H_
#define POOL_TESTS_PPROF_H_

#include <cstdio>
#include <cstdlib>
#include <map>
#include <regex>
#include <stdexcept>
#include <string>

namespace pool {

inline bool HasPprof() {
  return std::system("command -v google-pprof >/dev/null 2>&1") == 0;
}

inline constexpr char kNoPprof[] =
    "google-pprof is not there; as root, type: apt-get install -y "
    "--no-install-recommends google-perftools";

// Bytes (or objects) of a function: its own, and those of all that it called.
struct PprofRow {
  double own = 0;
  double all = 0;
};

struct PprofReport {
  // By the function's name. What a report does not name has a row of zeros.
  std::map<std::string, PprofRow> rows;
  std::string first;  // the function with the most of its own
  std::string text;
};

// The report on a profile of a program; options as google-pprof takes them.
inline PprofReport RunPprof(const std::string& program,
                            const std::string& profile,
                            const std::string& options = "") {
  const std::string command = "google-pprof --text --show_bytes " + options +
                              " '" + program + "' '" + profile +
                              "' 2>/dev/null";
  PprofReport report;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("no pipe");
  static const std::regex form(
      R"( *(\d+) +[\d.]+% +[\d.]+% +(\d+) +[\d.]+% (.*)\n)");
  char line[4096];
  while (fgets(line, sizeof(line), pipe) != nullptr) {
    report.text += line;
    std::cmatch match;
    if (!std::regex_match(line, match, form)) continue;
    if (report.rows.empty()) report.first = match[3];
    report.rows[match[3]] = {std::stod(match[1]), std::stod(match[2])};
  }
  if (pclose(pipe) != 0) throw std::runtime_error("failed: " + command);
  return report;
}

}  // namespace pool

#endif  // POOL_TESTS_PPROF_H_
