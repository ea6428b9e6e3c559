// What the child of a fork finds: what nobody was changing is as it was, and
// what another thread was changing is abandoned, and no more.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/testing/child.h"
#include "common/testing/pattern.h"
#include "common/testing/sizes.h"
#include "pool/central_cache.h"
#include "pool/macros.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/system_memory.h"
#include "pool/thread_cache.h"

// There if the thread sanitizer is: it allows no threads after a fork.
void ThreadSanitizer() __asm__("__tsan_init") __attribute__((weak));

namespace pool {
namespace {

using course::kMiB;

// Blocks full of their own pattern.
class Blocks {
 public:
  void Add(size_t bytes) {
    void* start = Allocate(bytes);
    CHECK(start != nullptr);
    course::FillPattern(start, bytes, Key(start));
    blocks_.push_back({start, bytes});
  }

  void FreeAll() {
    for (const Block& block : blocks_) {
      CHECK(course::FirstDamage(block.start, block.bytes, Key(block.start)) ==
            block.bytes);
      Deallocate(block.start);
    }
    blocks_.clear();
  }

 private:
  struct Block {
    void* start;
    size_t bytes;
  };
  static uint64_t Key(const void* start) {
    return reinterpret_cast<uintptr_t>(start);
  }
  std::vector<Block> blocks_;
};

void AddOfEachKind(Blocks* blocks) {
  for (const size_t bytes : course::ClassSizes()) blocks->Add(bytes);
  for (const size_t bytes : {300'000, 2'000'000}) blocks->Add(bytes);
}

// Right in the child, too. A CHECK that fails ends it, with a line.
void CheckAll() {
  ThreadCache::Current().Validate();
  CentralCache::Get().Validate();
  PageHeap::Get().Validate();
  const PageHeapFootprint heap = PageHeap::Get().Footprint();
  CHECK(heap.system ==
        heap.in_use + heap.free + heap.returned + heap.abandoned);
  const CentralCacheFootprint central = CentralCache::Get().Footprint();
  CHECK(central.spans ==
        central.out + central.free + central.uncarved + central.tails);
  CHECK(central.abandoned <= central.out && central.spans <= heap.in_use);
}

// The child's own blocks go back, and new ones come from everywhere.
void LiveOn(Blocks* inherited) {
  CheckAll();
  inherited->FreeAll();
  CheckAll();
  Blocks fresh;
  AddOfEachKind(&fresh);
  CheckAll();
  fresh.FreeAll();
  ReleaseFreeMemory();
  CheckAll();
}

// A block of so many bytes cannot be had without the kernel.
size_t MoreThanIsFree() {
  const PageHeapFootprint heap = PageHeap::Get().Footprint();
  return heap.free + heap.returned + kMiB;
}

// A kernel in whose map() something happens to one thread, once: there it holds
// the lock of whoever asked for memory.
class KernelWithAnEvent {
 public:
  using Event = void (*)();
  explicit KernelWithAnEvent(Event event) : event_(event) {
    current_ = this;
    table_ = RealKernelCalls();
    table_.map = Map;
    table_.map_at = nullptr;  // all chunks come from Map
    previous_ = SetKernelCalls(&table_);
  }
  ~KernelWithAnEvent() { SetKernelCalls(previous_); }
  KernelWithAnEvent(const KernelWithAnEvent&) = delete;
  KernelWithAnEvent& operator=(const KernelWithAnEvent&) = delete;

 private:
  static void* Map(size_t bytes) {
    const bool is_owner = pthread_self() == current_->owner_;
    if (!is_owner && !current_->is_over_.exchange(true)) current_->event_();
    return RealKernelCalls().map(bytes);
  }

  static inline KernelWithAnEvent* current_ = nullptr;
  const Event event_;
  const pthread_t owner_ = pthread_self();
  std::atomic<bool> is_over_{false};
  KernelCalls table_{};
  const KernelCalls* previous_ = nullptr;
};

// Waits, whatever signals come.
void Await(sem_t* semaphore) {
  while (sem_wait(semaphore) != 0) {
  }
}

// Of the test that runs.
sem_t stopped;
sem_t go_on;
std::atomic<bool> is_child{false};
std::atomic<int> child_status{-1};

void StopHere() {
  sem_post(&stopped);
  Await(&go_on);
}

class Fork : public testing::Test {
 protected:
  void SetUp() override {
    if (&ThreadSanitizer != nullptr) {
      GTEST_SKIP() << "the thread sanitizer allows no threads after a fork";
    }
    sem_init(&stopped, 0, 0);
    sem_init(&go_on, 0, 0);
    is_child = false;
    child_status = -1;
  }
};

TEST_F(Fork, WhileAThreadIsStoppedInThePageHeap) {
  Blocks mine;
  AddOfEachKind(&mine);
  Deallocate(Allocate(3 * kMiB));
  const PageHeapFootprint before = PageHeap::Get().Footprint();
  ASSERT_GT(before.free + before.returned, 0u);
  const KernelWithAnEvent slow(StopHere);
  std::thread other([] { Deallocate(Allocate(MoreThanIsFree())); });
  Await(&stopped);
  EXPECT_EQ(course::RunInChild([&] {
              const PageHeapFootprint heap = PageHeap::Get().Footprint();
              CHECK(heap.abandoned == before.free + before.returned);
              CHECK(heap.free == 0 && heap.returned == 0);
              CHECK(heap.in_use == before.in_use);
              CHECK(CentralCache::Get().Footprint().abandoned == 0);
              LiveOn(&mine);
              CHECK(PageHeap::Get().Footprint().abandoned == heap.abandoned);
            }),
            "");
  sem_post(&go_on);
  other.join();
  LiveOn(&mine);
}

// Each thread makes a cache, until there is no room for one more: that thread
// asks for memory, under the lock of the list of all caches.
TEST_F(Fork, WhileAThreadIsStoppedInTheListOfAllCaches) {
  Blocks mine;
  AddOfEachKind(&mine);  // spans that the threads need not ask for
  static std::atomic<bool> is_there{false};
  const KernelWithAnEvent slow([] {
    is_there = true;
    StopHere();
  });
  sem_t leave;
  sem_init(&leave, 0, 0);
  std::vector<std::thread> threads;
  while (!is_there) {
    threads.emplace_back([&leave] {
      Deallocate(Allocate(8));
      sem_post(&stopped);
      Await(&leave);
    });
    Await(&stopped);
  }
  EXPECT_EQ(
      course::RunInChild([&] {
        CHECK(ThreadCache::Footprint().caches == 1);
        LiveOn(&mine);
        std::thread([] { LiveOn(std::make_unique<Blocks>().get()); }).join();
        CHECK(ThreadCache::Footprint().caches == 2);  // an orphan
      }),
      "");
  sem_post(&go_on);
  for (size_t i = 0; i < threads.size(); ++i) sem_post(&leave);
  for (std::thread& thread : threads) thread.join();
  LiveOn(&mine);
}

// Nobody is in the middle of anything: lost are other threads' caches alone.
TEST_F(Fork, WhileAThreadIsStoppedOutsideOfEveryLock) {
  Blocks mine;
  AddOfEachKind(&mine);
  Deallocate(Allocate(100));
  const size_t own = ThreadCache::Footprint().cached;
  std::thread other([] {
    Blocks blocks;
    AddOfEachKind(&blocks);
    blocks.FreeAll();
    StopHere();
  });
  Await(&stopped);
  const ThreadCacheFootprint caches = ThreadCache::Footprint();
  const PageHeapFootprint heap = PageHeap::Get().Footprint();
  ASSERT_GT(caches.cached, own);
  EXPECT_EQ(course::RunInChild([&] {
              const ThreadCacheFootprint here = ThreadCache::Footprint();
              CHECK(here.caches == 1 && here.cached == own);
              CHECK(here.abandoned == caches.cached - own);
              CHECK(PageHeap::Get().Footprint().free == heap.free);
              CHECK(PageHeap::Get().Footprint().returned == heap.returned);
              CHECK(PageHeap::Get().Footprint().abandoned == 0);
              CHECK(CentralCache::Get().Footprint().abandoned == 0);
              LiveOn(&mine);
            }),
            "");
  sem_post(&go_on);
  other.join();
  EXPECT_EQ(ThreadCache::Footprint().abandoned, 0u);
  LiveOn(&mine);
}

// Where a signal meets a thread, nobody knows. So the same again and again,
// until it was often enough in the middle of a change.
class ForkWhileAThreadIsInterrupted : public Fork {
 protected:
  static constexpr int kOftenEnough = 10;
  static constexpr int kMostForks = 4000;

  void SetUp() override {
    Fork::SetUp();
    struct sigaction action = {};
    action.sa_handler = [](int) { StopHere(); };
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, nullptr);
  }

  // work() is what the other thread does, and not libc's malloc: a fork would
  // wait for its lock. has_lost() tells in the child if something was
  // abandoned.
  template <typename Work, typename HasLost>
  void ForkOften(Work work, HasLost has_lost, Blocks* mine) {
    std::atomic<bool> stop{false};
    std::thread other([&] {
      while (!stop) work();
    });
    int losses = 0;
    for (int i = 0; i < kMostForks && losses < kOftenEnough; ++i) {
      pthread_kill(other.native_handle(), SIGUSR1);
      Await(&stopped);
      const std::string end = course::RunInChild([&] {
        const bool lost = has_lost();
        LiveOn(mine);
        if (lost) _exit(kLost);
      });
      sem_post(&go_on);
      if (end == kHasLost) ++losses;
      EXPECT_TRUE(end == kHasLost || end.empty()) << end << ", fork " << i;
      if (HasFailure()) break;
    }
    stop = true;
    other.join();
    EXPECT_GE(losses, kOftenEnough);
    LiveOn(mine);
  }

 private:
  static constexpr int kLost = 7;
  static constexpr char kHasLost[] = "it ended with exit code 7";
};

TEST_F(ForkWhileAThreadIsInterrupted, InAClassOfTheCentralCache) {
  Blocks mine;
  for (int i = 0; i < 100; ++i) mine.Add(64);
  ForkOften(
      [] {
        void* objects[20];
        const size_t n = CentralCache::Get().FetchRangeObj(objects, 20, 64);
        CentralCache::Get().ReleaseListToSpans(objects, n, 64);
      },
      [] { return CentralCache::Get().Footprint().abandoned > 0; }, &mine);
}

TEST_F(ForkWhileAThreadIsInterrupted, InThePageHeap) {
  Blocks mine;
  AddOfEachKind(&mine);
  ForkOften(
      [] {
        PageHeap& heap = PageHeap::Get();
        Span* first = heap.NewSpan(PageCount(128));
        Span* second = heap.NewSpan(PageCount(256));
        heap.ResizeSpan(first, PageCount(64));
        heap.ReleaseSpanToPageHeap(second);
        heap.ReleaseSpanToPageHeap(first);
      },
      [] { return PageHeap::Get().Footprint().abandoned > 0; }, &mine);
}

// Through every layer; here it is the caches' turn, too.
TEST_F(ForkWhileAThreadIsInterrupted, Anywhere) {
  Blocks mine;
  AddOfEachKind(&mine);
  ForkOften(
      [] {
        void* blocks[100];
        size_t n = 1;
        for (void*& block : blocks) block = Allocate(n += n / 8 + 1);
        for (void* block : blocks) Deallocate(block);
        ReleaseFreeMemory();
      },
      [] { return ThreadCache::Footprint().abandoned > 0; }, &mine);
}

// A thread that forks while it holds a lock itself, as a signal handler may:
// here in the kernel's map(). The call goes on in both processes.
void ForkHere() {
  const pid_t child = fork();
  if (child == 0) {
    is_child = true;
    return;
  }
  int status = -1;
  waitpid(child, &status, 0);
  child_status = status;
}

// call() forks in its middle, on a thread that begins with it; nothing is
// abandoned. Threads stay until one has forked.
template <typename Call>
void ForkWithin(Call call) {
  const KernelWithAnEvent forking(ForkHere);
  std::vector<std::thread> threads;
  while (child_status == -1) {
    threads.emplace_back([&] {
      call();
      if (is_child) {
        CHECK(PageHeap::Get().Footprint().abandoned == 0);
        CHECK(CentralCache::Get().Footprint().abandoned == 0);
        LiveOn(std::make_unique<Blocks>().get());
        _exit(0);
      }
      sem_post(&stopped);
      Await(&go_on);
    });
    Await(&stopped);
  }
  for (size_t i = 0; i < threads.size(); ++i) sem_post(&go_on);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(child_status, 0);
  CheckAll();
}

TEST_F(Fork, ByAThreadWithinThePageHeap) {
  ForkWithin([] { Deallocate(Allocate(MoreThanIsFree())); });
}

// A thread's first call: it is about to be on the list of all caches.
TEST_F(Fork, ByAThreadWithinTheListOfAllCaches) {
  Blocks mine;
  AddOfEachKind(&mine);
  ForkWithin([] { Deallocate(Allocate(8)); });
  LiveOn(&mine);
}

}  // namespace
}  // namespace pool
