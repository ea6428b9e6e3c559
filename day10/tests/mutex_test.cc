#include "pool/mutex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace pool {
namespace {

CONSTINIT Mutex made_by_the_compiler;

TEST(Mutex, LetsOneThreadInAtATime) {
  Mutex mutex;
  long count = 0;  // not atomic: the mutex is what makes it right
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 20'000; ++k) {
        const MutexLock lock(mutex);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 80'000);
}

TEST(Mutex, IsFreeAgainAfterTheScope) {
  for (int i = 0; i < 3; ++i) {
    const MutexLock lock(made_by_the_compiler);
  }
  made_by_the_compiler.Lock();
  made_by_the_compiler.Unlock();
}

TEST(Mutex, CountsHowOftenItIsTaken) {
  Mutex mutex;
  EXPECT_EQ(mutex.Counts().taken, 0u);
  for (size_t i = 1; i <= 3; ++i) {
    const MutexLock lock(mutex);
    EXPECT_EQ(mutex.Counts().taken, i);
  }
  EXPECT_EQ(mutex.Counts().waited, 0u) << "nobody was in the way";
  EXPECT_EQ(mutex.Counts().longest, 0u);
}

TEST(Mutex, TheThreadKnowsThatItHoldsOne) {
  EXPECT_FALSE(Mutex::ThisThreadHoldsAny());
  {
    const MutexLock lock(made_by_the_compiler);
    EXPECT_TRUE(Mutex::ThisThreadHoldsAny());
    std::thread([] { EXPECT_FALSE(Mutex::ThisThreadHoldsAny()); }).join();
  }
  EXPECT_FALSE(Mutex::ThisThreadHoldsAny());
}

TEST(Mutex, CountsExactlyWhoeverTakesIt) {
  Mutex mutex;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 20'000; ++k) {
        const MutexLock lock(mutex);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const LockCounts counts = mutex.Counts();
  EXPECT_EQ(counts.taken, 80'000u);
  EXPECT_LE(counts.waited, counts.taken);
  EXPECT_TRUE(counts.waited > 0 || counts.longest == 0);
}

// Whether the other thread comes before the lock is free again, nobody can
// promise. So it is tried until it did.
TEST(Mutex, CountsWhoHasToWait) {
  Mutex mutex;
  size_t takes = 0;
  while (mutex.Counts().waited == 0) {
    std::atomic<bool> is_there{false};
    mutex.Lock();
    std::thread other([&] {
      is_there = true;
      const MutexLock lock(mutex);
    });
    while (!is_there) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    mutex.Unlock();
    other.join();
    takes += 2;
  }
  const LockCounts counts = mutex.Counts();
  EXPECT_EQ(counts.taken, takes);
  EXPECT_EQ(counts.waited, 1u) << "the one that waits, once";
  EXPECT_GT(counts.longest, 0u);
  mutex.Lock();
  mutex.Unlock();
  EXPECT_EQ(mutex.Counts().longest, counts.longest);
}

}  // namespace
}  // namespace pool
