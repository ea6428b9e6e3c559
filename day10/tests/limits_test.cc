// Processes with little: few addresses, small stacks, no memory to promise. And
// what comes first in a process or a thread, be it nothing or a mistake.
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "common/testing/child.h"
#include "common/testing/gang.h"
#include "common/workloads/resident.h"
#include "pool/central_cache.h"
#include "pool/macros.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/thread_cache.h"

namespace pool {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;
constexpr size_t kGiB = 1024 * kMiB;

// A sanitizer has terabytes of addresses before main begins.
bool MayHaveAtMost(size_t bytes) {
  return course::ReadStatus("VmSize:") < bytes / 2;
}

// For the process that calls it, and for good.
void LimitAddresses(size_t bytes) {
  const rlimit limit = {bytes, bytes};
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

// Threads with small stacks that are all there at once, and work.
constexpr size_t kThreads = 1000;
constexpr size_t kStack = 128 * kKiB;

struct Crowd {
  course::Barrier all_there{kThreads + 1};
  size_t failures[kThreads] = {};
};
struct Member {
  Crowd* crowd;
  size_t number;
};

void* Work(void* argument) {
  const Member& member = *static_cast<Member*>(argument);
  member.crowd->all_there.ArriveAndWait();
  void* blocks[100];
  size_t failures = 0;
  for (size_t i = 0; i < 100; ++i) {
    const size_t bytes = 8 + (member.number + 37 * i) % 700;
    blocks[i] = Allocate(bytes);
    if (blocks[i] == nullptr) {
      ++failures;
    } else {
      memset(blocks[i], 1, bytes);
    }
  }
  member.crowd->all_there.ArriveAndWait();
  for (void* block : blocks) Deallocate(block);
  member.crowd->failures[member.number] = failures;
  return nullptr;
}

void UseAThousandThreads() {
  static Crowd crowd;
  static Member members[kThreads];
  static pthread_t threads[kThreads];
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  CHECK(pthread_attr_setstacksize(&attributes, kStack) == 0);
  for (size_t i = 0; i < kThreads; ++i) {
    members[i] = {&crowd, i};
    CHECK(pthread_create(&threads[i], &attributes, Work, &members[i]) == 0);
  }
  crowd.all_there.ArriveAndWait();
  crowd.all_there.ArriveAndWait();
  size_t failures = 0;
  for (size_t i = 0; i < kThreads; ++i) {
    pthread_join(threads[i], nullptr);
    failures += crowd.failures[i];
  }
  CHECK(failures == 0);
}

TEST(Limits, AThousandThreadsWithin8GiB) {
  if (!MayHaveAtMost(8 * kGiB)) GTEST_SKIP() << "there is more already";
  const std::string end = course::RunInChild([] {
    LimitAddresses(8 * kGiB);
    UseAThousandThreads();
    ReleaseFreeMemory();
    CHECK(PageHeap::Get().Footprint().in_use == 0);
  });
  EXPECT_EQ(end, "");
}

// Takes blocks until there are no more, and says how many bytes they are. They
// are linked by their first words.
size_t TakeAllThereIs(size_t seed, void*& first) {
  first = nullptr;
  size_t sum = 0;
  for (size_t i = seed;; ++i) {
    const size_t bytes = size_t{16} << (i * 7 % 17);  // up to 1 MiB
    errno = 0;
    void** block = static_cast<void**>(Allocate(bytes));
    if (block == nullptr) break;
    *block = first;
    first = block;
    sum += bytes;
  }
  CHECK(errno == ENOMEM);
  return sum;
}

void FreeAll(void* first) {
  while (first != nullptr) {
    void* next = *static_cast<void**>(first);
    Deallocate(first);
    first = next;
  }
}

// Again and again, and each time there is about as much.
void FillAndEmpty() {
  void* first;
  const size_t sum = TakeAllThereIs(0, first);
  CHECK(sum > 100 * kMiB);
  // Too much, and what is held stays usable.
  errno = 0;
  CHECK(Allocate(300 * kMiB) == nullptr && errno == ENOMEM);
  CHECK(Reallocate(first, 300 * kMiB) == nullptr);
  FreeAll(first);
  for (size_t round = 1; round < 5; ++round) {
    CHECK(TakeAllThereIs(round, first) > sum / 10 * 8);
    FreeAll(first);
    CentralCache::Get().Validate();
    PageHeap::Get().Validate();
  }
  ReleaseFreeMemory();
  CHECK(PageHeap::Get().Footprint().in_use == 0);
  CHECK(Statistics().unaccounted == 0);
}

TEST(Limits, WithFewAddressesItRunsOutOfMemoryAndRecovers) {
  if (!MayHaveAtMost(256 * kMiB)) GTEST_SKIP() << "there is more already";
  EXPECT_EQ(course::RunInChild([] {
              LimitAddresses(256 * kMiB);
              FillAndEmpty();
            }),
            "");
}

// Not one chunk is left, and then there is.
TEST(Limits, AProcessThatBeginsWithNothingRecovers) {
  if (!MayHaveAtMost(256 * kMiB)) GTEST_SKIP() << "there is more already";
  EXPECT_EQ(course::RunInChild([] {
              const size_t now = course::ReadStatus("VmSize:");
              rlimit limit = {now, RLIM_INFINITY};
              CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
              errno = 0;
              CHECK(Allocate(64) == nullptr && errno == ENOMEM);
              Deallocate(nullptr);
              limit.rlim_cur = 256 * kMiB;
              CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
              FillAndEmpty();
            }),
            "");
}

// The kernel promises no more than it has: nothing may be asked for that is not
// needed. Only a host can be told to (vm.overcommit_memory=2), not a container.
TEST(Limits, UnderStrictOvercommitAChunkIsAllItAsksFor) {
  int mode = 0;
  std::ifstream("/proc/sys/vm/overcommit_memory") >> mode;
  if (mode != 2) GTEST_SKIP() << "vm.overcommit_memory is not 2 here";
  EXPECT_EQ(course::RunInChild(UseAThousandThreads), "");
}

// What strict overcommit would charge, and `ulimit -v` counts: addresses. A
// first call may take a chunk, but not the window.
TEST(Limits, TheFirstCallTakesAFewMegabytes) {
  const size_t before = course::ReadStatus("VmSize:");
  ASSERT_NE(Allocate(64), nullptr);
  EXPECT_LT(course::ReadStatus("VmSize:") - before, 20 * kMiB);
}

TEST(FirstCall, OfAProcessFreesNothing) {
  Deallocate(nullptr);
  Deallocate(nullptr, 64);
  DeallocateAligned(nullptr, 64, 64);
  EXPECT_EQ(ThreadCache::Footprint().caches, 0u);
  EXPECT_EQ(PageHeap::Get().Footprint().system, 0u);
  EXPECT_NE(Allocate(64), nullptr);
}

TEST(FirstCall, OfAThreadFreesNothing) {
  Deallocate(Allocate(64));
  std::thread([] {
    Deallocate(nullptr);
    EXPECT_EQ(ThreadCache::Footprint().caches, 1u);
    Deallocate(Allocate(64));
    EXPECT_EQ(ThreadCache::Footprint().caches, 2u);
  }).join();
}

TEST(FirstCall, OfAThreadFreesAnothersBlock) {
  for (const size_t bytes : {size_t{64}, size_t{3000}, 2 * kMiB}) {
    void* block = Allocate(bytes);
    std::thread([=] { Deallocate(block); }).join();
  }
  ReleaseFreeMemory();
  EXPECT_EQ(PageHeap::Get().Footprint().in_use, 0u);
}

// There is no window yet, and no chunk.
TEST(FirstCallDeathTest, OfAProcessFreesWhatIsNotOurs) {
  static char global[64];
  char local[64];
  for (void* pointer :
       {static_cast<void*>(global), static_cast<void*>(local),
        reinterpret_cast<void*>(uintptr_t{8}),
        reinterpret_cast<void*>(uintptr_t{1} << 63),
        reinterpret_cast<void*>((uintptr_t{1} << 63) + 64 * kMiB),
        reinterpret_cast<void*>(UINTPTR_MAX)}) {
    std::ostringstream line;
    line << "pool: Deallocate(0x" << std::hex
         << reinterpret_cast<uintptr_t>(pointer)
         << "): not a block of this pool\n";
    EXPECT_EXIT(Deallocate(pointer), testing::KilledBySignal(SIGABRT),
                testing::Eq(line.str()));
    EXPECT_EXIT(std::thread([=] { Deallocate(pointer); }).join(),
                testing::KilledBySignal(SIGABRT), testing::Eq(line.str()));
  }
}

}  // namespace
}  // namespace pool
