// Small scenes whose every count can be told in advance.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "balance.h"
#include "common/testing/gang.h"
#include "common/testing/kernel_faults.h"
#include "fake_kernel.h"
#include "pool/bytes.h"
#include "pool/magazine.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/stats.h"
#include "pool/system_memory.h"
#include "pool/thread_cache.h"
#include "pool/tuning.h"

namespace pool {
namespace {

constexpr size_t kMiB = 1024 * 1024;

// A thread whose lists begin at length 0.
template <typename Body>
void OnAFreshThread(Body body) {
  std::thread(body).join();
}

ClassStatistics RowOf(size_t size) {
  return Statistics().classes[SizeClass::Index(size)];
}

std::vector<void*> Take(size_t count, size_t bytes) {
  std::vector<void*> blocks(count);
  for (void*& block : blocks) block = Allocate(bytes);
  return blocks;
}

void GiveBack(const std::vector<void*>& blocks) {
  for (void* block : blocks) Deallocate(block);
}

// One class of a fresh thread, as the rules in thread_cache.h have it, over a
// central cache that has nothing of the class. First come all the calls that
// take, and then all that free.
class Rehearsal {
 public:
  explicit Rehearsal(size_t size)
      : size_(size),
        in_span_(SizeClass::SpanPages(SizeClass::Index(size)).bytes() / size) {}

  void Allocate() {
    if (loaded_.count == 0) Fetch();
    --loaded_.count;
  }

  void Free() {
    if (loaded_.count == loaded_.room) MakeRoom();
    ++loaded_.count;
  }

  // The thread has ended, and all memory that is free is released.
  void End() {
    for (const size_t count : depot_) fetched += count;
    for (const size_t count : depot_) Release(count);
    for (const Mine& mine : {loaded_, spare_}) Release(mine.count);
  }

  size_t misses = 0;
  size_t fetched = 0;
  size_t releases = 0;
  size_t released = 0;
  size_t spans = 0;  // if none is given up before the end

 private:
  // A magazine; without room, there is none.
  struct Mine {
    size_t count = 0;
    size_t room = 0;
  };

  Mine New() {
    const size_t length =
        tuning::kMagazineLengths[std::min(made_, Magazine::kLongest)];
    ++made_;
    return {0, std::clamp<size_t>(tuning::kMagazineBytes / size_,
                                  tuning::kMagazineLeast, length)};
  }

  void Fetch() {
    const Mine next = New();
    loaded_.room = std::max(loaded_.room, next.room);
    if (uncarved_ == 0) {
      ++spans;
      uncarved_ = in_span_;
    }
    loaded_.count = std::min(loaded_.room, uncarved_);
    uncarved_ -= loaded_.count;
    ++misses;
    fetched += loaded_.count;
  }

  void MakeRoom() {
    if (spare_.room > 0 && spare_.count == 0) return std::swap(loaded_, spare_);
    const bool has_depot = size_ <= tuning::kLargestInDepot;
    if (spare_.count > 0 && has_depot) depot_.push_back(spare_.count);
    Release(spare_.count);
    spare_ = std::exchange(loaded_, New());
  }

  void Release(size_t count) {
    if (count == 0) return;
    ++releases;
    released += count;
  }

