#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "common/classic/trace.h"

namespace course::classic {
namespace {

// One line of a trace file into `trace`; false when it makes no sense.
bool TakeLine(const std::string& line, std::vector<bool>* live, Trace* trace) {
  std::istringstream words(line);
  char what = 0;
  uint32_t number = 0;
  std::string more;
  // (>> takes a minus, and gives a number near 2^32.)
  if (line.find('-') != std::string::npos) return false;
  if (!(words >> what >> number) || words >> more) return false;
  if (what == 'a') {
    trace->Allocate(number);
    live->push_back(true);
    return true;
  }
  if (what != 'f' || number >= live->size() || !(*live)[number]) return false;
  trace->Free(number);
  (*live)[number] = false;
  return true;
}

}  // namespace

std::string ReadTrace(const std::string& path, Trace* trace) {
  std::ifstream file(path);
  if (!file) return path + ": cannot be read";
  std::vector<bool> live;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty()) continue;
    if (line[0] == '#') {
      if (trace->about.empty()) trace->about = line.substr(line.find(' ') + 1);
      continue;
    }
    if (!TakeLine(line, &live, trace)) {
      return path + ":" + std::to_string(number) + ": \"" + line +
             "\" is neither \"a BYTES\" nor \"f BLOCK\" of a live block";
    }
  }
  return trace->events.empty() ? path + ": holds no events" : "";
}

}  // namespace course::classic
