// Plays a trace, and says as JSON what became of the memory: for each
// of the kernel's pages on which a block lies or lay, how much of it is in use,
// and whether the kernel holds memory for it.
//   heap_picture             the pages, to standard output
//   heap_picture PATH        and the allocator's own maps, if it can draw them,
//                            to PATH-peak.svg, -after.svg and -released.svg
//   heap_picture PATH TRACE  the same of a trace in a file; else it is a fixed
//                            one (heap_trace.h)
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>
#include <type_traits>
#include <vector>

#include "common/classic/trace.h"
#include "common/testing/facade.h"
#include "common/workloads/heap_trace.h"
#include "common/workloads/trace_replay.h"
#include "pool/pool.h"

namespace course {

// As in facade.h: the worst match there is, for where the allocator has none.
namespace no_map {
struct NotYet {};
NotYet WriteHeapMap(...);
}  // namespace no_map

namespace map_lookup {
using namespace pool;
using namespace no_map;
}  // namespace map_lookup

namespace {

// In a template, so that it need not compile where there is none.
template <typename Path>
bool WriteMap(Path path) {
  if constexpr (std::is_same_v<decltype(map_lookup::WriteHeapMap(path)),
                               bool>) {
    return map_lookup::WriteHeapMap(path);
  } else {
    return true;
  }
}

struct Page {
  uintptr_t number;
  size_t live;  // bytes of it that are in use
};

class Picture {
 public:
  explicit Picture(size_t page_bytes) : page_bytes_(page_bytes) {
    pages_.reserve(kMostPages);
  }

  void Print(const char* when, const std::vector<TracedBlock>& blocks) {
    CollectPages(blocks);
    size_t live = 0;
    size_t count = 0;
    for (const TracedBlock& block : blocks) {
      if (!block.is_live) continue;
      live += block.bytes;
      ++count;
    }
    std::cout << "{\"when\": \"" << when << "\", \"blocks\": " << count
              << ", \"live\": " << live << ", \"runs\": [";
    PrintRuns();
    std::cout << "]}";
  }

 private:
  static constexpr size_t kMostPages = size_t{1} << 17;

  void CollectPages(const std::vector<TracedBlock>& blocks) {
    pages_.clear();
    for (const TracedBlock& block : blocks) {
      uintptr_t at = block.start;
      const uintptr_t end = block.start + block.bytes;
      while (at < end) {
        const uintptr_t number = at / page_bytes_;
        const uintptr_t stop = std::min(end, (number + 1) * page_bytes_);
        pages_.push_back({number, block.is_live ? stop - at : 0});
        at = stop;
      }
    }
    std::sort(pages_.begin(), pages_.end(),
              [](const Page& a, const Page& b) { return a.number < b.number; });
    size_t last = 0;
    for (size_t i = 1; i < pages_.size(); ++i) {
      if (pages_[i].number == pages_[last].number) {
        pages_[last].live += pages_[i].live;
      } else {
        pages_[++last] = pages_[i];
      }
    }
    pages_.resize(pages_.empty() ? 0 : last + 1);
  }

  // Pages side by side make a run; before it there is a gap of so many pages.
  void PrintRuns() const {
    for (size_t i = 0; i < pages_.size(); ++i) {
      const uintptr_t gap =
          i == 0 ? 0 : pages_[i].number - pages_[i - 1].number - 1;
      if (i == 0 || gap > 0) {
        std::cout << (i == 0 ? "" : "\"}, ") << "{\"gap\": " << gap
                  << ", \"pages\": \"";
      }
      std::cout << Letter(pages_[i]);
    }
    if (!pages_.empty()) std::cout << "\"}";
  }

  // 9: all of it is in use; 8 to 1: so many eighths, rounded up; 0: none, but
  // it takes memory; a dot: it takes none; a dash: it is no longer ours.
  char Letter(const Page& page) const {
    unsigned char is_resident = 0;
    if (mincore(reinterpret_cast<void*>(page.number * page_bytes_), page_bytes_,
                &is_resident) != 0) {
      return '-';
    }
    if ((is_resident & 1) == 0) return '.';
    if (page.live >= page_bytes_) return '9';
    return static_cast<char>('0' +
                             (page.live * 8 + page_bytes_ - 1) / page_bytes_);
  }

  const size_t page_bytes_;
  std::vector<Page> pages_;
};

// `path` is where the allocator's own maps go; empty for nowhere.
template <class Trace>
bool Play(Trace& trace, const std::string& path) {
  // Where the kernel may take huge pages, it would hold memory for pages that
  // nobody has touched, on some machines.
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  const auto page_bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  Picture picture(page_bytes);
  const auto show = [&](const char* when, const char* before) {
    std::cout << before;
    picture.Print(when, trace.blocks());
    return path.empty() || WriteMap((path + "-" + when + ".svg").c_str());
  };
  if (!trace.Load()) return false;
  std::cout << "{\"page_bytes\": " << page_bytes << ", \"snapshots\": [\n";
  if (!show("peak", "")) return false;
  if (!trace.LetGo()) return false;
  if (!show("after", ",\n")) return false;
  if (Facade::kHasReleaseFreeMemory) {
    Facade::ReleaseFreeMemory();
    if (!show("released", ",\n")) return false;
  }
  std::cout << "\n]}\n";
  return true;
}

bool PlayFixedTrace(const std::string& path) {
  HeapTrace<Facade> trace;
  return Play(trace, path);
}

bool PlayFile(const std::string& path, const std::string& file) {
  classic::Trace events;
  const std::string wrong = classic::ReadTrace(file, &events);
  if (!wrong.empty()) {
    std::cerr << wrong << "\n";
    std::exit(2);
  }
  TraceReplay<Facade> trace(events);
  return Play(trace, path);
}

}  // namespace
}  // namespace course

int main(int argc, char** argv) {
  if (argc > 3) {
    std::cerr << "usage: heap_picture [PATH [TRACE]]\n";
    return 2;
  }
  const std::string path = argc > 1 ? argv[1] : "";
  if (argc == 3 ? !course::PlayFile(path, argv[2])
                : !course::PlayFixedTrace(path)) {
    std::cerr << "heap_picture: no memory, or the map could not be written\n";
    return 1;
  }
}
