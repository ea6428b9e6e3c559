#include "pool/span.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <list>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "common/testing/seeds.h"
#include "pool/size_class.h"

namespace pool {
namespace {

constexpr char kUntouched = 0x5A;

// A span over pages of its own, and a page behind it that nobody may touch.
class TestSpan {
 public:
  TestSpan(PageCount pages, size_t object_size)
      : bytes_(pages.bytes() + kPageSize),
        memory_(static_cast<char*>(std::aligned_alloc(kPageSize, bytes_)),
                &std::free) {
    memset(memory_.get(), kUntouched, bytes_);
    span_.first = PageId::Of(memory_.get());
    span_.pages = pages;
    span_.Open(object_size);
  }
  explicit TestSpan(ClassIndex index)
      : TestSpan(SizeClass::SpanPages(index), SizeClass::Size(index)) {}

  Span* operator->() { return &span_; }
  char* At(size_t offset) { return memory_.get() + offset; }
  // Bytes of the pages, and of the one behind them, that somebody wrote to.
  size_t Touched() const {
    return bytes_ - static_cast<size_t>(std::count(
                        memory_.get(), memory_.get() + bytes_, kUntouched));
  }

  // A range as TakeRange hands it out, held against its promises. In the order
  // in which it is taken from the array's end.
  std::vector<char*> Take(size_t n) {
    std::vector<void*> taken(n + 1, this);
    const size_t count = span_.TakeRange(taken.data(), n);
    EXPECT_LE(count, n);
    for (size_t i = count; i <= n; ++i) EXPECT_EQ(taken[i], this);
    std::vector<char*> objects;
    for (size_t i = count; i-- > 0;) {
      objects.push_back(static_cast<char*>(taken[i]));
    }
    return objects;
  }
  bool PutBack(const char* object) {
    return span_.PutBack(span_.IndexOf(object));
  }

