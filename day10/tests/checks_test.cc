// What a build with POOL_CHECKS=ON catches: each kind of mistake with a block
// of each kind, at the call that makes it or at the next that can see it, and
// each with one line.
#include "pool/checks.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <cstring>
#include <ostream>
#include <sstream>
#include <string>
#include <thread>

#include "pool/calls.h"
#include "pool/page_heap.h"
#include "pool/pool.h"

namespace pool {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

std::string Hex(const void* pointer) {
  std::ostringstream text;
  text << "0x" << std::hex << reinterpret_cast<uintptr_t>(pointer);
  return text.str();
}

// What a block of the pool has: an object, or pages.
std::string BlockOf(const void* block) {
  const Span* span = PageHeap::Get().MapObjectToSpan(block);
  const size_t bytes =
      span->HoldsClass() ? span->size : span->BlockPages().bytes();
  return "a block of " + std::to_string(bytes) + " bytes";
}

char* At(void* start, size_t offset) {
  return static_cast<char*>(start) + offset;
}

// Each test for each of these sizes.
class ChecksDeathTest : public testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    if (!kChecks) GTEST_SKIP() << "not built with POOL_CHECKS=ON";
    bytes_ = GetParam();
    block_ = static_cast<char*>(Allocate(bytes_));
    ASSERT_NE(block_, nullptr);
    what_ = BlockOf(block_);
  }
  void TearDown() override {
    if (block_ != nullptr) Deallocate(block_, bytes_);
  }

  // Standard error gets this line and nothing else.
  template <typename Act>
  void ExpectLine(Act act, const std::string& call, const std::string& what) {
    EXPECT_EXIT(act(), testing::KilledBySignal(SIGABRT),
                testing::Eq("pool: " + call + what + "; " + what_ + "\n"));
  }
  std::string On(const std::string& call) const {
    return call + "(" + Hex(block_) + "): ";
  }

  size_t bytes_ = 0;
  char* block_ = nullptr;
  std::string what_;
};

INSTANTIATE_TEST_SUITE_P(Bytes, ChecksDeathTest,
                         testing::Values(0, 1, 8, 24, 64, 100, 248, 249, 1000,
                                         5 * kKiB, 100 * kKiB, 256 * kKiB - 8,
                                         256 * kKiB, 300 * kKiB, 1000 * kKiB));

TEST_P(ChecksDeathTest, FreedTwice) {
  const auto free_twice = [&] {
    Deallocate(block_);
    Deallocate(block_);
  };
  ExpectLine(free_twice, On("Deallocate"), "free already");
}

TEST_P(ChecksDeathTest, FreedTwiceByTwoThreads) {
  const auto free_twice = [&] {
    std::thread([&] { Deallocate(block_); }).join();
    Deallocate(block_);
  };
  ExpectLine(free_twice, On("Deallocate"), "free already");
}

TEST_P(ChecksDeathTest, FreedTwiceWithOthersBetween) {
  const auto free_twice = [&] {
    void* others[300];
    for (void*& other : others) other = Allocate(bytes_ % 5000);
    Deallocate(block_);
    for (void* other : others) Deallocate(other);
    Deallocate(block_);
  };
  ExpectLine(free_twice, On("Deallocate"), "free already");
}

TEST_P(ChecksDeathTest, ResizedAndAskedWhenFree) {
  const auto resize = [&](size_t bytes) {
    Deallocate(block_);
    Reallocate(block_, bytes);
  };
  for (const size_t bytes : {size_t{0}, size_t{1}, bytes_, 3 * bytes_ + 7}) {
    ExpectLine([&] { resize(bytes); }, On("Reallocate"), "free already");
  }
  const auto ask = [&] {
    Deallocate(block_);
    UsableSize(block_);
  };
  ExpectLine(ask, On("UsableSize"), "free already");
}

