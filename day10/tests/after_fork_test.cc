// The pieces that the child of a fork is mended with, each by itself: who holds
// a lock, and what of a span, an object pool and the page map is still true.
// (fork_test.cc has whole forks.)
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "common/testing/child.h"
#include "common/testing/gang.h"
#include "pool/immortal.h"
#include "pool/macros.h"
#include "pool/mutex.h"
#include "pool/object_pool.h"
#include "pool/page_heap.h"
#include "pool/page_map.h"
#include "pool/size_class.h"
#include "pool/span.h"

// There if the thread sanitizer is: it allows no threads after a fork.
void ThreadSanitizer() __asm__("__tsan_init") __attribute__((weak));

namespace pool {
namespace {

// Runs body() while another thread holds the lock, or has just had it.
template <typename Body>
void WhileAnotherHolds(Mutex* mutex, Body body) {
  course::Barrier held(2);
  course::Barrier done(2);
  std::thread other([&] {
    const MutexLock lock(*mutex);
    held.ArriveAndWait();
    done.ArriveAndWait();
  });
  held.ArriveAndWait();
  body();
  done.ArriveAndWait();
  other.join();
}

TEST(MutexOwner, IsTheThreadThatHoldsIt) {
  Mutex mutex;
  EXPECT_FALSE(mutex.HeldByThisThread());
  mutex.Lock();
  EXPECT_TRUE(mutex.HeldByThisThread());
  std::thread([&] { EXPECT_FALSE(mutex.HeldByThisThread()); }).join();
  mutex.Unlock();
  EXPECT_FALSE(mutex.HeldByThisThread());
  WhileAnotherHolds(&mutex, [&] { EXPECT_FALSE(mutex.HeldByThisThread()); });
  EXPECT_FALSE(mutex.HeldByThisThread());
}

TEST(MutexOwner, HasLeftTheLockBehindIfItIsAnotherThread) {
  Mutex mutex;
  for (int i = 0; i < 2; ++i) {  // to ask changes nothing
    EXPECT_FALSE(mutex.LeftBehind()) << "nobody has it";
  }
  mutex.Lock();
  EXPECT_FALSE(mutex.LeftBehind()) << "the lock is our own";
  EXPECT_TRUE(mutex.HeldByThisThread());
  mutex.Unlock();
  WhileAnotherHolds(&mutex, [&] {
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(mutex.LeftBehind());
  });
  EXPECT_FALSE(mutex.LeftBehind());
}

TEST(MutexOwner, NobodyHasOneThatWasMadeNew) {
  if (&ThreadSanitizer != nullptr) {
    GTEST_SKIP() << "the thread sanitizer looks after locks by itself";
  }
  Mutex mutex;
  WhileAnotherHolds(&mutex, [&] {
    EXPECT_EQ(course::RunInChild([&] {
                CHECK(mutex.LeftBehind());
                mutex.MakeNew();
                CHECK(!mutex.LeftBehind() && !mutex.HeldByThisThread());
                const MutexLock lock(mutex);
                CHECK(mutex.HeldByThisThread());
              }),
              "");
    EXPECT_TRUE(mutex.LeftBehind()) << "the parent's is as it was";
  });
}

// A span over pages of its own.
class TestSpan {
 public:
  explicit TestSpan(size_t object_size)
      : memory_(static_cast<char*>(std::aligned_alloc(kPageSize, kPageSize)),
                &std::free) {
    span_.first = PageId::Of(memory_.get());
    span_.pages = PageCount(1);
    span_.Open(object_size);
  }
  Span* operator->() { return &span_; }
  std::vector<void*> Take(size_t n) {
    std::vector<void*> objects(n);
    objects.resize(span_.TakeRange(objects.data(), n));
    std::reverse(objects.begin(), objects.end());  // as they are taken from it
    return objects;
  }

