// Magazines: arrays of pointers, in three lengths. Depots: stacks of them, that
// know how many of theirs nobody needed.
#include "pool/magazine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/kernel_faults.h"
#include "common/testing/seeds.h"
#include "pool/size_class.h"

namespace pool {
namespace {

constexpr size_t kKinds[] = {0, 1, 2};

// A pointer that is a magazine's own and leads nowhere.
void* Mark(const Magazine* magazine, size_t place) {
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(magazine) * 1000 +
                                 place);
}

void FillAll(Magazine* magazine) {
  for (size_t i = 0; i < tuning::kMagazineLengths[magazine->kind]; ++i) {
    magazine->Objects()[i] = Mark(magazine, i);
  }
}

bool IsIntact(Magazine* magazine) {
  for (size_t i = 0; i < tuning::kMagazineLengths[magazine->kind]; ++i) {
    if (magazine->Objects()[i] != Mark(magazine, i)) return false;
  }
  return true;
}

TEST(Magazine, EachLengthHasAnArrayOfItsOwn) {
  std::vector<Magazine*> magazines;
  for (int i = 0; i < 300; ++i) {
    for (const size_t kind : kKinds) {
      Magazine* magazine = NewMagazine(kind);
      ASSERT_NE(magazine, nullptr);
      EXPECT_EQ(magazine->kind, kind);
      EXPECT_EQ(magazine->count, 0u);
      EXPECT_EQ(Magazine::Of(magazine->Objects()), magazine);
      FillAll(magazine);
      magazines.push_back(magazine);
    }
  }
  for (Magazine* magazine : magazines) ASSERT_TRUE(IsIntact(magazine));
  for (Magazine* magazine : magazines) DeleteMagazine(magazine);
}

TEST(Magazine, WhatWasOneIsOneOfTheSameLengthAgain) {
  for (const size_t kind : kKinds) {
    Magazine* magazine = NewMagazine(kind);
    magazine->next = magazine;
    DeleteMagazine(magazine);
    for (const size_t other : kKinds) {
      if (other == kind) continue;
      EXPECT_NE(NewMagazine(other), magazine);
    }
    Magazine* again = NewMagazine(kind);
    EXPECT_EQ(again, magazine);
    EXPECT_EQ(again->kind, kind);
    EXPECT_EQ(again->count, 0u);
    EXPECT_EQ(again->next, nullptr);
  }
  DeleteMagazine(nullptr);
}

// As many as make 64 KiB, at most the length, and one at least.
TEST(Magazine, HasRoomForSoManyOfEachClass) {
  for (const size_t kind : kKinds) {
    Magazine* magazine = NewMagazine(kind);
    const size_t length = tuning::kMagazineLengths[kind];
    for (size_t i = 0; i < SizeClass::kCount; ++i) {
      const size_t size = SizeClass::Size(ClassIndex(i));
      const size_t room = magazine->RoomFor(size);
      EXPECT_GE(room, tuning::kMagazineLeast) << size;
      EXPECT_LE(room, length) << size;
      EXPECT_TRUE(room == tuning::kMagazineLeast ||
                  room * size <= tuning::kMagazineBytes)
          << size;
      EXPECT_TRUE(room == length || (room + 1) * size > tuning::kMagazineBytes)
          << size << ": there is room for more";
    }
    DeleteMagazine(magazine);
  }
}

// With the next longer one there would be no more room, and with a shorter one
// there is less.
TEST(Magazine, TheLongestKindOfEachClassIsLongEnough) {
  Magazine* magazines[Magazine::kLengths];
  for (const size_t kind : kKinds) magazines[kind] = NewMagazine(kind);
  std::set<size_t> kinds;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const size_t size = SizeClass::Size(ClassIndex(i));
    const size_t kind = LongestKind(size);
    const size_t room = magazines[kind]->RoomFor(size);
    EXPECT_EQ(room, magazines[Magazine::kLongest]->RoomFor(size)) << size;
    kinds.insert(kind);
    if (kind == 0) continue;
    EXPECT_LT(magazines[kind - 1]->RoomFor(size), room) << size;
  }
  EXPECT_EQ(kinds.size(), Magazine::kLengths) << "each is of use";
  for (Magazine* magazine : magazines) DeleteMagazine(magazine);
}

TEST(Magazine, ARefusalIsNoMagazineAndChangesNothing) {
  for (const size_t kind : kKinds) {
    course::KernelFaults faults;
    faults.RefuseAll(course::KernelCall::kMap);
    const size_t footprint = MagazineFootprint();
    std::vector<Magazine*> magazines;
    while (Magazine* magazine = NewMagazine(kind)) {
      FillAll(magazine);
      magazines.push_back(magazine);
    }
    EXPECT_EQ(MagazineFootprint(), footprint);
    faults.Recover();
    magazines.push_back(NewMagazine(kind));
    ASSERT_NE(magazines.back(), nullptr);
    EXPECT_GT(MagazineFootprint(), footprint);
    magazines.pop_back();
    for (Magazine* magazine : magazines) ASSERT_TRUE(IsIntact(magazine));
    for (Magazine* magazine : magazines) DeleteMagazine(magazine);
  }
}

