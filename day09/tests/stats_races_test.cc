// What a snapshot may meet on its way: a change that has begun, and an object
// that goes from a list that was not read yet to one that was.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <random>
#include <thread>
#include <vector>

#include "common/testing/gang.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/stats.h"
#include "pool/thread_cache.h"

namespace pool {
namespace {

// It is released while the snapshot is taken: the list of threads is read after
// the changes were counted, and before the page heap. Nothing else happens.
TEST(StatisticsRaces, KnowOfALockThatIsHeldAsTheyBegin) {
  Deallocate(Allocate(100));
  std::atomic<bool> is_held{false};
  std::thread other([&] {
    PageHeap::Get().ForEachSpan([&](PageId, PageCount, SpanState) {
      if (is_held) return;
      const size_t taken = ThreadCache::Locks().taken;
      is_held = true;
      while (ThreadCache::Locks().taken == taken) std::this_thread::yield();
    });
  });
  while (!is_held) std::this_thread::yield();
  EXPECT_GT(Statistics().changes, 0u);
  other.join();
  EXPECT_EQ(Statistics().changes, 0u);
}

// Two threads hand one object to and fro: each takes it from its own list, and
// the other puts it on its own. To read all lists takes a while, since there
// are other threads between them.
class HandToHand {
 public:
  static constexpr size_t kSize = 8192;
  static constexpr size_t kThreads = 40;

  // The caches are listed in the order in which they were made.
  HandToHand() {
    for (size_t member = 0; member < kThreads; ++member) {
      const size_t before = Statistics().threads.now;
      threads_.emplace_back([this, member] {
        Deallocate(Allocate(1));
        if (member == 0) Play(0);
        if (member == kThreads - 1) Play(1);
        over_.ArriveAndWait();
      });
      while (Statistics().threads.now == before) std::this_thread::yield();
    }
    hands_[0] = Allocate(kSize);
  }

  ~HandToHand() {
    is_over_ = true;
    over_.ArriveAndWait();
    for (std::thread& thread : threads_) thread.join();
    for (std::atomic<void*>& hand : hands_) Deallocate(hand);
  }

 private:
  void Play(size_t me) {
    std::minstd_rand random(static_cast<unsigned>(me + 1));
    while (!is_over_) {
      void* block = hands_[me].exchange(nullptr);
      if (block == nullptr) {
        std::this_thread::yield();
        continue;
      }
      Deallocate(block);
      for (size_t i = random() % 10'000; i > 0 && !is_over_; --i) {
      }
      hands_[1 - me] = Allocate(kSize);
    }
  }

  course::Barrier over_{kThreads + 1};
  std::atomic<bool> is_over_{false};
  std::atomic<void*> hands_[2] = {};
  std::vector<std::thread> threads_;
};

TEST(StatisticsRaces, SeeNoObjectTwice) {
  const HandToHand hands;
  for (int look = 0; look < 2000; ++look) {
    const PoolStatistics all = Statistics();
    const ClassStatistics& row =
        all.classes[SizeClass::Index(HandToHand::kSize)];
    ASSERT_LE(row.in_caches, row.out.now);
    ASSERT_EQ(row.in_use.now + row.in_caches, row.out.now);
  }
}

}  // namespace
}  // namespace pool
