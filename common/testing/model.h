// The model test's driver: random calls to an allocator, each one told to the
// shadow heap.
//
// A Player is one thread's part. It goes through the phases that allocators
// treat differently: grow, churn with random lifetimes, shrink, last in first
// out, first in first out; at last it frees everything. Several players share
// one shadow heap and hand each other blocks.
//
// `F` is the allocator's façade (facade.h). Calls that it does not have are
// left out; those that it has join in by themselves.
#ifndef COURSE_TESTING_MODEL_H_
#define COURSE_TESTING_MODEL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "common/testing/accounts.h"
#include "common/testing/gang.h"
#include "common/testing/seeds.h"
#include "common/testing/shadow_heap.h"
#include "common/testing/sizes.h"
#include "common/workloads/random.h"

namespace course {

// A block and what its owner must remember to give it back.
struct Holding {
  void* start = nullptr;
  size_t bytes = 0;
  size_t alignment = 0;  // 0: none was asked for
};

// Where players leave blocks for others to find.
class Exchange {
 public:
  // Leaves `given`, and returns a block that was left before, if there is one.
  Holding Swap(Holding given, Random& random) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (left_.size() < kRoom) {
      left_.push_back(given);
      return {};
    }
    std::swap(left_[random.Below(kRoom)], given);
    return given;
  }

  std::vector<Holding> TakeAll() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::move(left_);
  }

 private:
  static constexpr size_t kRoom = 32;
  std::mutex mutex_;
  std::vector<Holding> left_;  // guarded by mutex_
};

// How long a player plays and how much it may hold. The kernel allows some
// 65,000 mappings, and an allocator may need one for each block.
struct Effort {
  size_t blocks = 500;           // held at most, about
  size_t live_bytes = 8 * kMiB;  // held at most, but for the newest block
  size_t bytes = 96 * kMiB;      // allocated altogether
  size_t rounds = 4;             // through all phases, if `bytes` allows
};

template <typename F>
class Player {
 public:
  Player(ShadowHeap* heap, Exchange* exchange, Company company, SizeMix mix,
         Effort effort, uint64_t seed)
      : heap_(*heap),
        exchange_(*exchange),
        company_(company),
        mix_(mix),
        effort_(effort),
        random_(seed) {}

  // Throws std::runtime_error, with what is wrong, at a fault.
  void Play() {
    for (size_t i = 0; i < effort_.rounds && !Tired(); ++i) {
      Grow(effort_.blocks);
      Churn(2 * effort_.blocks);
      Shrink(effort_.blocks / 4);
      LastInFirstOut(effort_.blocks);
      FirstInFirstOut(effort_.blocks);
    }
    Shrink(0);
    Demand(CheckAccounts<F>(company_));
  }

  void GiveBack(const Holding& holding) {
    if (holding.start == nullptr) return;
    if constexpr (F::kHasUnsizedDeallocate) {
      if (OneIn(2)) {
        Demand(heap_.Freeing(holding.start));
        return F::Deallocate(holding.start);
      }
    }
    Demand(heap_.Freeing(holding.start, holding.bytes));
    if constexpr (F::kHasAligned) {
      if (holding.alignment != 0) {
        return F::DeallocateAligned(holding.start, holding.bytes,
                                    holding.alignment);
      }
    }
    F::Deallocate(holding.start, holding.bytes);
  }

 private:
  static void Demand(const Fault& fault) {
    if (fault) throw std::runtime_error(*fault);
  }
  bool OneIn(size_t n) { return random_.Below(n) == 0; }
  bool Tired() const { return bytes_ >= effort_.bytes; }

  // The phases.

  void Grow(size_t count) {
    while (held_.size() < count && !Tired()) Hold(Obtain());
  }

  void Churn(size_t steps) {
    for (; steps > 0 && !Tired(); --steps) {
      if (!held_.empty()) GiveBack(TakeAny());
      Hold(Obtain());
      if (OneIn(4)) HandOver();
      if (OneIn(8)) ChangeSize();
      if (OneIn(64)) AskForFavours();
    }
  }

  void Shrink(size_t count) {
    while (held_.size() > count) GiveBack(TakeAny());
  }

  void LastInFirstOut(size_t steps) {
    for (; steps > 0 && !Tired(); --steps) {
      Hold(Obtain());
      if (OneIn(3)) GiveBack(TakeLast());
    }
    for (steps = held_.size() / 2; steps > 0; --steps) GiveBack(TakeLast());
  }

  void FirstInFirstOut(size_t steps) {
    for (; steps > 0 && !Tired(); --steps) {
      Hold(Obtain());
      if (!OneIn(8)) GiveBack(TakeFirst());
    }
    for (steps = held_.size() / 2; steps > 0; --steps) GiveBack(TakeFirst());
  }

  // What is held, oldest first, as far as nobody took one from the middle.

  void Hold(const Holding& holding) {
    held_.push_back(holding);
    live_bytes_ += holding.bytes;
    while (live_bytes_ > effort_.live_bytes && held_.size() > 1) {
      GiveBack(TakeFirst());
    }
  }

  Holding TakeLast() {
    const Holding holding = held_.back();
    held_.pop_back();
    live_bytes_ -= holding.bytes;
    return holding;
  }

