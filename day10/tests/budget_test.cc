// A thread's budget: whatever it does, and with however many classes, its
// caches hold no more than tuning::kThreadBytes, and what they hold is right.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/seeds.h"
#include "fake_kernel.h"
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/thread_cache.h"
#include "pool/tuning.h"

namespace pool {
namespace {

// Time stands still here: what is idle stays where a test left it.
const FakeKernel still;

size_t Cached() { return ThreadCache::Footprint().cached; }

void ExpectWithinBudget() {
  ASSERT_LE(Cached(), tuning::kThreadBytes);
  ThreadCache::Current().Validate();
}

std::vector<void*> Take(size_t count, size_t bytes) {
  std::vector<void*> blocks(count);
  for (void*& block : blocks) block = Allocate(bytes);
  return blocks;
}

// Each class, up and down; the sizes in this order.
void GoThroughClasses(const std::vector<size_t>& sizes, size_t count) {
  for (const size_t size : sizes) {
    const std::vector<void*> blocks = Take(count, size);
    ExpectWithinBudget();
    for (void* block : blocks) Deallocate(block);
    ExpectWithinBudget();
    if (testing::Test::HasFatalFailure()) return;
  }
}

std::vector<size_t> AllSizes() {
  std::vector<size_t> sizes;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    sizes.push_back(SizeClass::Size(ClassIndex(i)));
  }
  return sizes;
}

TEST(Budget, HoldsForAThreadThatTouchesEveryClass) {
  for (const size_t count : {1, 10, 300}) {
    std::vector<size_t> sizes = AllSizes();
    for (int round = 0; round < 3; ++round) GoThroughClasses(sizes, count);
    std::reverse(sizes.begin(), sizes.end());
    for (int round = 0; round < 3; ++round) GoThroughClasses(sizes, count);
    std::shuffle(sizes.begin(), sizes.end(), std::mt19937_64(count));
    for (int round = 0; round < 3; ++round) GoThroughClasses(sizes, count);
  }
  EXPECT_GT(Cached(), tuning::kThreadBytes / 4) << "most of it may be used";
  CentralCache::Get().Validate();
}

// All classes are full at once, and then all come back.
TEST(Budget, HoldsWhereAllClassesComeBackAtOnce) {
  for (int round = 0; round < 3; ++round) {
    std::vector<void*> blocks;
    for (const size_t size : AllSizes()) {
      for (void* block : Take(200, size)) blocks.push_back(block);
    }
    ExpectWithinBudget();
    std::shuffle(blocks.begin(), blocks.end(), std::mt19937_64(round));
    for (size_t i = 0; i < blocks.size(); ++i) {
      Deallocate(blocks[i]);
      if (i % 500 == 0) ExpectWithinBudget();
    }
  }
  ReleaseFreeMemory();
  EXPECT_EQ(Cached(), 0u);
  EXPECT_EQ(PageHeap::Get().Footprint().in_use, 0u);
}

// A thread that only frees has a budget, too.
TEST(Budget, HoldsForAThreadThatFreesWhatOthersTook) {
  std::vector<void*> blocks;
  std::thread([&] {
    for (const size_t size : AllSizes()) {
      for (void* block : Take(200, size)) blocks.push_back(block);
    }
  }).join();
  ReleaseFreeMemory();
  for (size_t i = 0; i < blocks.size(); ++i) {
    Deallocate(blocks[i]);
    if (i % 500 == 0) ExpectWithinBudget();
  }
  ExpectWithinBudget();
}

TEST(Budget, IsEachThreadsOwn) {
  constexpr size_t kThreads = 4;
  course::Barrier step(kThreads);
  course::RunGang(kThreads, [&](size_t member) {
    std::vector<size_t> sizes = AllSizes();
    std::shuffle(sizes.begin(), sizes.end(), std::mt19937_64(member));
    for (const size_t size : sizes) {
      for (void* block : Take(100, size)) Deallocate(block);
      ThreadCache::Current().Validate();
    }
    step.ArriveAndWait();
    EXPECT_LE(Cached(), kThreads * tuning::kThreadBytes);
    EXPECT_GT(Cached(), tuning::kThreadBytes);
    step.ArriveAndWait();
  });
}

// A class that is used all the time goes to the central cache now and then, and
// the others, which are used once a round, each time.
TEST(Budget, WhoComesOftenKeepsMost) {
  constexpr size_t kOften = 2000;
  const ClassIndex often = SizeClass::ForRequest(kOften);
  const auto fetches = [&] {
    return CentralCache::Get().Counts(often).fetches;
  };
  const size_t before = fetches();
  size_t visits = 0;
  for (int round = 0; round < 20; ++round) {
    for (const size_t size : AllSizes()) {
      for (void* block : Take(64, size)) Deallocate(block);
      for (int i = 0; i < 3; ++i, ++visits) {
        for (void* block : Take(20, kOften)) Deallocate(block);
      }
    }
    ExpectWithinBudget();
  }
  EXPECT_LT(fetches() - before, visits / 30);
}

// Who goes through no more classes than there is room for never gives one up.
TEST(Budget, IsEnoughForTwentyClasses) {
  const auto work = [] {
    for (size_t bytes = 500; bytes <= 20 * 1000; bytes += 1000) {
      for (void* block : Take(3, bytes)) Deallocate(block);
    }
  };
  for (int i = 0; i < 10; ++i) work();
  const size_t fetches = ThreadCache::Footprint().fetches;
  const size_t cached = Cached();
  for (int i = 0; i < 100; ++i) work();
  EXPECT_EQ(Cached(), cached);
  EXPECT_EQ(ThreadCache::Footprint().fetches, fetches);
}

// Blocks that are out, by class: none is handed out twice, and what is cached
// is not what is out.
class SlotModel {
 public:
  explicit SlotModel(uint64_t seed) : random_(seed), out_(SizeClass::kCount) {}