 private:
  const std::unique_ptr<char, void (*)(void*)> memory_;
  Span span_;
};

TEST(AbandonedSpan, HasNoFreeObjectButThoseNotYetCarved) {
  TestSpan span(64);
  const std::vector<void*> objects = span.Take(10);
  for (const size_t i : {0, 3, 4, 9}) span->PutBack(span->IndexOf(objects[i]));
  EXPECT_EQ(span->Abandon(), 4u);
  span->Validate();
  EXPECT_EQ(span->allocated, 10u);
  EXPECT_EQ(span->AtHome(), 0u);
  EXPECT_EQ(span->Abandon(), 0u) << "they are lost once";
  // What comes next has never been out.
  EXPECT_GT(span.Take(1)[0], objects[9]);
  // And what is out may still come home, and go out again.
  span->PutBack(span->IndexOf(objects[5]));
  span->Validate();
  EXPECT_EQ(span.Take(1)[0], objects[5]);
}

TEST(AbandonedSpan, WithoutFreeObjectsIsAsItWas) {
  TestSpan span(64);
  span.Take(span->capacity);
  EXPECT_EQ(span->Abandon(), 0u);
  EXPECT_TRUE(span->Full());
  span->Validate();
}

// In the middle of TakeRange, and of PutBack: one number was changed, and the
// next not yet.
TEST(AbandonedSpan, AgreesWithItselfWhateverWasWritten) {
  for (const int moment : {0, 1, 2}) {
    TestSpan span(64);
    const std::vector<void*> objects = span.Take(10);
    if (moment == 0) span->allocated += 5;  // but nothing was carved yet
    if (moment == 1) span->home.Add(0);     // but it was not counted
    if (moment == 2) span->home.Add(11);    // no object that was ever out
    EXPECT_EQ(span->Abandon(), 0u) << moment;
    span->Validate();
    EXPECT_EQ(span->allocated, 10u);
    EXPECT_EQ(span.Take(3).size(), 3u);
  }
}

struct Thing {
  explicit Thing(int v) : value(v) {}
  int value;
  char rest[44];
};

TEST(AbandonedObjectPool, KeepsWhatLivesAndGivesNothingElseOut) {
  ObjectPool<Thing> pool;
  std::vector<Thing*> things;
  for (int i = 0; i < 10; ++i) things.push_back(pool.New(i));
  const ObjectPoolFootprint before = pool.Footprint();
  for (const size_t i : {1, 2, 5}) pool.Delete(things[i]);
  // The list of free slots is broken, as by a thread in its middle.
  memset(static_cast<void*>(things[5]), 0xA5, sizeof(Thing));
  pool.Abandon(7);
  pool.Validate();
  EXPECT_EQ(pool.Footprint().in_use, before.in_use / 10 * 7);
  EXPECT_EQ(pool.Footprint().blocks, before.blocks);
  // A new one has a block of its own.
  Thing* fresh = pool.New(100);
  ASSERT_NE(fresh, nullptr);
  EXPECT_EQ(pool.Footprint().blocks, 2 * before.blocks);
  pool.Validate();
  // Those that live may go; their slots serve again.
  for (const size_t i : {0, 3, 4, 6, 7, 8, 9}) {
    EXPECT_EQ(things[i]->value, static_cast<int>(i));
    pool.Delete(things[i]);
  }
  pool.Validate();
  EXPECT_EQ(pool.New(5), things[9]);
  pool.Delete(things[9]);
  pool.Delete(fresh);
  EXPECT_EQ(pool.Footprint().in_use, 0u);
  pool.Validate();
}

TEST(AbandonedObjectPool, ThatWasNeverUsedIsAsItWas) {
  ObjectPool<Thing> pool;
  pool.Abandon(0);
  pool.Validate();
  EXPECT_EQ(pool.Footprint().blocks, 0u);
  pool.Delete(pool.New(1));
  pool.Validate();
}

// What ForEach says, as a standard map.
std::map<uintptr_t, Span*> AllOf(const PageMap& map) {
  std::map<uintptr_t, Span*> pages;
  map.ForEach([&](PageId page, Span* span) {
    EXPECT_NE(span, nullptr);
    EXPECT_TRUE(pages.emplace(page.value(), span).second) << "it came twice";
  });
  return pages;
}

TEST(PageMapForEach, VisitsEachPageThatLeadsSomewhereAndNoOther) {
  constexpr uintptr_t kLeafPages = (1 << 30) >> kPageShift;
  const auto map = std::make_unique<PageMap>();
  EXPECT_TRUE(AllOf(*map).empty());
  Span spans[4];
  const struct {
    uintptr_t first;
    size_t pages;
  } kPlaces[] = {{0, 1},
                 {5 * kLeafPages - 3, 7},         // over the border of a leaf
                 {(uintptr_t{1} << 35) - 2, 2}};  // the last of all
  std::map<uintptr_t, Span*> expected;
  for (size_t i = 0; i < 3; ++i) {
    const auto [first, pages] = kPlaces[i];
    ASSERT_TRUE(map->Prepare(PageId(first), PageCount(pages)));
    map->Set(PageId(first), PageCount(pages), &spans[i]);
    for (size_t k = 0; k < pages; ++k) expected[first + k] = &spans[i];
  }
  EXPECT_EQ(AllOf(*map), expected);
  // What leads nowhere any more is not visited.
  map->Set(PageId(5 * kLeafPages), PageCount(2), nullptr);
  expected.erase(5 * kLeafPages);
  expected.erase(5 * kLeafPages + 1);
  EXPECT_EQ(AllOf(*map), expected);
}

// Each once, however many pages it has; none that is free.
TEST(PageHeapForEachInUse, VisitsEachSpanInUseOnce) {
  const auto immortal = std::make_unique<Immortal<PageHeap>>();
  PageHeap* heap = &immortal->value;
  std::map<const Span*, size_t> expected;
  std::vector<Span*> spans;
  for (size_t pages = 1; pages < 40; pages += 3) {
    spans.push_back(heap->NewSpan(PageCount(pages)));
    if (pages % 2 == 0) expected[spans.back()] = 1;
  }
  for (Span* span : spans) {
    if (expected.count(span) == 0) heap->ReleaseSpanToPageHeap(span);
  }
  std::map<const Span*, size_t> seen;
  heap->ForEachInUse([&](const Span* span) { ++seen[span]; });
  EXPECT_EQ(seen, expected);
  for (const auto& [span, count] : expected) {
    heap->ReleaseSpanToPageHeap(const_cast<Span*>(span));
  }
}

}  // namespace
}  // namespace pool
