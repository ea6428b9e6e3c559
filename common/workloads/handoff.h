// handoff: one thread allocates, another frees, as between the stages of a
// pipeline. What the first takes never comes back to it by itself.
#ifndef COURSE_WORKLOADS_HANDOFF_H_
#define COURSE_WORKLOADS_HANDOFF_H_

#include <atomic>
#include <cstddef>
#include <thread>

#include "common/workloads/blocks.h"
#include "common/workloads/crew.h"
#include "common/workloads/mapped_array.h"
#include "common/workloads/measure.h"

namespace course {

inline constexpr size_t kHandoffSize = 64;
inline constexpr size_t kHandful = 32;        // blocks handed over at a time
inline constexpr size_t kHandfuls = 1 << 14;  // half a million blocks

// A ring with one giver and one taker. Each side writes one counter; a cache
// line for each, so that the ring is not what is measured.
class HandoffRing {
 public:
  HandoffRing() : places_(kPlaces * kHandful) {}

  // Where the next handful goes, once there is room for it.
  void** AwaitRoom() {
    const size_t at = given_.load(std::memory_order_relaxed);
    while (at - taken_.load(std::memory_order_acquire) == kPlaces) {
      std::this_thread::yield();
    }
    return Place(at);
  }
  void Give() { given_.fetch_add(1, std::memory_order_release); }

  void** AwaitHandful() {
    const size_t at = taken_.load(std::memory_order_relaxed);
    while (given_.load(std::memory_order_acquire) == at) {
      std::this_thread::yield();
    }
    return Place(at);
  }
  void Take() { taken_.fetch_add(1, std::memory_order_release); }

 private:
  static constexpr size_t kPlaces = 64;
  static constexpr size_t kCacheLine = 64;

  void** Place(size_t at) { return &places_[at % kPlaces * kHandful]; }

  MappedArray<void*> places_;
  alignas(kCacheLine) std::atomic<size_t> given_{0};
  alignas(kCacheLine) std::atomic<size_t> taken_{0};
};

template <class Facade>
Outcome Handoff(const Limits& limits) {
  HandoffRing ring;
  const auto round = [&](size_t handfuls) {
    std::atomic<bool> served{true};
    const auto give = [&] {
      for (size_t i = 0; i < handfuls; ++i) {
        // What is refused is handed over as null, so that the taker ends too.
        void** blocks = ring.AwaitRoom();
        if (!Fill<Facade>(blocks, kHandful, kHandoffSize)) served = false;
        ring.Give();
      }
    };
    const auto take = [&] {
      for (size_t i = 0; i < handfuls; ++i) {
        Empty<Facade>(ring.AwaitHandful(), kHandful, kHandoffSize);
        ring.Take();
      }
    };
    Sample sample;
    sample.seconds =
        RunTogether(2, [&](int thread) { thread == 0 ? give() : take(); });
    sample.operations = handfuls * kHandful;
    sample.served = served && sample.seconds >= 0;
    return sample;
  };
  return Measure({kHandfuls}, limits, round);
}

}  // namespace course

#endif  // COURSE_WORKLOADS_HANDOFF_H_
