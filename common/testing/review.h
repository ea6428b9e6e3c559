// ReviewTrace: random calls for `course review`. Between them it asks each
// layer of the allocator whether all is well (Validate).
//
// Before each question it says on standard output which layer is asked, and
// after how many steps: whoever fails, ends the process.
//
// Owned by one thread, which plays; a second one plays for a while, ends, and
// leaves its blocks to the first.
#ifndef COURSE_TESTING_REVIEW_H_
#define COURSE_TESTING_REVIEW_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <utility>
#include <vector>

#include "common/testing/facade.h"
#include "common/testing/shadow_heap.h"
#include "common/testing/sizes.h"
#include "common/workloads/random.h"

namespace course {

struct ReviewedLayer {
  const char* name;
  void (*validate)();
};

class ReviewTrace {
 public:
  ReviewTrace(uint64_t seed, size_t steps) : random_(seed), steps_(steps) {}
  ReviewTrace(const ReviewTrace&) = delete;
  ReviewTrace& operator=(const ReviewTrace&) = delete;

  // False, and a line that says why, if a block was not as it should be.
  bool Play(const std::vector<ReviewedLayer>& layers) {
    bool good = Steps(steps_ / 2, layers);
    std::thread other([&] { good = good && Steps(steps_ / 4, {}); });
    other.join();
    good = good && Steps(steps_ / 4, layers);
    while (good && !held_.empty()) good = Free();
    if (good) Validate(layers);
    return good;
  }

  // The same for pools of objects of one size.
  template <class Pool>
  bool PlayFixedPool() {
    constexpr size_t kBytes = 48, kGrowth = 32;
    Pool pool(kBytes, alignof(std::max_align_t), kGrowth, kGrowth);
    return PlayPool(
        "FixedPool", pool, kBytes, [&] { return pool.Allocate(); },
        [&](void* object) { return pool.Deallocate(object) == nullptr; });
  }

  template <template <class> class Pool>
  bool PlayObjectPool() {
    struct Object {
      alignas(std::max_align_t) char bytes[512];
    };
    Pool<Object> pool;
    return PlayPool(
        "ObjectPool", pool, sizeof(Object), [&] { return pool.New(); },
        [&](void* object) {
          pool.Delete(static_cast<Object*>(object));
          return true;
        });
  }

 private:
  static constexpr size_t kStepsBetween = 250;
  static constexpr size_t kHeldAtMost = 1500;
  static constexpr size_t kLargeEach = 200;
  // As a test does it, only the ends of large blocks are written to.
  static constexpr size_t kEdge = 256;

  struct Held {
    void* start;
    size_t bytes;
  };

  static bool Report(const Fault& fault) {
    if (fault) std::printf("fault: %s\n", fault->c_str());
    return !fault;
  }

  // Whether the next step takes a block: it grows and shrinks in turn, so that
  // pages come and go.
  bool Takes() {
    ++step_;
    const bool grows = step_ / kHeldAtMost % 2 == 0;
    return held_.empty() ||
           (held_.size() < kHeldAtMost && random_.Below(4) < (grows ? 3 : 1));
  }

  bool Steps(size_t count, const std::vector<ReviewedLayer>& layers) {
    for (size_t i = 0; i < count; ++i) {
      if (Takes() ? !Take() : !Free()) return false;
      if (step_ % kStepsBetween == 0) Validate(layers);
    }
    return true;
  }

  template <class Pool, class TakeOne, class GiveBack>
  bool PlayPool(const char* name, const Pool& pool, size_t bytes, TakeOne take,
                GiveBack give) {
    for (size_t i = 0; i < steps_ || !held_.empty(); ++i) {
      if (i < steps_ && Takes()) {
        held_.push_back({take(), bytes});
        if (!Report(heap_.Allocated(held_.back().start, bytes))) return false;
      } else {
        const Held last = TakeAny();
        if (!Report(heap_.Freeing(last.start, bytes))) return false;
        if (!give(last.start)) {
          std::printf("fault: %s does not take back what it gave\n", name);
          return false;
        }
      }
      if (i % kStepsBetween == 0) {
        Ask(name);
        pool.Validate();
      }
    }
    step_ = 0;
    return true;
  }

  bool Take() {
    const SizeMix mix = random_.Below(kLargeEach) == 0 ? SizeMix::kLarge
                        : random_.Below(4) == 0        ? SizeMix::kClassEdges
                                                       : SizeMix::kPareto;
    const size_t bytes = Draw(mix, random_);
    void* const start = Facade::Allocate(bytes);
    if (!Report(heap_.Allocated(start, bytes))) return false;
    held_.push_back({start, bytes});
    return true;
  }

  Held TakeAny() {
    std::swap(held_[random_.Below(held_.size())], held_.back());
    const Held last = held_.back();
    held_.pop_back();
    return last;
  }

  bool Free() {
    const Held last = TakeAny();
    if (!Report(heap_.Freeing(last.start, last.bytes))) return false;
    Facade::Deallocate(last.start, last.bytes);
    return true;
  }

  void Ask(const char* name) const {
    std::printf("asked: %s, step %zu\n", name, step_);
    std::fflush(stdout);
  }

  void Validate(const std::vector<ReviewedLayer>& layers) const {
    for (const ReviewedLayer& layer : layers) {
      Ask(layer.name);
      layer.validate();
    }
  }

  Random random_;
  const size_t steps_;
  size_t step_ = 0;
  std::vector<Held> held_;
  ShadowHeap heap_{kEdge};
};

}  // namespace course

#endif  // COURSE_TESTING_REVIEW_H_
