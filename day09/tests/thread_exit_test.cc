// What a thread leaves behind: nothing.
#include <gtest/gtest.h>
#include <limits.h>
#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <future>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/pace.h"
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/system_memory.h"
#include "pool/thread_cache.h"

namespace pool {
namespace {

template <typename Body>
void OnAFreshThread(Body body) {
  std::thread(body).join();
}

// What the layers hold, as bytes: equal before and after, if nothing was lost.
struct Books {
  size_t out = CentralCache::Get().Footprint().out;
  size_t spans = CentralCache::Get().Footprint().spans;
  size_t pages = PageHeap::Get().Footprint().in_use;
  size_t caches = ThreadCache::Footprint().caches;
  size_t cached = ThreadCache::Footprint().cached;
};

void ExpectEqual(const Books& a, const Books& b) {
  EXPECT_EQ(a.out, b.out);
  EXPECT_EQ(a.spans, b.spans);
  EXPECT_EQ(a.pages, b.pages);
  EXPECT_EQ(a.caches, b.caches);
  EXPECT_EQ(a.cached, b.cached);
}

// The kernel's word on how much of the process is in memory, in bytes.
size_t ResidentBytes() {
  size_t total = 0;
  size_t resident = 0;
  FILE* file = fopen("/proc/self/statm", "r");
  EXPECT_EQ(fscanf(file, "%zu %zu", &total, &resident), 2);
  fclose(file);
  return resident * RealKernelCalls().page_size();
}

TEST(ThreadExit, AllObjectsGoBack) {
  const Books before;
  OnAFreshThread([] {
    std::vector<void*> blocks;
    for (size_t bytes = 1; bytes < 200'000; bytes += bytes / 8 + 1) {
      for (int i = 0; i < 10; ++i) Deallocate(Allocate(bytes), bytes);
    }
    EXPECT_GT(ThreadCache::Footprint().cached, 0u);
  });
  ExpectEqual(before, Books());
  CentralCache::Get().Validate();
}

// Its lists have become longer than a batch.
TEST(ThreadExit, AThreadThatUsedMuchLeavesNothing) {
  const Books before;
  OnAFreshThread([] {
    for (const size_t bytes : {8, 64, 2000}) {
      std::vector<void*> blocks(1000);
      for (void*& block : blocks) block = Allocate(bytes);
      for (void* block : blocks) Deallocate(block, bytes);
    }
  });
  ExpectEqual(before, Books());
  CentralCache::Get().Validate();
}

TEST(ThreadExit, WhatAnotherThreadFreedGoesBackToo) {
  const Books before;
  std::vector<void*> blocks;
  OnAFreshThread([&] {
    for (int i = 0; i < 1000; ++i) blocks.push_back(Allocate(48));
  });
  OnAFreshThread([&] {
    for (void* block : blocks) Deallocate(block, 48);
  });
  ExpectEqual(before, Books());
}

// Threads that were born in the order 0, 1, 2 and end in the order given.
void EndInThisOrder(const std::vector<size_t>& order) {
  std::vector<std::thread> threads;
  std::vector<std::promise<void>> may_end(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    std::promise<void> born;
    threads.emplace_back([&born, ending = may_end[i].get_future()]() mutable {
      Deallocate(Allocate(64), 64);
      born.set_value();
      ending.wait();
    });
    born.get_future().wait();
  }
  size_t caches = ThreadCache::Footprint().caches;
  for (const size_t i : order) {
    may_end[i].set_value();
    threads[i].join();
    ASSERT_EQ(ThreadCache::Footprint().caches, --caches);
  }
}

// Each cache stands between two others; whichever goes, they find each other.
TEST(ThreadExit, ThreadsMayEndInAnyOrder) {
  const Books before;
  std::vector<size_t> order = {0, 1, 2, 3};
  do {
    EndInThisOrder(order);
    if (HasFailure()) return;
  } while (std::next_permutation(order.begin(), order.end()));
  ExpectEqual(before, Books());
}

// A process has about a thousand keys for all its libraries together.
TEST(ThreadExit, TheLastOfTwoThousandThreadsStillHasACache) {
  Deallocate(Allocate(1), 1);
  const size_t caches = ThreadCache::Footprint().caches;
  for (int i = 0; i < 2000; ++i) {
    OnAFreshThread([caches] {
      Deallocate(Allocate(64), 64);
      EXPECT_EQ(ThreadCache::Footprint().caches, caches + 1);
    });
    if (HasFailure()) return;
  }
}

// In the very last round a sanitizer takes its own leave of the thread.
int LastRound() {
  static const int round =
      course::IsSanitized() ? 1 : PTHREAD_DESTRUCTOR_ITERATIONS;
  return round;
}

// Calls from a destructor that runs after the thread's cache is gone, and in
// the last of the rounds in which destructors are called: a cache that was made
// then would stay for ever.
struct Late {
  int round = 0;
};
pthread_key_t LateKey();

void CallLate(void* value) {
  Late* late = static_cast<Late*>(value);
  if (++late->round < LastRound()) {
    pthread_setspecific(LateKey(), late);
    return;
  }
  const ThreadCache* const dead = &ThreadCache::Current();
  Deallocate(late, sizeof(Late));
  for (int i = 0; i < 100; ++i) {
    char* block = static_cast<char*>(Allocate(100));
    memset(block, i, 100);
    Deallocate(block, 100);
  }
  EXPECT_EQ(&ThreadCache::Current(), dead) << "a dead thread made a cache";
}

// Keys' destructors run in the order of the keys, and the pool's key was made
// when its first thread was born: this one is called later.
pthread_key_t LateKey() {
  static const pthread_key_t late_key = [] {
    Deallocate(Allocate(1), 1);
    pthread_key_t key;
    EXPECT_EQ(pthread_key_create(&key, CallLate), 0);
    return key;
  }();
  return late_key;
}

TEST(ThreadExit, ServesCallsThatComeAfterTheCacheIsGone) {
  LateKey();
  const Books before;
  for (int i = 0; i < 50; ++i) {
    OnAFreshThread([] {
      pthread_setspecific(LateKey(), new (Allocate(sizeof(Late))) Late);
    });
  }
  ExpectEqual(before, Books());
}

// Destructors of thread_local objects, in whichever order they were made.
struct FreesLate {
  ~FreesLate() {
    Deallocate(block, 24);
    Deallocate(Allocate(24), 24);
  }
  void* block = Allocate(24);
};

TEST(ThreadExit, ThreadLocalObjectsMayBeMadeBeforeAndAfterTheFirstCall) {
  const Books before;
  for (int i = 0; i < 20; ++i) {
    OnAFreshThread([] {
      thread_local FreesLate made_first;
      EXPECT_NE(made_first.block, nullptr);
      Deallocate(Allocate(5000), 5000);
      thread_local FreesLate made_later;
      EXPECT_NE(made_later.block, nullptr);
    });
  }
  ExpectEqual(before, Books());
}

// libc keeps a buffer for each thread that asks for an unknown error's text,
// and frees it after all destructors have run. Here a late destructor of our
// own does the like with the pool.
TEST(ThreadExit, TwentyThousandThreadsLeaveNothing) {
  LateKey();
  const auto thousand_threads = [] {
    for (int i = 0; i < 125; ++i) {
      course::RunGang(8, [](size_t member) {
        const size_t bytes = 40 + 500 * member;
        void* block = Allocate(bytes);
        memset(block, 1, bytes);
        EXPECT_NE(strerror(123456), nullptr);
        pthread_setspecific(LateKey(), new (Allocate(sizeof(Late))) Late);
        Deallocate(block, bytes);
      });
    }
  };
  thousand_threads();
  const Books before;
  const size_t mapped = ReadSystemFootprint().mapped;
  const size_t metadata = ThreadCache::Footprint().metadata;
  const size_t resident = ResidentBytes();
  const int thousands = course::IsSanitized() ? 2 : 20;
  for (int i = 0; i < thousands; ++i) thousand_threads();
  ExpectEqual(before, Books());
  EXPECT_EQ(ReadSystemFootprint().mapped, mapped);
  EXPECT_EQ(ThreadCache::Footprint().metadata, metadata);
  // 20,000 threads that left 100 bytes each would show here. A sanitizer's
  // malloc keeps what libc frees, and remembers every thread: there it tells
  // nothing of the pool.
  if (!course::IsSanitized()) {
    EXPECT_LT(ResidentBytes(), resident + 2'000'000);
  }
}

// Blocks are allocated by one thread and freed by the next, in a circle of 16,
// for ever. What is in flight stays the same, so the pool's size does, too.
TEST(ThreadExit, AChainOfThreadsDoesNotGrowWithoutBound) {
  constexpr size_t kThreads = 16;
  constexpr size_t kBlocks = 500;
  std::vector<std::vector<void*>> inbox(kThreads);
  course::Barrier step(kThreads);
  size_t mapped_early = 0;
  course::RunGang(kThreads, [&](size_t member) {
    for (int round = 0; round < 100; ++round) {
      for (void* block : inbox[member]) Deallocate(block, 256);
      inbox[member].clear();
      step.ArriveAndWait();
      std::vector<void*>& next = inbox[(member + 1) % kThreads];
      while (next.size() < kBlocks) next.push_back(Allocate(256));
      step.ArriveAndWait();
      if (member == 0 && round == 20)
        mapped_early = ReadSystemFootprint().mapped;
    }
    for (void* block : inbox[member]) Deallocate(block, 256);
  });
  // A chunk more, perhaps, if the others were all but used up.
  EXPECT_LE(ReadSystemFootprint().mapped, mapped_early + (5 << 20));
}

}  // namespace
}  // namespace pool
