#include "pool/system_memory.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <thread>
#include <vector>

#include "common/testing/pace.h"
#include "pool/bytes.h"

namespace pool {
namespace {

constexpr size_t kKernelPage = 4096;

// A kernel that keeps a ledger of what is mapped, and misbehaves on demand.
class FakeKernel : public ::testing::Test {
 protected:
  FakeKernel() {
    ledger_.clear();
    page_size_ = kKernelPage;
    refuse_unmap_ = refuse_map_ = false;
    before_ = ReadSystemFootprint();
    previous_ = SetKernelCalls(&kCalls);
  }
  ~FakeKernel() override { SetKernelCalls(previous_); }

  // Bytes that the kernel knows as mapped.
  static size_t LedgerBytes() {
    size_t bytes = 0;
    for (const auto& [start, length] : ledger_) bytes += length;
    return bytes;
  }
  size_t Mapped() const {
    return ReadSystemFootprint().mapped - before_.mapped;
  }
  size_t Refused() const {
    return ReadSystemFootprint().refused - before_.refused;
  }

  static size_t PageSize() { return page_size_; }

  static void* Map(size_t bytes) {
    errno = ENOMEM;  // a real kernel leaves something here
    if (refuse_map_) return nullptr;
    EXPECT_EQ(bytes % page_size_, 0u);
    // Real memory around it, so that it can be aligned to a larger page.
    char* start = static_cast<char*>(RealKernelCalls().map(bytes + page_size_));
    start += RoundUp(reinterpret_cast<uintptr_t>(start), page_size_) -
             reinterpret_cast<uintptr_t>(start);
    ledger_[start] = bytes;
    return start;
  }

  static bool Unmap(void* start, size_t bytes) {
    errno = ENOMEM;
    if (refuse_unmap_) return false;
    EXPECT_TRUE(IsAligned(start, page_size_));
    EXPECT_EQ(bytes % page_size_, 0u);
    char* const from = static_cast<char*>(start);
    auto entry = ledger_.upper_bound(from);
    if (entry == ledger_.begin()) return Fail(start, bytes);
    --entry;
    const auto [mapped_start, length] = *entry;
    if (from + bytes > mapped_start + length) return Fail(start, bytes);
    ledger_.erase(entry);
    if (from > mapped_start) ledger_[mapped_start] = from - mapped_start;
    const size_t behind = mapped_start + length - (from + bytes);
    if (behind != 0) ledger_[from + bytes] = behind;
    return true;
  }

  static bool Fail(void* start, size_t bytes) {
    ADD_FAILURE() << "unmaps what is not mapped: " << start << ", " << bytes;
    return true;
  }

  static bool Discard(void* start, size_t bytes) {
    memset(start, 0, bytes);
    return true;
  }

