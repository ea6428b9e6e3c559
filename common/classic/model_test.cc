// The five policies against the shadow heap, which knows every live block:
// no two overlap, none leaves the arena, none is written to by the allocator.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "common/classic/policies.h"
#include "common/classic/test_range.h"
#include "common/testing/seeds.h"
#include "common/testing/shadow_heap.h"

namespace course::classic {
namespace {

struct Held {
  void* start;
  size_t bytes;
};

class Game {
 public:
  Game(const Policy& policy, uint64_t seed)
      : dice_(seed), arena_(policy.make(range_.start(), range_.size())) {}

  // What went wrong within `steps` random steps; empty for nothing. Whether
  // the heap tends to grow or to shrink changes every so often, so that it is
  // both exhausted and nearly empty at times.
  std::string Play(int steps) {
    for (int step = 0; step < steps; ++step) {
      if (step % 256 == 0) growth_ = 20 + Below(70);
      Fault fault = Below(100) < growth_ ? Allocate() : Free();
      if (!fault) fault = shadow_.CheckSome(2);
      if (fault) return *fault;
      std::string wrong = arena_->Validate();
      if (!wrong.empty()) return wrong;
    }
    return FreeEverything();
  }

  size_t refusals() const { return arena_->counters().refusals; }

 private:
  size_t Below(size_t bound) { return dice_() % bound; }

  size_t AnySize() {
    const size_t kinds[] = {Below(40), Below(40), Below(400), Below(400),
                            Below(kTestBytes / 8)};
    return kinds[Below(5)];
  }

  Fault Allocate() {
    const size_t bytes = AnySize();
    const size_t room = arena_->LargestRequest();
    void* block = arena_->Allocate(bytes);
    if (block == nullptr) {
      if (bytes > room || room == 0) return {};
      return "refused " + std::to_string(bytes) + " with room for " +
             std::to_string(room);
    }
    const char* start = static_cast<char*>(block);
    const char* arena = static_cast<char*>(range_.start());
    if (start < arena || start + bytes > arena + kTestBytes) {
      return "a block leaves the arena";
    }
    held_.push_back({block, bytes});
    return shadow_.Allocated(block, bytes, kAlignment);
  }

  Fault Free() {
    if (held_.empty()) return {};
    std::swap(held_[Below(held_.size())], held_.back());
    const Held block = held_.back();
    held_.pop_back();
    const Fault fault = shadow_.Freeing(block.start, block.bytes);
    if (!fault) arena_->Deallocate(block.start);
    return fault;
  }

  std::string FreeEverything() {
    while (!held_.empty()) {
      const Fault fault = Free();
      if (fault) return *fault;
    }
    if (arena_->Free().holes != 1) return "not in one piece when all is freed";
    return arena_->Validate();
  }

  std::mt19937_64 dice_;
  TestRange range_;
  std::unique_ptr<Arena> arena_;
  ShadowHeap shadow_;
  std::vector<Held> held_;
  size_t growth_ = 50;  // percent of the steps that allocate
};

class ModelTest : public testing::TestWithParam<Policy> {};

TEST_P(ModelTest, AgreesWithTheShadowHeap) {
  for (const uint64_t seed : SeedsToTry()) {
    Game game(GetParam(), seed);
    EXPECT_EQ(game.Play(6000), "")
        << GetParam().name << "; " << HowToRepeat(seed);
    EXPECT_GT(game.refusals(), 0u)
        << "the arena was never full; " << HowToRepeat(seed);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Classic, ModelTest, testing::ValuesIn(Policies()), [](const auto& info) {
      std::string name = info.param.name;
      name.erase(std::remove(name.begin(), name.end(), ' '), name.end());
      return name;
    });

}  // namespace
}  // namespace course::classic
