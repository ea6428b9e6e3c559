#include "pool/heap_profile.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "pool/call_stack.h"
#include "pool/immortal.h"
#include "pool/macros.h"
#include "pool/mutex.h"
#include "pool/sampler.h"
#include "pool/stack_table.h"

namespace pool {
namespace {

CONSTINIT std::atomic<size_t> bytes_between{0};  // 0: off

CONSTINIT Mutex lock;
CONSTINIT Immortal<StackTable> stacks GUARDED_BY(lock);

CONSTINIT thread_local Sampler sampler;

//! [NewSeed]
// Threads that begin in the same moment differ by their number, and so do
// processes. What each bit is for does not matter: the generator mixes them.
uint64_t NewSeed() {
  static std::atomic<uint64_t> threads{0};
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  uint64_t seed = static_cast<uint64_t>(now.tv_sec) * 1000000000 +
                  static_cast<uint64_t>(now.tv_nsec);
  seed += static_cast<uint64_t>(getpid()) << 40;
  seed ^= reinterpret_cast<uintptr_t>(&sampler);
  return seed + (threads.fetch_add(1, std::memory_order_relaxed) << 56);
}
//! [NewSeed]

//! [Unwind]
// If the unwinder allocates, it is not asked again for that.
POOL_FRAME NOINLINE void Unwind(CallStack& stack) {
  const int saved_errno = errno;
  const Sampler saved = sampler;
  sampler = Sampler::Never();
  CallStack::Now(stack);
  sampler = saved;
  errno = saved_errno;
}
//! [Unwind]

// A line's figures: "  blocks:    bytes [blocks:    bytes] @".
void WriteUse(const StackUse& use, Output& output) {
  output.Right(use.blocks, 6) << ": ";
  output.Right(use.bytes, 8) << " [";
  output.Right(use.all_blocks, 6) << ": ";
  output.Right(use.all_bytes, 8) << "] @";
}

//! [WriteStack]
// The reader takes the first address as it stands and subtracts one from the
// others, as if they were those that the calls return to.
void WriteStack(const StackTable::Entry& entry, Output& output) {
  WriteUse(entry.use, output);
  const CallStack& stack = entry.stack;
  for (size_t i = 0; i < stack.depth; ++i) {
    const uintptr_t address = stack.calls[i] + (i == 0 ? 0 : 1);
    output << ' ' << reinterpret_cast<const void*>(address);
  }
  if (stack.depth == 0) output << " 0x0";  // not found; a line needs one
  output << '\n';
}
//! [WriteStack]

// What lies where: with it the reader finds names for the addresses.
void WriteMappings(Output& output) {
  output << "\nMAPPED_LIBRARIES:\n";
  const Aside aside;
  const int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  char text[512];
  ssize_t length = 0;
  while (file >= 0) {
    length = read(file, text, sizeof(text));
    if (length == 0 || (length < 0 && errno != EINTR)) break;
    for (ssize_t i = 0; i < length; ++i) output << text[i];
  }
  if (file >= 0) close(file);
}

// The numbers of all stacks that there are now.
struct Numbers {
  uint32_t begin;
  uint32_t end;
  StackUse sum;
};

Numbers AllNumbers() {
  const MutexLock hold(lock);
  return {stacks.value.Begin(), stacks.value.End(), stacks.value.Sum()};
}

bool Copy(uint32_t number, StackTable::Entry& entry) {
  const MutexLock hold(lock);
  const StackTable::Entry* found = stacks.value.Find(number);
  if (found != nullptr) entry = *found;
  return found != nullptr;
}

}  // namespace

//! [HeapProfile::Begin]
void HeapProfile::Begin(size_t bytes) {
  CallStack::Begin();
  CallStack first_use;
  Unwind(first_use);
  bytes_between.store(bytes, std::memory_order_release);
}
//! [HeapProfile::Begin]

bool HeapProfile::On() {
  return bytes_between.load(std::memory_order_acquire) != 0;
}

//! [HeapProfile::Chooses]
bool HeapProfile::Chooses(size_t bytes) {
  const size_t mean = bytes_between.load(std::memory_order_acquire);
  if (mean == 0) return false;
  if (!sampler.Seeded()) sampler = Sampler(NewSeed());
  return sampler.Chooses(bytes, mean);
}
//! [HeapProfile::Chooses]

//! [HeapProfile::Add]
// Nobody waits for the unwinder.
POOL_FRAME NOINLINE uint32_t HeapProfile::Add(size_t bytes) {
  CallStack stack;
  Unwind(stack);
  const MutexLock hold(lock);
  return stacks.value.Add(stack, bytes);
}
//! [HeapProfile::Add]

void HeapProfile::Remove(uint32_t stack, size_t bytes) {
  if (stack == 0) return;
  const MutexLock hold(lock);
  stacks.value.Remove(stack, bytes);
}

//! [HeapProfile::Reallocate]
POOL_FRAME uint32_t HeapProfile::Reallocate(uint32_t stack, size_t old_bytes,
                                            size_t bytes) {
  Remove(stack, old_bytes);
  return Chooses(bytes) ? Add(bytes) : 0;
}
//! [HeapProfile::Reallocate]

//! [HeapProfile::Write]
// Stack by stack, each copied under the lock and written without it.
void HeapProfile::Write(Output& output) {
  const Numbers numbers = AllNumbers();
  output << "heap profile: ";
  WriteUse(numbers.sum, output);
  output << " heap_v2/" << bytes_between.load(std::memory_order_relaxed)
         << '\n';
  StackTable::Entry entry;
  for (uint32_t number = numbers.begin; number != numbers.end; ++number) {
    if (Copy(number, entry)) WriteStack(entry, output);
  }
  WriteMappings(output);
}
//! [HeapProfile::Write]

size_t HeapProfile::Footprint() {
  const MutexLock hold(lock);
  return stacks.value.Footprint();
}

//! [HeapProfile::AfterFork]
// The thread goes on with lots of its own, or parent and child would choose the
// same calls.
void HeapProfile::AfterFork() {
  sampler = Sampler();
  if (!lock.LeftBehind()) return;
  lock.MakeNew();
  const MutexLock hold(lock);
  stacks.value.Abandon();
}
//! [HeapProfile::AfterFork]

void HeapProfile::Validate() {
  const MutexLock hold(lock);
  stacks.value.Validate();
}

}  // namespace pool
