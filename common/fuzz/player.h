// The player of the fuzz targets: every input is read as a sequence of calls to
// the allocator, which are made and held against the shadow heap. At a fault
// the process ends.
//
//   byte   │ call │ its arguments … │ call │ its arguments … │ …
//
// There is no input that cannot be read: what is missing at the end is 0. Calls
// that `F`, the façade (facade.h), does not have yet do nothing.
//
// An input begins on a new thread, and may go on on another new one whenever it
// says so. What the allocator learned in a thread's life thus dies with it, and
// the same input does the same thing again, as far as that can be: the pages of
// the process stay where they are.
#ifndef COURSE_FUZZ_PLAYER_H_
#define COURSE_FUZZ_PLAYER_H_

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/testing/accounts.h"
#include "common/testing/kernel_faults.h"
#include "common/testing/shadow_heap.h"
#include "common/testing/sizes.h"
#include "pool/system_memory.h"

namespace course::fuzz {

[[noreturn]] inline void Fail(const std::string& fault) {
  std::fprintf(stderr, "fuzz: %s\n", fault.c_str());
  std::abort();
}

inline void Demand(const Fault& fault) {
  if (fault) Fail(*fault);
}

// The bytes of an input, from first to last.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : next_(data), end_(data + size) {}

  bool Empty() const { return next_ == end_; }
  size_t Byte() { return Empty() ? 0 : *next_++; }
  size_t TwoBytes() {
    const size_t low = Byte();
    return Byte() << 8 | low;
  }

  // The sizes of classes and their neighbours, then larger ones, and at last
  // those that no object can have.
  size_t Size() {
    static const std::vector<size_t> classes = ClassSizes();
    const size_t kind = Byte();
    if (kind < classes.size()) return classes[kind] - 1 + Byte() % 3;
    if (kind < 230) return kLargestClass + TwoBytes() * 16;
    if (kind < 250) return Byte() * 16 * kKiB + Byte() % 2;
    return SIZE_MAX / (1 + kind % 2) - TwoBytes() % (kind < 253 ? 9 : SIZE_MAX);
  }

  // A power of two up to 16 MiB; now and then another number.
  size_t Alignment() {
    const size_t kind = Byte();
    return kind < 250 ? size_t{1} << kind % 25 : kind - 250 + 3 * Byte();
  }

 private:
  const uint8_t* next_;
  const uint8_t* const end_;
};

template <typename F>
class Player {
 public:
  Player(const uint8_t* data, size_t size) : input_(data, size) {}

  void Play() {
    while (!input_.Empty()) {
      std::thread([this] { LiveOneLife(); }).join();
    }
    faults_.Recover();
    std::thread([this] { Finish(); }).join();
  }

 private:
  struct Holding {
    void* start;
    size_t bytes;
    size_t alignment;  // 0: none was asked for
  };

  // A thread's life: until the input says that it ends.
  void LiveOneLife() {
    while (!input_.Empty()) {
      const size_t call = input_.Byte() % 16;
      if (call == 15) return;
      Make(call);
      Demand(heap_.CheckSome(2));
      if (++calls_ % 32 == 0) Demand(CheckAccounts<F>(Company::kAlone));
    }
  }

  void Make(size_t call) {
    switch (call) {
      case 0:
      case 1:
      case 2:
        return Obtain(0);
      case 3:
        return ObtainAligned();
      case 4:
        return ObtainZeroed();
      case 5:
      case 6:
        return Free(Way::kSized);
      case 7:
      case 8:
        return Free(Way::kUnsized);
      case 9:
        return FreeMany();
      case 10:
        return Reallocate();
      case 11:
        return LearnUsableSize();
      case 12:
        return Reserve();
      case 13:
        return Release();
      case 14:
        return ChangeTheKernelsMind();
    }
  }

