// Every byte has its place: what the kernel gave is with a caller, on a way
// station, free, or written down as lost. Checked after every single call.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
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

constexpr size_t kMiB = 1024 * 1024;

// What callers have in their hands, as the layers count it.
struct InHand {
  size_t small = 0;  // bytes in blocks of a class, rounded up to it
  size_t large = 0;  // bytes in other blocks, rounded up to pages
};

// What is not in balance, as text; none, if all is. REQUIRES: all other threads
// are quiet.
class Books {
 public:
  static std::string Imbalance(const InHand& in_hand) {
    const SystemFootprint system = ReadSystemFootprint();
    const PageHeapFootprint heap = PageHeap::Get().Footprint();
    const CentralCacheFootprint central = CentralCache::Get().Footprint();
    const ThreadCacheFootprint caches = ThreadCache::Footprint();
    Books books;
    books.Equal("mapped", system.mapped - system.refused,
                heap.system + heap.metadata + caches.metadata);
    books.Equal("heap", heap.system, heap.in_use + heap.free + heap.returned);
    books.Equal("in use", heap.in_use, central.spans + in_hand.large);
    books.Equal("spans", central.spans,
                central.out + central.free + central.uncarved + central.tails);
    books.Equal("out", central.out, in_hand.small + caches.cached);
    return books.text_.str();
  }

 private:
  void Equal(const char* what, size_t whole, size_t parts) {
    if (whole == parts) return;
    text_ << what << ": " << whole << ", but its parts are " << parts << "; ";
  }

  std::ostringstream text_;
};

void ValidateAll() {
  ThreadCache::Current().Validate();
  CentralCache::Get().Validate();
  PageHeap::Get().Validate();
}

struct Block {
  void* start;
  size_t bytes;
  size_t alignment;  // 0: none was asked for
  size_t counted;    // bytes, as the layers count it
};

// A caller that makes every call the façade has, by chance.
class Caller {
 public:
  explicit Caller(uint64_t seed) : random_(seed) {}

  void Step() {
    const size_t choice = random_() % 64;
    if (choice == 0) {
      ReleaseFreeMemory();
    } else if (choice == 1) {
      Reserve(DrawSize(), random_() % 10);
    } else if (blocks_.size() < 200 && choice < 40) {
      Obtain();
    } else if (!blocks_.empty()) {
      std::swap(blocks_[random_() % blocks_.size()], blocks_.back());
      FreeLast();
    }
  }

  void FreeAll() {
    while (!blocks_.empty()) FreeLast();
  }

  const InHand& in_hand() const { return in_hand_; }
  // Requests that got nullptr.
  size_t refusals() const { return refusals_; }

 private:
  // Most are small, a few have up to 4 MiB.
  size_t DrawSize() { return random_() % (size_t{1} << (3 + random_() % 20)); }

  void Obtain() {
    Block block{nullptr, DrawSize(), 0, 0};
    if (random_() % 4 == 0) block.alignment = size_t{1} << random_() % 18;
    errno = 0;
    block.start = block.alignment == 0
                      ? Allocate(block.bytes)
                      : AllocateAligned(block.bytes, block.alignment);
    if (block.start == nullptr) {
      EXPECT_EQ(errno, ENOMEM);
      ++refusals_;
      return;
    }
    block.counted = SizeOf(block);
    (IsLarge(block) ? in_hand_.large : in_hand_.small) += block.counted;
    blocks_.push_back(block);
  }

  static bool IsLarge(const Block& block) {
    return block.bytes > SizeClass::kLargestSize || block.alignment > kPageSize;
  }

  // What the specification says, and not what the pool says of the block.
  static size_t SizeOf(const Block& block) {
    if (IsLarge(block)) {
      return RoundUp(std::max<size_t>(block.bytes, 1), kPageSize);
    }
    const size_t bytes = std::max(block.bytes, block.alignment);
    size_t index = SizeClass::ForRequest(bytes);
    const auto size = [&] { return SizeClass::Size(ClassIndex(index)); };
    while (block.alignment != 0 && size() % block.alignment != 0) ++index;
    return size();
  }

  void FreeLast() {
    const Block block = blocks_.back();
    blocks_.pop_back();
    (IsLarge(block) ? in_hand_.large : in_hand_.small) -= block.counted;
    if (random_() % 2 == 0) return Deallocate(block.start);
    if (block.alignment == 0) return Deallocate(block.start, block.bytes);
    DeallocateAligned(block.start, block.bytes, block.alignment);
  }

  std::mt19937_64 random_;
  std::vector<Block> blocks_;
  InHand in_hand_;
  size_t refusals_ = 0;
};

// The first imbalance, if there is one.
std::string Live(Caller& caller, int steps) {
  for (int step = 0; step < steps; ++step) {
    caller.Step();
    const std::string imbalance = Books::Imbalance(caller.in_hand());
    if (!imbalance.empty()) {
      return "after step " + std::to_string(step) + ": " + imbalance;
    }
    if (step % 25 == 0) ValidateAll();
  }
  return "";
}

