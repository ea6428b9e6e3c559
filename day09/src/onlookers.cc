// Onlookers: who watches the pool (watch.h): the counting of each call, the
// heap profile, and whoever prints statistics.
//
// Owner: the process. The settings are read once, by one thread, and stay. A
// snapshot is large and may be due on a thread with a small stack: there is one
// for all, and whoever finds it taken goes on, and leaves what is due to be
// done later. No lock is held while another is taken.
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "pool/block_table.h"
#include "pool/calls.h"
#include "pool/heap_profile.h"
#include "pool/mutex.h"
#include "pool/output.h"
#include "pool/page_heap.h"
#include "pool/settings.h"
#include "pool/stats.h"
#include "pool/watch.h"

namespace pool {
namespace {

// Written before anybody is told that there is something to watch.
CONSTINIT Settings settings;
CONSTINIT std::atomic<bool> reading_settings{false};

CONSTINIT BlockTable blocks;

// The snapshot, for whoever has it, and room for its text: with few calls to
// write, those of several processes do not mix.
CONSTINIT PoolStatistics snapshot = {};
CONSTINIT char room[16 * 1024] = {};
CONSTINIT std::atomic<bool> snapshot_taken{false};

//! [standard error]
// That with which the process began. Some programs close it before they end,
// to see whether all was written, and then its number may be another file's. So
// there is a copy of it, with a number that none of them uses. (The child of a
// fork has none: a daemon closes all that it has of its caller, who waits for
// that.)
CONSTINIT int error_copy = -1;
CONSTINIT struct stat error_file = {};

bool IsStandardError(int descriptor) {
  struct stat now;
  return descriptor >= 0 && fstat(descriptor, &now) == 0 &&
         now.st_dev == error_file.st_dev && now.st_ino == error_file.st_ino;
}

void CopyStandardError() {
  constexpr int kHighNumber = 900;
  if (fstat(STDERR_FILENO, &error_file) != 0) return;
  error_copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, kHighNumber);
}

// -1, if there is none any more.
int StandardError() {
  for (const int descriptor : {STDERR_FILENO, error_copy}) {
    if (IsStandardError(descriptor)) return descriptor;
  }
  return -1;
}
//! [standard error]

//! [Complain]
void Complain(const char* what, const char* path) {
  OutputFile file(StandardError());
  Output(OutputFile::Write, &file) << "pool: " << what << path << "\n";
}
//! [Complain]

void WriteSnapshot(OutputFile& file) {
  Output output(OutputFile::Write, &file);
  WriteStatistics(snapshot, settings.form, output);
}

// REQUIRES: the snapshot is the caller's.
void Print() {
  ReadStatistics(snapshot);
  if (settings.stats_path[0] == '\0') {
    OutputFile file(StandardError());
    file.Gather(room, sizeof(room));
    return WriteSnapshot(file);
  }
  OutputFile file(settings.stats_path);
  file.Gather(room, sizeof(room));
  WriteSnapshot(file);
  if (!file.Close()) Complain("cannot write ", settings.stats_path);
}

// REQUIRES: the snapshot, and its room, are the caller's.
void PrintProfile() {
  OutputFile file(settings.profile_path);
  file.Gather(room, sizeof(room));
  {
    Output output(OutputFile::Write, &file);
    HeapProfile::Write(output);
  }
  if (!file.Close()) Complain("cannot write ", settings.profile_path);
}

// In a signal handler: no more than a flag.
void AskToPrint(int) { Watch::Ask(Watch::kPrint); }

void ListenTo(int signal) {
  struct sigaction action = {};
  action.sa_handler = AskToPrint;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  sigaction(signal, &action, nullptr);
}

bool HoldsClass(const void* block) {
  const Span* span = PageHeap::Get().MapObjectToSpan(block);
  return span != nullptr && span->HoldsClass();
}

// The table's entry for a block that is handed out.
BlockTable::Entry EntryFor(void* block, size_t bytes, uint32_t sample) {
  const Span* span = PageHeap::Get().MapObjectToSpan(block);
  const size_t row = span->HoldsClass() ? span->Class() : BlockTable::kLarge;
  return {reinterpret_cast<uintptr_t>(block), bytes, static_cast<uint32_t>(row),
          sample};
}

// Whoever has it will not be long; unless it is this thread, and a signal
// handler has ended the process in the middle of it.
bool TakeSnapshotAtTheEnd() {
  for (int patience = 0; patience < 10000; ++patience) {
    if (!snapshot_taken.exchange(true, std::memory_order_acquire)) return true;
    sched_yield();
  }
  return false;
}

//! [AtTheEnd]
// Not by atexit, which may allocate. A signal handler may end the process in
// the middle of malloc: then this thread would wait for itself.
__attribute__((destructor)) void AtTheEnd() {
  if (!settings.stats && !settings.profile) return;
  if (Mutex::ThisThreadHoldsAny()) {
    return Complain("the process ends within malloc: ", "nothing is reported");
  }
  if (!TakeSnapshotAtTheEnd()) return;
  if (settings.stats) Print();
  if (settings.profile) PrintProfile();
  snapshot_taken.store(false, std::memory_order_release);
}
//! [AtTheEnd]

}  // namespace

