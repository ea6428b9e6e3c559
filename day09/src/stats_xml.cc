#include "pool/stats_forms.h"

// As glibc's malloc_info writes it, so that whoever reads that can read this.
// What we hold is one heap. Free blocks in threads' caches are its fast ones;
// all else that is free, in the central cache and in whole pages, is the rest.
namespace pool {
namespace {

Output& Attribute(Output& output, const char* name, size_t number) {
  return output << ' ' << name << "=\"" << number << '"';
}

// A line of one element without contents.
void WriteSize(Output& output, const char* element, const char* type,
               size_t bytes) {
  output << '<' << element << " type=\"" << type << '"';
  Attribute(output, "size", bytes) << "/>\n";
}

void WriteTotal(Output& output, const char* type, size_t count, size_t bytes) {
  output << "<total type=\"" << type << '"';
  Attribute(output, "count", count);
  Attribute(output, "size", bytes) << "/>\n";
}

size_t FreeInCentralCache(const ClassStatistics& each) {
  return Plus(each.free, each.uncarved);
}

void WriteSizes(const PoolStatistics& statistics, Output& output) {
  output << "<sizes>\n";
  size_t before = 0;
  for (const ClassStatistics& each : statistics.classes) {
    const size_t count = Plus(each.in_caches, FreeInCentralCache(each));
    if (count > 0) {
      output << "  <size";
      Attribute(output, "from", before + 1);
      Attribute(output, "to", each.size);
      Attribute(output, "total", Times(count, each.size));
      Attribute(output, "count", count) << "/>\n";
    }
    before = each.size;
  }
  output << "</sizes>\n";
}

void WriteTotals(const PoolStatistics& statistics, Output& output) {
  size_t fast = 0;
  size_t rest = statistics.free.now > 0 ? 1 : 0;  // as glibc counts its top
  for (const ClassStatistics& each : statistics.classes) {
    fast = Plus(fast, each.in_caches);
    rest = Plus(rest, FreeInCentralCache(each));
  }
  WriteTotal(output, "fast", fast, statistics.in_thread_caches.now);
  WriteTotal(output, "rest", rest,
             Plus(statistics.in_central_cache.now, statistics.free.now));
}

// What there is memory for, and all addresses.
void WriteSystem(const PoolStatistics& statistics, Output& output) {
  WriteSize(output, "system", "current",
            Less(statistics.system.now, statistics.returned.now));
  WriteSize(output, "system", "max", statistics.system.peak);
  WriteSize(output, "aspace", "total", statistics.system.now);
  WriteSize(output, "aspace", "mprotect", statistics.system.now);
}

}  // namespace

void WriteXml(const PoolStatistics& statistics, Output& output) {
  output << "<malloc version=\"1\">\n<heap nr=\"0\">\n";
  WriteSizes(statistics, output);
  WriteTotals(statistics, output);
  WriteSystem(statistics, output);
  output << "</heap>\n";
  WriteTotals(statistics, output);
  WriteTotal(output, "mmap", statistics.large_blocks.now,
             statistics.large_in_use);
  WriteSystem(statistics, output);
  output << "</malloc>\n";
}

}  // namespace pool