// Nobody has a block any more: what is still in use, this thread's cache keeps.
std::string End(Caller& caller) {
  caller.FreeAll();
  ValidateAll();
  const std::string imbalance = Books::Imbalance(InHand());
  if (!imbalance.empty()) return "after all was freed: " + imbalance;
  ReleaseFreeMemory();
  const PageHeapFootprint heap = PageHeap::Get().Footprint();
  if (heap.in_use != 0) return std::to_string(heap.in_use) + " bytes were lost";
  if (heap.free != 0) return std::to_string(heap.free) + " bytes were kept";
  return Books::Imbalance(InHand());
}

// A caller's life in a process of its own, with a kernel that refuses. The
// books balance at each step; when the kernel is willing again, so is the pool.
// (These come first: a child's pool is as its parent has left it.)
struct Report {
  uint64_t calls;
  uint64_t refused;
  size_t refusals;
};

void Die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  _exit(1);
}

std::string LiveWithRefusals(
    const std::function<void(course::KernelFaults&)>& plan, Report* report) {
  return course::RunInChild([&] {
    course::KernelFaults faults;
    plan(faults);
    Caller caller(7);
    std::string fault = Live(caller, 600);
    *report = {faults.calls(), faults.refused(), caller.refusals()};
    if (!fault.empty()) Die(fault);
    faults.Recover();
    fault = Live(caller, 100);
    if (fault.empty()) fault = End(caller);
    if (fault.empty() && caller.refusals() != report->refusals) {
      fault = "the kernel was willing, and the pool was not";
    }
    if (!fault.empty()) Die(fault);
  });
}

TEST(Accounting, NothingIsLostWhicheverCallIsRefused) {
  const course::SharedReport<Report> report;
  ASSERT_EQ(LiveWithRefusals([](auto&) {}, report.get()), "");
  EXPECT_EQ(report->refusals, 0u);
  const uint64_t calls = report->calls;
  ASSERT_GT(calls, 100u) << "too few points to refuse at";
  uint64_t refused = 0;
  for (uint64_t k = 1; k <= calls; k += k < 60 ? 1 : 5) {
    SCOPED_TRACE("call " + std::to_string(k) + " was refused");
    ASSERT_EQ(LiveWithRefusals([k](auto& faults) { faults.RefuseCall(k); },
                               report.get()),
              "");
    ASSERT_LE(report->refused, 1u);
    ASSERT_LE(report->refusals, report->refused);
    refused += report->refused;
  }
  EXPECT_GT(refused, 50u) << "hardly any refusal came";
}

TEST(Accounting, NothingIsLostFromWhicheverCallOnAllAreRefused) {
  const course::SharedReport<Report> report;
  ASSERT_EQ(LiveWithRefusals([](auto&) {}, report.get()), "");
  const uint64_t calls = report->calls;
  const bool used = PageHeap::Get().Footprint().system > 0;
  for (uint64_t k = 1; k <= calls; k += k < 30 ? 1 : 10) {
    SCOPED_TRACE("all calls from " + std::to_string(k) + " on were refused");
    ASSERT_EQ(LiveWithRefusals([k](auto& faults) { faults.RefuseFrom(k); },
                               report.get()),
              "");
    ASSERT_GE(report->refused, 1u);
    ASSERT_TRUE(k > 1 || used || report->refusals > 0);
  }
}

TEST(Accounting, EveryByteHasItsPlaceAfterEveryStep) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    Caller caller(seed);
    ASSERT_EQ(Live(caller, 4000), "");
    ASSERT_EQ(End(caller), "");
    EXPECT_EQ(caller.refusals(), 0u);
  }
}

// Whole lives at once, and at quiet moments the books are balanced. Blocks are
// freed by other threads than took them.
TEST(Accounting, EveryByteOfManyThreadsHasItsPlace) {
  constexpr size_t kThreads = 4;
  std::vector<Caller> callers;
  for (uint64_t i = 0; i < kThreads; ++i) callers.emplace_back(i);
  course::Barrier quiet(kThreads);
  course::RunGang(kThreads, [&](size_t member) {
    for (size_t round = 0; round < 6; ++round) {
      Caller& caller = callers[(member + round) % kThreads];
      for (int step = 0; step < 1000; ++step) caller.Step();
      ThreadCache::Current().Validate();
      quiet.ArriveAndWait();
      if (member == 0) {
        InHand all;
        for (const Caller& each : callers) {
          all.small += each.in_hand().small;
          all.large += each.in_hand().large;
        }
        EXPECT_EQ(Books::Imbalance(all), "");
        CentralCache::Get().Validate();
        PageHeap::Get().Validate();
      }
      quiet.ArriveAndWait();
    }
    callers[member].FreeAll();
  });
  Caller nobody(0);
  EXPECT_EQ(End(nobody), "");
  EXPECT_EQ(ThreadCache::Footprint().cached, 0u);
}

// A million blocks' worth of calls that end where they began: nothing grows,
// and no page stays behind.
TEST(Accounting, ALongLifeTakesNoMoreThanAShortOne) {
  size_t system = 0;
  for (int round = 0; round < 6; ++round) {
    Caller caller(3);
    for (int step = 0; step < 20000; ++step) caller.Step();
    ASSERT_EQ(End(caller), "");
    const size_t now = PageHeap::Get().Footprint().system;
    if (round <= 2) system = now;
    EXPECT_LE(now, system + 16 * kMiB) << "round " << round;
  }
}

}  // namespace
}  // namespace pool