 private:
  const size_t bytes_;
  const std::unique_ptr<char, void (*)(void*)> memory_;
  Span span_;
};

TEST(Span, CarvesInAddressOrder) {
  TestSpan span(PageCount(1), 48);
  size_t next = 0;
  for (const size_t n : {3, 1, 20}) {
    for (char* object : span.Take(n)) EXPECT_EQ(object, span.At(48 * next++));
  }
  EXPECT_EQ(next, 24u);
  EXPECT_EQ(span->carved, 24u);
}

// And nothing of what goes out, or comes back.
TEST(Span, TouchesNothingThatIsNotNeededYet) {
  TestSpan span(PageCount(4), 1024);
  EXPECT_EQ(span.Touched(), 0u) << "to open a span costs no page";
  std::vector<char*> objects = span.Take(3);
  for (char* object : objects) EXPECT_TRUE(span.PutBack(object));
  EXPECT_EQ(span.Take(4).size(), 4u);
  EXPECT_EQ(span.Touched(), 0u);
}

// For all 208 classes, to the last object.
TEST(Span, NoObjectCrossesTheEndOfItsSpan) {
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    TestSpan span{ClassIndex(i)};
    const size_t size = SizeClass::Size(ClassIndex(i));
    const size_t bytes = span->pages.bytes();
    size_t count = 0;
    while (!span->Full()) {
      for (char* object : span.Take(100)) {
        ASSERT_EQ(object, span.At(count++ * size)) << size;
        ASSERT_LE(object + size, span.At(bytes)) << size;
        ASSERT_TRUE(IsAligned(object, SizeClass::Alignment(size))) << size;
        memset(object, 1, size);
      }
    }
    EXPECT_EQ(count, span->capacity) << size;
    EXPECT_EQ(span->Tail(), bytes - count * size) << size;
    EXPECT_LT(span->Tail(), size) << "there is room for one more";
    EXPECT_EQ(span.Touched(), count * size) << size;
    span->Validate();
  }
}

TEST(Span, GivesNoMoreThanItHas) {
  TestSpan span(PageCount(1), 2000);
  EXPECT_EQ(span->capacity, 4u);
  EXPECT_TRUE(span->Idle());
  EXPECT_EQ(span.Take(1).size(), 1u);
  EXPECT_FALSE(span->Idle());
  EXPECT_FALSE(span->Full());
  EXPECT_EQ(span.Take(100).size(), 3u);
  EXPECT_TRUE(span->Full());
  EXPECT_EQ(span->Tail(), 192u);
}

// What came back has been touched already; the rest may stay as it is. In the
// order of addresses, however it came.
TEST(Span, HandsOutAgainWhatCameBackBeforeItCarves) {
  TestSpan span(PageCount(1), 64);
  const std::vector<char*> first = span.Take(10);
  for (const size_t i : {7, 2, 5}) EXPECT_TRUE(span.PutBack(first[i]));
  EXPECT_EQ(span->allocated, 7u);
  EXPECT_EQ(span.Take(2), (std::vector<char*>{first[2], first[5]}));
  EXPECT_EQ(span->carved, 10u);
  const std::vector<char*> mixed = span.Take(3);
  EXPECT_EQ(span->carved, 12u);
  EXPECT_EQ(mixed[0], first[7]);
  EXPECT_EQ(mixed[1], span.At(640));
  EXPECT_EQ(mixed[2], span.At(704));
  span->Validate();
}

// Who frees it twice had it once.
TEST(Span, AnObjectComesHomeOnce) {
  TestSpan span(PageCount(1), 8);
  const std::vector<char*> objects = span.Take(1024);
  ASSERT_EQ(objects.size(), 1024u);
  for (const size_t i : {0, 63, 64, 500, 1023}) {
    EXPECT_TRUE(span.PutBack(objects[i])) << i;
    EXPECT_FALSE(span.PutBack(objects[i])) << i;
  }
  EXPECT_EQ(span->AtHome(), 5u);
  span->Validate();
  EXPECT_EQ(span.Take(1), std::vector<char*>{objects[0]});
  EXPECT_TRUE(span.PutBack(objects[0])) << "it was out again";
  span->Validate();
}

// Another class, and none of the old objects is left.
TEST(Span, OpenMakesItNew) {
  TestSpan span(PageCount(2), 24);
  const std::vector<char*> old = span.Take(30);
  for (char* object : old) span.PutBack(object);
  EXPECT_TRUE(span->Idle());
  span->Open(1000);
  EXPECT_EQ(span->capacity, 16u);
  EXPECT_EQ(span->size, 1000u);
  EXPECT_EQ(span->AtHome(), 0u);
  span->Validate();
  size_t next = 0;
  for (char* object : span.Take(100)) {
    EXPECT_EQ(object, span.At(1000 * next++));
    memset(object, 1, 1000);
  }
  EXPECT_EQ(next, 16u);
  span->Validate();
}

// For all 208 classes and each byte of their spans, against a division.
TEST(Span, KnowsTheObjectThatEachAddressLiesIn) {
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    TestSpan span{ClassIndex(i)};
    const size_t size = SizeClass::Size(ClassIndex(i));
    EXPECT_EQ(size_t{span->Class()}, i);
    for (size_t offset = 0; offset < span->pages.bytes(); ++offset) {
      ASSERT_EQ(span->IndexOf(span.At(offset)), offset / size)
          << size << " at " << offset;
      ASSERT_EQ(span->IsObject(span.At(offset)),
                offset % size == 0 && offset / size < span->capacity)
          << size << " at " << offset;
    }
  }
}

TEST(Span, ClosedItHoldsNoObjectOfAnyClass) {
  TestSpan span(PageCount(1), 64);
  EXPECT_TRUE(span->HoldsClass());
  EXPECT_TRUE(span->IsObject(span.At(64)));
  span->Close();
  EXPECT_FALSE(span->HoldsClass());
  EXPECT_FALSE(span->IsObject(span.At(0)));
  EXPECT_FALSE(span->IsObject(span.At(64)));
  span->Open(8);  // the smallest class
  EXPECT_TRUE(span->HoldsClass());
  EXPECT_TRUE(span->IsObject(span.At(8)));
  EXPECT_FALSE(Span().HoldsClass()) << "it was never opened";
}

// A block that its owner has can be freed once. (Whoever does not note it, as
// release builds do not, hears no complaint.)
TEST(Span, NotesOnceWhatIsOut) {
  if (!kDebugBuild) GTEST_SKIP() << "debug builds only";
  Span span;
  for (const size_t index : {0, 1, 63, 64, 1023}) {
    EXPECT_FALSE(span.ClearLive(index)) << index;
    EXPECT_TRUE(span.SetLive(index)) << index;
    EXPECT_FALSE(span.SetLive(index)) << index;
    EXPECT_TRUE(span.ClearLive(index)) << index;
    EXPECT_TRUE(span.SetLive(index)) << index;
  }
  span.ClearAllLive();
  for (const size_t index : {0, 1, 63, 64, 1023}) {
    EXPECT_FALSE(span.ClearLive(index)) << index;
  }
}

