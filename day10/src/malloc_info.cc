// What glibc tells of its malloc, told of the pool: for programs that ask.
//
// No state of its own, and no locks held while anything is written.
#include <malloc.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>

#include "pool/output.h"
#include "pool/snapshot.h"
#include "pool/stats.h"
#include "pool/stats_forms.h"

namespace {

using namespace pool;

// A thread that was cancelled is not ended here: we have promised to return.
void ToStream(void* stream, const char* text, size_t length) {
  int cancel_state;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
  fwrite(text, 1, length, static_cast<FILE*>(stream));
  pthread_setcancelstate(cancel_state, nullptr);
}

// False, and nothing is written, if there is no memory for the snapshot.
bool WriteToStream(StatisticsForm form, FILE* stream) {
  const Snapshot snapshot;
  if (snapshot.get() == nullptr) return false;
  Output output(ToStream, stream);
  WriteStatistics(*snapshot.get(), form, output);
  return true;
}

// An int holds 2 GiB. What is more reads as that: glibc's would start from 0
// again, and mislead.
int AsInt(size_t figure) {
  return static_cast<int>(std::min(figure, size_t{INT_MAX}));
}

}  // namespace

extern "C" {

//! [mallinfo2]
// A large block is to us what a mapping of its own is to glibc: it has figures
// of its own, and is not in the other ones. Nor is what no block can have: the
// tails of spans, and what the pool has to remember.
struct mallinfo2 mallinfo2() noexcept {
  struct mallinfo2 info = {};
  const Snapshot snapshot;
  if (snapshot.get() == nullptr) return info;
  const PoolStatistics& all = *snapshot.get();
  for (const ClassStatistics& each : all.classes) {
    info.ordblks += each.free + each.uncarved;
    info.smblks += each.in_caches;
  }
  info.hblks = all.large_blocks.now;
  info.hblkhd = all.large_in_use;
  info.fsmblks = all.in_thread_caches.now;
  info.uordblks = Less(all.in_use.now, all.large_in_use);
  info.fordblks = info.fsmblks + all.in_central_cache.now + all.free.now;
  info.arena = info.uordblks + info.fordblks;
  info.keepcost = all.free.now;  // what malloc_trim would give back at least
  return info;
}
//! [mallinfo2]

struct mallinfo mallinfo() noexcept {
  const struct mallinfo2 from = mallinfo2();
  struct mallinfo info = {};
  info.arena = AsInt(from.arena);
  info.ordblks = AsInt(from.ordblks);
  info.smblks = AsInt(from.smblks);
  info.hblks = AsInt(from.hblks);
  info.hblkhd = AsInt(from.hblkhd);
  info.fsmblks = AsInt(from.fsmblks);
  info.uordblks = AsInt(from.uordblks);
  info.fordblks = AsInt(from.fordblks);
  info.keepcost = AsInt(from.keepcost);
  return info;
}

// Says what is wrong by its result. There are no options yet.
int malloc_info(int options, FILE* stream) noexcept {
  if (options != 0) return EINVAL;
  return WriteToStream(StatisticsForm::kXml, stream) ? 0 : ENOMEM;
}

void malloc_stats() noexcept { WriteToStream(StatisticsForm::kText, stderr); }

}  // extern "C"
