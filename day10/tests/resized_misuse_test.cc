// What is no block, Reallocate and UsableSize turn away, too: with one line
// that names the call, and the end of the process.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <ostream>
#include <sstream>
#include <string>

#include "pool/calls.h"
#include "pool/macros.h"
#include "pool/page_heap.h"
#include "pool/pool.h"

namespace pool {
namespace {

constexpr size_t kMiB = 1024 * 1024;

// The calls that take a block and a size, or a block alone.
struct Way {
  const char* test;
  const char* call;
  void (*use)(void* block);
  bool frees = false;
};

void PrintTo(const Way& way, std::ostream* out) { *out << way.test; }

// Where blocks are longer by a word, and large ones have pages beside them.
constexpr char kOtherwise[] = "checks_test.cc has its like for a checked pool";

constexpr Way kWays[] = {
    {"Longer", "Reallocate", [](void* b) { Reallocate(b, 2 * kMiB); }},
    {"Shorter", "Reallocate", [](void* b) { Reallocate(b, 1); }},
    {"ToNothing", "Reallocate", [](void* b) { Reallocate(b, 0); }},
    {"Impossible", "Reallocate", [](void* b) { Reallocate(b, SIZE_MAX); }},
    {"UsableSize", "UsableSize", [](void* b) { UsableSize(b); }},
    {"Realloc", "realloc", [](void* b) { Resize(b, 100, "realloc"); }},
    {"MallocUsableSize", "malloc_usable_size",
     [](void* b) { SizeOf(b, "malloc_usable_size"); }},
    {"Free", "free", [](void* b) { Free(b, "free"); }, true},
};

void* At(void* start, size_t offset) {
  return static_cast<char*>(start) + offset;
}

std::string Hex(const void* pointer) {
  std::ostringstream text;
  text << "0x" << std::hex << reinterpret_cast<uintptr_t>(pointer);
  return text.str();
}

class ResizedMisuseDeathTest : public testing::TestWithParam<Way> {
 protected:
  // Standard error gets this line and nothing else.
  static void ExpectLine(void* pointer, const std::string& what) {
    const Way& way = GetParam();
    EXPECT_EXIT(way.use(pointer), testing::KilledBySignal(SIGABRT),
                testing::Eq("pool: " + std::string(way.call) + "(" +
                            Hex(pointer) + "): " + what + "\n"));
  }
};

INSTANTIATE_TEST_SUITE_P(Through, ResizedMisuseDeathTest,
                         testing::ValuesIn(kWays),
                         [](const auto& way) { return way.param.test; });

TEST_P(ResizedMisuseDeathTest, AnotherOnesMemory) {
  alignas(16) static char global[64];
  Deallocate(Allocate(64));  // the pool is at work
  ExpectLine(global, "not a block of this pool");
  ExpectLine(reinterpret_cast<void*>(uintptr_t{1} << 62),
             "not a block of this pool");
}

TEST_P(ResizedMisuseDeathTest, InsideABlock) {
  if (kChecks) GTEST_SKIP() << kOtherwise;
  for (const size_t bytes : {size_t{64}, kMiB}) {
    // What a release notices later, window_misuse_test.cc has.
    if (!kDebugBuild && GetParam().frees && bytes < kMiB) continue;
    void* block = Allocate(bytes);
    const std::string what = "inside the block of " + std::to_string(bytes) +
                             " bytes that begins at " + Hex(block);
    ExpectLine(At(block, 16), what);
    ExpectLine(At(block, bytes - 1), what);
    Deallocate(block);
  }
}

TEST_P(ResizedMisuseDeathTest, ALargeBlockThatWasFreed) {
  if (kChecks) GTEST_SKIP() << kOtherwise;
  void* block = Allocate(kMiB);
  Deallocate(block);
  ExpectLine(block, "not allocated, or freed before: its pages are free");
}

// What a block gave up is not its own any more.
TEST_P(ResizedMisuseDeathTest, PagesThatABlockGaveUp) {
  if (kChecks) GTEST_SKIP() << kOtherwise;
  void* block = Allocate(4 * kMiB);
  ASSERT_EQ(Reallocate(block, kMiB), block);
  ExpectLine(At(block, 2 * kMiB),
             "not allocated, or freed before: its pages are free");
  Deallocate(block);
}

// A block that moves is freed; so is one that is resized to nothing.
TEST(ResizedTwiceDeathTest, ASmallBlockThatWasFreed) {
  if (kChecks) GTEST_SKIP() << kOtherwise;
  if (!kDebugBuild) GTEST_SKIP() << "release builds do not note who is out";
  void* block = Allocate(64);
  Deallocate(block);
  for (const size_t bytes : {size_t{0}, size_t{1000}}) {
    EXPECT_EXIT(Reallocate(block, bytes), testing::KilledBySignal(SIGABRT),
                testing::Eq("pool: Reallocate(" + Hex(block) +
                            "): free already; a block of 64 bytes\n"));
  }
}

}  // namespace
}  // namespace pool
