#include "common/testing/system_calls.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <stdexcept>

namespace course {
namespace {

// Keeps the compiler from seeing that nobody uses the block.
void Use(void* block) { asm volatile("" : : "r"(block) : "memory"); }

class SystemCalls : public testing::Test {
 protected:
  void SetUp() override {
    if (!CountSystemCalls([] {})) GTEST_SKIP() << "ptrace is not permitted";
  }
};

TEST_F(SystemCalls, NoneAreNone) {
  EXPECT_EQ(CountSystemCalls([] {})->total, 0u);
}

TEST_F(SystemCalls, CountsEachOnce) {
  const auto count = CountSystemCalls([] {
    for (int i = 0; i < 1000; ++i) getppid();
  });
  EXPECT_EQ(count->total, 1000u);
  EXPECT_EQ(count->memory(), 0u);
}

TEST_F(SystemCalls, CountsThoseAboutMemoryByName) {
  // By number: a sanitizer does more than is asked for behind these names.
  const auto count = CountSystemCalls([] {
    constexpr size_t kBytes = 1 << 20;
    for (int i = 0; i < 5; ++i) {
      const long start = syscall(SYS_mmap, nullptr, kBytes, PROT_READ,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      syscall(SYS_madvise, start, kBytes, MADV_DONTNEED);
      syscall(SYS_madvise, start, kBytes, MADV_DONTNEED);
      syscall(SYS_mprotect, start, kBytes, PROT_NONE);
      const long moved =
          syscall(SYS_mremap, start, kBytes, 2 * kBytes, MREMAP_MAYMOVE);
      syscall(SYS_munmap, moved, kBytes);
      syscall(SYS_munmap, moved + kBytes, kBytes);
    }
    syscall(SYS_getppid);
    syscall(SYS_brk, nullptr);
  });
  EXPECT_EQ(count->mmap, 5u);
  EXPECT_EQ(count->madvise, 10u);
  EXPECT_EQ(count->mprotect, 5u);
  EXPECT_EQ(count->mremap, 5u);
  EXPECT_EQ(count->munmap, 10u);
  EXPECT_EQ(count->brk, 1u);
  EXPECT_EQ(count->memory(), 36u);
  EXPECT_EQ(count->total, 37u);
}

TEST_F(SystemCalls, SignalsReachTheBody) {
  const auto count = CountSystemCalls([] {
    static volatile sig_atomic_t seen = 0;
    std::signal(SIGUSR1, [](int) { seen = 1; });
    raise(SIGUSR1);
    if (seen == 0) _exit(1);
  });
  EXPECT_GT(count->total, 0u);
}

TEST_F(SystemCalls, ABodyThatCrashesIsNoCount) {
  EXPECT_THROW(CountSystemCalls([] { raise(SIGKILL); }), std::runtime_error);
  EXPECT_THROW(CountSystemCalls([] { _exit(3); }), std::runtime_error);
}

// "Each malloc enters the kernel" is a legend. (glibc makes none here, or one
// or two for its first block; a sanitizer's malloc some hundred.)
TEST_F(SystemCalls, AMillionMallocsMakeFew) {
  const auto count = CountSystemCalls([] {
    for (int i = 0; i < 1000000; ++i) {
      void* block = std::malloc(16);
      Use(block);
      std::free(block);
    }
  });
  EXPECT_LT(count->total, 1000u);
}

}  // namespace
}  // namespace course
