#include <unistd.h>

#include "pool/stats_forms.h"

namespace pool {
namespace {

// The fields of an object of JSON, from here to the end of the scope.
class Fields {
 public:
  explicit Fields(Output& output, const char* open = "{",
                  const char* separator = ", ", const char* close = "}")
      : output_(output), separator_(separator), close_(close) {
    output_ << open;
  }
  ~Fields() { output_ << close_; }
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  // The value is for the caller to write.
  Output& Name(const char* name) { return Next() << '"' << name << "\": "; }
  // The same in a list, whose values have no names.
  Output& Next() {
    if (!is_first_) output_ << separator_;
    is_first_ = false;
    return output_;
  }

  void Number(const char* name, size_t number) { Name(name) << number; }
  void Thousandths(const char* name, size_t number) {
    Name(name).Fixed(number, 3);
  }
  void Truth(const char* name, bool truth) {
    Name(name) << (truth ? "true" : "false");
  }
  void Signed(const char* name, ptrdiff_t number) {
    Name(name) << (number < 0 ? "-" : "") << Magnitude(number);
  }
  void NowAndPeak(const char* name, const Gauge& gauge) {
    Fields fields(Name(name));
    fields.Number("now", gauge.now);
    fields.Number("peak", gauge.peak);
  }
  void Lock(const char* name, const LockStatistics& lock) {
    Fields fields(Name(name));
    fields.Number("taken", lock.taken);
    fields.Number("waited", lock.waited);
    fields.Number("longest_wait_ns", lock.longest);
  }
  void Kernel(const char* name, const KernelStatistics& kernel) {
    Fields fields(Name(name));
    fields.Number("calls", kernel.calls);
    fields.Number("bytes", kernel.bytes);
  }

 private:
  Output& output_;
  const char* const separator_;
  const char* const close_;
  bool is_first_ = true;
};

// An object with a line for each of its fields.
class Lines : public Fields {
 public:
  explicit Lines(Output& output)
      : Fields(output, "{\n    ", ",\n    ", "\n  }") {}
};

void WriteBytes(const PoolStatistics& statistics, Output& output) {
  Lines bytes(output);
  bytes.NowAndPeak("system", statistics.system);
  bytes.NowAndPeak("in_use", statistics.in_use);
  bytes.NowAndPeak("in_thread_caches", statistics.in_thread_caches);
  bytes.NowAndPeak("in_central_cache", statistics.in_central_cache);
  bytes.NowAndPeak("tails", statistics.tails);
  bytes.NowAndPeak("free", statistics.free);
  bytes.NowAndPeak("returned", statistics.returned);
  bytes.NowAndPeak("metadata", statistics.metadata);
  bytes.NowAndPeak("abandoned", statistics.abandoned);
  bytes.NowAndPeak("refused", statistics.refused);
  bytes.Signed("unaccounted", statistics.unaccounted);
  bytes.NowAndPeak("asked", statistics.asked);
  bytes.Truth("asked_is_exact", statistics.asked_is_exact);
  bytes.Number("heap_in_use", statistics.heap_in_use);
  bytes.Number("largest_free", statistics.largest_free);
}

void WriteLarge(const PoolStatistics& statistics, Output& output) {
  Fields large(output);
  large.NowAndPeak("blocks", statistics.large_blocks);
  large.Number("bytes", statistics.large_in_use);
  large.Number("taken", statistics.large_taken);
}

void WriteKernel(const PoolStatistics& statistics, Output& output) {
  Lines kernel(output);
  kernel.Kernel("map", statistics.map);
  kernel.Kernel("unmap", statistics.unmap);
  kernel.Kernel("discard", statistics.discard);
}

void WriteLocks(const PoolStatistics& statistics, Output& output) {
  Lines locks(output);
  locks.Lock("heap", statistics.heap_lock);
  locks.Lock("threads", statistics.thread_lock);
  locks.Lock("magazines", statistics.magazine_lock);
  locks.Lock("classes", statistics.ClassLocks());
}

void WriteClass(const ClassStatistics& each, Output& output) {
  Fields fields(output);
  fields.Number("size", each.size);
  fields.NowAndPeak("in_use", each.in_use);
  fields.Number("in_caches", each.in_caches);
  fields.Number("free", each.free);
  fields.Number("uncarved", each.uncarved);
  fields.NowAndPeak("out", each.out);
  fields.Number("capacity", each.capacity);
  fields.NowAndPeak("spans", each.spans);
  fields.Number("spans_taken", each.spans_taken);
  fields.Number("spans_given_up", each.spans_given_up);
  fields.Number("misses", each.misses);
  fields.Number("fetched", each.fetched);
  fields.Number("releases", each.releases);
  fields.Number("released", each.released);
  fields.Number("allocations", each.allocations);
  fields.Number("hits", each.hits);
  fields.Number("asked_bytes", each.asked);
  fields.Lock("lock", each.lock);
}

void WriteClasses(const PoolStatistics& statistics, Output& output) {
  Fields list(output, "[", ",", "\n  ]");
  for (const ClassStatistics& each : statistics.classes) {
    if (EverUsed(each)) WriteClass(each, list.Next() << "\n    ");
  }
}

}  // namespace

//! [WriteJson]
void WriteJson(const PoolStatistics& statistics, Output& output) {
  Fields all(output, "{\n  ", ",\n  ", "\n}\n");
  all.Number("process", static_cast<size_t>(getpid()));
  all.Number("changes", statistics.changes);
  WriteBytes(statistics, all.Name("bytes"));
  all.Thousandths("internal_fragmentation", statistics.InternalFragmentation());
  all.Thousandths("external_fragmentation", statistics.ExternalFragmentation());
  WriteLarge(statistics, all.Name("large"));
  all.NowAndPeak("threads", statistics.threads);
  all.Number("allocations", statistics.allocations);
  all.Number("hits", statistics.hits);
  WriteKernel(statistics, all.Name("kernel"));
  WriteLocks(statistics, all.Name("locks"));
  WriteClasses(statistics, all.Name("classes"));
}
//! [WriteJson]

}  // namespace pool
