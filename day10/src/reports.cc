// Reports: the façade's calls that tell of the pool, and write that to a file.
#include <cerrno>
#include <cstring>

#include "pool/heap_map.h"
#include "pool/heap_profile.h"
#include "pool/output.h"
#include "pool/pool.h"
#include "pool/snapshot.h"
#include "pool/stats.h"

namespace pool {
namespace {

bool EndsWith(const char* text, const char* end) {
  const size_t length = std::strlen(text);
  const size_t count = std::strlen(end);
  return length >= count && std::strcmp(text + length - count, end) == 0;
}

}  // namespace

//! [Statistics]
PoolStatistics Statistics() noexcept {
  PoolStatistics statistics;
  ReadStatistics(statistics);
  return statistics;
}

bool PrintStatistics(StatisticsForm form, TextSink sink,
                     void* context) noexcept {
  const Snapshot snapshot;
  if (snapshot.get() == nullptr) return false;
  Output output(sink, context);
  WriteStatistics(*snapshot.get(), form, output);
  return true;
}

bool WriteStatistics(const char* path) noexcept {
  const StatisticsForm form = EndsWith(path, ".json") ? StatisticsForm::kJson
                              : EndsWith(path, ".prom")
                                  ? StatisticsForm::kPrometheus
                              : EndsWith(path, ".xml") ? StatisticsForm::kXml
                                                       : StatisticsForm::kText;
  OutputFile file(path);
  const bool printed = PrintStatistics(form, OutputFile::Write, &file);
  const bool written = file.Close();
  if (!printed) errno = ENOMEM;
  return printed && written;
}
//! [Statistics]

//! [WriteHeapMap]
bool WriteHeapMap(const char* path) noexcept {
  OutputFile file(path);
  bool drawn;
  {
    Output output(OutputFile::Write, &file);
    drawn = DrawHeapMap(
        EndsWith(path, ".json") ? HeapMapForm::kJson : HeapMapForm::kSvg,
        output);
  }
  const bool written = file.Close();
  if (!drawn) errno = ENOMEM;
  return drawn && written;
}
//! [WriteHeapMap]

bool WriteHeapProfile(const char* path) noexcept {
  if (!HeapProfile::On()) {
    errno = ENOTSUP;
    return false;
  }
  OutputFile file(path);
  {
    Output output(OutputFile::Write, &file);
    HeapProfile::Write(output);
  }
  return file.Close();
}

}  // namespace pool
