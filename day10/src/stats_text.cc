#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "pool/stats_forms.h"

// For people: at most 80 columns, and the largest comes first.
namespace pool {
namespace {

constexpr size_t kShownClasses = 20;

// A figure at the right end of a column.
void Bytes(Output& output, size_t bytes, size_t width) {
  output.Right(ShortText::Bytes(bytes).text(), width);
}
void Count(Output& output, size_t count, size_t width) {
  output.Right(ShortText::Count(count).text(), width);
}
void Percent(Output& output, size_t part, size_t whole, size_t width) {
  output.Right(ShortText::Percent(part, whole).text(), width);
}
void Time(Output& output, size_t nanoseconds, size_t width) {
  output.Right(ShortText::Nanoseconds(nanoseconds).text(), width);
}

void WriteHeading(const PoolStatistics& statistics, Output& output) {
  output << "Memory pool of process " << static_cast<size_t>(getpid()) << '\n';
  if (statistics.changes > 0) {
    output << "Other threads went on meanwhile ("
           << ShortText::Count(statistics.changes).text()
           << " changes): figures may differ by these.\n";
  }
  if (statistics.unaccounted != 0) {
    output << "Not accounted for: " << (statistics.unaccounted < 0 ? "-" : "")
           << ShortText::Bytes(Magnitude(statistics.unaccounted)).text()
           << '\n';
  }
}

struct Place {
  const char* name;
  Gauge gauge;
  bool is_rare;  // shown only if there was ever something
};

void WritePlace(const Place& place, size_t system, Output& output) {
  output.Left(place.name, 38);
  Bytes(output, place.gauge.now, 14);
  Bytes(output, place.gauge.peak, 14);
  Percent(output, place.gauge.now, system, 12);
  output << '\n';
}

//! [WritePlaces]
void WritePlaces(const PoolStatistics& statistics, Output& output) {
  Place places[] = {
      {"  in use by callers", statistics.in_use, false},
      {"  free in threads' caches", statistics.in_thread_caches, false},
      {"  free in the central cache", statistics.in_central_cache, false},
      {"  tails behind the last blocks", statistics.tails, false},
      {"  free pages", statistics.free, false},
      {"  free pages without memory", statistics.returned, false},
      {"  what the pool has to remember", statistics.metadata, false},
      {"  lost in a fork", statistics.abandoned, true},
      {"  not yet taken back by the kernel", statistics.refused, true},
  };
  std::sort(
      std::begin(places), std::end(places),
      [](const Place& a, const Place& b) { return a.gauge.now > b.gauge.now; });
  output << '\n';
  output.Left("Memory", 38).Right("now", 14).Right("peak", 14);
  output.Right("share", 12) << '\n';
  const Place all = {"from the system", statistics.system, false};
  WritePlace(all, all.gauge.now, output);
  for (const Place& place : places) {
    if (place.is_rare && place.gauge.peak == 0) continue;
    WritePlace(place, all.gauge.now, output);
  }
}
//! [WritePlaces]

void WriteFragmentation(const PoolStatistics& statistics, Output& output) {
  output << "\nFragmentation\n";
  output.Left("internal", 20);
  Percent(output, statistics.InternalFragmentation(), 1000, 8);
  output << "   " << ShortText::Bytes(statistics.asked.now).text()
         << " asked for" << (statistics.asked_is_exact ? ", " : " (estimate), ")
         << ShortText::Bytes(statistics.in_use.now).text() << " given\n";
  output.Left("external", 20);
  Percent(output, statistics.ExternalFragmentation(), 1000, 8);
  output << "   the longest run of free pages has "
         << ShortText::Bytes(statistics.largest_free).text() << '\n';
}

void WriteBlocks(const PoolStatistics& statistics, Output& output) {
  size_t misses = 0;
  for (const ClassStatistics& each : statistics.classes) {
    misses = Plus(misses, each.misses);
  }
  output << "\nThreads and blocks\n";
  output.Left("threads", 20);
  Count(output, statistics.threads.now, 8);
  output << "   have a cache, and "
         << ShortText::Count(statistics.threads.peak).text() << " at most\n";
  output.Left("large blocks", 20);
  Count(output, statistics.large_blocks.now, 8);
  output << "   of " << ShortText::Bytes(statistics.large_in_use).text() << ", "
         << ShortText::Count(statistics.large_blocks.peak).text()
         << " at most, " << ShortText::Count(statistics.large_taken).text()
         << " ever\n";
  output.Left("misses", 20);
  Count(output, misses, 8);
  output << "   calls found the thread's cache empty\n";
  output.Left("hit rate", 20);
  Percent(output, statistics.hits, statistics.allocations, 8);
  if (statistics.allocations > 0) {
    output << "   of " << ShortText::Count(statistics.allocations).text()
           << " allocations\n";
  } else {
    output << "   counted only with POOL_STATS=1\n";
  }
}

size_t Central(const ClassStatistics& each) {
  return Plus(each.free, each.uncarved);
}

size_t Memory(const ClassStatistics& each) {
  const size_t out = Plus(each.in_use.now, each.in_caches);
  return Times(Plus(out, Central(each)), each.size);
}

// What a line of the classes' table says.
struct ClassLine {
  void Add(const ClassStatistics& each) {
    memory = Plus(memory, Memory(each));
    in_use = Plus(in_use, each.in_use.now);
    bytes_in_use = Plus(bytes_in_use, Times(each.in_use.now, each.size));
    cached = Plus(cached, each.in_caches);
    central = Plus(central, Central(each));
    spans = Plus(spans, each.spans.now);
    misses = Plus(misses, each.misses);
    hits = Plus(hits, each.hits);
    allocations = Plus(allocations, each.allocations);
  }

