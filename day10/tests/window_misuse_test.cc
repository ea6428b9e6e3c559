// A free that is wrong and goes unnoticed at the time, since it does not look
// for the block's span, is found when it reaches that span. Where assertions
// are on, each free looks, and misuse_test.cc has that.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <thread>

#include "fake_kernel.h"
#include "pool/arena.h"
#include "pool/central_cache.h"
#include "pool/macros.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/tuning.h"

namespace pool {
namespace {

std::string Hex(const void* pointer) {
  std::ostringstream text;
  text << "0x" << std::hex << reinterpret_cast<uintptr_t>(pointer);
  return text.str();
}

void* At(void* start, size_t offset) {
  return static_cast<char*>(start) + offset;
}

// Standard error gets this line and nothing else.
template <typename Body>
void ExpectLine(const Body& body, const void* pointer,
                const std::string& what) {
  EXPECT_EXIT(body(), testing::KilledBySignal(SIGABRT),
              testing::Eq("pool: a free before this one(" + Hex(pointer) +
                          "): " + what + "\n"));
}

std::string Twice(size_t bytes) {
  return "free already; a block of " + std::to_string(bytes) + " bytes";
}

std::string Inside(size_t bytes, const void* start) {
  return "inside the block of " + std::to_string(bytes) +
         " bytes that begins at " + Hex(start);
}

class WindowMisuseDeathTest : public testing::Test {
 protected:
  void SetUp() override {
    if (kDebugBuild || kChecks) GTEST_SKIP() << "each free looks for its span";
  }
};

TEST_F(WindowMisuseDeathTest, ABlockFreedTwice) {
  for (const size_t bytes : {8, 64, 1024, 4096, 32768}) {
    void* block = Allocate(bytes);
    ASSERT_NE(Arena::TagOf(block), 0u);
    ExpectLine(
        [=] {
          Deallocate(block);
          Deallocate(block);
          ReleaseFreeMemory();
        },
        block, Twice(bytes));
  }
}

// The first free of it has reached the span long ago.
TEST_F(WindowMisuseDeathTest, ABlockFreedAgainLater) {
  void* block = Allocate(64);
  void* other = Allocate(64);  // keeps the span
  ExpectLine(
      [=] {
        Deallocate(block);
        ReleaseFreeMemory();
        Deallocate(block);
        ReleaseFreeMemory();
      },
      block, Twice(64));
  Deallocate(other);
}

TEST_F(WindowMisuseDeathTest, ABlockFreedByTwoThreads) {
  void* block = Allocate(64);
  void* other = Allocate(64);  // keeps the span
  ExpectLine(
      [=] {
        std::thread([=] { Deallocate(block); }).join();
        Deallocate(block);
        ReleaseFreeMemory();
      },
      block, Twice(64));
  Deallocate(other);
}

TEST_F(WindowMisuseDeathTest, AnAddressInsideABlock) {
  for (const size_t bytes : {16, 48, 64, 3072, 32768, 262144}) {
    void* block = Allocate(bytes);
    for (const size_t offset : {size_t{1}, size_t{8}, bytes / 2, bytes - 1}) {
      ExpectLine(
          [=] {
            Deallocate(At(block, offset));
            ReleaseFreeMemory();
          },
          At(block, offset), Inside(bytes, block));
    }
  }
}

TEST_F(WindowMisuseDeathTest, AnAddressInsideAnAlignedBlock) {
  for (const size_t bytes : {size_t{128}, kPageSize}) {
    void* block = AllocateAligned(100, bytes);
    ExpectLine(
        [=] {
          DeallocateAligned(At(block, 64), 100, bytes);
          ReleaseFreeMemory();
        },
        At(block, 64), Inside(bytes, block));
  }
}

TEST_F(WindowMisuseDeathTest, AnAddressInsideABlockOfAKnownSize) {
  void* block = Allocate(64);
  ExpectLine(
      [=] {
        Deallocate(At(block, 16), 64);
        ReleaseFreeMemory();
      },
      At(block, 16), Inside(64, block));
}

// On the pages of the span, behind its last block.
TEST_F(WindowMisuseDeathTest, AnAddressBehindTheLastBlock) {
  for (const size_t bytes : {48, 112, 1792, 5120, 9216}) {
    void* block = Allocate(bytes);
    const Span* span = PageHeap::Get().MapObjectToSpan(block);
    ASSERT_GT(span->Tail(), 0u) << "choose another size";
    for (const size_t back : {span->Tail(), size_t{1}}) {
      void* tail = At(span->Start(), span->pages.bytes() - back);
      ExpectLine(
          [=] {
            Deallocate(tail);
            ReleaseFreeMemory();
          },
          tail,
          "behind the last block of " + std::to_string(bytes) +
              " bytes of its pages");
    }
  }
}

// There would be a block, but nobody ever got it.
TEST_F(WindowMisuseDeathTest, ABlockThatWasNeverHandedOut) {
  void* block = Allocate(64);
  const Span* span = PageHeap::Get().MapObjectToSpan(block);
  void* last = At(span->Start(), (span->capacity - 1) * span->size);
  EXPECT_EXIT(
      {
        Deallocate(last);
        ReleaseFreeMemory();
      },
      testing::KilledBySignal(SIGABRT),
      testing::MatchesRegex("pool: a free before this one\\(" + Hex(last) +
                            "\\): [^\n]*\n"));
}

// Without a call to release: by use alone, when the magazines come home.
TEST_F(WindowMisuseDeathTest, ABlockFreedTwiceByAThreadThatIsGone) {
  void* block = Allocate(64);
  ExpectLine(
      [=] {
        FakeKernel kernel;
        std::thread([=] {
          Deallocate(block);
          Deallocate(block);
        }).join();
        for (int i = 0; i < 4; ++i) {
          kernel.Advance(tuning::kUpkeepEvery);
          Deallocate(Allocate(1 << 20));
        }
      },
      block, Twice(64));
}

// Which one of them is found first is chance, and whether it is the last one of
// its span.
TEST_F(WindowMisuseDeathTest, BlocksFreedTwiceThatLieInADepot) {
  const auto free_all_twice = [] {
    FakeKernel kernel;
    static void* blocks[5000];
    for (void*& block : blocks) block = Allocate(64);
    for (void* block : blocks) Deallocate(block);
    for (void* block : blocks) Deallocate(block);
    for (int i = 0; i < 4; ++i) {
      kernel.Advance(tuning::kUpkeepEvery);
      Deallocate(Allocate(1 << 20));
    }
  };
  EXPECT_EXIT(
      free_all_twice(), testing::KilledBySignal(SIGABRT),
      testing::MatchesRegex("pool: a free before this one\\(0x[0-9a-f]*\\): "
                            "(free already|not allocated)[^\n]*\n"));
}

// Whoever gives the middle layer a block of another class.
TEST(CentralCacheMisuseDeathTest, ABlockOfAnotherClass) {
  void* block = Allocate(64);
  EXPECT_EXIT(CentralCache::Get().ReleaseListToSpans(&block, 1, 128),
              testing::KilledBySignal(SIGABRT),
              testing::MatchesRegex("pool: a free before this one\\(" +
                                    Hex(block) + "\\): [^\n]*\n"));
}

TEST(CentralCacheMisuseDeathTest, ABlockThatIsAtHome) {
  void* blocks[] = {Allocate(64), Allocate(64)};
  ReleaseFreeMemory();
  CentralCache::Get().ReleaseListToSpans(&blocks[0], 1, 64);
  ExpectLine([&] { CentralCache::Get().ReleaseListToSpans(blocks, 1, 64); },
             blocks[0], Twice(64));
}

TEST(CentralCacheMisuseDeathTest, ABlockThatWasNeverHandedOut) {
  void* block = Allocate(64);
  const Span* span = PageHeap::Get().MapObjectToSpan(block);
  void* last = At(span->Start(), (span->capacity - 1) * span->size);
  EXPECT_EXIT(CentralCache::Get().ReleaseListToSpans(&last, 1, 64),
              testing::KilledBySignal(SIGABRT),
              testing::MatchesRegex("pool: a free before this one\\(" +
                                    Hex(last) + "\\): [^\n]*\n"));
}

TEST(CentralCacheMisuseDeathTest, AnothersMemory) {
  static char theirs[64];
  void* block = theirs;
  ExpectLine([&] { CentralCache::Get().ReleaseListToSpans(&block, 1, 64); },
             block, "not a block of this pool");
}

}  // namespace
}  // namespace pool
