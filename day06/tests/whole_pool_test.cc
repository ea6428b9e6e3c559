// The whole pool, seen from its bottom: every byte from the system has its
// place, and what nobody uses is back at the page heap.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/testing/child.h"
#include "common/testing/gang.h"
#include "common/testing/kernel_faults.h"
#include "common/testing/seeds.h"
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/system_memory.h"
#include "pool/thread_cache.h"

namespace pool {
namespace {

struct Block {
  void* start;
  size_t bytes;
};

// What callers have in their hands, as the layers count it.
struct InHand {
  size_t small = 0;  // bytes in blocks of a class, rounded up to it
  size_t large = 0;  // bytes in other blocks, rounded up to the kernel's pages

  void Add(size_t bytes) { Kind(bytes) += Rounded(bytes); }
  void Remove(size_t bytes) { Kind(bytes) -= Rounded(bytes); }

 private:
  static bool Large(size_t bytes) { return bytes > SizeClass::kLargestSize; }
  size_t& Kind(size_t bytes) { return Large(bytes) ? large : small; }
  static size_t Rounded(size_t bytes) {
    return Large(bytes) ? SystemSize(bytes)
                        : SizeClass::Size(SizeClass::ForRequest(bytes));
  }
};

// The equation of the whole pool. REQUIRES: all other threads are quiet.
void ExpectEachByteAccountedFor(const InHand& in_hand) {
  const SystemFootprint system = ReadSystemFootprint();
  const PageHeapFootprint heap = PageHeap::Get().Footprint();
  const CentralCacheFootprint central = CentralCache::Get().Footprint();
  const ThreadCacheFootprint caches = ThreadCache::Footprint();
  ASSERT_EQ(system.mapped - system.refused,
            heap.system + heap.metadata + caches.metadata + in_hand.large);
  ASSERT_EQ(heap.system, heap.in_use + heap.free + heap.uncut + heap.tails);
  ASSERT_EQ(heap.in_use, central.spans);
  ASSERT_EQ(central.spans,
            central.out + central.free + central.uncarved + central.tails);
  ASSERT_EQ(central.out, in_hand.small + caches.cached);
}

void ExpectAllSpansAtThePageHeap() {
  ExpectEachByteAccountedFor(InHand());
  EXPECT_EQ(CentralCache::Get().Footprint().spans, 0u);
  EXPECT_EQ(ThreadCache::Footprint().caches, 0u);
  CentralCache::Get().Validate();
  PageHeap::Get().Validate();
}

// Most blocks are small, a few are large.
size_t DrawSize(std::mt19937_64& random) {
  return random() % (size_t{1} << (3 + random() % 17));
}

// A thread's life: takes and frees, and leaves the blocks that it has then.
class Life {
 public:
  explicit Life(uint64_t seed) : random_(seed) {}

  void Step() {
    if (blocks_.size() < 300 && random_() % 3 != 0) {
      Block block{nullptr, DrawSize(random_)};
      block.start = Allocate(block.bytes);
      if (block.start == nullptr) return;  // the system has no memory
      in_hand_.Add(block.bytes);
      blocks_.push_back(block);
    } else if (!blocks_.empty()) {
      std::swap(blocks_[random_() % blocks_.size()], blocks_.back());
      FreeLast();
    }
  }
  void FreeAll() {
    while (!blocks_.empty()) FreeLast();
  }
  const InHand& in_hand() const { return in_hand_; }

 private:
  void FreeLast() {
    Deallocate(blocks_.back().start, blocks_.back().bytes);
    in_hand_.Remove(blocks_.back().bytes);
    blocks_.pop_back();
  }

  std::mt19937_64 random_;
  std::vector<Block> blocks_;
  InHand in_hand_;
};

// On a thread of its own: with it, its cache goes.
TEST(WholePool, AccountsForEachByteAtEachStep) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    std::thread([seed] {
      Life life(seed);
      for (int step = 0; step < 1500; ++step) {
        life.Step();
        ExpectEachByteAccountedFor(life.in_hand());
        if (testing::Test::HasFatalFailure()) break;
      }
      life.FreeAll();
    }).join();
    ExpectAllSpansAtThePageHeap();
  }
}