// allocated + free + not yet carved == capacity, whatever happens.
void PlayWithASpan(std::mt19937_64& random, ClassIndex index) {
  TestSpan span(index);
  std::vector<char*> out;
  std::set<char*> known;  // objects that were handed out ever
  for (int step = 0; step < 300; ++step) {
    if (!span->Full() && random() % 2 == 0) {
      for (char* object : span.Take(1 + random() % 40)) out.push_back(object);
    } else {
      for (size_t n = random() % 40; n > 0 && !out.empty(); --n) {
        std::swap(out[random() % out.size()], out.back());
        ASSERT_TRUE(span.PutBack(out.back()));
        out.pop_back();
      }
    }
    known.insert(out.begin(), out.end());
    ASSERT_EQ(std::set<char*>(out.begin(), out.end()).size(), out.size());
    ASSERT_EQ(span->allocated, out.size());
    ASSERT_EQ(span->carved, known.size());
    ASSERT_EQ(span->AtHome(), known.size() - out.size());
    ASSERT_EQ(span->Left(), span->capacity - out.size());
    for (const char* object : out) {
      ASSERT_FALSE(span->home.Has(span->IndexOf(object)));
    }
    ASSERT_EQ(span->Full(), out.size() == span->capacity);
    ASSERT_EQ(span->Idle(), out.empty());
    span->Validate();
  }
}

TEST(Span, EachObjectIsOutOrFreeOrNotYetCarved) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    std::mt19937_64 random(seed);
    for (const size_t size : {8, 24, 64, 1000, 5000, 256 * 1024}) {
      PlayWithASpan(random, SizeClass::Index(size));
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(SpanDeathTest, ValidateSeesWhatIsNotRight) {
  TestSpan span(PageCount(1), 64);
  const std::vector<char*> objects = span.Take(5);
  constexpr char kSays[] = "span.cc:[0-9]+: CHECK failed";
  EXPECT_DEATH(
      {
        span->home.Add(1);  // and is out all the same
        span->Validate();
      },
      kSays);
  EXPECT_DEATH(
      {
        span.PutBack(span.At(5 * 64));  // was never handed out
        span->Validate();
      },
      kSays);
  EXPECT_DEATH(
      {
        --span->allocated;
        span->Validate();
      },
      kSays);
}

TEST(SpanList, IsEmptyAtFirst) {
  SpanList list;
  EXPECT_TRUE(list.Empty());
  EXPECT_EQ(list.First(), nullptr);
  list.Validate();
}

// Four spans in a row: each of them can go, and the others find each other.
TEST(SpanList, EachOfTheSpansMayGoFirst) {
  for (size_t gone = 0; gone < 4; ++gone) {
    Span spans[4];
    SpanList list;
    for (Span& span : spans) list.PushFront(&span);
    list.Remove(&spans[gone]);
    list.Validate();
    EXPECT_EQ(spans[gone].next, nullptr);
    EXPECT_EQ(spans[gone].previous, nullptr);
    Span* span = list.First();
    for (size_t i = 4; i-- > 0;) {
      if (i == gone) continue;
      ASSERT_EQ(span, &spans[i]);
      span = span->next;
    }
    EXPECT_EQ(span, nullptr);
  }
}

TEST(SpanList, DoesWhatAStandardListDoes) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    std::mt19937_64 random(seed);
    std::vector<Span> spans(20);
    SpanList list;
    std::list<Span*> model;
    for (int step = 0; step < 2000; ++step) {
      Span* span = &spans[random() % spans.size()];
      const auto place = std::find(model.begin(), model.end(), span);
      if (place == model.end()) {
        list.PushFront(span);
        model.push_front(span);
      } else {
        list.Remove(span);
        model.erase(place);
      }
      list.Validate();
      ASSERT_EQ(list.Empty(), model.empty());
      Span* next = list.First();
      for (Span* expected : model) {
        ASSERT_EQ(next, expected);
        next = next->next;
      }
      ASSERT_EQ(next, nullptr);
    }
  }
}

TEST(SpanListDeathTest, ValidateSeesALinkThatLeadsElsewhere) {
  Span spans[3];
  SpanList list;
  for (Span& span : spans) list.PushFront(&span);
  spans[0].previous = &spans[2];
  EXPECT_DEATH(list.Validate(), "span.cc:[0-9]+: CHECK failed");
}

}  // namespace
}  // namespace pool
