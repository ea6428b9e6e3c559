// operator new asks the new-handler for help until there is memory, or until
// there is no handler, or until it throws.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstdlib>
#include <new>

#include "checked_blocks.h"
#include "common/testing/child.h"
#include "malloc_table.h"
#include "process_memory.h"

namespace pool {
namespace {

using Align = std::align_val_t;

// Every form of new, for as many bytes.
struct Form {
  const char* name;
  bool throws;
  void* (*make)(size_t bytes);
};
constexpr Form kForms[] = {
    {"new", true, [](size_t n) { return ::operator new(n); }},
    {"new[]", true, [](size_t n) { return ::operator new[](n); }},
    {"new align", true, [](size_t n) { return ::operator new (n, Align{64}); }},
    {"new[] align", true,
     [](size_t n) { return ::operator new[](n, Align{64}); }},
    {"new nothrow", false,
     [](size_t n) { return ::operator new(n, std::nothrow); }},
    {"new[] nothrow", false,
     [](size_t n) { return ::operator new[](n, std::nothrow); }},
    {"new align nothrow", false,
     [](size_t n) { return ::operator new (n, Align{64}, std::nothrow); }},
    {"new[] align nothrow", false,
     [](size_t n) { return ::operator new[](n, Align{64}, std::nothrow); }},
};

// Whoever tests changes the handler; whoever comes later has none.
class NewHandler : public testing::Test {
 protected:
  void SetUp() override { calls = 0; }
  void TearDown() override { std::set_new_handler(nullptr); }

  static inline int calls;
};

TEST_F(NewHandler, IsNotAskedWhileThereIsMemory) {
  std::set_new_handler([] { ++calls; });
  for (const Form& form : kForms) {
    for (const size_t bytes : {size_t{0}, size_t{100}, kMiB}) {
      void* block = form.make(bytes);
      EXPECT_NE(block, nullptr);
      free(block);
    }
  }
  EXPECT_EQ(calls, 0);
}

TEST_F(NewHandler, IsAskedUntilItGivesUp) {
  for (const Form& form : kForms) {
    calls = 0;
    std::set_new_handler([] {
      if (++calls == 3) std::set_new_handler(nullptr);
    });
    bool threw = false;
    try {
      EXPECT_EQ(form.make(kMost), nullptr) << form.name;
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    EXPECT_EQ(threw, form.throws) << form.name;
    EXPECT_EQ(calls, 3) << form.name;
  }
}

// What the handler throws, the caller sees; but the forms that promise not to
// throw return null.
struct NoRoom : std::bad_alloc {
  int when = calls_when_thrown;
  static inline int calls_when_thrown;
};

TEST_F(NewHandler, MayThrow) {
  for (const Form& form : kForms) {
    calls = 0;
    std::set_new_handler([] {
      NoRoom::calls_when_thrown = ++calls;
      if (calls == 2) throw NoRoom();
    });
    bool threw = false;
    try {
      EXPECT_EQ(form.make(SIZE_MAX), nullptr) << form.name;
    } catch (const NoRoom& no_room) {
      threw = true;
      EXPECT_EQ(no_room.when, 2);
    }
    EXPECT_EQ(threw, form.throws) << form.name;
    EXPECT_EQ(calls, 2) << form.name;
  }
}

// malloc knows of no handler.
TEST_F(NewHandler, IsForNewAlone) {
  std::set_new_handler([] { ++calls; });
  volatile size_t impossible = kMost;
  EXPECT_EQ(malloc(impossible), nullptr);
  EXPECT_EQ(calloc(2, impossible), nullptr);
  EXPECT_EQ(aligned_alloc(64, impossible), nullptr);
  EXPECT_EQ(calls, 0);
}

// In a process that may have little more than it has, the handler gives up its
// ballast, and new succeeds.
constexpr size_t kBallast = 256 * kMiB;
constexpr size_t kRequest = 128 * kMiB;
void* ballast;

void LimitAddressSpace(size_t more) {
  const size_t limit = ProcessMemory::Now().mapped + more;
  const rlimit addresses = {limit, limit};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &addresses), 0);
}

// drop() is the handler that gives up the ballast that take() made. Exit code
// 0, if every form of new was helped once.
void NewIsHelped(void* (*take)(), std::new_handler drop) {
  for (const Form& form : kForms) {
    const std::string end = course::RunInChild([&] {
      ballast = take();
      if (ballast == nullptr) _exit(2);
      LimitAddressSpace(kRequest / 2);
      std::set_new_handler(drop);
      void* block = form.make(kRequest);
      if (block == nullptr || ballast != nullptr) _exit(3);
      Fill(block, kRequest);
      free(block);
    });
    EXPECT_EQ(end, "") << form.name;
  }
}

TEST_F(NewHandler, MayFindMemoryOutsideOfTheHeap) {
  const auto take = [] {
    void* start = mmap(nullptr, kBallast, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return start == MAP_FAILED ? nullptr : start;
  };
  const auto drop = [] {
    if (ballast == nullptr) _exit(4);  // asked again, in vain
    munmap(ballast, kBallast);
    ballast = nullptr;
  };
  NewIsHelped(take, drop);
}

TEST_F(NewHandler, MayFreeBlocks) {
  const auto drop = [] {
    if (ballast == nullptr) _exit(4);
    free(ballast);
    ballast = nullptr;
  };
  NewIsHelped([] { return malloc(kBallast); }, drop);
}

// A program that is out of memory is told so, and goes on when there is some.
TEST_F(NewHandler, ProgramsGoOnAfterARefusal) {
  const std::string end = course::RunInChild([] {
    LimitAddressSpace(64 * kMiB);
    for (int round = 0; round < 3; ++round) {
      void* first = nullptr;
      int blocks = 0;
      // Each begins with a pointer to the one before.
      while (void* block = ::operator new(300 * kKiB, std::nothrow)) {
        *static_cast<void**>(block) = first;
        first = block;
        ++blocks;
      }
      if (blocks < 50) _exit(5);
      while (first != nullptr) {
        void* next = *static_cast<void**>(first);
        ::operator delete(first);
        first = next;
      }
    }
  });
  EXPECT_EQ(end, "");
}

}  // namespace
}  // namespace pool
