// The statistics after every step of a caller who makes every call there is,
// and knows what it holds.
#include "pool/stats.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "balance.h"
#include "common/testing/kernel_faults.h"
#include "common/testing/seeds.h"
#include "fake_kernel.h"
#include "pool/central_cache.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

// Time stands still here: what is idle stays where a test left it.
const FakeKernel still;

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

// What callers have in their hands.
struct InHand {
  std::array<size_t, SizeClass::kCount> blocks = {};  // of each class
  size_t large_blocks = 0;
  size_t large_bytes = 0;

  size_t Bytes() const {
    size_t sum = large_bytes;
    for (size_t i = 0; i < blocks.size(); ++i) {
      sum += blocks[i] * SizeClass::Size(ClassIndex(i));
    }
    return sum;
  }
};

class Caller {
 public:
  explicit Caller(uint64_t seed) : random_(seed) {}

  void Step() {
    const size_t choice = random_() % 64;
    if (choice == 0) {
      ReleaseFreeMemory();
    } else if (choice == 1) {
      Reserve(DrawSize(), random_() % 10);
    } else if (blocks_.size() < 200 && choice < 34) {
      Obtain();
    } else if (!blocks_.empty()) {
      std::swap(blocks_[random_() % blocks_.size()], blocks_.back());
      if (choice < 44) return ResizeLast();
      FreeLast();
    }
  }

  void FreeAll() {
    while (!blocks_.empty()) FreeLast();
  }

  const InHand& in_hand() const { return in_hand_; }
  // Large blocks that it ever got.
  size_t large_taken() const { return large_taken_; }

 private:
  // Most are small, a few have up to 4 MiB.
  size_t DrawSize() { return random_() % (size_t{1} << (3 + random_() % 20)); }

  void Obtain() {
    const size_t bytes = DrawSize();
    void* block = nullptr;
    switch (random_() % 4) {
      case 0:
        block = AllocateAligned(bytes, size_t{1} << random_() % 18);
        break;
      case 1:
        block = AllocateZeroed(1 + random_() % 3, bytes / 2);
        break;
      default:
        block = Allocate(bytes);
    }
    if (block == nullptr) return;
    Enter(block);
    if (IsLarge(block)) ++large_taken_;
  }

  // In place or not: where it is afterwards, the block knows.
  void ResizeLast() {
    void* block = blocks_.back();
    Leave(block);
    blocks_.pop_back();
    void* resized = Reallocate(block, 1 + DrawSize());
    Enter(resized == nullptr ? block : resized);
    if (resized != nullptr && resized != block && IsLarge(resized)) {
      ++large_taken_;
    }
  }

  void FreeLast() {
    void* block = blocks_.back();
    blocks_.pop_back();
    Leave(block);
    Deallocate(block);
  }

  static const Span* SpanOf(void* block) {
    return PageHeap::Get().MapObjectToSpan(block);
  }
  static bool IsLarge(void* block) { return !SpanOf(block)->HoldsClass(); }

  void Enter(void* block) {
    blocks_.push_back(block);
    if (IsLarge(block)) {
      ++in_hand_.large_blocks;
      in_hand_.large_bytes += UsableSize(block);
    } else {
      ++in_hand_.blocks[SpanOf(block)->Class()];
    }
  }
  void Leave(void* block) {
    if (IsLarge(block)) {
      --in_hand_.large_blocks;
      in_hand_.large_bytes -= UsableSize(block);
    } else {
      --in_hand_.blocks[SpanOf(block)->Class()];
    }
  }

  std::mt19937_64 random_;
  std::vector<void*> blocks_;
  InHand in_hand_;
  size_t large_taken_ = 0;
};

// What a snapshot must say of what callers have. REQUIRES: nobody else has
// anything.
void Compare(const PoolStatistics& all, const InHand& in_hand) {
  ASSERT_EQ(Imbalance(all), "");
  ASSERT_EQ(all.in_use.now, in_hand.Bytes());
  ASSERT_EQ(all.large_in_use, in_hand.large_bytes);
  ASSERT_EQ(all.large_blocks.now, in_hand.large_blocks);
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    ASSERT_EQ(all.classes[i].in_use.now, in_hand.blocks[i]) << "class " << i;
  }
  ASSERT_EQ(all.abandoned.now, 0u);
  ASSERT_FALSE(all.asked_is_exact);
  ASSERT_LE(all.asked.now, all.in_use.now);
}

