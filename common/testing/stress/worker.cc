#include "common/testing/stress/worker.h"

#include <algorithm>
#include <utility>

#include "common/testing/sizes.h"

namespace course {

// The weights are such that on two cores some hundred threads are born in a
// second, and some ten processes.
const Worker::Chance Worker::kChances[] = {
    {3000, &Worker::Obtain},
    {2600, &Worker::GiveBack},
    {15, &Worker::GiveBackMany},
    {800, &Worker::Resize},
    {400, &Worker::LearnUsableSize},
    {900, &Worker::HandOver},
    {900, &Worker::TakeOver},
    {250, &Worker::Sprint},
    {300, &Worker::CheckSome},
    {100, &Worker::AskForTheImpossible},
    {100, &Worker::GiveBackNothing},
    {80, &Worker::Reserve},
    {40, &Worker::ReleaseFreeMemory},
    {60, &Worker::TakeSnapshot},
    {4, &Worker::Report},
    {100, &Worker::ChangeTheWeather},
    {40, &Worker::GiveBirth},
    {4, &Worker::Fork},
};

// For a thread that is nearly gone, and for the child of a fork: what needs no
// other thread, and none of libc's locks: one of those may have
// been held by a thread that is not here.
const Worker::Chance Worker::kChancesAlone[] = {
    {3000, &Worker::Obtain},
    {2600, &Worker::GiveBack},
    {800, &Worker::Resize},
    {400, &Worker::LearnUsableSize},
    {200, &Worker::Sprint},
    {100, &Worker::CheckSome},
    {100, &Worker::GiveBackNothing},
    {80, &Worker::Reserve},
    {100, &Worker::ReleaseFreeMemory},
    {100, &Worker::TakeSnapshot},
};

template <size_t n>
void Worker::Step(const Chance (&chances)[n]) {
  size_t sum = 0;
  for (const Chance& chance : chances) sum += chance.weight;
  ++Here().step;
  draw_ = Random(random_.Next());
  size_t drawn = draw_.Below(sum);
  const Chance* chosen = chances;
  for (; drawn >= chosen->weight; ++chosen) drawn -= chosen->weight;
  (this->*chosen->act)();
  world_.GoOn();
}

void Worker::StepAlone() { Step(kChancesAlone); }

void Worker::Live(size_t steps, const Place& place) {
  Here() = place_ = place;
  ChangeTheWeather();  // a pool that is new asks for the most
  for (; steps > 0 && !world_.TimeIsUp(); --steps) Step(kChances);
  while (!guests_.empty()) BuryTheEldest();
}

void Worker::GiveBackAll() {
  while (!held_.empty()) {
    caller_.GiveBack(held_.back(), random_);
    held_.pop_back();
    world_.GoOn();
  }
}

void Worker::LeaveAll() {
  world_.Leave(held_.data(), held_.size());
  held_.clear();
}

// The steps.

size_t Worker::DrawSize() {
  if (draw_.Below(200) == 0) return kMiB + draw_.Below(7 * kMiB);
  if (draw_.Below(60) == 0) return Draw(SizeMix::kLarge, draw_);
  const size_t chance = draw_.Below(8);
  return Draw(chance < 4   ? SizeMix::kPareto
              : chance < 7 ? SizeMix::kClassEdges
                           : SizeMix::kThresholds,
              draw_);
}

Owned Worker::TakeAny() {
  std::swap(held_[draw_.Below(held_.size())], held_.back());
  const Owned block = held_.back();
  held_.pop_back();
  return block;
}

void Worker::Obtain() {
  if (held_.size() >= kMostBlocks) return GiveBackMany();
  size_t bytes = DrawSize();
  if (!world_.HasRoom(bytes)) {
    for (int i = 0; i < 4; ++i) GiveBack();
    bytes = draw_.Below(256);
  }
  Owned block;
  if (caller_.Obtain(bytes, &block, draw_)) held_.push_back(block);
}

void Worker::GiveBack() {
  if (!held_.empty()) caller_.GiveBack(TakeAny(), draw_);
}

// The oldest first, or the newest.
void Worker::GiveBackMany() {
  const size_t count = draw_.Below(held_.size() + 1);
  if (draw_.Below(2) == 0) std::reverse(held_.begin(), held_.end());
  for (size_t i = 0; i < count; ++i) {
    caller_.GiveBack(held_.back(), draw_);
    held_.pop_back();
  }
}

void Worker::Resize() {
  if (held_.empty()) return;
  Owned block = TakeAny();
  size_t bytes = std::max<size_t>(DrawSize(), 1);
  // A step up or down is what programs ask for.
  if (draw_.Below(2) == 0)
    bytes = block.bytes / 2 + draw_.Below(block.bytes + 2);
  if (!world_.HasRoom(bytes)) bytes = block.bytes / 2;
  caller_.Resize(&block, std::max<size_t>(bytes, 1));
  held_.push_back(block);
}

void Worker::LearnUsableSize() {
  if (held_.empty()) return;
  caller_.LearnUsableSize(held_[draw_.Below(held_.size())]);
}

void Worker::HandOver() {
  if (held_.empty()) return;
  const Owned block = TakeAny();
  if (world_.exchange.Put(block)) {
    ++caller_.tally().handed_over;
  } else {
    held_.push_back(block);
  }
}

void Worker::TakeOver() {
  Owned block;
  if (!world_.exchange.Take(&block, draw_)) return;
  if (held_.size() < kMostBlocks && draw_.Below(2) == 0) {
    held_.push_back(block);
  } else {
    caller_.GiveBack(block, draw_);
  }
}

// Damage that is gone before the block is freed shows only here.
void Worker::CheckSome() { Demand(world_.heap.CheckSome(16)); }

void Worker::Reserve() {
  const size_t bytes = DrawSize();
  constexpr size_t kMost = kMiB;  // altogether
  const size_t count = draw_.Below(16);
  caller_.Reserve(bytes, std::min(count, kMost / std::max<size_t>(bytes, 1)));
}

// What the kernel refuses from now on, until another thread draws otherwise.
void Worker::ChangeTheWeather() {
  constexpr KernelCall kKinds[] = {KernelCall::kMap, KernelCall::kUnmap,
                                   KernelCall::kDiscard};
  KernelFaults& kernel = world_.kernel;
  kernel.Recover();
  if (pool::ReadSystemFootprint().mapped >= world_.life.memory) {
    kernel.RefuseAll(KernelCall::kMap);
  }
  switch (draw_.Below(6)) {
    case 0:
      return kernel.RefuseFrom(kernel.calls() + 1);
    case 1:
      return kernel.RefuseAll(kKinds[draw_.Below(3)]);
    case 2:
      return kernel.RefuseCall(kernel.calls() + 1 + draw_.Below(4));
  }
}

}  // namespace course