  // Everything goes back, and whatever the kernel refused is forgotten.
  void Finish() {
    Demand(heap_.CheckAll());
    while (!held_.empty()) GiveBack(TakeLast(), Way::kUnsized);
    F::ReleaseFreeMemory();
    Demand(CheckAccounts<F>(Company::kAlone));
    constexpr size_t kFarTooMuch = 1024 * kMiB;
    if (pool::ReadSystemFootprint().mapped > kFarTooMuch) {
      Fail("nothing is held, and the pool has more than a gigabyte");
    }
  }

  // Blocks come.

  // An alignment counts, too: so much may have to lie fallow beside a block.
  bool HasRoomFor(size_t bytes, size_t alignment = 0) const {
    return held_.size() < kMostBlocks &&
           (bytes > kMostBytes ||
            live_bytes_ + bytes + alignment <= kMostBytes);
  }

  void Obtain(size_t alignment) {
    const size_t bytes = input_.Size();
    if (!HasRoomFor(bytes, alignment)) return;
    Hold(bytes, alignment, Call([&] { return Ask(bytes, alignment); }));
  }

  void ObtainAligned() {
    if constexpr (F::kHasAligned) {
      const size_t alignment = input_.Alignment();
      if (alignment != 0 && (alignment & (alignment - 1)) == 0) {
        return Obtain(alignment);
      }
      errno = 0;
      if (F::AllocateAligned(input_.Size(), alignment) != nullptr) {
        Fail("a block aligned to " + std::to_string(alignment));
      }
      if (errno != EINVAL) Fail("errno is " + std::to_string(errno));
    }
  }

  void ObtainZeroed() {
    if constexpr (F::kHasZeroed) {
      const size_t bytes = input_.Size();
      const size_t count = input_.Byte() % 4 + 1;
      if (!HasRoomFor(bytes) || bytes % count != 0) return;
      void* start =
          Call([&] { return F::AllocateZeroed(count, bytes / count); });
      const char* seen = static_cast<const char*>(start);
      for (size_t i = 0; start != nullptr && i < bytes; ++i) {
        if (seen[i] != 0) Fail("zeroed memory is not zero");
      }
      Hold(bytes, 0, start);
    }
  }

  static void* Ask(size_t bytes, size_t alignment) {
    if constexpr (F::kHasAligned) {
      if (alignment != 0) return F::AllocateAligned(bytes, alignment);
    }
    return F::Allocate(bytes);
  }

  // Notes whether the kernel refused something meanwhile, and that errno says
  // what a missing block means.
  template <typename Request>
  void* Call(const Request& request) {
    const uint64_t refused = faults_.refused();
    errno = 0;
    void* start = request();
    was_refused_ = faults_.refused() != refused;
    if (start == nullptr && errno != ENOMEM) {
      Fail("no block, but errno is " + std::to_string(errno));
    }
    return start;
  }

  void Hold(size_t bytes, size_t alignment, void* start) {
    if (start == nullptr && (was_refused_ || bytes > kMostBytes)) return;
    Demand(heap_.Allocated(start, bytes, std::max<size_t>(alignment, 8)));
    if (alignment == 0 && bytes > 8 && Misaligned(start)) {
      Fail("a block that is not aligned to 16");
    }
    held_.push_back({start, bytes, alignment});
    live_bytes_ += bytes + alignment;
  }

  static bool Misaligned(const void* start) {
    return reinterpret_cast<uintptr_t>(start) % 16 != 0;
  }

  // Blocks go.

  enum class Way { kSized, kUnsized };

  Holding TakeLast() {
    const Holding holding = held_.back();
    held_.pop_back();
    live_bytes_ -= holding.bytes + holding.alignment;
    return holding;
  }

  Holding TakeAny() {
    std::swap(held_[input_.Byte() % held_.size()], held_.back());
    return TakeLast();
  }

  void Free(Way way) {
    if (!held_.empty()) GiveBack(TakeAny(), way);
  }

  void FreeMany() {
    for (size_t i = input_.Byte(); i > 0 && !held_.empty(); --i) {
      GiveBack(TakeLast(), i % 2 == 0 ? Way::kSized : Way::kUnsized);
    }
  }

