// What a snapshot may meet on its way: a change behind its back, and an object
// that goes from a list that was read to one that was not.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <random>
#include <thread>
#include <vector>

#include "common/testing/gang.h"
#include "pool/central_cache.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/stats.h"
#include "pool/thread_cache.h"

namespace pool {
namespace {

// Another thread holds the lock of a class, and so keeps the snapshot waiting
// there. Meanwhile it takes a large block.
TEST(StatisticsRaces, SayThatSomethingHasChanged) {
  constexpr size_t kSize = 8;
  Deallocate(Allocate(1024 * 1024));
  void* small = Allocate(kSize);
  void* large = nullptr;
  std::atomic<bool> is_held{false};
  std::thread other([&] {
    const ClassIndex index = SizeClass::Index(kSize);
    CentralCache::Get().ForEachSpan(index, [&](const Span&) {
      if (is_held) return;
      const size_t taken = ThreadCache::Locks().taken;
      is_held = true;
      while (ThreadCache::Locks().taken == taken) std::this_thread::yield();
      large = Allocate(1024 * 1024);
    });
  });
  while (!is_held) std::this_thread::yield();
  EXPECT_GT(Statistics().changes, 0u);
  other.join();
  EXPECT_EQ(Statistics().changes, 0u);
  Deallocate(large);
  Deallocate(small);
}

// Two threads hand one object to and fro: each takes it from its own list, and
// the other puts it on its own. To read all lists takes a while, since there
// are other threads' between these two.
class HandToHand {
 public:
  static constexpr size_t kSize = 8192;

  HandToHand() : object_(Allocate(kSize)) {
    for (size_t member = 0; member < kThreads; ++member) {
      const size_t before = Statistics().threads.now;
      threads_.emplace_back([this, member] {
        Deallocate(Allocate(1));  // caches are listed as they are made
        if (member == 0) Play(0);
        if (member == kThreads - 1) Play(1);
        over_.ArriveAndWait();
      });
      while (Statistics().threads.now == before) std::this_thread::yield();
    }
  }
  ~HandToHand() {
    over_.ArriveAndWait();
    for (std::thread& thread : threads_) thread.join();
    Deallocate(object_);
  }

  bool IsPlaying() const { return rounds_ < kRounds; }

 private:
  static constexpr size_t kThreads = 40;
  static constexpr size_t kRounds = 30'000;

  // It stays on the list for up to as long as it takes to read them all.
  void Play(size_t me) {
    std::minstd_rand random(static_cast<unsigned>(me + 1));
    for (size_t round = 0; round < kRounds; ++round) {
      turn_.ArriveAndWait();
      if (round % 2 != me) continue;
      Deallocate(object_);
      for (size_t i = random() % 4'000; i > 0; --i) rounds_ = round;
      object_ = Allocate(kSize);
      rounds_ = round + 1;
    }
  }

  course::Barrier turn_{2};
  course::Barrier over_{kThreads + 1};
  void* object_;  // whose turn it is, has it
  std::atomic<size_t> rounds_{0};
  std::vector<std::thread> threads_;
};

TEST(StatisticsRaces, SeeNoObjectTwice) {
  const HandToHand hands;
  while (hands.IsPlaying()) {
    const PoolStatistics all = Statistics();
    const ClassStatistics& row =
        all.classes[SizeClass::Index(HandToHand::kSize)];
    ASSERT_LE(row.in_caches, row.out.now);
    ASSERT_EQ(row.in_use.now + row.in_caches, row.out.now);
  }
}

}  // namespace
}  // namespace pool