//! [Watch::Begin]
// Before the C library has begun, there is no environment; then the question
// stays open. To read the settings takes no memory and calls nothing of ours.
bool Watch::BeginNow() {
  if (environ == nullptr) return false;
  Begin(environ);
  return mode_.load(std::memory_order_acquire) == Mode::kOn;
}

void Watch::Begin(const char* const* environment) {
  if (reading_settings.exchange(true, std::memory_order_acquire)) {
    while (mode_.load(std::memory_order_acquire) == Mode::kUnknown) {
      sched_yield();
    }
    return;
  }
  const int saved_errno = errno;
  ReadSettings(environment, settings);
  const bool on = settings.stats || settings.profile;
  mode_.store(on ? Mode::kOn : Mode::kOff, std::memory_order_release);
  // These may allocate, and find the question answered.
  if (settings.profile) HeapProfile::Begin(settings.profile_bytes);
  if (on || settings.stats_signal != 0) CopyStandardError();
  if (settings.stats_signal != 0) ListenTo(settings.stats_signal);
  errno = saved_errno;
}
//! [Watch::Begin]

//! [Watch::Allocated]
void Watch::Allocated(void* object, size_t bytes, bool hit) {
  if (settings.stats) blocks.Add(EntryFor(object, bytes, 0), hit);
}

void Watch::AllocatedLarge(void* block, size_t bytes) {
  const uint32_t sample =
      HeapProfile::Chooses(bytes) ? HeapProfile::Add(bytes) : 0;
  if (settings.stats || sample != 0) {
    blocks.Add(EntryFor(block, bytes, sample), false);
  }
}

// A block with a span of its own is freed as large ones are, on a slow road
// anyway, where it is looked up. All others need not be.
void* Watch::AllocateSampled(size_t bytes) {
  if (!HeapProfile::Chooses(bytes)) return nullptr;
  Span* span = NewLarge(bytes, 1);
  if (span == nullptr) return nullptr;
  if (!span->zero) std::memset(span->Start(), 0, span->pages.bytes());
  const uint32_t sample = HeapProfile::Add(bytes);
  if (settings.stats || sample != 0) {
    blocks.Add(EntryFor(span->Start(), bytes, sample), false);
  }
  return span->Start();
}
//! [Watch::Allocated]

//! [Watch::Freed]
void Watch::Freed(void* block) {
  if (!settings.stats && HoldsClass(block)) return;
  const BlockTable::Entry known = blocks.Remove(block);
  HeapProfile::Remove(known.sample, known.asked);
}

bool Watch::HasProfile() { return settings.profile; }

// For the profile, it is as if the block were freed and allocated anew.
void Watch::NoteResized(void* block, size_t bytes) {
  if (!settings.stats && HoldsClass(block)) return;
  const BlockTable::Entry known = blocks.Remove(block);
  const uint32_t sample =
      HeapProfile::Reallocate(known.sample, known.asked, bytes);
  if (settings.stats || sample != 0) blocks.Put(EntryFor(block, bytes, sample));
}
//! [Watch::Freed]

//! [Watch::Serve]
// To read the caches of many threads takes long. So there is a look for so many
// bytes of each.
constexpr size_t kPerThread = 128 * 1024;

// Whoever has the snapshot sees to what became due meanwhile.
void Watch::Serve() {
  const int saved_errno = errno;
  while (due_.load(std::memory_order_relaxed) != 0 &&
         !snapshot_taken.exchange(true, std::memory_order_acquire)) {
    const unsigned due = due_.exchange(0, std::memory_order_relaxed);
    if ((due & kPrint) != 0) {
      Print();
    } else if (due != 0) {
      ReadStatistics(snapshot);  // which notes the peaks
    }
    look_every_.store(std::max(kLookEvery, snapshot.threads.now * kPerThread),
                      std::memory_order_relaxed);
    snapshot_taken.store(false, std::memory_order_release);
  }
  errno = saved_errno;
}
//! [Watch::Serve]

void Watch::AfterFork() {
  if (mode_.load(std::memory_order_relaxed) == Mode::kOn) blocks.AfterFork();
  if (HeapProfile::On()) HeapProfile::AfterFork();
  snapshot_taken.store(false, std::memory_order_relaxed);
  due_.store(0, std::memory_order_relaxed);  // it was the parent who was asked
  if (IsStandardError(error_copy)) close(error_copy);
  error_copy = -1;
  if (mode_.load(std::memory_order_relaxed) == Mode::kUnknown) {
    reading_settings.store(false, std::memory_order_relaxed);
  }
}

size_t Watch::Footprint() {
  return On() ? blocks.Footprint() + HeapProfile::Footprint() : 0;
}

bool Watch::Counts() { return On() && settings.stats; }

bool Watch::CountsAll() { return Counts() && blocks.Missed() == 0; }

Tally Watch::TallyOf(size_t row) { return blocks.TallyOf(row); }

size_t Watch::AskedPeak() { return blocks.AskedPeak(); }

}  // namespace pool
