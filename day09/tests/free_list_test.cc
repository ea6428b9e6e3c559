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

// A range of `objects`: first, first + 1, … linked in that order.
void Link(Objects& objects, size_t first, size_t n) {
  for (size_t i = first; i + 1 < first + n; ++i) {
    NextObj(objects.At(i)) = objects.At(i + 1);
  }
}

TEST(FreeList, TakesARangeAtItsHead) {
  Objects objects;
  FreeList list;
  list.Push(objects.At(0));
  Link(objects, 1, 3);
  list.PushRange(objects.At(1), objects.At(3), 3);
  Link(objects, 4, 1);
  list.PushRange(objects.At(4), objects.At(4), 1);
  EXPECT_EQ(list.Length(), 5u);
  list.Validate();
  for (const size_t i : {4, 1, 2, 3, 0}) EXPECT_EQ(list.Pop(), objects.At(i));
  EXPECT_TRUE(list.Empty());
}

TEST(FreeList, GivesARangeThatEndsWhereItSays) {
  Objects objects;
  FreeList list;
  for (size_t i = 10; i-- > 0;) list.Push(objects.At(i));
  size_t next = 0;
  for (const size_t n : {1, 4, 2, 3}) {
    void* start;
    void* end;
    list.PopRange(start, end, n);
    EXPECT_EQ(list.Length(), 10 - next - n);
    list.Validate();
    EXPECT_EQ(start, objects.At(next));
    for (void* object = start; object != nullptr; object = NextObj(object)) {
      ASSERT_EQ(object, objects.At(next++));
      EXPECT_EQ(object == end, NextObj(object) == nullptr);
    }
  }
  EXPECT_EQ(next, 10u);
  EXPECT_TRUE(list.Empty());
}

TEST(FreeList, ShowsItsFirstObjectAndKeepsIt) {
  Objects objects;
  FreeList list;
  EXPECT_EQ(list.First(), nullptr);
  list.Push(objects.At(0));
  list.Push(objects.At(1));
  EXPECT_EQ(list.First(), objects.At(1));
  EXPECT_EQ(list.Length(), 2u);
  EXPECT_EQ(list.Pop(), objects.At(1));
  EXPECT_EQ(list.First(), objects.At(0));
}

// Where its objects were, there is something else now: it touches none.
TEST(FreeList, ForgetsItsObjectsWithoutALook) {
  Objects objects;
  FreeList list;
  for (size_t i = 0; i < 3; ++i) list.Push(objects.At(i));
  list.ResetLowWater();
  for (void*& word : objects.words) word = &objects;
  list.Clear();
  for (void* word : objects.words) EXPECT_EQ(word, &objects);
  EXPECT_TRUE(list.Empty());
  EXPECT_EQ(list.Length(), 0u);
  EXPECT_EQ(list.First(), nullptr);
  list.Validate();
  list.Push(objects.At(5));
  EXPECT_EQ(list.Length(), 1u);
  EXPECT_EQ(list.Pop(), objects.At(5));
  EXPECT_TRUE(list.Empty());
}

TEST(FreeList, IsFullAtItsMaxSize) {
  Objects objects;
  FreeList list;
  EXPECT_TRUE(list.Full()) << "and empty: it may hold nothing yet";
  list.SetMaxSize(2);
  list.Push(objects.At(0));
  EXPECT_FALSE(list.Full());
  list.Push(objects.At(1));
  EXPECT_TRUE(list.Full());
}

TEST(FreeList, TheLowWaterMarkIsNeverAboveTheList) {
  Objects objects;
  FreeList list;
  EXPECT_TRUE(list.AtLowWater()) << "an empty list is at its mark";
  for (size_t i = 0; i < 20; ++i) list.Push(objects.At(i));
  EXPECT_EQ(list.LowWater(), 0u);
  list.ResetLowWater();
  EXPECT_EQ(list.LowWater(), 20u);
  EXPECT_TRUE(list.AtLowWater());
  list.LowerLowWater();
  EXPECT_EQ(list.LowWater(), 10u);
  EXPECT_FALSE(list.AtLowWater());
  void* start;
  void* end;
  list.PopRange(start, end, 9);
  EXPECT_EQ(list.LowWater(), 10u) << "the list has 11, and never had fewer";
  list.PopRange(start, end, 4);
  EXPECT_LE(list.LowWater(), 7u) << "now it has 7";
  list.Validate();
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