  static constexpr KernelCalls kCalls = {PageSize, Map, Unmap, Discard};
  static inline std::map<char*, size_t> ledger_;
  static inline size_t page_size_;
  static inline bool refuse_unmap_, refuse_map_;
  SystemFootprint before_;
  const KernelCalls* previous_;
};

TEST_F(FakeKernel, GivesWholePagesAndTakesThemBack) {
  for (size_t bytes : {size_t{1}, kPageSize, kPageSize + 1, 5 * kPageSize}) {
    void* start = SystemAlloc(bytes);
    EXPECT_EQ(LedgerBytes(), RoundUp(bytes, kKernelPage));
    EXPECT_EQ(Mapped(), SystemSize(bytes));
    SystemFree(start, bytes);
    EXPECT_EQ(LedgerBytes(), 0u);
    EXPECT_EQ(Mapped(), 0u);
  }
}

TEST_F(FakeKernel, RoundsToAKernelPageThatIsLargerThanOurs) {
  page_size_ = 65536;
  void* start = SystemAlloc(kPageSize);
  EXPECT_EQ(LedgerBytes(), 65536u);
  EXPECT_EQ(SystemSize(kPageSize), 65536u);
  SystemFree(start, kPageSize);
  EXPECT_EQ(LedgerBytes(), 0u);
}

TEST_F(FakeKernel, SaysSoWhenThereIsNoMemory) {
  refuse_map_ = true;
  EXPECT_EQ(SystemAlloc(1), nullptr);
  EXPECT_EQ(Mapped(), 0u);
  refuse_map_ = false;
  void* start = SystemAlloc(1);
  EXPECT_NE(start, nullptr);
  SystemFree(start, 1);
}

TEST_F(FakeKernel, DoesNotAskForWhatCannotBe) {
  const size_t calls = ReadSystemFootprint().map_calls;
  for (size_t bytes : {SIZE_MAX, SIZE_MAX - kKernelPage, kMaxBytes + 1,
                       kMaxBytes, kMaxBytes - kKernelPage + 2}) {
    EXPECT_EQ(SystemAlloc(bytes), nullptr) << bytes;
    EXPECT_EQ(ReadSystemFootprint().map_calls, calls) << bytes;
  }
}

TEST_F(FakeKernel, ARefusedUnmapIsDroppedCountedAndRetried) {
  char* first = static_cast<char*>(SystemAlloc(3 * kPageSize));
  char* second = static_cast<char*>(SystemAlloc(kPageSize));
  char* third = static_cast<char*>(SystemAlloc(kPageSize));
  memset(first, 7, 3 * kPageSize);

  refuse_unmap_ = true;
  SystemFree(first, 3 * kPageSize);
  SystemFree(second, kPageSize);
  EXPECT_EQ(Refused(), 4 * kPageSize);
  EXPECT_EQ(Mapped(), 5 * kPageSize) << "refused bytes are still ours";
  EXPECT_EQ(first[kPageSize], 0) << "the contents are dropped";
  EXPECT_EQ(ReadSystemFootprint().discard_calls, before_.discard_calls + 2);

  refuse_unmap_ = false;
  SystemFree(third, kPageSize);
  EXPECT_EQ(Refused(), 0u);
  EXPECT_EQ(Mapped(), 0u);
  EXPECT_EQ(LedgerBytes(), 0u);
}

TEST_F(FakeKernel, LeavesErrnoAlone) {
  errno = EDOM;
  void* start = SystemAlloc(1);
  refuse_unmap_ = true;
  SystemFree(start, 1);
  refuse_unmap_ = false;
  SystemFree(SystemAlloc(1), 1);
  EXPECT_EQ(errno, EDOM);
}

TEST(SystemMemory, GivesZeroedAlignedWritablePages) {
  std::vector<char*> live;
  for (size_t i = 1; i <= 64; ++i) {
    char* start = static_cast<char*>(SystemAlloc(i * 1000));
    ASSERT_TRUE(IsAligned(start, kSmallestKernelPage));
    for (size_t byte = 0; byte < SystemSize(i * 1000); ++byte) {
      ASSERT_EQ(start[byte], 0);
    }
    memset(start, 0xAB, SystemSize(i * 1000));
    live.push_back(start);
  }
  for (size_t i = 1; i <= 64; ++i) SystemFree(live[i - 1], i * 1000);
}

// "Handed back by other means" is the kernel's own word, not a fake one's.
TEST(SystemMemory, WhatMayNotBeUnmappedTakesUpNoMemory) {
  static const KernelCalls real = RealKernelCalls();
  static const KernelCalls no_unmap = {real.page_size, real.map,
                                       [](void*, size_t) { return false; },
                                       real.discard};
  const SystemFootprint before = ReadSystemFootprint();
  const KernelCalls* previous = SetKernelCalls(&no_unmap);
  char* pages = static_cast<char*>(SystemAlloc(3 * kPageSize));
  memset(pages, 7, 3 * kPageSize);
  SystemFree(pages, 3 * kPageSize);
  EXPECT_EQ(pages[kPageSize], 0);
  EXPECT_EQ(pages[3 * kPageSize - 1], 0);
  SetKernelCalls(previous);
  SystemFree(SystemAlloc(1), 1);
  EXPECT_EQ(ReadSystemFootprint().mapped, before.mapped);
}

size_t MostMappings() {
  size_t count = 0;
  FILE* file = fopen("/proc/sys/vm/max_map_count", "r");
  if (file == nullptr) return 0;
  if (fscanf(file, "%zu", &count) != 1) count = 0;
  fclose(file);
  return count;
}

// The kernel allows some 65,000 mappings. Each page freed out of the middle of
// one costs another, until it refuses.
TEST(SystemMemory, LosesNothingBeyondTheKernelsLimitOfMappings) {
  if (MostMappings() > 70'000) {
    GTEST_SKIP() << "here the limit is higher: " << MostMappings();
  }
  if (course::IsSanitized()) {
    GTEST_SKIP() << "a quarter of a minute, all of it in the kernel";
  }
  const SystemFootprint before = ReadSystemFootprint();
  constexpr size_t kBlocks = 150'000;
  std::vector<char*> live(kBlocks);
  for (char*& block : live) {
    block = static_cast<char*>(SystemAlloc(kPageSize));
    ASSERT_NE(block, nullptr);
  }
  for (size_t i = 0; i < kBlocks; i += 2) SystemFree(live[i], kPageSize);
  EXPECT_GT(ReadSystemFootprint().refused, 0u) << "the limit was not reached";
  EXPECT_EQ(ReadSystemFootprint().mapped - before.mapped -
                ReadSystemFootprint().refused,
            kBlocks / 2 * kPageSize);
  for (size_t i = 1; i < kBlocks; i += 2) SystemFree(live[i], kPageSize);
  EXPECT_EQ(ReadSystemFootprint().refused, 0u);
  EXPECT_EQ(ReadSystemFootprint().mapped, before.mapped);
}

// The list of refused ranges under several threads at once.
TEST(SystemMemory, RefusalsFromManyThreadsAreAllRetried) {
  static std::atomic<unsigned> turn;
  static const KernelCalls real = RealKernelCalls();
  static const KernelCalls every_other_fails = {
      real.page_size, real.map,
      [](void* start, size_t bytes) {
        return turn.fetch_add(1) % 2 != 0 && real.unmap(start, bytes);
      },
      real.discard};
  const SystemFootprint before = ReadSystemFootprint();
  const KernelCalls* previous = SetKernelCalls(&every_other_fails);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([] {
      for (int k = 0; k < 5000; ++k) SystemFree(SystemAlloc(1), 1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  SetKernelCalls(previous);
  for (int i = 0; i < 100'000 && ReadSystemFootprint().refused != 0; ++i) {
    SystemFree(SystemAlloc(1), 1);
  }
  EXPECT_EQ(ReadSystemFootprint().refused, 0u);
  EXPECT_EQ(ReadSystemFootprint().mapped, before.mapped);
}

}  // namespace
}  // namespace pool
