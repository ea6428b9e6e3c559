// Threads that work, hand blocks on, and end while others are in the middle of
// a call. A shadow heap knows every block.
#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/seeds.h"
#include "common/testing/shadow_heap.h"
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/pool.h"

namespace pool {
namespace {

struct Block {
  void* start;
  size_t bytes;
};

// Where threads leave blocks for each other.
class Exchange {
 public:
  void Put(Block block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    blocks_.push_back(block);
  }
  bool Get(Block* block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (blocks_.empty()) return false;
    *block = blocks_.front();
    blocks_.pop_front();
    return true;
  }

 private:
  std::mutex mutex_;
  std::deque<Block> blocks_;
};

class Stress : public ::testing::Test {
 protected:
  Block Take(std::mt19937_64& random) {
    // Most blocks are small, a few have whole pages of their own.
    const size_t most = 4 + random() % (random() % 16 == 0 ? 17 : 9);
    const size_t bytes = random() % (size_t{1} << most);
    const Block block{Allocate(bytes), bytes};
    const auto fault = shadow_.Allocated(block.start, bytes);
    if (fault) ADD_FAILURE() << *fault;
    return block;
  }
  void GiveBack(Block block) {
    const auto fault = shadow_.Freeing(block.start, block.bytes);
    if (fault) ADD_FAILURE() << *fault;
    if (block.bytes % 2 == 0) return Deallocate(block.start);
    Deallocate(block.start, block.bytes);
  }

  // A short life: takes, frees what it finds, gives what is free back to the
  // system now and then, and leaves a few blocks behind.
  void Live(uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<Block> mine;
    Block found;
    for (int step = 0; step < 200; ++step) {
      if (random() % 50 == 0) ReleaseFreeMemory();
      switch (random() % 4) {
        case 0:
        case 1:
          mine.push_back(Take(random));
          break;
        case 2:
          if (exchange_.Get(&found)) GiveBack(found);
          break;
        default:
          if (mine.empty()) break;
          std::swap(mine[random() % mine.size()], mine.back());
          random() % 2 == 0 ? GiveBack(mine.back())
                            : exchange_.Put(mine.back());
          mine.pop_back();
      }
    }
    for (const Block& block : mine) exchange_.Put(block);
  }

  // By a thread whose cache is gone at the end, too: then nothing is in use.
  void EmptyTheExchange() {
    std::thread([this] {
      Block block;
      while (exchange_.Get(&block)) GiveBack(block);
    }).join();
    EXPECT_EQ(shadow_.live(), 0u);
    ReleaseFreeMemory();  // what threads have left, and what is in depots
    EXPECT_EQ(CentralCache::Get().Footprint().spans, 0u);
    EXPECT_EQ(PageHeap::Get().Footprint().in_use, 0u);
    CentralCache::Get().Validate();
    PageHeap::Get().Validate();
  }

  course::ShadowHeap shadow_;
  Exchange exchange_;
};

TEST_F(Stress, ThreadsComeAndGoWhileOthersWork) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    course::RunGang(4, [&](size_t member) {
      for (uint64_t i = 0; i < 12; ++i) {
        std::thread([&] { Live(seed + 1000 * member + i); }).join();
        Live(seed + 1000 * member + 500 + i);
      }
    });
    EmptyTheExchange();
  }
}

// One allocates, the next frees, and so on through 16 threads in a circle.
TEST_F(Stress, BlocksGoThroughAChainOfThreads) {
  constexpr size_t kThreads = 16;
  Exchange between[kThreads];
  course::RunGang(kThreads, [&](size_t member) {
    std::mt19937_64 random(member);
    Block block;
    for (int step = 0; step < 600; ++step) {
      between[member].Put(Take(random));
      Exchange& before = between[(member + kThreads - 1) % kThreads];
      if (before.Get(&block)) GiveBack(block);
    }
  });
  for (Exchange& exchange : between) {
    Block block;
    while (exchange.Get(&block)) exchange_.Put(block);
  }
  EmptyTheExchange();
}

}  // namespace
}  // namespace pool
