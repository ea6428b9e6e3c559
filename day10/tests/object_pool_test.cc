#include "pool/object_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <stdexcept>
#include <vector>

namespace pool {
namespace {

// Counts the constructors and destructors that ran.
struct Counted {
  explicit Counted(int v) : value(v) { ++constructed; }
  ~Counted() { ++destroyed; }
  int value;

  static inline int constructed = 0;
  static inline int destroyed = 0;
};

TEST(ObjectPool, RunsConstructorAndDestructorEachTime) {
  Counted::constructed = Counted::destroyed = 0;
  ObjectPool<Counted> pool;
  Counted* first = pool.New(1);
  EXPECT_EQ(first->value, 1);
  pool.Delete(first);
  Counted* second = pool.New(2);
  EXPECT_EQ(second, first) << "the slot is used again";
  EXPECT_EQ(second->value, 2) << "and the object in it is new";
  pool.Delete(second);
  EXPECT_EQ(Counted::constructed, 2);
  EXPECT_EQ(Counted::destroyed, 2);
}

struct ThrowsOnDemand {
  explicit ThrowsOnDemand(bool fail) {
    if (fail) throw std::runtime_error("on demand");
  }
  long words[3] = {};
};

TEST(ObjectPool, SurvivesAConstructorThatThrows) {
  ObjectPool<ThrowsOnDemand> pool;
  ThrowsOnDemand* before = pool.New(false);
  const size_t in_use = pool.Footprint().in_use;
  for (int i = 0; i < 10; ++i) {
    EXPECT_THROW(pool.New(true), std::runtime_error);
    EXPECT_EQ(pool.Footprint().in_use, in_use);
    pool.Validate();
  }
  ThrowsOnDemand* after = pool.New(false);
  EXPECT_NE(after, before);
  pool.Delete(before);
  pool.Delete(after);
}

TEST(ObjectPool, HandsArgumentsOnAsTheyCame) {
  ObjectPool<std::unique_ptr<int>> pool;
  std::unique_ptr<int>* object = pool.New(std::make_unique<int>(7));
  EXPECT_EQ(**object, 7);
  pool.Delete(object);
  pool.Delete(nullptr);
  EXPECT_EQ(pool.Footprint().in_use, 0u);
}

TEST(ObjectPoolDeathTest, ValidateSeesALinkThatWasOverwritten) {
  ObjectPool<long> pool;
  long* first = pool.New(1);
  long* second = pool.New(2);
  pool.Delete(first);
  pool.Delete(second);
  pool.Validate();
  EXPECT_DEATH(
      {
        *second = 0;  // the free list ends too early
        pool.Validate();
      },
      "object_pool.h:[0-9]+: CHECK failed");
  EXPECT_DEATH(
      {
        memcpy(first, &second, sizeof(second));  // and here it has a loop
        pool.Validate();
      },
      "object_pool.h:[0-9]+: CHECK failed");
}

// A slot is smaller than the link that a free one holds.
TEST(ObjectPool, ServesObjectsOfOneByte) {
  ObjectPool<char> pool;
  std::set<char*> live;
  for (int i = 0; i < 1000; ++i) live.insert(pool.New(static_cast<char>(i)));
  EXPECT_EQ(live.size(), 1000u);
  for (char* object : live) pool.Delete(object);
  pool.Validate();
}

struct alignas(256) Wide {
  char bytes[300];
};

TEST(ObjectPool, KeepsAnUnusualAlignment) {
  ObjectPool<Wide> pool;
  std::vector<Wide*> live;
  for (int i = 0; i < 600; ++i) {  // more than one block
    live.push_back(pool.New());
    ASSERT_TRUE(IsAligned(live.back(), 256));
  }
  for (Wide* object : live) pool.Delete(object);
}

struct Words {
  size_t words[16];
};

TEST(ObjectPool, ObjectsStayInTheirBlocksAndApart) {
  ObjectPool<Words> pool;
  std::vector<Words*> live;
  // Over the end of the first block and of the second.
  const size_t count = 2 * (ObjectPool<Words>::kBlockBytes / sizeof(Words)) + 1;
  for (size_t i = 0; i < count; ++i) {
    live.push_back(pool.New());
    for (size_t& word : live.back()->words) word = i;
  }
  EXPECT_EQ(pool.Footprint().blocks, 3 * ObjectPool<Words>::kBlockBytes);
  pool.Validate();
  for (size_t i = 0; i < count; ++i) {
    for (size_t word : live[i]->words) ASSERT_EQ(word, i);
  }
  for (Words* object : live) pool.Delete(object);
  EXPECT_EQ(pool.Footprint().in_use, 0u);
  pool.Validate();
}

TEST(ObjectPool, TakesNoMemoryBeforeTheFirstObject) {
  const size_t before = ReadSystemFootprint().mapped;
  ObjectPool<Words> pool;
  EXPECT_EQ(ReadSystemFootprint().mapped, before);
}

TEST(ObjectPool, GivesItsBlocksBackWhenItDies) {
  const size_t before = ReadSystemFootprint().mapped;
  {
    ObjectPool<Words> pool;
    std::vector<Words*> live;
    for (int i = 0; i < 5000; ++i) live.push_back(pool.New());
    for (Words* object : live) pool.Delete(object);
    EXPECT_EQ(ReadSystemFootprint().mapped, before + pool.Footprint().blocks);
  }
  EXPECT_EQ(ReadSystemFootprint().mapped, before);
}

TEST(ObjectPool, UsesAllThatCameHomeBeforeItGrows) {
  ObjectPool<Words> pool;
  std::vector<Words*> live;
  for (int i = 0; i < 1500; ++i) live.push_back(pool.New());
  const size_t blocks = pool.Footprint().blocks;
  const std::set<Words*> once(live.begin(), live.end());
  for (Words* object : live) pool.Delete(object);
  for (Words*& object : live) object = pool.New();
  EXPECT_EQ(pool.Footprint().blocks, blocks);
  EXPECT_EQ(std::set<Words*>(live.begin(), live.end()), once);
  for (Words* object : live) pool.Delete(object);
}

}  // namespace
}  // namespace pool
