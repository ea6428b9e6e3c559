// What callers asked for, where nobody counts each call: an estimate.
#include <gtest/gtest.h>

#include <cstddef>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/testing/child.h"
#include "common/testing/seeds.h"
#include "pool/bytes.h"
#include "pool/macros.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/stats.h"

namespace pool {
namespace {

constexpr size_t kMiB = 1024 * 1024;

struct Block {
  void* start;
  size_t bytes;
};

// Blocks that come and go, so that lists are filled and emptied; those that
// stay are freed at the end.
class Workload {
 public:
  explicit Workload(uint64_t seed) : random_(seed) {}
  ~Workload() {
    for (const Block& block : blocks_) Deallocate(block.start);
  }
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;

  // `draw` says how many bytes the next block is to have.
  template <typename Draw>
  void Run(size_t steps, const Draw& draw) {
    for (size_t i = 0; i < steps; ++i) {
      if (blocks_.size() > 20'000 || (!blocks_.empty() && random_() % 3 == 0)) {
        std::swap(blocks_[random_() % blocks_.size()], blocks_.back());
        Deallocate(blocks_.back().start);
        blocks_.pop_back();
      } else {
        const size_t bytes = draw(random_);
        blocks_.push_back({Allocate(bytes), bytes});
      }
    }
  }

  size_t Asked() const {
    size_t sum = 0;
    for (const Block& block : blocks_) sum += block.bytes;
    return sum;
  }

 private:
  std::mt19937_64 random_;
  std::vector<Block> blocks_;
};

// The same calls each time, and so the same answer: within a hundredth.
TEST(Estimate, IsCloseForARandomWorkload) {
  EXPECT_EQ(course::RunInChild([] {
              Workload workload(1);
              workload.Run(200'000, [](auto& random) {
                const size_t bits = 3 + random() % 13;
                return 1 + random() % (size_t{1} << bits);
              });
              const PoolStatistics all = Statistics();
              const size_t asked = workload.Asked();
              CHECK(all.asked.now > asked - asked / 100);
              CHECK(all.asked.now < asked + asked / 100);
              CHECK(all.in_use.now > asked + asked / 50);
            }),
            "");
}

TEST(Estimate, OfLargeBlocksIsAsForAllThatThereEverWere) {
  EXPECT_EQ(course::RunInChild([] {
              std::vector<void*> blocks(10);
              for (void*& block : blocks) block = Allocate(300'000);
              CHECK(Statistics().asked.now == 3'000'000);
              for (void* block : blocks) Deallocate(block);
              CHECK(Statistics().asked.now == 0);
              void* zeroed = AllocateZeroed(3, 100'000);
              void* aligned = AllocateAligned(300'000, 2 * kPageSize);
              CHECK(Statistics().asked.now == 600'000);
              Deallocate(zeroed);
              Deallocate(aligned);
            }),
            "");
}

// A block that has grown has room to grow more: that was not asked for.
TEST(Estimate, DoesNotTakeRoomToGrowForARequest) {
  EXPECT_EQ(course::RunInChild([] {
              void* block = Allocate(kMiB);
              void* behind = Allocate(kMiB);  // or it could grow in place
              void* moved = Reallocate(block, 100 * kMiB);
              CHECK(moved != block);
              const PoolStatistics all = Statistics();
              CHECK(all.asked.now < 105 * kMiB);
              CHECK(all.asked.now > 99 * kMiB);
              CHECK(all.InternalFragmentation() > 300);
              Deallocate(moved);
              Deallocate(behind);
            }),
            "");
}

// Where all requests of a class are alike, there is nothing to guess.
TEST(Estimate, IsExactForRequestsOfOneSize) {
  const struct {
    size_t bytes;
    size_t size;
  } kCases[] = {{129, 144}, {1025, 1152}, {9000, 9216}, {70'000, 73'728}};
  for (const auto& each : kCases) {
    const ClassIndex index = SizeClass::Index(each.size);
    ASSERT_EQ(Statistics().classes[index].misses, 0u);
    std::vector<void*> blocks(100);
    for (void*& block : blocks) block = Allocate(each.bytes);
    // Of other threads, too, also when they are gone.
    std::thread([&] { blocks.push_back(Allocate(each.bytes)); }).join();
    EXPECT_EQ(Statistics().classes[index].asked, 101 * each.bytes);
    for (void* block : blocks) Deallocate(block);
    EXPECT_EQ(Statistics().classes[index].asked, 0u);
  }
}

// Of a block, no more is unknown than how far its size is from that of the
// class below. So no chance can lead an estimate astray by more than that.
TEST(Estimate, IsNeverWrongByMoreThanAClassIsWide) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    Workload workload(seed);
    workload.Run(100'000,
                 [](auto& random) { return 1 + random() % (8 * 1024); });
    const PoolStatistics all = Statistics();
    EXPECT_FALSE(all.asked_is_exact);
    size_t least = 0;
    for (size_t i = 0; i < SizeClass::kCount; ++i) {
      const ClassStatistics& row = all.classes[i];
      const size_t below = i == 0 ? 0 : SizeClass::Size(ClassIndex(i - 1));
      // Classes of 24, 40 … serve nobody: those above reach further down.
      const size_t reach = row.size <= 128 ? 8 : 0;
      EXPECT_LE(row.asked, row.in_use.now * row.size);
      EXPECT_GE(row.asked, row.in_use.now * (below - reach * (i > 0)))
          << "class " << i;
      least += row.in_use.now * (below - reach * (i > 0));
    }
    EXPECT_GE(all.asked.now, least);
    EXPECT_LE(all.asked.now, all.in_use.now);
  }
}

}  // namespace
}  // namespace pool
