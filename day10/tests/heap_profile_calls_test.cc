// A program that has the pool within, and is profiled: whichever call it made,
// its own function stands first in the stack, and none of the pool's.
#include <gtest/gtest.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "heap_profile_text.h"
#include "pool/heap_profile.h"
#include "pool/macros.h"
#include "pool/pool.h"
#include "pprof.h"

namespace pool {
namespace {

// With a sample in each byte or so, all blocks of some size are chosen.
constexpr size_t kSmall = 100;
constexpr size_t kLarge = 400'000;

ProfileText Profile() {
  std::string path = testing::TempDir() + "heap_profile_calls_XXXXXX";
  const int file = mkstemp(path.data());
  EXPECT_GE(file, 0);
  EXPECT_TRUE(WriteHeapProfile(path.c_str()));
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  close(file);
  unlink(path.c_str());
  const ProfileText profile = ParseProfile(text.str());
  EXPECT_EQ(profile.wrong, "");
  return profile;
}

// Is a call, as it is written, in the function?
bool IsIn(void* (*function)(void*, size_t), uintptr_t address) {
  void* begin = _Unwind_FindEnclosingFunction(reinterpret_cast<void*>(address));
  return begin == reinterpret_cast<void*>(function);
}

// In a debug build Allocate, which is not marked (its road is too short for
// that), ends in no jump, and stays on the stack with what it calls.
constexpr size_t kUnmarked = kDebugBuild ? 2 : 0;

// What is held by the stacks that begin in the function.
size_t HeldBy(void* (*function)(void*, size_t)) {
  size_t bytes = 0;
  for (ProfileText::Line line : Profile().stacks) {
    ++line.calls[0];  // the others are where the call returns to
    line.calls.resize(std::min(line.calls.size(), kUnmarked + 1));
    const auto is_here = [&](uintptr_t call) { return IsIn(function, call); };
    if (std::any_of(line.calls.begin(), line.calls.end(), is_here)) {
      bytes += line.bytes;
    }
  }
  return bytes;
}

// Functions that each make one call of the pool, and do something after it:
// they would else have left before.
size_t calls = 0;

void* Counted(void* block) {
  ++calls;
  return block;
}

NOINLINE void* ByAllocate(void*, size_t bytes) {
  return Counted(Allocate(bytes));
}
NOINLINE void* ByAligned(void*, size_t bytes) {
  return Counted(AllocateAligned(bytes, 64));
}
NOINLINE void* ByZeroed(void*, size_t bytes) {
  return Counted(AllocateZeroed(bytes / 4, 4));
}
NOINLINE void* ByReallocate(void* block, size_t bytes) {
  return Counted(Reallocate(block, bytes));
}

class HeapProfileOfCalls : public testing::Test {
 protected:
  // Before the first call of the pool. What is written at the end is not read.
  static void SetUpTestSuite() {
    setenv("POOL_PROFILE", "/dev/null:1", 1);
    Deallocate(Allocate(1));
  }
  void SetUp() override { ASSERT_TRUE(HeapProfile::On()); }
};

using Caller = void* (*)(void*, size_t);

void ExpectNoted(Caller caller, size_t bytes, void* old_block = nullptr) {
  EXPECT_EQ(HeldBy(caller), 0u);
  void* block = caller(old_block, bytes);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(HeldBy(caller), bytes);
  Deallocate(block);
  EXPECT_EQ(HeldBy(caller), 0u);
}

TEST_F(HeapProfileOfCalls, OfSmallBlocks) {
  for (const Caller caller : {ByAllocate, ByAligned, ByZeroed, ByReallocate}) {
    ExpectNoted(caller, kSmall);
  }
}

TEST_F(HeapProfileOfCalls, OfLargeBlocks) {
  for (const Caller caller : {ByAllocate, ByAligned, ByZeroed, ByReallocate}) {
    ExpectNoted(caller, kLarge);
  }
}

TEST_F(HeapProfileOfCalls, OfBlocksThatAreResized) {
  for (const size_t from : {kSmall, kSmall * 3, kLarge, kLarge * 20}) {
    for (const size_t to : {kSmall, kSmall * 3, kLarge, kLarge * 2}) {
      ExpectNoted(ByReallocate, to, ByAllocate(nullptr, from));
      EXPECT_EQ(HeldBy(ByAllocate), 0u);
    }
  }
}

TEST_F(HeapProfileOfCalls, ThePoolItselfIsNotNamed) {
  if (!HasPprof()) GTEST_SKIP() << kNoPprof;
  std::vector<void*> blocks;
  for (const Caller caller : {ByAllocate, ByAligned, ByZeroed, ByReallocate}) {
    for (const size_t bytes : {kSmall, kLarge}) {
      blocks.push_back(caller(nullptr, bytes));
    }
  }
  const std::string path =
      testing::TempDir() + "heap_profile_calls_" + std::to_string(getpid());
  ASSERT_TRUE(WriteHeapProfile(path.c_str()));
  char program[4096] = {};
  ASSERT_GT(readlink("/proc/self/exe", program, sizeof(program) - 1), 0);
  const PprofReport report = RunPprof(program, path);
  unlink(path.c_str());
  for (void* block : blocks) Deallocate(block);
  for (const char* name :
       {"ByAllocate", "ByAligned", "ByZeroed", "ByRealloc"}) {
    EXPECT_NE(report.text.find(name), std::string::npos) << report.text;
  }
  if (kDebugBuild) return;
  for (const char* name : {"ThreadCache", "HeapProfile::", "Watch::", "Large",
                           "pool::Allocate", "pool::Reallocate"}) {
    EXPECT_EQ(report.text.find(name), std::string::npos) << report.text;
  }
}

}  // namespace
}  // namespace pool