TEST(Magazine, WhatComesAndGoesTakesNoMoreMemory) {
  const auto come_and_go = [] {
    std::vector<Magazine*> magazines;
    for (int i = 0; i < 1000; ++i) magazines.push_back(NewMagazine(i % 3));
    for (Magazine* magazine : magazines) DeleteMagazine(magazine);
  };
  come_and_go();
  const size_t footprint = MagazineFootprint();
  const size_t taken = MagazineLocks().taken;
  for (int i = 0; i < 10; ++i) come_and_go();
  EXPECT_EQ(MagazineFootprint(), footprint);
  // Each call takes the lock once, and so did the two looks.
  EXPECT_LE(MagazineLocks().taken - taken, 20000u + 2u);
}

TEST(Magazine, MayBeMadeByAllThreadsAtOnce) {
  course::RunGang(4, [](size_t member) {
    std::mt19937_64 random(member);
    std::vector<Magazine*> mine;
    for (int step = 0; step < 20000; ++step) {
      if (mine.size() < 20 || (mine.size() < 200 && random() % 2 == 0)) {
        mine.push_back(NewMagazine(random() % 3));
        FillAll(mine.back());
      } else {
        std::swap(mine[random() % mine.size()], mine.back());
        ASSERT_TRUE(IsIntact(mine.back()));
        DeleteMagazine(mine.back());
        mine.pop_back();
      }
    }
    for (Magazine* magazine : mine) DeleteMagazine(magazine);
  });
}

Magazine* Loaded(size_t kind, size_t count) {
  Magazine* magazine = NewMagazine(kind);
  magazine->count = static_cast<uint32_t>(count);
  return magazine;
}

std::set<Magazine*> All(MagazineStack& stack) {
  std::set<Magazine*> all;
  while (Magazine* magazine = stack.Pop()) {
    EXPECT_TRUE(all.insert(magazine).second);
  }
  EXPECT_EQ(stack.Count(), 0u);
  return all;
}

TEST(Depot, WhatCameLastGoesFirst) {
  Depot depot;
  EXPECT_EQ(depot.TakeLoaded(), nullptr);
  EXPECT_EQ(depot.TakeEmpty(), nullptr);
  Magazine* loaded[] = {Loaded(0, 3), Loaded(1, 64), Loaded(2, 100)};
  Magazine* empty[] = {Loaded(2, 0), Loaded(0, 0)};
  for (Magazine* magazine : loaded) depot.LeaveLoaded(magazine);
  for (Magazine* magazine : empty) depot.LeaveEmpty(magazine);
  EXPECT_EQ(depot.Objects(), 167u);
  depot.Validate();
  EXPECT_EQ(depot.TakeLoaded(), loaded[2]);
  EXPECT_EQ(depot.Objects(), 67u);
  EXPECT_EQ(depot.TakeEmpty(), empty[1]);
  EXPECT_EQ(depot.TakeEmpty(), empty[0]);
  EXPECT_EQ(depot.TakeEmpty(), nullptr);
  EXPECT_EQ(depot.TakeLoaded(), loaded[1]);
  EXPECT_EQ(depot.TakeLoaded(), loaded[0]);
  EXPECT_EQ(depot.TakeLoaded(), nullptr);
  EXPECT_EQ(depot.Objects(), 0u);
  depot.Validate();
}

// What came since the last look was not idle all the time.
TEST(Depot, WhatIsNewIsNotIdle) {
  Depot depot;
  for (int i = 0; i < 5; ++i) depot.LeaveLoaded(Loaded(0, 16));
  MagazineStack idle;
  depot.TakeIdle(idle);
  EXPECT_EQ(idle.Count(), 0u);
  EXPECT_EQ(depot.Objects(), 5u * 16);
  depot.TakeIdle(idle);
  EXPECT_EQ(idle.Count(), 5u);
  EXPECT_EQ(depot.Objects(), 0u);
}

TEST(Depot, WhatWasTakenForAMomentIsNotIdle) {
  Depot depot;
  for (int i = 0; i < 5; ++i) depot.LeaveLoaded(Loaded(0, 16));
  MagazineStack idle;
  depot.TakeIdle(idle);
  Magazine* taken[] = {depot.TakeLoaded(), depot.TakeLoaded()};
  for (Magazine* magazine : taken) depot.LeaveLoaded(magazine);
  depot.TakeIdle(idle);
  EXPECT_EQ(idle.Count(), 3u);
  EXPECT_EQ(depot.Objects(), 2u * 16);
  depot.Validate();
}

