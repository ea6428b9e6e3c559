// Which span does a page belong to? Look-ups of random pages that are live, by
// threads that share a map.
//
// Times are wall times, divided by the look-ups of all threads together: what
// scales takes half as long on two cores. `pages` pages are live, in spans of 1
// to 32: 1,024 pages are 8 MiB, and 131,072 a gigabyte.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

#include "pool/bytes.h"
#include "pool/page_map.h"
#include "pool/span.h"

namespace {

// The map looks at no page, so these need not be there.
constexpr uintptr_t kSomePage = 0x7F00'0000'0000 >> pool::kPageShift;

// A map with so many live pages. Nothing guards it: nobody writes any more.
class Pages {
 public:
  explicit Pages(size_t count) {
    std::mt19937_64 random(1);
    for (size_t next = 0; next < count;) {
      pool::Span& span = spans_.emplace_back();
      span.first = pool::PageId(kSomePage + next);
      span.pages = pool::PageCount(1 + random() % 32);
      map_.Prepare(span.first, span.pages);
      map_.Set(span.first, span.pages, &span);
      next += span.pages.value();
    }
  }

  pool::Span* Find(pool::PageId page) const { return map_.Find(page); }

  static Pages& Of(size_t count) {
    static Pages few(1 << 10);
    static Pages many(1 << 17);
    return count == 1 << 10 ? few : many;
  }

 private:
  std::deque<pool::Span> spans_;
  pool::PageMap map_;
};

void LookUp(benchmark::State& state) {
  const size_t count = static_cast<size_t>(state.range(0));
  Pages& pages = Pages::Of(count);
  std::mt19937_64 random(static_cast<uint64_t>(state.thread_index()));
  std::vector<pool::PageId> wanted(1 << 14);
  for (pool::PageId& page : wanted) {
    page = pool::PageId(kSomePage + random() % count);
  }
  size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(pages.Find(wanted[next]));
    next = (next + 1) % wanted.size();
  }
}

BENCHMARK(LookUp)
    ->Name("lookup")
    ->ArgName("pages")
    ->Arg(1 << 10)
    ->Arg(1 << 17)
    ->ThreadRange(1, 16)
    ->UseRealTime();

}  // namespace