  Holding TakeFirst() {
    const Holding holding = held_.front();
    held_.pop_front();
    live_bytes_ -= holding.bytes;
    return holding;
  }

  Holding TakeAny() {
    std::swap(held_[random_.Below(held_.size())], held_.back());
    return TakeLast();
  }

  void HandOver() {
    const Holding found = exchange_.Swap(TakeAny(), random_);
    if (found.start != nullptr) Hold(found);
  }

  // The calls.

  // A block by one of the calls that give one.
  Holding Obtain() {
    Holding holding;
    holding.bytes = Draw(mix_, random_);
    bytes_ += holding.bytes;
    bool zeroed = false;
    if constexpr (F::kHasAligned) {
      if (OneIn(6)) holding.alignment = size_t{1} << random_.Below(14);
    }
    if constexpr (F::kHasZeroed) {
      zeroed = holding.alignment == 0 && OneIn(6);
    }
    holding.start = Ask(holding, zeroed);
    const bool aligned = holding.alignment != 0;
    Demand(heap_.Allocated(holding.start, holding.bytes,
                           aligned ? std::max<size_t>(holding.alignment, 8)
                                   : OrdinaryAlignment(holding.bytes)));
    LearnUsableSize(holding);
    // Damage that is gone before the block is freed shows only here.
    if (OneIn(16)) Demand(heap_.CheckSome(32));
    return holding;
  }

  void* Ask(const Holding& holding, bool zeroed) {
    if constexpr (F::kHasAligned) {
      if (holding.alignment != 0) {
        return F::AllocateAligned(holding.bytes, holding.alignment);
      }
    }
    if constexpr (F::kHasZeroed) {
      if (zeroed) return AskForZeros(holding.bytes);
    }
    return F::Allocate(holding.bytes);
  }

  void* AskForZeros(size_t bytes) {
    void* start = F::AllocateZeroed(1, bytes);
    const char* seen = static_cast<const char*>(start);
    for (size_t i = 0; start != nullptr && i < bytes; ++i) {
      if (seen[i] != 0) throw std::runtime_error("zeroed memory is not zero");
    }
    return start;
  }

  void LearnUsableSize(const Holding& holding) {
    if constexpr (F::kHasUsableSize) {
      if (!OneIn(6)) return;
      Demand(heap_.Widened(holding.start, F::UsableSize(holding.start)));
    }
  }

  void ChangeSize() {
    if constexpr (F::kHasReallocate) {
      if (held_.empty()) return;
      Holding holding = TakeAny();
      Reallocate(&holding);
      Hold(holding);
    }
  }

  void Reallocate(Holding* holding) {
    const size_t bytes = std::max<size_t>(Draw(mix_, random_), 1);
    bytes_ += bytes;
    ShadowHeap::Moving moving{};
    Demand(heap_.BeginMove(holding->start, &moving));
    holding->start = F::Reallocate(holding->start, holding->bytes, bytes);
    holding->bytes = bytes;
    holding->alignment = 0;  // whatever it was: an ordinary block from now on
    Demand(heap_.EndMove(moving, holding->start, bytes));
  }

  // Calls that give no block, and must disturb none.
  void AskForFavours() {
    if constexpr (F::kHasReserve) {
      // As long as large blocks come from the kernel, none can be prepared.
      const size_t bytes = std::min(Draw(mix_, random_), kLargestClass);
      if (!F::Reserve(bytes, random_.Below(8))) {
        throw std::runtime_error("Reserve was refused");
      }
    }
    if constexpr (F::kHasReleaseFreeMemory) F::ReleaseFreeMemory();
    Demand(CheckAccounts<F>(company_));
  }

  ShadowHeap& heap_;
  Exchange& exchange_;
  const Company company_;
  const SizeMix mix_;
  const Effort effort_;
  Random random_;
  std::deque<Holding> held_;
  size_t live_bytes_ = 0;  // of those
  size_t bytes_ = 0;       // allocated so far
};

// Plays with `players` threads, or in this one if it is 0, and says what went
// wrong. The seed repeats each player's decisions; how threads interleave, no
// seed can repeat.
template <typename F>
Fault PlayModel(SizeMix mix, uint64_t seed, size_t players,
                Effort effort = Effort()) {
  ShadowHeap heap;
  Exchange exchange;
  const auto play = [&](size_t member) {
    const Company company = players == 0 ? Company::kAlone : Company::kOthers;
    Player<F>(&heap, &exchange, company, mix, effort, seed + member).Play();
  };
  try {
    if (players == 0) {
      play(0);
    } else {
      RunGang(players, play);
    }
    Player<F> last(&heap, &exchange, Company::kAlone, mix, effort, seed);
    for (const Holding& holding : exchange.TakeAll()) last.GiveBack(holding);
  } catch (const std::runtime_error& fault) {
    return fault.what() + ("; " + HowToRepeat(seed));
  }
  if (heap.live() == 0) return {};
  return std::to_string(heap.live()) + " blocks were lost; " +
         HowToRepeat(seed);
}

}  // namespace course

#endif  // COURSE_TESTING_MODEL_H_
