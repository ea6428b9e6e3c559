// A worker: one thread's life. It draws what to do from its seed, step by step,
// and ends with some blocks in its hands or none.
//
// What a seed repeats: the draws of each step of each thread, whatever has
// happened before, as each step has a generator of its own. What it cannot
// repeat: how the threads interleave, and so which blocks they meet, and which
// call to the kernel is the one that is refused.
//
// Owner: the thread that lives it; before and after, whoever gave birth to it.
#ifndef COURSE_TESTING_STRESS_WORKER_H_
#define COURSE_TESTING_STRESS_WORKER_H_

#include <pthread.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "common/testing/stress/caller.h"
#include "common/testing/stress/findings.h"
#include "common/testing/stress/world.h"
#include "common/workloads/random.h"

namespace course {

class Worker {
 public:
  Worker(World* world, uint64_t seed);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // `place` is what its findings say.
  void Live(size_t steps, const Place& place);
  void GiveBackAll();
  void LeaveAll();
  void Take(const Owned& block) { held_.push_back(block); }

 private:
  // A thread that is born to this one, and what it is there for.
  enum class Role { kOnlyFrees, kLeavesAll, kLeavesNothing, kCallsLate };
  struct Guest;
  using Act = void (Worker::*)();
  struct Chance {
    size_t weight;
    Act act;
  };

  static constexpr size_t kMostBlocks = 1000;
  static constexpr size_t kMostGuests = 2;
  static const Chance kChances[];
  static const Chance kChancesAlone[];

  template <size_t n>
  void Step(const Chance (&chances)[n]);
  void StepAlone();

  // What may be done in a step.
  void Obtain();
  void GiveBack();
  void GiveBackMany();
  void Resize();
  void LearnUsableSize();
  void HandOver();
  void TakeOver();
  void Sprint() { caller_.Sprint(draw_); }
  void CheckSome();
  void AskForTheImpossible() { caller_.AskForTheImpossible(draw_); }
  void GiveBackNothing() { caller_.GiveBackNothing(draw_); }
  void Reserve();
  void ReleaseFreeMemory() { caller_.ReleaseFreeMemory(); }
  void TakeSnapshot() { caller_.TakeSnapshot(); }
  void Report() { caller_.Report(draw_); }
  void ChangeTheWeather();
  void GiveBirth();
  void Fork();

  bool IsGuest() const { return place_.is_guest; }
  size_t DrawSize();
  Owned TakeAny();
  void BuryTheEldest();
  void LiveAsGuest(Role role);
  static void CallLate(void* worker);
  static pthread_key_t FarewellKey();
  [[noreturn]] void LiveAsChild();

  World& world_;
  Caller caller_;
  Random random_;
  Random draw_{0};  // of the step that is being done
  Place place_;
  std::vector<Owned> held_;  // its room is there from the start
  std::vector<std::unique_ptr<Guest>> guests_;
  int farewells_ = 0;  // that are still to be said
};

}  // namespace course

#endif  // COURSE_TESTING_STRESS_WORKER_H_