TEST_P(ChecksDeathTest, FreedFromInside) {
  for (const size_t offset : {size_t{1}, size_t{8}, bytes_ / 2, bytes_ - 1}) {
    if (offset == 0 || offset >= bytes_) continue;
    EXPECT_EXIT(Deallocate(At(block_, offset)),
                testing::KilledBySignal(SIGABRT),
                "^pool: Deallocate\\(" + Hex(At(block_, offset)) +
                    "\\): inside the block of [0-9]+ bytes that begins at " +
                    Hex(block_) + "\n$");
  }
}

TEST_P(ChecksDeathTest, AnotherSize) {
  for (const size_t said :
       {bytes_ + 1, bytes_ - 1, 2 * bytes_ + 1, size_t{0}}) {
    if (said == bytes_ || said == SIZE_MAX) continue;
    ExpectLine([&] { Deallocate(block_, said); }, On("Deallocate"),
               "said to have " + std::to_string(said) +
                   " bytes, asked for with " + std::to_string(bytes_));
  }
}

TEST_P(ChecksDeathTest, TheSizeBeforeItWasResized) {
  if (bytes_ == 0) return;
  block_ = static_cast<char*>(Reallocate(block_, bytes_ + 1));
  what_ = BlockOf(block_);
  ExpectLine([&] { Deallocate(block_, bytes_); }, On("Deallocate"),
             "said to have " + std::to_string(bytes_) +
                 " bytes, asked for with " + std::to_string(bytes_ + 1));
  ++bytes_;
}

TEST_P(ChecksDeathTest, AnotherAlignment) {
  EXPECT_EXIT(DeallocateAligned(block_, bytes_, 4 * kMiB * kMiB),
              testing::KilledBySignal(SIGABRT),
              "^pool: DeallocateAligned\\(" + Hex(block_) +
                  "\\): said to be aligned to 4398046511104; a block of");
}

// One byte, next to the last or somewhat behind, whatever is changed in it.
TEST_P(ChecksDeathTest, WrittenBehindItsEnd) {
  const Span* span = PageHeap::Get().MapObjectToSpan(block_);
  const size_t room =
      span->HoldsClass() ? span->size : span->BlockPages().bytes();
  for (const size_t offset : {bytes_, bytes_ + 3, bytes_ + 7, room - 1}) {
    for (const int change : {1, 64, 255}) {
      const auto write = [&](const auto& then) {
        *At(block_, offset) = static_cast<char>(*At(block_, offset) ^ change);
        then();
      };
      const std::string what = "pool: [A-Za-z]+\\(" + Hex(block_) +
                               "\\): written to behind its end.*; " + what_ +
                               "\n$";
      EXPECT_EXIT(write([&] { Deallocate(block_); }),
                  testing::KilledBySignal(SIGABRT), what);
      if (change != 1) continue;
      EXPECT_EXIT(write([&] { Reallocate(block_, bytes_ + 100); }),
                  testing::KilledBySignal(SIGABRT), what);
      EXPECT_EXIT(write([&] { UsableSize(block_); }),
                  testing::KilledBySignal(SIGABRT), what);
    }
  }
}

// The first block of a page has none before it, or a page that is closed.
TEST_P(ChecksDeathTest, WrittenBeforeItsStart) {
  const Span* span = PageHeap::Get().MapObjectToSpan(block_);
  if (!span->HoldsClass() || span->size >= kPageSize / 2) return;
  void* others[3] = {Allocate(bytes_), Allocate(bytes_), Allocate(bytes_)};
  char* block = block_;
  for (void* other : others) {
    if (reinterpret_cast<uintptr_t>(block) % kPageSize != 0) break;
    block = static_cast<char*>(other);
  }
  const auto write = [&] {
    block[-1] = static_cast<char>(block[-1] ^ 1);
    Deallocate(block);
  };
  EXPECT_EXIT(write(), testing::KilledBySignal(SIGABRT),
              testing::Eq("pool: Deallocate(" + Hex(block) +
                          "): written to before its start; " + what_ + "\n"));
  for (void* other : others) Deallocate(other);
}