  void GiveBack(const Holding& holding, Way way) {
    Demand(heap_.Freeing(holding.start, holding.bytes));
    errno = EDOM;
    CallDeallocate(holding, way);
    if (errno != EDOM) {
      Fail("a free changed errno to " + std::to_string(errno));
    }
  }

  static void CallDeallocate(const Holding& holding, Way way) {
    if constexpr (F::kHasUnsizedDeallocate) {
      if (way == Way::kUnsized) return F::Deallocate(holding.start);
    }
    if constexpr (F::kHasAligned) {
      if (holding.alignment != 0) {
        return F::DeallocateAligned(holding.start, holding.bytes,
                                    holding.alignment);
      }
    }
    F::Deallocate(holding.start, holding.bytes);
  }

  // Blocks change.

  void Reallocate() {
    if constexpr (F::kHasReallocate) {
      const size_t bytes = std::max<size_t>(input_.Size(), 1);
      if (held_.empty() || !HasRoomFor(bytes)) return;
      const Holding holding = TakeAny();
      ShadowHeap::Moving moving{};
      Demand(heap_.BeginMove(holding.start, &moving));
      void* start = Call(
          [&] { return F::Reallocate(holding.start, holding.bytes, bytes); });
      if (start == nullptr && (was_refused_ || bytes > kMostBytes)) {
        Demand(heap_.CancelMove(moving));
        held_.push_back(holding);
        live_bytes_ += holding.bytes + holding.alignment;
        return;
      }
      Demand(heap_.EndMove(moving, start, bytes));
      held_.push_back({start, bytes, 0});
      live_bytes_ += bytes;
    }
  }

  void LearnUsableSize() {
    if constexpr (F::kHasUsableSize) {
      if (held_.empty()) return;
      void* start = held_[input_.Byte() % held_.size()].start;
      Demand(heap_.Widened(start, F::UsableSize(start)));
    }
  }

  // Calls that give no block, and must disturb none.

  void Reserve() {
    if constexpr (F::kHasReserve) {
      const size_t bytes = input_.Size();
      const size_t count = input_.Byte();
      if (bytes > kMostBytes / 256) return;
      const uint64_t refused = faults_.refused();
      errno = 0;
      if (F::Reserve(bytes, count) || faults_.refused() != refused) return;
      Fail("nothing was reserved, and the kernel refused nothing");
    }
  }

  void Release() {
    if constexpr (F::kHasReleaseFreeMemory) {
      const uint64_t refused = faults_.refused();
      F::ReleaseFreeMemory();
      const size_t more = F::ReleaseFreeMemory();
      if (more != 0 && faults_.refused() == refused) {
        Fail(std::to_string(more) + " bytes were left to release");
      }
    }
  }

  // For a while: the k-th call from now on, all from then on, or all of a kind.
  void ChangeTheKernelsMind() {
    const size_t mind = input_.Byte();
    faults_.Restart();
    if (mind % 8 == 1) faults_.RefuseAll(KernelCall::kDiscard);
    if (mind % 8 == 2) faults_.RefuseAll(KernelCall::kMap);
    if (mind % 8 == 3) faults_.RefuseFrom(1 + mind / 8);
    if (mind % 8 >= 4) faults_.RefuseCall(1 + mind / 8);
  }

  static constexpr size_t kMostBlocks = 256;
  static constexpr size_t kMostBytes = 32 * kMiB;
  static constexpr size_t kEdge = 64;  // of blocks, has a pattern

  Input input_;
  KernelFaults faults_;
  ShadowHeap heap_{kEdge};
  std::vector<Holding> held_;
  size_t live_bytes_ = 0;
  size_t calls_ = 0;
  bool was_refused_ = false;  // something, during the last call
};

}  // namespace course::fuzz

#endif  // COURSE_FUZZ_PLAYER_H_
