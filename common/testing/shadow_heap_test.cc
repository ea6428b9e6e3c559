// A shadow heap that cannot see a fault is worthless, so it is shown each one.
#include "common/testing/shadow_heap.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/testing/gang.h"

namespace course {
namespace {

// Nothing here is allocated: blocks are parts of this array.
class ShadowHeapTest : public testing::Test {
 protected:
  static constexpr size_t kBytes = 4096;

  char* At(size_t offset) { return memory_ + offset; }

  // Whether the fault is there and says why.
  static testing::AssertionResult Says(const Fault& fault,
                                       const std::string& why) {
    if (!fault) return testing::AssertionFailure() << "no fault";
    if (fault->find(why) != std::string::npos) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << *fault;
  }
  static testing::AssertionResult Fine(const Fault& fault) {
    if (!fault) return testing::AssertionSuccess();
    return testing::AssertionFailure() << *fault;
  }

  alignas(64) char memory_[kBytes] = {};
  ShadowHeap heap_;
};

TEST_F(ShadowHeapTest, HasNothingToSayAboutASoundHeap) {
  EXPECT_TRUE(Fine(heap_.Allocated(At(0), 64)));
  EXPECT_TRUE(Fine(heap_.Allocated(At(64), 8)));
  EXPECT_TRUE(Fine(heap_.Allocated(At(72), 0)));
  EXPECT_TRUE(Fine(heap_.Allocated(At(80), 1000)));
  EXPECT_EQ(heap_.live(), 4u);
  EXPECT_TRUE(Fine(heap_.CheckAll()));
  EXPECT_TRUE(Fine(heap_.Freeing(At(80), 1000)));
  EXPECT_TRUE(Fine(heap_.Freeing(At(0))));
  EXPECT_TRUE(Fine(heap_.Freeing(At(72), 0)));
  EXPECT_TRUE(Fine(heap_.Freeing(At(64), 8)));
  EXPECT_EQ(heap_.live(), 0u);
}

TEST_F(ShadowHeapTest, SeesAMissingBlock) {
  EXPECT_TRUE(Says(heap_.Allocated(nullptr, 24), "no block for 24 bytes"));
  EXPECT_EQ(heap_.live(), 0u);
}

TEST_F(ShadowHeapTest, SeesWrongAlignment) {
  EXPECT_TRUE(Says(heap_.Allocated(At(4), 8), "not aligned to 8"));
  EXPECT_TRUE(Says(heap_.Allocated(At(4), 0), "not aligned to 8"));
  EXPECT_TRUE(Says(heap_.Allocated(At(8), 9), "not aligned to 16"));
  EXPECT_TRUE(Says(heap_.Allocated(At(16), 24, 32), "not aligned to 32"));
  EXPECT_TRUE(Fine(heap_.Allocated(At(8), 8)));
  EXPECT_TRUE(Fine(heap_.Allocated(At(32), 24, 32)));
}

TEST_F(ShadowHeapTest, SeesABlockThatReachesBeyondTheEndOfMemory) {
  EXPECT_TRUE(Says(heap_.Allocated(At(0), SIZE_MAX), "end of memory"));
}

// [256, 512) is live. Each pair is a block that shares bytes with it.
TEST_F(ShadowHeapTest, SeesEveryKindOfOverlap) {
  ASSERT_TRUE(Fine(heap_.Allocated(At(256), 256)));
  struct Overlap {
    const char* kind;
    size_t offset;
    size_t bytes;
  };
  constexpr Overlap kOverlaps[] = {
      {"identical", 256, 256},   {"inside", 320, 64},
      {"around", 128, 1024},     {"its first byte", 128, 129},
      {"its last byte", 504, 8}, {"same start, shorter", 256, 16},
      {"same end", 496, 16},     {"same start, longer", 256, 512},
      {"0 bytes", 256, 0},       {"0 bytes inside", 320, 0}};
  for (const Overlap& overlap : kOverlaps) {
    EXPECT_TRUE(
        Says(heap_.Allocated(At(overlap.offset), overlap.bytes), "overlaps"))
        << overlap.kind;
  }
  EXPECT_TRUE(Fine(heap_.Allocated(At(128), 128))) << "touches, in front";
  EXPECT_TRUE(Fine(heap_.Allocated(At(512), 128))) << "touches, behind";
  EXPECT_TRUE(Fine(heap_.CheckAll())) << "a refused block was filled";
}

TEST_F(ShadowHeapTest, SeesAnOverlapAmongManyBlocks) {
  for (size_t offset = 0; offset < kBytes; offset += 32) {
    ASSERT_TRUE(Fine(heap_.Allocated(At(offset), 16)));
  }
  for (size_t offset = 0; offset < kBytes; offset += 32) {
    EXPECT_TRUE(Says(heap_.Allocated(At(offset), 8), "overlaps"));
    EXPECT_TRUE(Says(heap_.Allocated(At(offset + 8), 8), "overlaps"));
  }
}

TEST_F(ShadowHeapTest, TwoBlocksOfZeroBytesMustDiffer) {
  EXPECT_TRUE(Fine(heap_.Allocated(At(0), 0)));
  EXPECT_TRUE(Says(heap_.Allocated(At(0), 0), "overlaps"));
  EXPECT_TRUE(Fine(heap_.Allocated(At(8), 0)));
}

TEST_F(ShadowHeapTest, SeesABlockFreedTwice) {
  ASSERT_TRUE(Fine(heap_.Allocated(At(0), 48)));
  EXPECT_TRUE(Fine(heap_.Freeing(At(0), 48)));
  EXPECT_TRUE(Says(heap_.Freeing(At(0), 48), "no live block"));
}

TEST_F(ShadowHeapTest, SeesWhatWasNeverABlock) {
  ASSERT_TRUE(Fine(heap_.Allocated(At(64), 48)));
  EXPECT_TRUE(Says(heap_.Freeing(At(0), 48), "no live block"));
  EXPECT_TRUE(Says(heap_.Freeing(At(80), 32), "the one before it is"));
  EXPECT_EQ(heap_.live(), 1u);
}

TEST_F(ShadowHeapTest, SeesAWrongSize) {
  ASSERT_TRUE(Fine(heap_.Allocated(At(0), 48)));
  EXPECT_TRUE(Says(heap_.Freeing(At(0), 40), "a size of 40"));
  EXPECT_TRUE(Fine(heap_.Freeing(At(0), 48)));
}

TEST_F(ShadowHeapTest, SeesEachDamagedBit) {
  constexpr size_t kBlock = 21;  // two whole words and a part of one
  ASSERT_TRUE(Fine(heap_.Allocated(At(16), kBlock)));
  for (size_t bit = 0; bit < kBlock * 8; ++bit) {
    const std::string where = "byte " + std::to_string(bit / 8) + " of";
    char& byte = *At(16 + bit / 8);
    byte = static_cast<char>(byte ^ (1 << (bit % 8)));
    EXPECT_TRUE(Says(heap_.CheckAll(), where)) << "bit " << bit;
    EXPECT_TRUE(Says(heap_.Freeing(At(16), kBlock), where)) << "bit " << bit;
    byte = static_cast<char>(byte ^ (1 << (bit % 8)));
  }
  EXPECT_TRUE(Fine(heap_.Freeing(At(16), kBlock)));
}

TEST_F(ShadowHeapTest, ContentsOfAnEarlierLifeAreDamage) {
  ASSERT_TRUE(Fine(heap_.Allocated(At(0), 64)));
  const std::string earlier(At(0), 64);
  ASSERT_TRUE(Fine(heap_.Freeing(At(0), 64)));
  ASSERT_TRUE(Fine(heap_.Allocated(At(0), 64)));
  earlier.copy(At(0), 64);
  EXPECT_TRUE(Says(heap_.Freeing(At(0), 64), "byte 0 of"));
}

TEST_F(ShadowHeapTest, ContentsOfAnotherBlockAreDamage) {
  ASSERT_TRUE(Fine(heap_.Allocated(At(0), 64)));
  ASSERT_TRUE(Fine(heap_.Allocated(At(64), 64)));
  std::string(At(0), 64).copy(At(64), 64);
  EXPECT_TRUE(Says(heap_.Freeing(At(64), 64), "overwritten"));
}

TEST_F(ShadowHeapTest, CheckSomeComesRoundToEveryBlock) {
  constexpr size_t kBlocks = kBytes / 64;
  for (size_t i = 0; i < kBlocks; ++i) {
    ASSERT_TRUE(Fine(heap_.Allocated(At(i * 64), 64)));
  }
  for (const size_t damaged : {size_t{0}, size_t{17}, kBlocks - 1}) {
    *At(damaged * 64 + 63) ^= 1;
    int faults = 0;
    for (size_t i = 0; i < kBlocks; i += 4) {
      if (heap_.CheckSome(4)) ++faults;
    }
    EXPECT_GE(faults, 1) << "block " << damaged;
    *At(damaged * 64 + 63) ^= 1;
  }
  EXPECT_TRUE(Fine(heap_.CheckAll()));
}

TEST_F(ShadowHeapTest, EdgesLeaveOutOnlyTheMiddle) {
  ShadowHeap edges(32);
  ASSERT_TRUE(Fine(edges.Allocated(At(0), 256)));
  for (const size_t offset : {0, 31, 224, 255}) {
    *At(offset) ^= 1;
    EXPECT_TRUE(Says(edges.CheckAll(), "byte " + std::to_string(offset)));
    *At(offset) ^= 1;
  }
  *At(128) ^= 1;
  EXPECT_TRUE(Fine(edges.CheckAll()));
  for (const size_t bytes : {31, 32, 33, 63, 64}) {  // the edges meet
    ASSERT_TRUE(Fine(edges.Allocated(At(1024), bytes)));
    for (size_t i = 0; i < bytes; ++i) {
      *At(1024 + i) ^= 1;
      EXPECT_TRUE(Says(edges.CheckAll(), "overwritten")) << i << "/" << bytes;
      *At(1024 + i) ^= 1;
    }
    ASSERT_TRUE(Fine(edges.Freeing(At(1024), bytes)));
  }
}

TEST_F(ShadowHeapTest, UsableBytesCountAsTheBlocks) {
  ASSERT_TRUE(Fine(heap_.Allocated(At(0), 20)));
  ASSERT_TRUE(Fine(heap_.Allocated(At(64), 20)));
  EXPECT_TRUE(Says(heap_.Widened(At(0), 19), "only 19 bytes"));
  EXPECT_TRUE(Says(heap_.Widened(At(0), 65), "overlaps"));
  EXPECT_TRUE(Says(heap_.Widened(At(8), 8), "no live block"));
  EXPECT_TRUE(Fine(heap_.Widened(At(0), 64)));
  EXPECT_TRUE(Says(heap_.Allocated(At(48), 8), "overlaps"));
  *At(63) ^= 1;
  EXPECT_TRUE(Says(heap_.CheckAll(), "byte 63"));
  *At(63) ^= 1;
  EXPECT_TRUE(Fine(heap_.Freeing(At(0), 20)));
}

TEST_F(ShadowHeapTest, AMoveKeepsWhatFits) {
  ShadowHeap::Moving moving{};
  ASSERT_TRUE(Fine(heap_.Allocated(At(0), 64)));
  ASSERT_TRUE(Fine(heap_.BeginMove(At(0), &moving)));
  EXPECT_EQ(heap_.live(), 0u);
  std::string(At(0), 64).copy(At(512), 64);
  EXPECT_TRUE(Fine(heap_.EndMove(moving, At(512), 128)));
  EXPECT_TRUE(Fine(heap_.Freeing(At(512), 128)));
}

TEST_F(ShadowHeapTest, SeesWhatAMoveLoses) {
  ShadowHeap::Moving moving{};
  ASSERT_TRUE(Fine(heap_.Allocated(At(0), 64)));
  ASSERT_TRUE(Fine(heap_.BeginMove(At(0), &moving)));
  std::string(At(0), 63).copy(At(512), 63);
  EXPECT_TRUE(Says(heap_.EndMove(moving, At(512), 128), "byte 63 of 64"));
  EXPECT_TRUE(Fine(heap_.EndMove(moving, At(512), 63)))
      << "nobody asked for it";
}

TEST_F(ShadowHeapTest, AMoveThatWasRefusedChangesNothing) {
  ShadowHeap::Moving moving{};
  ASSERT_TRUE(Fine(heap_.Allocated(At(0), 64)));
  ASSERT_TRUE(Fine(heap_.BeginMove(At(0), &moving)));
  EXPECT_TRUE(Fine(heap_.CancelMove(moving)));
  EXPECT_TRUE(Fine(heap_.Freeing(At(0), 64)));
  EXPECT_TRUE(Says(heap_.BeginMove(At(0), &moving), "no live block"));
}

TEST_F(ShadowHeapTest, SeesARefusedMoveThatTouchedTheBlock) {
  ShadowHeap::Moving moving{};
  ASSERT_TRUE(Fine(heap_.Allocated(At(0), 64)));
  ASSERT_TRUE(Fine(heap_.BeginMove(At(0), &moving)));
  *At(7) ^= 1;
  EXPECT_TRUE(Says(heap_.CancelMove(moving), "byte 7"));
}

TEST_F(ShadowHeapTest, ManyThreadsUseItAndFreeEachOthersBlocks) {
  constexpr size_t kThreads = 4;
  constexpr size_t kBlock = kBytes / kThreads;
  Barrier filled(kThreads);
  RunGang(kThreads, [&](size_t member) {
    EXPECT_TRUE(Fine(heap_.Allocated(At(member * kBlock), kBlock)));
    filled.ArriveAndWait();
    EXPECT_TRUE(Fine(heap_.CheckAll()));
    const size_t next = (member + 1) % kThreads;
    EXPECT_TRUE(Fine(heap_.Freeing(At(next * kBlock), kBlock)));
  });
  EXPECT_EQ(heap_.live(), 0u);
}

}  // namespace
}  // namespace course