  void Write(Output& output) const {
    Bytes(output, memory, 11);
    Percent(output, bytes_in_use, memory, 9);
    Count(output, in_use, 9);
    Count(output, cached, 9);
    Count(output, central, 9);
    Count(output, spans, 8);
    Count(output, misses, 9);
    Percent(output, hits, allocations, 9);
    output << '\n';
  }

  size_t memory = 0;
  size_t in_use = 0;
  size_t bytes_in_use = 0;
  size_t cached = 0;
  size_t central = 0;
  size_t spans = 0;
  size_t misses = 0;
  size_t hits = 0;
  size_t allocations = 0;
};

//! [WriteClasses]
void WriteClasses(const PoolStatistics& statistics, Output& output) {
  uint8_t order[PoolStatistics::kClasses];
  size_t count = 0;
  for (size_t i = 0; i < PoolStatistics::kClasses; ++i) {
    if (EverUsed(statistics.classes[i]))
      order[count++] = static_cast<uint8_t>(i);
  }
  std::sort(order, order + count, [&](uint8_t a, uint8_t b) {
    const size_t of_a = Memory(statistics.classes[a]);
    const size_t of_b = Memory(statistics.classes[b]);
    return of_a != of_b ? of_a > of_b : a < b;
  });
  size_t shown = std::min(count, kShownClasses);
  while (shown > 0 && Memory(statistics.classes[order[shown - 1]]) == 0) {
    --shown;
  }
  output << "\nBlocks by their size in bytes (" << shown << " of " << count
         << " sizes): how many are where\n"
         << "   size     memory     used   in use   cached  central   spans"
         << "   misses     hits\n";
  ClassLine rest;
  for (size_t i = 0; i < count; ++i) {
    const ClassStatistics& each = statistics.classes[order[i]];
    if (i >= shown) {
      rest.Add(each);
      continue;
    }
    ClassLine line;
    line.Add(each);
    output.Right(each.size, 7);
    line.Write(output);
  }
  if (shown == count) return;
  output.Right("rest", 7);
  rest.Write(output);
}
//! [WriteClasses]

void WriteLocks(const PoolStatistics& statistics, Output& output) {
  struct Named {
    const char* name;
    LockStatistics lock;
  };
  Named locks[] = {{"of the page heap", statistics.heap_lock},
                   {"of the list of threads", statistics.thread_lock},
                   {"of all magazines' memory", statistics.magazine_lock},
                   {"of all classes", statistics.ClassLocks()}};
  std::sort(std::begin(locks), std::end(locks),
            [](const Named& a, const Named& b) {
              return a.lock.taken > b.lock.taken;
            });
  output << '\n';
  output.Left("Locks", 28).Right("taken", 10).Right("waited", 12);
  output.Right("share", 12).Right("longest", 16) << '\n';
  for (const Named& each : locks) {
    output.Left(each.name, 28);
    Count(output, each.lock.taken, 10);
    Count(output, each.lock.waited, 12);
    Percent(output, each.lock.waited, each.lock.taken, 12);
    Time(output, each.lock.longest, 16);
    output << '\n';
  }
}

void WriteKernel(const PoolStatistics& statistics, Output& output) {
  struct Named {
    const char* name;
    KernelStatistics kernel;
  };
  Named calls[] = {{"memory asked for", statistics.map},
                   {"given back", statistics.unmap},
                   {"given back, addresses kept", statistics.discard}};
  std::sort(std::begin(calls), std::end(calls),
            [](const Named& a, const Named& b) {
              return a.kernel.calls > b.kernel.calls;
            });
  output << '\n';
  output.Left("System calls", 28).Right("calls", 10).Right("bytes", 12) << '\n';
  for (const Named& each : calls) {
    output.Left(each.name, 28);
    Count(output, each.kernel.calls, 10);
    Bytes(output, each.kernel.bytes, 12);
    output << '\n';
  }
}

}  // namespace

void WriteText(const PoolStatistics& statistics, Output& output) {
  WriteHeading(statistics, output);
  WritePlaces(statistics, output);
  WriteFragmentation(statistics, output);
  WriteBlocks(statistics, output);
  WriteClasses(statistics, output);
  WriteLocks(statistics, output);
  WriteKernel(statistics, output);
}

}  // namespace pool