// A free block is looked at when somebody is to get it; a large one before its
// pages go back.
TEST_P(ChecksDeathTest, WrittenToWhenFree) {
  const bool is_large = !PageHeap::Get().MapObjectToSpan(block_)->HoldsClass();
  for (const size_t offset : {size_t{0}, bytes_ / 2, bytes_ - 1}) {
    if (offset >= bytes_ || offset >= 248) continue;
    const auto write = [&] {
      ReleaseFreeMemory();  // so that no other one is due
      Deallocate(block_);
      *At(block_, offset) ^= 1;
      is_large ? static_cast<void>(ReleaseFreeMemory())
               : static_cast<void>(Allocate(bytes_));
    };
    EXPECT_EXIT(
        write(), testing::KilledBySignal(SIGABRT),
        testing::Eq(std::string("pool: ") +
                    (is_large ? "ReleaseFreeMemory" : "Allocate") + " found " +
                    Hex(block_) + " written to after it was free, at byte " +
                    std::to_string(offset) + "; " + what_ + "\n"));
  }
}

TEST_P(ChecksDeathTest, TheWordOfAFreeBlock) {
  if (!PageHeap::Get().MapObjectToSpan(block_)->HoldsClass()) return;
  const auto write = [&] {
    char* word = At(block_, PageHeap::Get().MapObjectToSpan(block_)->size - 8);
    Deallocate(block_);
    word[3] = static_cast<char>(~word[3]);
    Allocate(bytes_);
  };
  EXPECT_EXIT(write(), testing::KilledBySignal(SIGABRT),
              "written to after it was free");
}

// The CPU's own answer, at once.
TEST_P(ChecksDeathTest, PagesBesideALargeBlock) {
  if (bytes_ <= 256 * kKiB) return;
  volatile char* bytes = block_;
  const size_t room =
      PageHeap::Get().MapObjectToSpan(block_)->BlockPages().bytes();
  EXPECT_EXIT(bytes[-1] = 1, testing::KilledBySignal(SIGSEGV), "");
  EXPECT_EXIT(bytes[room] = 1, testing::KilledBySignal(SIGSEGV), "");
  EXPECT_EXIT(static_cast<void>(bytes[room + kPageSize - 1]),
              testing::KilledBySignal(SIGSEGV), "");
}

TEST(ChecksTest, UsableSizeIsWhatWasAskedFor) {
  if (!kChecks) GTEST_SKIP() << "not built with POOL_CHECKS=ON";
  for (size_t bytes = 0; bytes < kMiB; bytes += bytes / 3 + 1) {
    void* block = Allocate(bytes);
    EXPECT_EQ(UsableSize(block), bytes);
    std::memset(block, 'x', bytes);
    Deallocate(block, bytes);
  }
}

// The size is the one that the caller said, whatever the alignment made of it.
TEST(ChecksTest, AlignedBlocksGoHomeWithTheirSize) {
  if (!kChecks) GTEST_SKIP() << "not built with POOL_CHECKS=ON";
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{100}, 9 * kKiB,
                             256 * kKiB, 300 * kKiB, 2 * kMiB}) {
    for (size_t alignment = 1; alignment <= kMiB; alignment *= 2) {
      void* block = AllocateAligned(bytes, alignment);
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % alignment, 0u);
      std::memset(block, 'x', bytes);
      DeallocateAligned(block, bytes, alignment);
    }
  }
}

// What Reallocate leaves in place is longer or shorter, and looked at so.
TEST(ChecksTest, ResizedBlocksKeepWhatIsTheirs) {
  if (!kChecks) GTEST_SKIP() << "not built with POOL_CHECKS=ON";
  for (const size_t most : {100 * size_t{1}, 5 * kKiB, 300 * kKiB, 2 * kMiB}) {
    char* block = nullptr;
    size_t had = 0;
    for (size_t i = 0; i < 200; ++i) {
      const size_t bytes = 1 + (i * 7919 + most / 2) % most;
      block = static_cast<char*>(Reallocate(block, bytes));
      for (size_t j = 0; j < std::min(had, bytes); j += 61) {
        ASSERT_EQ(block[j], 'x');
      }
      std::memset(block, 'x', bytes);
      had = bytes;
    }
    Deallocate(block, had);
  }
}

}  // namespace
}  // namespace pool
