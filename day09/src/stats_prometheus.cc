#include "pool/stats_forms.h"

// The text exposition format: families of samples, each with its HELP and TYPE
// before them. Units are bytes and seconds; what only grows ends in _total.
namespace pool {
namespace {

constexpr const char kGauge[] = "gauge";
constexpr const char kCounter[] = "counter";

void Family(Output& output, const char* name, const char* type,
            const char* help) {
  output << "# HELP pool_" << name << ' ' << help << "\n# TYPE pool_" << name
         << ' ' << type << '\n';
}

// The value is for the caller to write, and the end of the line.
Output& Sample(Output& output, const char* name) {
  return output << "pool_" << name << ' ';
}
Output& Sample(Output& output, const char* name, const char* label,
               const char* value) {
  return output << "pool_" << name << '{' << label << "=\"" << value << "\"} ";
}

void Single(Output& output, const char* name, const char* type,
            const char* help, size_t value) {
  Family(output, name, type, help);
  Sample(output, name) << value << '\n';
}

// A gauge of which the peak is a family of its own.
void NowAndPeak(Output& output, const char* name, const char* peak_name,
                const char* help, const Gauge& gauge) {
  Single(output, name, kGauge, help, gauge.now);
  output << "# HELP pool_" << peak_name << " The peak of pool_" << name
         << ".\n# TYPE pool_" << peak_name << ' ' << kGauge << '\n';
  Sample(output, peak_name) << gauge.peak << '\n';
}

struct Place {
  const char* name;
  const Gauge PoolStatistics::*gauge;
};

constexpr Place kPlaces[] = {
    {"in_use", &PoolStatistics::in_use},
    {"thread_caches", &PoolStatistics::in_thread_caches},
    {"central_cache", &PoolStatistics::in_central_cache},
    {"tails", &PoolStatistics::tails},
    {"free", &PoolStatistics::free},
    {"returned", &PoolStatistics::returned},
    {"metadata", &PoolStatistics::metadata},
    {"abandoned", &PoolStatistics::abandoned},
    {"refused", &PoolStatistics::refused},
};

//! [WriteMemory]
void WriteMemory(const PoolStatistics& statistics, Output& output) {
  NowAndPeak(output, "system_bytes", "system_peak_bytes",
             "Memory from the kernel.", statistics.system);
  Family(output, "memory_bytes", kGauge,
         "Where it is; all places together, and what is unaccounted for, are "
         "pool_system_bytes.");
  for (const Place& place : kPlaces) {
    Sample(output, "memory_bytes", "place", place.name)
        << (statistics.*place.gauge).now << '\n';
  }
  Family(output, "memory_peak_bytes", kGauge, "The most that was seen there.");
  for (const Place& place : kPlaces) {
    Sample(output, "memory_peak_bytes", "place", place.name)
        << (statistics.*place.gauge).peak << '\n';
  }
  Family(output, "unaccounted_bytes", kGauge,
         "What was on its way while this was read.");
  Sample(output, "unaccounted_bytes")
      << (statistics.unaccounted < 0 ? "-" : "")
      << Magnitude(statistics.unaccounted) << '\n';
  Single(output, "snapshot_changes", kGauge,
         "Changes by other threads while this was read.", statistics.changes);
}
//! [WriteMemory]

void Ratio(Output& output, const char* name, const char* help,
           size_t thousandths) {
  Family(output, name, kGauge, help);
  Sample(output, name).Fixed(thousandths, 3) << '\n';
}

void WriteFragmentation(const PoolStatistics& statistics, Output& output) {
  NowAndPeak(output, "asked_bytes", "asked_peak_bytes",
             "Bytes that callers asked for, of those in use.",
             statistics.asked);
  Single(output, "asked_is_exact", kGauge,
         "1, if each call was counted; 0, if that is an estimate.",
         statistics.asked_is_exact ? 1 : 0);
  Ratio(output, "internal_fragmentation_ratio",
        "The part of what is in use that nobody asked for.",
        statistics.InternalFragmentation());
  Ratio(output, "external_fragmentation_ratio",
        "The part of the free pages that is not in their longest run.",
        statistics.ExternalFragmentation());
  Single(output, "heap_in_use_bytes", kGauge, "Pages that are not free.",
         statistics.heap_in_use);
  Single(output, "longest_free_run_bytes", kGauge,
         "The longest run of free pages.", statistics.largest_free);
}

void WriteBlocks(const PoolStatistics& statistics, Output& output) {
  NowAndPeak(output, "large_blocks", "large_blocks_peak",
             "Blocks in use that have pages of their own.",
             statistics.large_blocks);
  Single(output, "large_blocks_bytes", kGauge, "Bytes in such blocks.",
         statistics.large_in_use);
  Single(output, "large_blocks_taken_total", kCounter,
         "Such blocks handed out, ever.", statistics.large_taken);
  NowAndPeak(output, "threads", "threads_peak", "Threads that have a cache.",
             statistics.threads);
  // Not counted is not 0.
  if (statistics.allocations == 0) return;
  Single(output, "allocations_total", kCounter, "Blocks handed out.",
         statistics.allocations);
  Single(output, "hits_total", kCounter,
         "Of these, blocks that were in the thread's cache.", statistics.hits);
}

struct KernelCall {
  const char* name;
  const KernelStatistics PoolStatistics::*kernel;
};

constexpr KernelCall kKernelCalls[] = {
    {"map", &PoolStatistics::map},
    {"unmap", &PoolStatistics::unmap},
    {"discard", &PoolStatistics::discard},
};

void WriteKernel(const PoolStatistics& statistics, Output& output) {
  Family(output, "kernel_calls_total", kCounter, "System calls about memory.");
  for (const KernelCall& call : kKernelCalls) {
    Sample(output, "kernel_calls_total", "call", call.name)
        << (statistics.*call.kernel).calls << '\n';
  }
  Family(output, "kernel_bytes_total", kCounter, "Bytes that these were for.");
  for (const KernelCall& call : kKernelCalls) {
    Sample(output, "kernel_bytes_total", "call", call.name)
        << (statistics.*call.kernel).bytes << '\n';
  }
}

void WriteLocks(const PoolStatistics& statistics, Output& output) {
  struct Named {
    const char* name;
    LockStatistics lock;
  };
  const Named locks[] = {{"heap", statistics.heap_lock},
                         {"threads", statistics.thread_lock},
                         {"classes", statistics.ClassLocks()}};
  Family(output, "lock_taken_total", kCounter, "So often was a lock taken.");
  for (const Named& each : locks) {
    Sample(output, "lock_taken_total", "lock", each.name)
        << each.lock.taken << '\n';
  }
  Family(output, "lock_waited_total", kCounter,
         "Of these, so often another thread held it.");
  for (const Named& each : locks) {
    Sample(output, "lock_waited_total", "lock", each.name)
        << each.lock.waited << '\n';
  }
  Family(output, "lock_longest_wait_seconds", kGauge, "The longest wait ever.");
  for (const Named& each : locks) {
    Sample(output, "lock_longest_wait_seconds", "lock", each.name)
            .Fixed(each.lock.longest, 9)
        << '\n';
  }
}

// A family with a sample for each class.
struct ClassFamily {
  const char* name;
  const char* type;
  const char* help;
  size_t (*value)(const ClassStatistics& each);
  size_t digits;  // behind the point
};

using Class = const ClassStatistics&;

constexpr ClassFamily kClassFamilies[] = {
    {"class_in_use_peak_blocks", kGauge, "The most that were seen in use.",
     [](Class c) { return c.in_use.peak; }, 0},
    {"class_out_blocks", kGauge, "Blocks with callers and in threads' caches.",
     [](Class c) { return c.out.now; }, 0},
    {"class_out_peak_blocks", kGauge, "The most that these were.",
     [](Class c) { return c.out.peak; }, 0},
    {"class_capacity_blocks", kGauge, "Blocks that its spans have room for.",
     [](Class c) { return c.capacity; }, 0},
    {"class_spans", kGauge, "Spans that the class has.",
     [](Class c) { return c.spans.now; }, 0},
    {"class_spans_peak", kGauge, "The most that it had.",
     [](Class c) { return c.spans.peak; }, 0},
    {"class_spans_taken_total", kCounter, "Spans that it took.",
     [](Class c) { return c.spans_taken; }, 0},
    {"class_spans_given_up_total", kCounter, "Spans that it gave back.",
     [](Class c) { return c.spans_given_up; }, 0},
    {"class_misses_total", kCounter, "Calls that found nothing in the cache.",
     [](Class c) { return c.misses; }, 0},
    {"class_fetched_blocks_total", kCounter, "Blocks that they fetched.",
     [](Class c) { return c.fetched; }, 0},
    {"class_releases_total", kCounter, "Batches that threads gave back.",
     [](Class c) { return c.releases; }, 0},
    {"class_released_blocks_total", kCounter, "Blocks in these.",
     [](Class c) { return c.released; }, 0},
    {"class_asked_bytes", kGauge, "Bytes that callers asked for.",
     [](Class c) { return c.asked; }, 0},
    {"class_lock_taken_total", kCounter, "So often was its lock taken.",
     [](Class c) { return c.lock.taken; }, 0},
    {"class_lock_waited_total", kCounter, "So often was it waited for.",
     [](Class c) { return c.lock.waited; }, 0},
    {"class_lock_longest_wait_seconds", kGauge, "And so long at most.",
     [](Class c) { return c.lock.longest; }, 9},
};

constexpr ClassFamily kCountedClassFamilies[] = {
    {"class_allocations_total", kCounter, "Blocks handed out.",
     [](Class c) { return c.allocations; }, 0},
    {"class_hits_total", kCounter, "Of these, from the thread's cache.",
     [](Class c) { return c.hits; }, 0},
};

void WriteFamily(const PoolStatistics& statistics, const ClassFamily& family,
                 Output& output) {
  Family(output, family.name, family.type, family.help);
  for (const ClassStatistics& each : statistics.classes) {
    if (!EverUsed(each)) continue;
    output << "pool_" << family.name << "{size=\"" << each.size << "\"} ";
    output.Fixed(family.value(each), family.digits) << '\n';
  }
}

void WriteClassBlocks(const ClassStatistics& each, const char* place,
                      size_t blocks, Output& output) {
  output << "pool_class_blocks{size=\"" << each.size << "\",place=\"" << place
         << "\"} " << blocks << '\n';
}

void WriteClasses(const PoolStatistics& statistics, Output& output) {
  Family(output, "class_blocks", kGauge,
         "Where a class's blocks are; together its capacity.");
  for (const ClassStatistics& each : statistics.classes) {
    if (!EverUsed(each)) continue;
    WriteClassBlocks(each, "in_use", each.in_use.now, output);
    WriteClassBlocks(each, "thread_caches", each.in_caches, output);
    WriteClassBlocks(each, "central_cache", each.free, output);
    WriteClassBlocks(each, "uncarved", each.uncarved, output);
  }
  for (const ClassFamily& family : kClassFamilies) {
    WriteFamily(statistics, family, output);
  }
  if (statistics.allocations == 0) return;
  for (const ClassFamily& family : kCountedClassFamilies) {
    WriteFamily(statistics, family, output);
  }
}

}  // namespace

void WritePrometheus(const PoolStatistics& statistics, Output& output) {
  WriteMemory(statistics, output);
  WriteFragmentation(statistics, output);
  WriteBlocks(statistics, output);
  WriteKernel(statistics, output);
  WriteLocks(statistics, output);
  WriteClasses(statistics, output);
}

}  // namespace pool
