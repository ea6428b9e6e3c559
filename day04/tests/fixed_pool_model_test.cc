// The fixed pool under random sequences: every object known to a shadow heap,
// pointers that are not objects offered in between, and a kernel that refuses
// memory now and then.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "common/testing/seeds.h"
#include "common/testing/shadow_heap.h"
#include "pool/bytes.h"
#include "pool/fixed_pool.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

// Refuses one map in four while it is on.
class RefusingKernel {
 public:
  explicit RefusingKernel(uint64_t seed) {
    random_.seed(seed);
    on_ = false;
    previous_ = SetKernelCalls(&kCalls);
  }
  ~RefusingKernel() { SetKernelCalls(previous_); }
  void TurnOn(bool on) { on_ = on; }

 private:
  static void* Map(size_t bytes) {
    return on_ && random_() % 4 == 0 ? nullptr : RealKernelCalls().map(bytes);
  }
  static constexpr KernelCalls kCalls = {
      [] { return RealKernelCalls().page_size(); }, Map,
      [](void* start, size_t bytes) {
        return RealKernelCalls().unmap(start, bytes);
      },
      [](void* start, size_t bytes) {
        return RealKernelCalls().discard(start, bytes);
      }};
  static inline std::mt19937_64 random_;
  static inline bool on_;
  const KernelCalls* previous_;
};

// One pool, its objects, and the shadow heap that knows them.
class Model {
 public:
  Model(size_t size, size_t alignment, size_t init, size_t grow, uint64_t seed)
      : size_(size),
        alignment_(alignment),
        grow_(grow),
        pool_(size, alignment, init, grow),
        random_(seed) {}

  void Take() {
    void* object = pool_.Allocate();
    if (object == nullptr) {
      ++refused_;
      return;
    }
    const auto fault = shadow_.Allocated(object, size_, alignment_);
    ASSERT_FALSE(fault) << *fault;
    live_.push_back(object);
  }

  void GiveBack() {
    if (live_.empty()) return;
    std::swap(live_[random_() % live_.size()], live_.back());
    const auto fault = shadow_.Freeing(live_.back(), size_);
    ASSERT_FALSE(fault) << *fault;
    ASSERT_EQ(pool_.Deallocate(live_.back()), nullptr);
    live_.pop_back();
  }

  // Offers what lies beside an object's start; the pool must hand it back.
  void OfferAStranger() {
    if (live_.empty()) return;
    char* object = static_cast<char*>(live_[random_() % live_.size()]);
    char* stranger = object + 1 + random_() % std::max<size_t>(size_ - 1, 1);
    if (stranger >= object + size_) return;
    ASSERT_EQ(pool_.Deallocate(stranger), stranger);
  }

  void Check() {
    const auto fault = shadow_.CheckAll();
    ASSERT_FALSE(fault) << *fault;
    pool_.Validate();
    const size_t stride = RoundUp(std::max<size_t>(size_, 4), alignment_);
    const FixedPoolFootprint footprint = pool_.Footprint();
    ASSERT_EQ(footprint.in_use, live_.size() * stride);
    ASSERT_LE(footprint.in_use + footprint.free, footprint.blocks);
  }

  void Run(int steps, RefusingKernel& kernel) {
    for (int step = 0; step < steps; ++step) {
      // Long swings, so that whole blocks fill up and fall empty.
      const bool growing = step / 500 % 2 == 0;
      kernel.TurnOn(step / 1000 % 2 == 1);
      const uint64_t dice = random_() % 10;
      if (dice == 0) {
        OfferAStranger();
      } else if (growing == (dice > 2)) {
        Take();
      } else {
        GiveBack();
      }
      if (step % 500 == 0) Check();
      if (::testing::Test::HasFatalFailure()) return;
    }
    kernel.TurnOn(false);
    while (!live_.empty() && !::testing::Test::HasFatalFailure()) GiveBack();
    Check();
    if (grow_ != 0) {
      EXPECT_NE(pool_.Allocate(), nullptr);
    }
  }

  size_t refused() const { return refused_; }

 private:
  const size_t size_;
  const size_t alignment_;
  const size_t grow_;
  FixedPool pool_;
  course::ShadowHeap shadow_;
  std::vector<void*> live_;
  std::mt19937_64 random_;
  size_t refused_ = 0;
};

TEST(FixedPoolModel, RandomSequences) {
  const size_t before = ReadSystemFootprint().mapped;
  size_t refused = 0;
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    std::mt19937_64 random(seed);
    for (int round = 0; round < 24; ++round) {
      RefusingKernel kernel(random());
      const size_t alignment = size_t{1} << random() % 8;
      Model model(1 + random() % 300, alignment, random() % 50,
                  random() % 4 == 0 ? 0 : 1 + random() % 50, random());
      model.Run(4000, kernel);
      if (HasFatalFailure()) return;
      refused += model.refused();
    }
    EXPECT_EQ(ReadSystemFootprint().mapped, before);
  }
  EXPECT_GT(refused, 0u) << "the kernel never said no";
}

}  // namespace
}  // namespace pool
