// The world of the stress program: what its threads share.
//
// Any thread may call; what is not atomic has a lock. In the child of a fork
// only the shadow heap is sound (it is held while the process forks), and what
// is atomic.
#ifndef COURSE_TESTING_STRESS_WORLD_H_
#define COURSE_TESTING_STRESS_WORLD_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "common/testing/kernel_faults.h"
#include "common/testing/shadow_heap.h"
#include "common/testing/sizes.h"
#include "common/testing/stress/options.h"
#include "common/testing/stress/tally.h"
#include "common/workloads/random.h"

namespace course {

// A block, and what its owner must remember to give it back.
struct Owned {
  void* start = nullptr;
  size_t bytes = 0;
  size_t alignment = 0;  // 0: none was asked for
};

// Blocks on their way from thread to thread. (Its room is there from the start:
// a thread that is in libc's malloc while another forks would leave its lock
// behind in a child that has a sanitizer's malloc.)
class Exchange {
 public:
  bool Put(const Owned& block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (count_ == blocks_.size()) return false;
    blocks_[count_++] = block;
    return true;
  }

  // One of those that are there.
  bool Take(Owned* block, Random& random) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (count_ == 0) return false;
    std::swap(blocks_[random.Below(count_)], blocks_[count_ - 1]);
    *block = blocks_[--count_];
    return true;
  }

 private:
  std::mutex mutex_;
  // Guarded by mutex_.
  std::array<Owned, 256> blocks_;
  size_t count_ = 0;
};

// What is drawn for a whole process.
struct Life {
  std::chrono::steady_clock::time_point end;
  uint64_t rounds = 1;       // or until `end`
  size_t memory = SIZE_MAX;  // bytes, about, that the kernel has for it
};

class World {
 public:
  // What all threads' blocks may have together, about; the pool's caches and
  // what lies between the blocks come on top. The program stays below 256 MiB.
  static constexpr size_t kMostHeld = 48 * kMiB;

  World(const StressOptions& options, const Life& life)
      : options(options), life(life) {
    Random random(0);
    Draw(SizeMix::kClassEdges, random);  // its table is there before a fork
  }

  bool TimeIsUp() const { return std::chrono::steady_clock::now() >= life.end; }

  // Is there room for so many bytes more?
  bool HasRoom(size_t bytes) const { return held_ + bytes <= kMostHeld; }
  void Hold(size_t bytes) {
    const size_t now = held_ += bytes;
    size_t most = most_held_;
    while (most < now && !most_held_.compare_exchange_weak(most, now)) {
    }
  }
  void LetGo(size_t bytes) { held_ -= bytes; }
  size_t most_held() const { return most_held_; }

  // The watchdog looks whether this has changed.
  void GoOn() { progress_.fetch_add(1, std::memory_order_relaxed); }
  uint64_t progress() const {
    return progress_.load(std::memory_order_relaxed);
  }

  // One fork at a time: each child is a copy of all that is held.
  bool BeginFork() { return !forking_.exchange(true); }
  void EndFork() { forking_ = false; }

  // A heap map that is being drawn is in no account (stats.h). So whoever takes
  // a snapshot asks before it how many were done, and after it how many were
  // begun.
  void BeginMap() { ++maps_begun_; }
  void EndMap() { ++maps_done_; }
  uint64_t maps_begun() const { return maps_begun_; }
  uint64_t maps_done() const { return maps_done_; }

  void Count(const Tally& tally) {
    const std::lock_guard<std::mutex> lock(mutex_);
    tally_.Add(tally);
  }
  Tally tally() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return tally_;
  }

  // Blocks whose threads have ended, and that the next ones begin with.
  void Leave(const Owned* blocks, size_t count) {
    const std::lock_guard<std::mutex> lock(mutex_);
    left_.insert(left_.end(), blocks, blocks + count);
  }
  // Up to `most` of them; all, if there are no others to share with.
  std::vector<Owned> TakeLeft(size_t most) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const size_t count = std::min(most, left_.size());
    std::vector<Owned> taken(left_.end() - count, left_.end());
    left_.resize(left_.size() - count);
    return taken;
  }

  const StressOptions options;
  const Life life;
  ShadowHeap heap;
  Exchange exchange;
  // Refuses from its plan, which the threads change as they go.
  KernelFaults kernel;

 private:
  std::atomic<size_t> held_{0};
  std::atomic<size_t> most_held_{0};
  std::atomic<uint64_t> progress_{0};
  std::atomic<bool> forking_{false};
  std::atomic<uint64_t> maps_begun_{0};
  std::atomic<uint64_t> maps_done_{0};

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Tally tally_;
  std::vector<Owned> left_;
};

}  // namespace course

#endif  // COURSE_TESTING_STRESS_WORLD_H_
