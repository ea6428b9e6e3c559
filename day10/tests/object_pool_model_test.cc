// The object pool under random sequences: every object known to a shadow heap,
// constructors that throw in between, and a kernel that refuses memory.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "common/testing/seeds.h"
#include "common/testing/shadow_heap.h"
#include "pool/object_pool.h"

namespace pool {
namespace {

// Its constructor leaves the bytes to the shadow heap.
struct Object {
  explicit Object(bool fail) {
    if (fail) throw fail;
  }
  unsigned char bytes[1000];
};

bool refuse = false;
constexpr KernelCalls kRefusing = {
    [] { return RealKernelCalls().page_size(); },
    [](size_t bytes) {
      return refuse ? nullptr : RealKernelCalls().map(bytes);
    },
    [](void* start, size_t bytes) {
      return RealKernelCalls().unmap(start, bytes);
    },
    [](void* start, size_t bytes) {
      return RealKernelCalls().discard(start, bytes);
    }};

class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed) {}

  void Make() {
    const bool fail = random_() % 8 == 0;
    try {
      Object* object = pool_.New(fail);
      if (object == nullptr) return;
      const auto fault = shadow_.Allocated(object, sizeof(Object), 1);
      ASSERT_FALSE(fault) << *fault;
      live_.push_back(object);
    } catch (bool) {
      ASSERT_TRUE(fail);
    }
  }

  void Destroy() {
    if (live_.empty()) return;
    std::swap(live_[random_() % live_.size()], live_.back());
    const auto fault = shadow_.Freeing(live_.back(), sizeof(Object));
    ASSERT_FALSE(fault) << *fault;
    pool_.Delete(live_.back());
    live_.pop_back();
  }

  void Run() {
    for (int step = 0; step < 6000; ++step) {
      refuse = random_() % 2 == 0;
      const bool growing = step / 1000 % 2 == 0;
      growing == (random_() % 4 != 0) ? Make() : Destroy();
      if (step % 1000 == 0) Check();
      if (::testing::Test::HasFatalFailure()) return;
    }
    refuse = false;
    while (!live_.empty() && !::testing::Test::HasFatalFailure()) Destroy();
    Check();
  }

  void Check() {
    const auto fault = shadow_.CheckAll();
    ASSERT_FALSE(fault) << *fault;
    pool_.Validate();
    ASSERT_EQ(pool_.Footprint().in_use, live_.size() * sizeof(Object));
  }

 private:
  ObjectPool<Object> pool_;
  course::ShadowHeap shadow_;
  std::vector<Object*> live_;
  std::mt19937_64 random_;
};

TEST(ObjectPoolModel, RandomSequences) {
  const size_t before = ReadSystemFootprint().mapped;
  const KernelCalls* previous = SetKernelCalls(&kRefusing);
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    Model(seed).Run();
    EXPECT_EQ(ReadSystemFootprint().mapped, before);
  }
  SetKernelCalls(previous);
}

}  // namespace
}  // namespace pool
