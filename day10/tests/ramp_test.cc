// ramp: up to a peak, down to the oldest tenth, and the program stays. Nine
// tenths of what was freed have to be with the system again: within two seconds
// of ordinary use, and at once when asked for. And the heap does not grow while
// others' magazines lie idle.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "common/testing/gang.h"
#include "fake_kernel.h"
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/thread_cache.h"
#include "pool/tuning.h"

namespace pool {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;
constexpr size_t kThreads = 4;
constexpr size_t kPeak = 256 * kMiB;
constexpr size_t kSizes[] = {16, 64, 200, kKiB, 5000, 40 * kKiB, 300 * kKiB};

PageHeapFootprint Footprint() { return PageHeap::Get().Footprint(); }

struct Block {
  void* start;
  size_t bytes;
};

// Equally many bytes of each size, in whatever order.
std::vector<Block> Climb(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Block> blocks;
  size_t left[std::size(kSizes)];
  std::fill(std::begin(left), std::end(left),
            kPeak / kThreads / std::size(kSizes));
  for (size_t full = 0; full < std::size(kSizes);) {
    const size_t which = random() % std::size(kSizes);
    if (left[which] < kSizes[which]) {
      full = static_cast<size_t>(
          std::count_if(std::begin(left), std::end(left),
                        [](size_t bytes) { return bytes < 300 * kKiB; }));
      continue;
    }
    // A handful, or the small ones would take for ever.
    const size_t count = std::min(left[which], 300 * kKiB) / kSizes[which];
    for (size_t i = 0; i < count; ++i) {
      blocks.push_back({Allocate(kSizes[which]), kSizes[which]});
    }
    left[which] -= count * kSizes[which];
  }
  return blocks;
}

// All but the oldest tenth; says how many bytes.
size_t Fall(std::vector<Block>& blocks) {
  const size_t keep = blocks.size() / 10;
  size_t freed = 0;
  for (; blocks.size() > keep; blocks.pop_back()) {
    Deallocate(blocks.back().start);
    freed += blocks.back().bytes;
  }
  return freed;
}

// Small calls and large ones, on one thread, and the clock moves on.
class OrdinaryUse {
 public:
  explicit OrdinaryUse(uint64_t seed) : random_(seed) {}
  ~OrdinaryUse() {
    for (void* block : blocks_) Deallocate(block);
  }

  void Run(FakeKernel& kernel, size_t milliseconds) {
    for (size_t time = 0; time < milliseconds; time += 10) {
      kernel.Advance(10);
      for (int i = 0; i < 3000; ++i) Call();
    }
  }

 private:
  void Call() {
    if (blocks_.size() < 1000) {
      const size_t bytes = size_t{1} << (3 + random_() % 12);
      blocks_.push_back(Allocate(random_() % 500 == 0 ? 400 * kKiB : bytes));
      return;
    }
    std::swap(blocks_[random_() % blocks_.size()], blocks_.back());
    for (int i = 0; i < 3; ++i) {
      Deallocate(blocks_.back());
      blocks_.pop_back();
    }
  }