// Whole lives at once; at four quiet moments the books are balanced. Blocks are
// freed by another thread than took them.
TEST(WholePool, AccountsForEachByteOfManyThreads) {
  constexpr size_t kThreads = 6;
  std::vector<Life> lives;
  for (uint64_t i = 0; i < kThreads; ++i) lives.emplace_back(i);
  course::Barrier quiet(kThreads);
  course::RunGang(kThreads, [&](size_t member) {
    for (size_t round = 0; round < 4; ++round) {
      Life& life = lives[(member + round) % kThreads];
      for (int step = 0; step < 2000; ++step) life.Step();
      quiet.ArriveAndWait();
      if (member == 0) {
        InHand all;
        for (const Life& each : lives) {
          all.small += each.in_hand().small;
          all.large += each.in_hand().large;
        }
        ExpectEachByteAccountedFor(all);
      }
      quiet.ArriveAndWait();
    }
    lives[(member + 1) % kThreads].FreeAll();
  });
  ExpectAllSpansAtThePageHeap();
}

// What was reserved is in the books, and is all that stays behind.
TEST(WholePool, AccountsForEachByteThatIsReserved) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    std::thread([seed] {
      std::mt19937_64 random(seed);
      Life life(seed);
      for (int step = 0; step < 600; ++step) {
        life.Step();
        if (step % 10 == 0) {
          const size_t bytes = DrawSize(random) % (SizeClass::kLargestSize + 1);
          ASSERT_TRUE(Reserve(bytes, random() % 20));
        }
        ExpectEachByteAccountedFor(life.in_hand());
        if (testing::Test::HasFatalFailure()) break;
      }
      life.FreeAll();
    }).join();
    ExpectEachByteAccountedFor(InHand());
    EXPECT_EQ(ThreadCache::Footprint().caches, 0u);
    const CentralCacheFootprint central = CentralCache::Get().Footprint();
    EXPECT_EQ(central.out + central.free, 0u) << "these spans are idle";
    EXPECT_GT(central.uncarved, 0u);
    CentralCache::Get().Validate();
    PageHeap::Get().Validate();
  }
}

// A burst of each class, one after the other. What came back serves again, so
// the second time takes no more from the system than the first.
TEST(WholePool, ABurstComesBackToThePageHeap) {
  size_t system = 0;
  for (int time = 0; time < 2; ++time) {
    for (size_t i = 0; i < SizeClass::kCount; ++i) {
      const size_t size = SizeClass::Size(ClassIndex(i));
      std::thread([size] {
        std::vector<void*> blocks((1 << 20) / size + 1);
        for (void*& block : blocks) block = Allocate(size);
        EXPECT_GE(PageHeap::Get().Footprint().in_use, blocks.size() * size);
        for (void* block : blocks) Deallocate(block, size);
      }).join();
      ASSERT_EQ(PageHeap::Get().Footprint().in_use, 0u) << size;
    }
    ExpectAllSpansAtThePageHeap();
    if (time == 0) system = ReadSystemFootprint().mapped;
  }
  EXPECT_EQ(ReadSystemFootprint().mapped, system);
}

// Two threads work while the kernel refuses the k-th call, or all from there
// on: what they could get comes back as well.
void MeetRefusals(uint64_t k, bool all) {
  course::KernelFaults faults;
  all ? faults.RefuseFrom(k) : faults.RefuseCall(k);
  course::RunGang(2, [k](size_t member) {
    Life life(2 * k + member);
    for (int step = 0; step < 1000; ++step) life.Step();
    life.FreeAll();
  });
  EXPECT_GE(faults.refused(), 1u);
  faults.Recover();
  ExpectAllSpansAtThePageHeap();
}

// Each time in a child, whose pool nobody has used.
TEST(WholePool, NothingStaysBehindWhereTheKernelRefused) {
  for (uint64_t k = 1; k <= 30; ++k) {
    for (const bool all : {false, true}) {
      const std::string end = course::RunInChild([k, all] {
        MeetRefusals(k, all);
        if (HasFailure()) _exit(1);
      });
      ASSERT_EQ(end, "") << (all ? "all calls from " : "call ") << k
                         << (all ? " on were" : " was") << " refused";
    }
  }
}

}  // namespace
}  // namespace pool
