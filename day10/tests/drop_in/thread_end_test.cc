// Threads that end: their destructors are called in one order or the other, and
// allocate and free all the while. Nothing is left of a thread.
#include <gtest/gtest.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "checked_blocks.h"
#include "process_memory.h"

namespace pool {
namespace {

constexpr int kRounds = 1000;

// A block that is intact when it is freed, or the test fails.
struct FilledBlock {
  explicit FilledBlock(size_t n) : start(malloc(n)), bytes(n) {
    if (start != nullptr) Fill(start, bytes);
  }
  ~FilledBlock() {
    EXPECT_TRUE(start != nullptr && Holds(start, bytes, KeyOf(start)));
    free(start);
  }
  FilledBlock(const FilledBlock&) = delete;
  FilledBlock& operator=(const FilledBlock&) = delete;

  void* const start;
  const size_t bytes;
};

// Some calls of each kind, small and large.
void UseTheHeap() {
  for (const size_t bytes : {8, 100, 3000, 50'000, 300'000}) {
    const FilledBlock block(bytes);
    free(calloc(3, bytes));
    free(realloc(malloc(bytes), 2 * bytes));
  }
}

// Runs body so often, and finds that memory did not grow meanwhile. Threads
// that run at once may need more together than they ever did, by chance, and
// then once more is tried; a leak grows each time. What a thread's cache alone
// takes would be 13 MiB.
constexpr size_t kLittle = 2 << 20;
constexpr int kTries = 10;
template <typename Body>
void ExpectFlat(Body body, int rounds = kRounds) {
  for (int i = 0; i < rounds / 5; ++i) body();
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const ProcessMemory before = ProcessMemory::Now();
    for (int i = 0; i < rounds; ++i) body();
    const ProcessMemory after = ProcessMemory::Now();
    if (after.mapped <= before.mapped + kLittle &&
        after.resident <= before.resident + kLittle) {
      return;
    }
  }
  ADD_FAILURE() << "memory has grown " << kTries << " times in a row";
}

template <typename Body>
void OnAThread(Body body) {
  std::thread(body).join();
}

// A key whose destructor uses the heap in each of the rounds that a thread has
// at its end, and frees its value in the last.
class PersistentKey {
 public:
  PersistentKey() { EXPECT_EQ(pthread_key_create(&key_, Destroy), 0); }
  ~PersistentKey() { pthread_key_delete(key_); }
  PersistentKey(const PersistentKey&) = delete;
  PersistentKey& operator=(const PersistentKey&) = delete;

  void Set() { pthread_setspecific(key_, new Value{key_}); }

  static int LastRounds() { return last_rounds_.exchange(0); }

 private:
  struct Value {
    pthread_key_t key;
    FilledBlock block{1000};
    int rounds = 0;
  };

  static void Destroy(void* to) {
    Value* value = static_cast<Value*>(to);
    UseTheHeap();
    if (++value->rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
      pthread_setspecific(value->key, value);
      return;
    }
    delete value;
    ++last_rounds_;
  }

