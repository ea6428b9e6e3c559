#include "pool/free_list.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace pool {
namespace {

// Free objects to put on lists.
struct Objects {
  void* At(size_t i) { return &words[2 * i]; }
  void* words[64] = {};
};

TEST(FreeList, IsEmptyAtFirst) {
  FreeList list;
  EXPECT_TRUE(list.Empty());
  EXPECT_EQ(list.Length(), 0u);
}

TEST(FreeList, GivesLastInFirstOut) {
  Objects objects;
  FreeList list;
  for (size_t i = 0; i < 4; ++i) list.Push(objects.At(i));
  EXPECT_EQ(list.Length(), 4u);
  list.Validate();
  for (size_t i = 4; i-- > 0;) EXPECT_EQ(list.Pop(), objects.At(i));
  EXPECT_TRUE(list.Empty());
  EXPECT_EQ(list.Length(), 0u);
  list.Validate();
}

TEST(FreeList, LinksThroughTheObjectsFirstBytesAndTouchesNoOthers) {
  Objects objects;
  objects.words[1] = objects.words[3] = &objects;
  FreeList list;
  list.Push(objects.At(0));
  list.Push(objects.At(1));
  EXPECT_EQ(NextObj(objects.At(1)), objects.At(0));
  EXPECT_EQ(NextObj(objects.At(0)), nullptr);
  EXPECT_EQ(objects.words[1], &objects);
  EXPECT_EQ(objects.words[3], &objects);
}

TEST(FreeListDeathTest, ValidateSeesALinkThatWasOverwritten) {
  Objects objects;
  FreeList list;
  for (size_t i = 0; i < 3; ++i) list.Push(objects.At(i));
  NextObj(objects.At(0)) = objects.At(2);  // a loop
  EXPECT_DEATH(list.Validate(), "free_list.h:[0-9]+: CHECK failed");
  NextObj(objects.At(1)) = nullptr;  // an end too early
  EXPECT_DEATH(list.Validate(), "free_list.h:[0-9]+: CHECK failed");
}

// Length() may be read while the owner changes the list: it is some length that
// the list had, and no race (which the thread sanitizer looks for).
TEST(FreeList, LengthMayBeReadByAnotherThread) {
  Objects objects;
  FreeList list;
  std::atomic<bool> done{false};
  std::atomic<bool> started{false};
  size_t largest = 0;
  std::thread reader([&] {
    while (!done) {
      largest = std::max(largest, list.Length());
      started = true;
    }
  });
  while (!started) std::this_thread::yield();
  for (int round = 0; round < 1000; ++round) {
    for (size_t i = 0; i < 30; ++i) list.Push(objects.At(i));
    for (size_t i = 0; i < 30; ++i) list.Pop();
  }
  done = true;
  reader.join();
  EXPECT_LE(largest, 30u);
}

}  // namespace
}  // namespace pool
