// Settings: what the environment asks for.
//
//  - POOL_STATS=1: statistics on standard error when the process ends.
//  - POOL_STATS=json:PATH: as JSON, to a file; or text:PATH, prometheus:PATH.
//  - POOL_STATS_SIGNAL=USR2: and whenever that signal comes; a number will do.
//  - POOL_PROFILE=PATH: a heap profile when the process ends.
//  - POOL_PROFILE=PATH:BYTES: with a sample each so many bytes.
//  - POOL_HUGE_PAGES=on, auto or off: are the kernel's huge pages used?
//
// In a PATH, %p is the number of the process: each process writes its own, and
// without %p the last one to end is what stays. What is not understood is named
// on standard error, in one line, and the program goes on without it. A program
// that runs with more rights than its user (setuid) heeds none of them.
//
// Owner: whoever reads them. No locks, no state.
#ifndef POOL_SETTINGS_H_
#define POOL_SETTINGS_H_

#include <cstddef>

#include "pool/page_heap.h"
#include "pool/stats.h"

namespace pool {

struct Settings {
  static constexpr size_t kProfileBytes = 512 * 1024;

  bool stats = false;
  StatisticsForm form = StatisticsForm::kText;
  char stats_path[1024] = {};  // empty: standard error
  int stats_signal = 0;        // 0: none
  bool profile = false;
  char profile_path[1024] = {};
  size_t profile_bytes = kProfileBytes;
  PageHeap::HugePages huge_pages = PageHeap::HugePages::kOff;
};

// Copies what it needs: programs write over their environment to show a title.
void ReadSettings(const char* const* environment, Settings& settings);

}  // namespace pool

#endif  // POOL_SETTINGS_H_