  static inline std::atomic<int> last_rounds_{0};
  pthread_key_t key_;
};

TEST(ThreadEnd, KeysInAllRounds) {
  PersistentKey first;
  PersistentKey second;
  int threads = 0;
  ExpectFlat([&] {
    OnAThread([&] {
      // One value before the thread's first block, one after it.
      if (threads % 2 == 0) first.Set();
      UseTheHeap();
      second.Set();
      if (threads % 2 == 1) first.Set();
    });
    ++threads;
  });
  EXPECT_EQ(PersistentKey::LastRounds(), 2 * threads);
}

// More than the keys that a thread has room for by itself: libc then allocates,
// and frees that after all destructors.
TEST(ThreadEnd, MoreKeysThanAThreadHasRoomFor) {
  std::vector<std::unique_ptr<PersistentKey>> keys(100);
  for (auto& key : keys) key = std::make_unique<PersistentKey>();
  constexpr int kThreads = 20;
  for (int i = 0; i < kThreads; ++i) {
    OnAThread([&] {
      if (i % 2 == 0) std::reverse(keys.begin(), keys.end());
      for (auto& key : keys) key->Set();
    });
  }
  EXPECT_EQ(PersistentKey::LastRounds(), kThreads * 100);
}

// One that allocates as it is made and as it is destroyed.
struct Local {
  FilledBlock block{700};
  ~Local() { UseTheHeap(); }
};
// One that makes another in its destructor, which is destroyed later still.
struct Parent {
  FilledBlock block{70};
  ~Parent() {
    thread_local Local child;
    EXPECT_NE(child.block.start, nullptr);
  }
};

TEST(ThreadEnd, ThreadLocalsMadeBeforeAndAfterTheFirstBlock) {
  ExpectFlat([] {
    OnAThread([] {
      thread_local const Local before;
      EXPECT_NE(before.block.start, nullptr);
      UseTheHeap();
      thread_local const Parent after;
      EXPECT_NE(after.block.start, nullptr);
    });
  });
}

// Both kinds in one thread: thread_local objects go first, then keys' values.
TEST(ThreadEnd, ThreadLocalsAndKeys) {
  PersistentKey key;
  int threads = 0;
  ExpectFlat([&] {
    OnAThread([&] {
      key.Set();
      thread_local const Parent local;
      EXPECT_NE(local.block.start, nullptr);
    });
    ++threads;
  });
  EXPECT_EQ(PersistentKey::LastRounds(), threads);
}

// A thread's last deed is to free what others allocated, more than it ever had.
TEST(ThreadEnd, TheBlocksOfOtherThreadsAreFreed) {
  using Blocks = std::vector<std::unique_ptr<FilledBlock>>;
  Blocks blocks;
  ExpectFlat([&] {
    Blocks mine;
    OnAThread([&] {
      for (size_t i = 1; i <= 50; ++i) {
        mine.push_back(std::make_unique<FilledBlock>(i * 30));
      }
    });
    OnAThread([&] {
      thread_local Blocks inherited;
      inherited = std::move(blocks);
    });
    blocks = std::move(mine);
  });
}

// The other ways for a thread to end.
void* UseAndExit(void*) {
  thread_local const Local local;
  UseTheHeap();
  pthread_exit(const_cast<Local*>(&local));
}

TEST(ThreadEnd, ByPthreadExit) {
  ExpectFlat([] {
    pthread_t thread;
    ASSERT_EQ(pthread_create(&thread, nullptr, UseAndExit, nullptr), 0);
    void* result = nullptr;
    pthread_join(thread, &result);
    EXPECT_NE(result, nullptr);
  });
}

// Waits until it is cancelled; then its frames are unwound.
void* UseAndWait(void* pipe_end) {
  thread_local const Local local;
  const FilledBlock block(local.block.bytes + 1000);
  if (write(*static_cast<int*>(pipe_end), "x", 1) != 1) return nullptr;
  for (;;) pause();
}

TEST(ThreadEnd, ByCancellation) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ExpectFlat([&] {
    pthread_t thread;
    ASSERT_EQ(pthread_create(&thread, nullptr, UseAndWait, &ends[1]), 0);
    char byte;
    ASSERT_EQ(read(ends[0], &byte, 1), 1);
    pthread_cancel(thread);
    void* result = nullptr;
    pthread_join(thread, &result);
    EXPECT_EQ(result, PTHREAD_CANCELED);
  });
  close(ends[0]);
  close(ends[1]);
}

// Nobody joins them. That the last of a thread is gone, only the kernel knows.
// All are there at once each time, so that it takes as much memory each time.
TEST(ThreadEnd, Detached) {
  constexpr int kAtOnce = 8;
  static std::atomic<int> arrived;
  const auto some_threads = [] {
    arrived = 0;
    for (int i = 0; i < kAtOnce; ++i) {
      std::thread([] {
        thread_local const Local local;
        EXPECT_NE(local.block.start, nullptr);
        UseTheHeap();
        ++arrived;
        while (arrived < kAtOnce) std::this_thread::yield();
      }).detach();
    }
    while (ThreadsOfThisProcess() > 1) std::this_thread::yield();
  };
  ExpectFlat(some_threads, kRounds / kAtOnce);
}

}  // namespace
}  // namespace pool