// What the spans themselves say.
void CompareSpans(const PoolStatistics& all) {
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    SCOPED_TRACE("class " + std::to_string(i));
    size_t spans = 0;
    size_t allocated = 0;
    size_t carved = 0;
    size_t capacity = 0;
    CentralCache::Get().ForEachSpan(ClassIndex(i), [&](const Span& span) {
      ++spans;
      allocated += span.allocated;
      carved += span.carved;
      capacity += span.capacity;
    });
    ASSERT_EQ(all.classes[i].spans.now, spans);
    ASSERT_LE(all.classes[i].out.now, allocated);  // the others: in the depot
    ASSERT_EQ(all.classes[i].free, carved - all.classes[i].out.now);
    ASSERT_EQ(all.classes[i].uncarved, capacity - carved);
  }
}

// What only ever rises, all in one row.
std::vector<size_t> Risen(const PoolStatistics& all) {
  std::vector<size_t> figures = {
      all.large_taken,       all.map.calls,         all.map.bytes,
      all.unmap.calls,       all.unmap.bytes,       all.discard.calls,
      all.discard.bytes,     all.heap_lock.taken,   all.heap_lock.waited,
      all.heap_lock.longest, all.thread_lock.taken, all.magazine_lock.taken};
  for (const Gauge* gauge :
       {&all.system, &all.in_use, &all.in_thread_caches, &all.in_central_cache,
        &all.tails, &all.free, &all.returned, &all.metadata, &all.refused,
        &all.asked, &all.large_blocks, &all.threads}) {
    figures.push_back(gauge->peak);
  }
  for (const ClassStatistics& row : all.classes) {
    figures.insert(figures.end(),
                   {row.in_use.peak, row.out.peak, row.spans.peak,
                    row.spans_taken, row.spans_given_up, row.misses,
                    row.fetched, row.releases, row.released, row.lock.taken});
  }
  return figures;
}

void ExpectNoneFell(const std::vector<size_t>& before,
                    const std::vector<size_t>& after) {
  ASSERT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i) {
    ASSERT_LE(before[i], after[i]) << "figure " << i;
  }
}

void Live(Caller& caller, int steps) {
  const size_t taken = Statistics().large_taken - caller.large_taken();
  std::vector<size_t> before = Risen(Statistics());
  for (int step = 0; step < steps; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    caller.Step();
    const auto all = std::make_unique<PoolStatistics>(Statistics());
    Compare(*all, caller.in_hand());
    if (step % 20 == 0) CompareSpans(*all);
    ASSERT_EQ(all->large_taken - taken, caller.large_taken());
    std::vector<size_t> after = Risen(*all);
    ExpectNoneFell(before, after);
    if (testing::Test::HasFatalFailure()) return;
    before = std::move(after);
  }
}

// Nobody has a block any more.
void End(Caller& caller) {
  caller.FreeAll();
  Compare(Statistics(), InHand());
  ReleaseFreeMemory();
  const PoolStatistics all = Statistics();
  Compare(all, InHand());
  EXPECT_EQ(all.heap_in_use, 0u);
  EXPECT_EQ(all.free.now, 0u);
  EXPECT_EQ(all.in_thread_caches.now, 0u);
  EXPECT_EQ(all.in_central_cache.now, 0u);
}

TEST(Statistics, AreRightAfterEveryStep) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    Caller caller(seed);
    Live(caller, 3000);
    End(caller);
    if (HasFatalFailure()) return;
  }
}

// Some of it waits to be given back, then.
TEST(Statistics, AreRightWhereTheKernelRefuses) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    course::KernelFaults faults;
    faults.RefuseAll(course::KernelCall::kUnmap);
    Caller caller(seed);
    Live(caller, 300);
    faults.RefuseAll(course::KernelCall::kMap);
    faults.RefuseAll(course::KernelCall::kDiscard);
    Live(caller, 500);
    faults.Recover();
    Live(caller, 500);
    End(caller);
    if (HasFatalFailure()) return;
  }
}

