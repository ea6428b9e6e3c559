// Every call at every time of a program's and of a thread's life.
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "common/testing/child.h"
#include "entry_points.h"
#include "process_memory.h"

namespace pool {
namespace {

// The call that does not work; nullptr if all do.
const char* FirstThatFails() {
  for (const EntryPoint& entry : kEntryPoints) {
    if (!entry.works(Library(), entry.name)) return entry.name;
  }
  return nullptr;
}

bool Works(const EntryPoint& entry) {
  return entry.works(Library(), entry.name);
}

// The first object of the program to be made, and the last to go.
class EarlyBird {
 public:
  EarlyBird() : fails_at_first_(FirstThatFails()) {}
  ~EarlyBird() {
    if (code_ == 0) return;
    _exit(FirstThatFails() == nullptr && handlers_ == awaited_ ? code_ : 1);
  }

  const char* fails_at_first() const { return fails_at_first_; }
  void CountHandler() { ++handlers_; }

  // The program's exit code, if so many exit handlers were called before.
  void EndWith(int code, int awaited) {
    code_ = code;
    awaited_ = awaited;
  }

 private:
  const char* const fails_at_first_;
  int code_ = 0;
  int handlers_ = 0;
  int awaited_ = 0;
};

__attribute__((init_priority(101))) EarlyBird early_bird;

TEST(DropInLife, BeforeMain) {
  EXPECT_EQ(early_bird.fails_at_first(), nullptr);
}

constexpr int kFarewell = 42;
constexpr char kSaidFarewell[] = "it ended with exit code 42";

TEST(DropInLife, AfterAllDestructors) {
  EXPECT_EQ(course::RunInChild([] {
              early_bird.EndWith(kFarewell, 0);
              std::exit(0);
            }),
            kSaidFarewell);
}

// Each as the first in its handler; that comes with a registration, which may
// allocate.
template <size_t kEntry>
void RegisterFrom() {
  if constexpr (kEntry < std::size(kEntryPoints)) {
    std::atexit([] {
      if (!Works(kEntryPoints[kEntry])) _exit(2);
      early_bird.CountHandler();
    });
    RegisterFrom<kEntry + 1>();
  }
}

TEST(DropInLife, InAnExitHandler) {
  EXPECT_EQ(course::RunInChild([] {
              RegisterFrom<0>();
              early_bird.EndWith(kFarewell, std::size(kEntryPoints));
              std::exit(0);
            }),
            kSaidFarewell);
}

// A thread that does nothing but this. It says by its result whether it works.
template <typename Body>
bool OnAThread(Body body) {
  pthread_t thread;
  const auto run = [](void* to) -> void* {
    return (*static_cast<Body*>(to))() ? to : nullptr;
  };
  void* result = nullptr;
  return pthread_create(&thread, nullptr, run, &body) == 0 &&
         pthread_join(thread, &result) == 0 && result != nullptr;
}

TEST(DropInLife, FirstOfAThread) {
  for (const EntryPoint& entry : kEntryPoints) {
    EXPECT_TRUE(OnAThread([&] { return Works(entry); })) << entry.name;
  }
}

// What the destructors below have to say.
const EntryPoint* entry_to_try;
bool has_worked;

// The thread's value for a key; its destructor makes the thread's first call.
TEST(DropInLife, FirstOfAThreadInAKeysDestructor) {
  pthread_key_t key;
  ASSERT_EQ(pthread_key_create(
                &key, [](void*) { has_worked = Works(*entry_to_try); }),
            0);
  for (const EntryPoint& entry : kEntryPoints) {
    entry_to_try = &entry;
    has_worked = false;
    OnAThread([&] { return pthread_setspecific(key, &key) == 0; });
    EXPECT_TRUE(has_worked) << entry.name;
  }
  pthread_key_delete(key);
}

// To construct one, and to have it destroyed, is the thread's first business.
struct Local {
  Local() : worked(Works(*entry_to_try)) {}
  ~Local() { has_worked = worked && Works(*entry_to_try); }
  const bool worked;
};

TEST(DropInLife, InAThreadLocalsConstructorAndDestructor) {
  for (const EntryPoint& entry : kEntryPoints) {
    entry_to_try = &entry;
    has_worked = false;
    EXPECT_TRUE(OnAThread([] {
      thread_local const Local local;
      return local.worked;
    })) << entry.name;
    EXPECT_TRUE(has_worked) << entry.name;
  }
}

// libc keeps a buffer for each thread that asks for the text of an unknown
// error, and frees it after all destructors, ours too. 19 KiB a thread, if that
// made the thread a new cache.
void ThreadsThatAskForAnUnknownError(int count) {
  constexpr int kAtOnce = 8;
  const auto ask = [](void*) -> void* { return strerror(123456); };
  for (int i = 0; i < count; i += kAtOnce) {
    pthread_t threads[kAtOnce];
    for (pthread_t& thread : threads) {
      ASSERT_EQ(pthread_create(&thread, nullptr, ask, nullptr), 0);
    }
    for (pthread_t thread : threads) {
      void* text = nullptr;
      pthread_join(thread, &text);
      ASSERT_NE(text, nullptr);
    }
  }
}

TEST(DropInLife, TwentyThousandThreadsThatAskForAnUnknownError) {
  ThreadsThatAskForAnUnknownError(1000);
  const ProcessMemory before = ProcessMemory::Now();
  ThreadsThatAskForAnUnknownError(20'000);
  const ProcessMemory after = ProcessMemory::Now();
  EXPECT_LE(after.mapped, before.mapped + (1 << 20));
  EXPECT_LE(after.resident, before.resident + (1 << 20));
}

}  // namespace
}  // namespace pool