  const size_t size_;
  const size_t in_span_;
  Mine loaded_;
  Mine spare_;
  size_t made_ = 0;
  size_t uncarved_ = 0;
  std::vector<size_t> depot_;
};

void ExpectMoved(const ClassStatistics& before, const ClassStatistics& now,
                 const Rehearsal& expected) {
  EXPECT_EQ(now.misses - before.misses, expected.misses);
  EXPECT_EQ(now.fetched - before.fetched, expected.fetched);
  EXPECT_EQ(now.releases - before.releases, expected.releases);
  EXPECT_EQ(now.released - before.released, expected.released);
  EXPECT_EQ(now.spans_taken - before.spans_taken, expected.spans);
}

// A thread takes so many blocks, gives them back, and ends. What it leaves goes
// home.
void PlayAndCompare(size_t size, size_t count) {
  SCOPED_TRACE("size " + std::to_string(size));
  const ClassStatistics before = RowOf(size);
  ASSERT_EQ(before.spans.now, 0u) << "another test has left something";
  Rehearsal expected(size);
  OnAFreshThread([&] {
    const std::vector<void*> blocks = Take(count, size);
    for (size_t i = 0; i < count; ++i) expected.Allocate();
    const ClassStatistics full = RowOf(size);
    ExpectMoved(before, full, expected);
    EXPECT_EQ(full.in_use.now, count);
    EXPECT_EQ(full.in_caches, expected.fetched - count);
    EXPECT_EQ(full.out.now, expected.fetched);
    EXPECT_EQ(full.spans.now, expected.spans);
    EXPECT_EQ(full.free, 0u);
    EXPECT_EQ(full.spans_given_up, before.spans_given_up);
    GiveBack(blocks);
    for (size_t i = 0; i < count; ++i) expected.Free();
    ExpectMoved(before, RowOf(size), expected);
  });
  EXPECT_EQ(RowOf(size).in_use.now, 0u);
  const size_t most_out = expected.fetched;
  ReleaseFreeMemory();
  expected.End();
  const ClassStatistics after = RowOf(size);
  ExpectMoved(before, after, expected);
  EXPECT_EQ(after.spans_given_up - before.spans_given_up, expected.spans);
  EXPECT_EQ(after.spans.now, 0u);
  EXPECT_EQ(after.out.now, 0u);
  EXPECT_EQ(after.spans.peak, std::max(before.spans.peak, expected.spans));
  EXPECT_EQ(after.out.peak, std::max(before.out.peak, most_out));
}

TEST(Counts, OfAClassAreWhatAScenePredicts) {
  const FakeKernel kernel;  // whose clock stands still
  for (const size_t size : {8, 32, 64, 1024, 1280, 65536}) {
    PlayAndCompare(size, size > 10'000 ? 40 : 700);
  }
}

// A thread without a cache of its own fetches each block by itself.
TEST(Counts, OfAThreadThatHasNoListsAreOneByOne) {
  constexpr size_t kSize = 96;
  const ClassStatistics before = RowOf(kSize);
  static pthread_key_t key;
  // The second time comes after our own destructor.
  ASSERT_EQ(pthread_key_create(&key,
                               [](void* value) {
                                 if (value != &key) {
                                   GiveBack(Take(10, kSize));
                                 } else {
                                   pthread_setspecific(key, &value);
                                 }
                               }),
            0);
  OnAFreshThread([] {
    Deallocate(Allocate(8));
    pthread_setspecific(key, &key);
  });
  pthread_key_delete(key);
  const ClassStatistics after = RowOf(kSize);
  EXPECT_EQ(after.misses - before.misses, 10u);
  EXPECT_EQ(after.fetched - before.fetched, 10u);
  EXPECT_EQ(after.releases - before.releases, 10u);
  EXPECT_EQ(after.released - before.released, 10u);
}

TEST(Counts, OfSpansThatWereReserved) {
  constexpr size_t kSize = 112;
  const ClassStatistics before = RowOf(kSize);
  ASSERT_TRUE(Reserve(kSize, 1000));
  const ClassStatistics reserved = RowOf(kSize);
  EXPECT_GE(reserved.uncarved, 1000u);
  EXPECT_EQ(reserved.capacity, reserved.uncarved);
  EXPECT_EQ(reserved.spans_taken - before.spans_taken, reserved.spans.now);
  EXPECT_EQ(reserved.misses, before.misses);
  ReleaseFreeMemory();
  const ClassStatistics after = RowOf(kSize);
  EXPECT_EQ(after.spans_given_up - before.spans_given_up, reserved.spans.now);
  EXPECT_EQ(after.capacity, 0u);
  EXPECT_EQ(Imbalance(Statistics()), "");
}

TEST(Counts, OfLargeBlocks) {
  const PoolStatistics before = Statistics();
  void* plain = Allocate(kMiB);
  void* aligned = AllocateAligned(100, 4 * kPageSize);
  void* zeroed = AllocateZeroed(3, kMiB);
  const PoolStatistics full = Statistics();
  EXPECT_EQ(full.large_taken - before.large_taken, 3u);
  EXPECT_EQ(full.large_blocks.now - before.large_blocks.now, 3u);
  EXPECT_EQ(full.large_in_use - before.large_in_use, 4 * kMiB + kPageSize);
  EXPECT_GE(full.large_blocks.peak, before.large_blocks.now + 3);
  Deallocate(plain);
  DeallocateAligned(aligned, 100, 4 * kPageSize);
  Deallocate(zeroed, 3 * kMiB);
  const PoolStatistics after = Statistics();
  EXPECT_EQ(after.large_taken - before.large_taken, 3u);
  EXPECT_EQ(after.large_blocks.now, before.large_blocks.now);
  EXPECT_EQ(after.large_blocks.peak, full.large_blocks.peak);
  EXPECT_EQ(after.large_in_use, before.large_in_use);
}

// What could not be had is no block.
TEST(Counts, OfLargeBlocksThatCouldNotBeHad) {
  Deallocate(Allocate(kMiB));  // there is memory to note spans in
  const PoolStatistics before = Statistics();
  {
    course::KernelFaults faults;
    faults.RefuseFrom(1);
    EXPECT_EQ(Allocate(before.system.now + 64 * kMiB), nullptr);
    EXPECT_EQ(AllocateZeroed(1, before.system.now + 64 * kMiB), nullptr);
  }
  EXPECT_EQ(Allocate(SIZE_MAX / 2), nullptr);
  const PoolStatistics after = Statistics();
  EXPECT_EQ(after.large_taken, before.large_taken);
  EXPECT_EQ(after.large_blocks.now, before.large_blocks.now);
  EXPECT_EQ(after.map.calls - before.map.calls, 8u)
      << "refused, and counted: in the window and elsewhere, and both again "
         "when the depots are empty";
  EXPECT_EQ(after.map.bytes, before.map.bytes);
}

// In place, it is the same block; elsewhere, another one.
TEST(Counts, OfALargeBlockThatIsResized) {
  const PoolStatistics before = Statistics();
  void* block = Allocate(8 * kMiB);
  EXPECT_EQ(Reallocate(block, 6 * kMiB), block);
  PoolStatistics now = Statistics();
  EXPECT_EQ(now.large_taken - before.large_taken, 1u);
  const size_t in_place = now.large_in_use - before.large_in_use;
  EXPECT_EQ(in_place, UsableSize(block));
  void* behind = Allocate(2 * kMiB);  // perhaps it stands in the way
  void* moved = Reallocate(block, 400 * kMiB);
  ASSERT_NE(moved, block);
  now = Statistics();
  EXPECT_EQ(now.large_taken - before.large_taken, 3u);
  EXPECT_EQ(now.large_blocks.now - before.large_blocks.now, 2u);
  EXPECT_EQ(now.large_in_use - before.large_in_use,
            UsableSize(moved) + 2 * kMiB);
  void* small = Reallocate(moved, 100);
  now = Statistics();
  EXPECT_EQ(now.large_taken - before.large_taken, 3u);
  EXPECT_EQ(now.large_blocks.now - before.large_blocks.now, 1u);
  EXPECT_EQ(Imbalance(now), "");
  Deallocate(small);
  Deallocate(behind);
}

TEST(Counts, OfAnObjectThatIsResized) {
  const size_t before = RowOf(1024).in_use.now;
  const size_t before_next = RowOf(2048).in_use.now;
  void* block = Allocate(1010);
  EXPECT_EQ(Reallocate(block, 1024), block);
  EXPECT_EQ(RowOf(1024).in_use.now - before, 1u);
  block = Reallocate(block, 2000);
  EXPECT_EQ(RowOf(1024).in_use.now, before);
  EXPECT_EQ(RowOf(2048).in_use.now - before_next, 1u);
  EXPECT_EQ(Reallocate(block, 0), nullptr);
  EXPECT_EQ(RowOf(2048).in_use.now, before_next);
}

// An alignment may take a larger class; the block is counted there.
TEST(Counts, OfABlockWithAnAlignment) {
  const size_t before = RowOf(512).in_use.now;
  const size_t before_page = RowOf(kPageSize).in_use.now;
  void* block = AllocateAligned(300, 512);
  EXPECT_EQ(RowOf(512).in_use.now - before, 1u);
  void* page = AllocateAligned(1, kPageSize);
  EXPECT_EQ(RowOf(kPageSize).in_use.now - before_page, 1u);
  Deallocate(block);
  Deallocate(page);
}

TEST(Counts, OfWhatIsReleased) {
  GiveBack({Allocate(20 * kMiB)});
  const PoolStatistics before = Statistics();
  ASSERT_GE(before.free.now, 20 * kMiB);
  const size_t released = ReleaseFreeMemory();
  const PoolStatistics after = Statistics();
  EXPECT_EQ(after.free.now, 0u);
  EXPECT_GE(released, before.free.now);
  EXPECT_GE(after.returned.now, before.returned.now + before.free.now);
  EXPECT_GT(after.discard.calls, before.discard.calls);
  EXPECT_GE(after.discard.bytes - before.discard.bytes, before.free.now);
  EXPECT_EQ(after.system.now, before.system.now) << "the addresses stay";
  EXPECT_EQ(Imbalance(after), "");
}

// What the kernel would not unmap is still there, and counted as that.
TEST(Counts, OfWhatTheKernelWouldNotTake) {
  const PoolStatistics before = Statistics();
  void* pages = SystemAlloc(kMiB);
  EXPECT_EQ(Statistics().unaccounted, ptrdiff_t{kMiB}) << "it is the test's";
  {
    course::KernelFaults faults;
    faults.RefuseAll(course::KernelCall::kUnmap);
    SystemFree(pages, kMiB);
  }
  const PoolStatistics refused = Statistics();
  EXPECT_EQ(refused.refused.now - before.refused.now, kMiB);
  EXPECT_EQ(refused.system.now - before.system.now, kMiB);
  EXPECT_EQ(Imbalance(refused), "");
  SystemFree(SystemAlloc(1), 1);
  const PoolStatistics after = Statistics();
  EXPECT_EQ(after.refused.now, before.refused.now);
  EXPECT_EQ(after.refused.peak, refused.refused.now);
  EXPECT_EQ(Imbalance(after), "");
}

}  // namespace
}  // namespace pool