// A kernel that counts, as the statistics should.
class CountingKernel {
 public:
  CountingKernel() : before_(Statistics()) {
    map_ = unmap_ = discard_ = {};
    previous_ = SetKernelCalls(&kTable);
  }
  ~CountingKernel() { SetKernelCalls(previous_); }
  CountingKernel(const CountingKernel&) = delete;
  CountingKernel& operator=(const CountingKernel&) = delete;

  void Compare() const {
    const PoolStatistics all = Statistics();
    ExpectSame(all.map, before_.map, map_);
    ExpectSame(all.unmap, before_.unmap, unmap_);
    ExpectSame(all.discard, before_.discard, discard_);
  }

 private:
  static void ExpectSame(const KernelStatistics& now,
                         const KernelStatistics& before,
                         const KernelStatistics& counted) {
    EXPECT_EQ(now.calls - before.calls, counted.calls);
    EXPECT_EQ(now.bytes - before.bytes, counted.bytes);
  }
  // Every seventh call is refused: it counts, and its bytes do not.
  static bool Refuses(KernelStatistics& counted, size_t bytes) {
    if (++counted.calls % 7 == 0) return true;
    counted.bytes += bytes;
    return false;
  }
  static void* Map(size_t bytes) {
    return Refuses(map_, bytes) ? nullptr : RealKernelCalls().map(bytes);
  }
  static void* MapAt(void* start, size_t bytes) {
    return Refuses(map_, bytes) ? nullptr
                                : RealKernelCalls().map_at(start, bytes);
  }
  static bool Unmap(void* start, size_t bytes) {
    return !Refuses(unmap_, bytes) && RealKernelCalls().unmap(start, bytes);
  }
  static bool Discard(void* start, size_t bytes) {
    return !Refuses(discard_, bytes) && RealKernelCalls().discard(start, bytes);
  }

  static inline KernelStatistics map_, unmap_, discard_;
  static inline const KernelCalls kTable = {
      RealKernelCalls().page_size, Map, Unmap, Discard, MapAt,
      RealKernelCalls().find_room};
  const PoolStatistics before_;
  const KernelCalls* previous_;
};

TEST(Statistics, CountEachCallToTheKernelAndItsBytes) {
  const CountingKernel kernel;
  Caller caller(5);
  for (int step = 0; step < 3000; ++step) {
    caller.Step();
    if (step % 100 == 0) kernel.Compare();
  }
  caller.FreeAll();
  ReleaseFreeMemory();
  kernel.Compare();
}

TEST(Fragmentation, IsInThousandths) {
  PoolStatistics all = {};
  EXPECT_EQ(all.InternalFragmentation(), 0u) << "nothing is in use";
  EXPECT_EQ(all.ExternalFragmentation(), 0u) << "nothing is free";
  all.in_use.now = 8 * kMiB;
  all.asked.now = 6 * kMiB;
  EXPECT_EQ(all.InternalFragmentation(), 250u);
  all.asked.now = 9 * kMiB;
  EXPECT_EQ(all.InternalFragmentation(), 0u) << "as an estimate may have it";
  all.free.now = 3 * kMiB;
  all.returned.now = 5 * kMiB;
  all.largest_free = 2 * kMiB;
  EXPECT_EQ(all.ExternalFragmentation(), 750u);
  all.largest_free = 8 * kMiB;
  EXPECT_EQ(all.ExternalFragmentation(), 0u);
}

TEST(ClassLocks, AreThoseOfAllClassesTogether) {
  PoolStatistics all = {};
  all.classes[0].lock = {10, 3, 700};
  all.classes[5].lock = {5, 1, 900};
  all.classes[207].lock = {1, 1, 800};
  const LockStatistics locks = all.ClassLocks();
  EXPECT_EQ(locks.taken, 16u);
  EXPECT_EQ(locks.waited, 5u);
  EXPECT_EQ(locks.longest, 900u);
}

}  // namespace
}  // namespace pool
