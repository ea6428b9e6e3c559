#include "pool/mutex.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace pool