  std::mt19937_64 random_;
  std::vector<void*> blocks_;
};

// How the threads are when the program goes on without them.
enum class Threads { kEnd, kStay };

class Ramp : public testing::TestWithParam<Threads> {
 protected:
  // Up and down, and then `after` of how much was freed.
  template <typename After>
  void UpAndDown(const After& after) {
    std::vector<Block> blocks[kThreads];
    size_t freed[kThreads];
    const size_t parties = kThreads + 1;
    course::Barrier top(kThreads);
    course::Barrier done(parties);
    course::Barrier over(parties);
    course::Gang gang(kThreads, [&](size_t member) {
      blocks[member] = Climb(member);
      top.ArriveAndWait();
      freed[member] = Fall(blocks[member]);
      done.ArriveAndWait();
      if (GetParam() == Threads::kStay) over.ArriveAndWait();
    });
    done.ArriveAndWait();
    if (GetParam() == Threads::kEnd) gang.Join();
    size_t sum = 0;
    for (const size_t bytes : freed) sum += bytes;
    ASSERT_GT(sum, kPeak / 2) << "what is this a test of?";
    after(sum);
    if (GetParam() == Threads::kStay) over.ArriveAndWait();
    gang.Join();
    for (std::vector<Block>& rest : blocks) {
      for (const Block& block : rest) Deallocate(block.start);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(With, Ramp,
                         testing::Values(Threads::kEnd, Threads::kStay),
                         [](const auto& threads) {
                           return threads.param == Threads::kEnd
                                      ? "ThreadsThatEnd"
                                      : "ThreadsThatStay";
                         });

TEST_P(Ramp, ComesBackInOrdinaryUse) {
  FakeKernel kernel;
  UpAndDown([&](size_t freed) {
    const size_t peak = Footprint().system - Footprint().returned;
    const size_t discarded = ReadSystemFootprint().discard_bytes;
    OrdinaryUse(1).Run(kernel, 2000);
    const size_t now = Footprint().system - Footprint().returned;
    EXPECT_GE(peak, now + freed / 10 * 9);
    EXPECT_GE(ReadSystemFootprint().discard_bytes - discarded, freed / 10 * 9);
    PageHeap::Get().Validate();
  });
}

TEST_P(Ramp, ComesBackAtOnceWhenAskedFor) {
  const FakeKernel kernel;  // the time stands still: nothing comes back before
  UpAndDown([](size_t freed) {
    const size_t peak = Footprint().system - Footprint().returned;
    const size_t reported = ReleaseFreeMemory();
    const size_t now = Footprint().system - Footprint().returned;
    EXPECT_GE(peak, now + freed / 10 * 9);
    EXPECT_GE(reported, freed / 10 * 9);
    PageHeap::Get().Validate();
  });
}

// What ordinary use needs stays where it is: from its second second on, it asks
// the kernel for nothing, and gives it back a little at most.
TEST(RampAfterwards, OrdinaryUseIsLeftInPeace) {
  FakeKernel kernel;
  OrdinaryUse use(1);
  use.Run(kernel, 8000);
  const SystemFootprint before = ReadSystemFootprint();
  use.Run(kernel, 4000);
  const SystemFootprint after = ReadSystemFootprint();
  EXPECT_EQ(after.mapped, before.mapped);
  EXPECT_LE(after.discard_calls - before.discard_calls, 20u * 10);
  EXPECT_LE(after.discard_bytes - before.discard_bytes, 20 * 2 * kMiB);
}

// A burst of one class is over, and its magazines lie in the depot.
class IdleDepot : public testing::Test {
 protected:
  static constexpr size_t kBurst = 32 * kMiB;

  static void Burst(size_t bytes) {
    std::vector<void*> blocks(kBurst / bytes);
    for (void*& block : blocks) block = Allocate(bytes);
    for (void* block : blocks) Deallocate(block);
  }
  // As many bytes as the burst had, less what one thread may hold back.
  static void TakeAsMuch(size_t bytes) {
    const size_t all = kBurst - tuning::kThreadBytes;
    for (size_t taken = 0; taken < all; taken += bytes) {
      ASSERT_NE(Allocate(bytes), nullptr);
    }
  }

  FakeKernel kernel_;
};

TEST_F(IdleDepot, IsUsedBeforeTheHeapGrows) {
  ThreadCache::UpkeepIfDue();
  Burst(64);
  CentralCache::Get().ReclaimIdle();  // a look: from now on they are idle
  const size_t system = Footprint().system;
  TakeAsMuch(2000);
  EXPECT_EQ(Footprint().system, system);
}

TEST_F(IdleDepot, IsUsedBeforeTheHeapGrowsForALargeBlock) {
  ThreadCache::UpkeepIfDue();
  Burst(64);
  CentralCache::Get().ReclaimIdle();
  const size_t system = Footprint().system;
  TakeAsMuch(kMiB);
  EXPECT_EQ(Footprint().system, system);
}

// Nobody has looked yet: the first growth is the first look, and the second
// finds them idle.
TEST_F(IdleDepot, LetsTheHeapGrowOnceAtMost) {
  ThreadCache::UpkeepIfDue();
  Burst(64);
  const size_t system = Footprint().system;
  TakeAsMuch(2000);
  EXPECT_LE(Footprint().system, system + 16 * kMiB);
}

// One class after the other, as programs go through phases.
TEST_F(IdleDepot, PhasesOfAProgramShareTheMemory) {
  Burst(64);
  const size_t system = Footprint().system;
  for (int round = 0; round < 3; ++round) {
    for (const size_t bytes : {3000, 16, 500, 64, 20000}) {
      kernel_.Advance(tuning::kUpkeepEvery);
      Burst(bytes);
    }
  }
  EXPECT_LE(Footprint().system, 2 * system);
}

}  // namespace
}  // namespace pool