TEST(Depot, GivesUpAll) {
  Depot depot;
  std::set<Magazine*> all;
  for (size_t i = 0; i < 5; ++i) {
    Magazine* loaded = Loaded(i % 3, 1 + i);
    Magazine* empty = Loaded(i % 3, 0);
    depot.LeaveLoaded(loaded);
    depot.LeaveEmpty(empty);
    all.insert({loaded, empty});
  }
  MagazineStack taken;
  depot.TakeAll(taken);
  EXPECT_EQ(All(taken), all);
  EXPECT_EQ(depot.Objects(), 0u);
  EXPECT_EQ(depot.TakeLoaded(), nullptr);
  EXPECT_EQ(depot.TakeEmpty(), nullptr);
  depot.Validate();
}

TEST(Depot, KnowsHowManyObjectsItAbandons) {
  Depot depot;
  MagazineStack idle;
  for (size_t i = 1; i <= 4; ++i) depot.LeaveLoaded(Loaded(1, 10 * i));
  depot.LeaveEmpty(Loaded(1, 0));
  depot.TakeIdle(idle);
  EXPECT_EQ(depot.Abandon(), 100u);
  EXPECT_EQ(depot.Abandon(), 0u);
  EXPECT_EQ(depot.Objects(), 0u);
  depot.Validate();
  depot.LeaveLoaded(Loaded(1, 7));
  depot.TakeIdle(idle);
  EXPECT_EQ(depot.Objects(), 7u) << "nothing is idle that has just come";
  EXPECT_EQ(All(idle).size(), 0u);
}

// With whatever is in it.
void Forget(Magazine* magazine) {
  magazine->count = 0;
  DeleteMagazine(magazine);
}

// A depot, and beside it what it should have.
class DepotModel {
 public:
  explicit DepotModel(uint64_t seed) : random_(seed) {}
  ~DepotModel() {
    MagazineStack all;
    depot_.TakeAll(all);
    for (Magazine* magazine : All(all)) Forget(magazine);
  }

  void Step() {
    const size_t what = random_() % 100;
    if (what < 40) Leave();
    if (what >= 40 && what < 75) Take();
    if (what >= 75 && what < 85) LeaveEmpty();
    if (what >= 85 && what < 95) TakeEmpty();
    if (what >= 95) TakeIdle();
    ASSERT_EQ(depot_.Objects(), Objects());
    depot_.Validate();
  }

 private:
  size_t Objects() const {
    size_t objects = 0;
    for (const Magazine* magazine : loaded_) objects += magazine->count;
    return objects;
  }
  void Leave() {
    const size_t kind = random_() % 3;
    const size_t length = tuning::kMagazineLengths[kind];
    loaded_.push_back(Loaded(kind, 1 + random_() % length));
    depot_.LeaveLoaded(loaded_.back());
  }
  void Take() {
    Magazine* magazine = depot_.TakeLoaded();
    ASSERT_EQ(magazine, loaded_.empty() ? nullptr : loaded_.back());
    if (magazine == nullptr) return;
    loaded_.pop_back();
    lowest_ = std::min(lowest_, loaded_.size());
    Forget(magazine);
  }
  void LeaveEmpty() {
    empty_.push_back(Loaded(random_() % 3, 0));
    depot_.LeaveEmpty(empty_.back());
  }
  void TakeEmpty() {
    Magazine* magazine = depot_.TakeEmpty();
    ASSERT_EQ(magazine, empty_.empty() ? nullptr : empty_.back());
    if (magazine == nullptr) return;
    empty_.pop_back();
    DeleteMagazine(magazine);
  }
  // As many loaded ones as there always were, and the empty ones that then are
  // more than those that stay.
  void TakeIdle() {
    const size_t stay = loaded_.size() - lowest_;
    MagazineStack idle;
    depot_.TakeIdle(idle);
    for (Magazine* magazine : All(idle)) {
      std::vector<Magazine*>& from = magazine->count > 0 ? loaded_ : empty_;
      const auto place = std::find(from.begin(), from.end(), magazine);
      ASSERT_NE(place, from.end());
      from.erase(place);
      Forget(magazine);
    }
    ASSERT_EQ(loaded_.size(), stay);
    ASSERT_LE(empty_.size(), loaded_.size());
    lowest_ = loaded_.size();
  }

  std::mt19937_64 random_;
  Depot depot_;
  std::vector<Magazine*> loaded_;
  std::vector<Magazine*> empty_;
  size_t lowest_ = 0;
};

TEST(Depot, KnowsItsLowestLevel) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    DepotModel model(seed);
    for (int step = 0; step < 20000; ++step) {
      model.Step();
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace pool