  void Step() {
    const size_t i = Choose();
    const size_t size = SizeClass::Size(ClassIndex(i));
    const size_t count = 1 + random_() % 100;
    if (random_() % 2 == 0) {
      for (size_t n = 0; n < count; ++n) TakeOne(i, size);
    } else {
      for (size_t n = 0; n < count && !out_[i].empty(); ++n) FreeOne(i);
    }
  }
  void FreeAll() {
    for (size_t i = 0; i < SizeClass::kCount; ++i) {
      while (!out_[i].empty()) FreeOne(i);
    }
  }

 private:
  // A few classes often, and all of them now and then.
  size_t Choose() {
    return random_() % 4 == 0 ? random_() % SizeClass::kCount
                              : favourites_ + random_() % 8;
  }
  void TakeOne(size_t i, size_t size) {
    if (out_[i].size() > 300) return;
    if (random_() % 1000 == 0) favourites_ = random_() % 200;
    void* block = Allocate(size);
    ASSERT_NE(block, nullptr);
    ASSERT_TRUE(all_.insert(block).second) << "it is another's";
    ASSERT_GE(UsableSize(block), size);
    out_[i].push_back(block);
  }
  void FreeOne(size_t i) {
    std::vector<void*>& blocks = out_[i];
    if (random_() % 2 == 0) {
      std::swap(blocks[random_() % blocks.size()], blocks.back());
    }
    all_.erase(blocks.back());
    Deallocate(blocks.back());
    blocks.pop_back();
  }

  std::mt19937_64 random_;
  size_t favourites_ = 0;
  std::vector<std::vector<void*>> out_;
  std::set<void*> all_;
};

TEST(Budget, HoldsWhateverHappens) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    SlotModel model(seed);
    for (int step = 0; step < 4000; ++step) {
      model.Step();
      if (step % 10 == 0) ExpectWithinBudget();
      if (step % 500 == 0) CentralCache::Get().Validate();
      if (testing::Test::HasFatalFailure()) return;
    }
    model.FreeAll();
    ExpectWithinBudget();
    ReleaseFreeMemory();
    ASSERT_EQ(PageHeap::Get().Footprint().in_use, 0u);
  }
}

}  // namespace
}  // namespace pool
