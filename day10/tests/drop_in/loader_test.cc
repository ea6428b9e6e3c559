// The dynamic loader calls malloc while it holds its own locks, and libraries
// that it loads allocate before and after all else.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "entry_points.h"
#include "process_memory.h"

namespace pool {
namespace {

constexpr char kAllocating[] = COURSE_LIBRARY_DIR "/allocating.so";
constexpr char kOurs[] = COURSE_LIBRARY_DIR "/libpool_malloc.so";

void* Load(const char* path, int flags = RTLD_NOW) {
  void* handle = dlopen(path, flags | RTLD_LOCAL);
  if (handle == nullptr) ADD_FAILURE() << dlerror();
  return handle;
}

// What a thread's first use of the library finds: 51 words and two maps of 100.
void ExpectUsable(void* handle) {
  const auto use = Library(handle).Find<size_t()>("UseThreadLocals");
  ASSERT_NE(use, nullptr);
  EXPECT_EQ(use(), 251u);
}

// Whether it was really unloaded: what follows would else test little.
bool IsLoaded(const char* path) {
  void* handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
  if (handle != nullptr) dlclose(handle);
  return handle != nullptr;
}

// Runs body so often, and finds that memory did not grow after the first times.
template <typename Body>
void ExpectFlat(int rounds, Body body) {
  for (int i = 0; i < rounds / 5 + 1; ++i) body();
  const ProcessMemory before = ProcessMemory::Now();
  for (int i = 0; i < rounds; ++i) body();
  const ProcessMemory after = ProcessMemory::Now();
  constexpr size_t kLittle = 1 << 20;
  EXPECT_LE(after.mapped, before.mapped + kLittle);
  EXPECT_LE(after.resident, before.resident + kLittle);
}

TEST(Loader, ALibraryComesAndGoes) {
  ExpectFlat(100, [] {
    void* handle = Load(kAllocating);
    std::thread([handle] { ExpectUsable(handle); }).join();
    dlclose(handle);
    ASSERT_FALSE(IsLoaded(kAllocating));
  });
}

TEST(Loader, ALibraryComesLazilyAndGoesUnused) {
  ExpectFlat(100, [] {
    dlclose(Load(kAllocating, RTLD_LAZY));
    ASSERT_FALSE(IsLoaded(kAllocating));
  });
}

// The thread still has objects of the library when it is closed. They are
// destroyed with the thread, and only then can the library go.
TEST(Loader, ALibraryGoesBeforeItsThreads) {
  ExpectFlat(100, [] {
    void* handle = Load(kAllocating);
    std::promise<void> used;
    std::promise<void> closed;
    std::thread thread([&, handle] {
      ExpectUsable(handle);
      used.set_value();
      closed.get_future().wait();
    });
    used.get_future().wait();
    dlclose(handle);
    closed.set_value();
    thread.join();
  });
}

// Some load and unload while others allocate, and others begin and end.
TEST(Loader, ThreadsLoadAtOnce) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> allocating;
  for (int i = 0; i < 3; ++i) {
    allocating.emplace_back([&stop] {
      while (!stop) {
        std::thread([] { free(malloc(100)); }).join();
        std::vector<std::string> words(100, std::string(100, 'x'));
      }
    });
  }
  std::vector<std::thread> loading;
  for (int i = 0; i < 4; ++i) {
    loading.emplace_back([] {
      for (int round = 0; round < 50; ++round) {
        void* handle = Load(kAllocating);
        std::thread([handle] { ExpectUsable(handle); }).join();
        dlclose(handle);
      }
    });
  }
  for (std::thread& thread : loading) thread.join();
  stop = true;
  for (std::thread& thread : allocating) thread.join();
}

// Threads that were there before the library: the loader makes room for its
// thread-local objects at their first use.
TEST(Loader, OldThreadsUseANewLibrary) {
  constexpr int kThreads = 8;
  std::promise<void*> loaded;
  const std::shared_future<void*> handle = loaded.get_future().share();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([handle] { ExpectUsable(handle.get()); });
  }
  loaded.set_value(Load(kAllocating));
  for (std::thread& thread : threads) thread.join();
  dlclose(handle.get());
}

// This program was linked with it. It is no other library by that name.
TEST(Loader, OurOwnLibraryIsLoadedOnce) {
  const ProcessMemory before = ProcessMemory::Now();
  for (int i = 0; i < 100; ++i) {
    void* handle = Load(kOurs);
    EXPECT_EQ(dlsym(handle, "malloc"), dlsym(RTLD_DEFAULT, "malloc"));
    dlclose(handle);
  }
  EXPECT_TRUE(IsLoaded(kOurs));
  EXPECT_LE(ProcessMemory::Now().mapped, before.mapped + (1 << 20));
}

// What the loader finds missing, it says in a text of its own, for each thread.
TEST(Loader, ItsMessagesComeFromTheHeap) {
  ExpectFlat(200, [] {
    std::thread([] {
      EXPECT_EQ(dlopen("/no/such/library.so", RTLD_NOW), nullptr);
      const char* message = dlerror();
      ASSERT_NE(message, nullptr);
      EXPECT_NE(std::string(message).find("no/such"), std::string::npos);
      EXPECT_EQ(dlsym(RTLD_DEFAULT, "no_such_name"), nullptr);
    }).join();
  });
}

}  // namespace
}  // namespace pool
