// Makes the façade's calls, tells the shadow heap of each, and demands what
// pool.h promises. A call may be refused only if the kernel refused one just
// then: everything else ends the program (findings.h).
//
// Owner: one thread. No locks of its own.
#ifndef COURSE_TESTING_STRESS_CALLER_H_
#define COURSE_TESTING_STRESS_CALLER_H_

#include <cstddef>
#include <cstdint>

#include "common/testing/stress/tally.h"
#include "common/testing/stress/world.h"
#include "common/workloads/random.h"

namespace course {

class Caller {
 public:
  explicit Caller(World* world) : world_(*world) {}
  ~Caller() { world_.Count(tally_); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  // A block of so many bytes by one of the calls that give one; false, if the
  // kernel refused.
  bool Obtain(size_t bytes, Owned* block, Random& random);
  // By one of the calls that take it back.
  void GiveBack(const Owned& block, Random& random);
  // A refusal leaves the block as it was.
  void Resize(Owned* block, size_t bytes);
  void LearnUsableSize(const Owned& block);

  // Many blocks of one size, quickly there and gone again. The shadow heap does
  // not know them: its lock would keep the threads from meeting in the pool.
  // They have patterns of their own.
  void Sprint(Random& random);

  // Calls that give no block, and must disturb none.
  void AskForTheImpossible(Random& random);
  void GiveBackNothing(Random& random);
  void Reserve(size_t bytes, size_t count);
  void ReleaseFreeMemory();
  void TakeSnapshot();
  void Report(Random& random);

  Tally& tally() { return tally_; }

 private:
  template <typename Request>
  void* Ask(Call call, size_t bytes, Request request);
  void Refused(Call call, uint64_t refusals_before, const char* what,
               size_t bytes);
  void* ObtainAligned(Owned* block, Random& random);
  void* ObtainZeroed(size_t bytes, Random& random);
  void DemandRefusal(Call call, bool refused, int expected_errno);
  void Free(const Owned& block, Random& random);
  size_t SprintOnce(size_t bytes, size_t count, Random& random);
  void Count(Call call) { ++tally_.made[static_cast<size_t>(call)]; }

  World& world_;
  Tally tally_;
};

}  // namespace course

#endif  // COURSE_TESTING_STRESS_CALLER_H_
