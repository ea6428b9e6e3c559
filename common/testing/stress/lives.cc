// Threads that are born and die, and processes.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

#include "common/testing/child.h"
#include "common/testing/stress/checks.h"
#include "common/testing/stress/worker.h"

namespace course {

struct Worker::Guest {
  Guest(World* world, uint64_t seed) : worker(world, seed) {}
  Worker worker;
  std::thread thread;
};

Worker::Worker(World* world, uint64_t seed)
    : world_(*world), caller_(world), random_(seed) {
  held_.reserve(4 * kMostBlocks);  // those of its guests, too
  guests_.reserve(kMostGuests);
}

Worker::~Worker() = default;

// Threads.

void Worker::GiveBirth() {
  if (IsGuest()) return;
  if (guests_.size() == kMostGuests) BuryTheEldest();
  const Role role = static_cast<Role>(draw_.Below(4));
  auto guest = std::make_unique<Guest>(&world_, draw_.Next());
  Worker& other = guest->worker;
  other.place_ = place_;
  other.place_.is_guest = true;
  for (size_t i = draw_.Below(100); role == Role::kOnlyFrees && i > 0; --i) {
    if (!held_.empty()) other.Take(TakeAny());
  }
  try {
    guest->thread = std::thread([&other, role] { other.LiveAsGuest(role); });
    ++caller_.tally().threads;
  } catch (const std::system_error&) {
    // The system has no thread for us; the blocks come back at the burial.
  }
  guests_.push_back(std::move(guest));
}

// Waits for its end, and takes what it leaves.
void Worker::BuryTheEldest() {
  Guest& guest = *guests_.front();
  if (guest.thread.joinable()) guest.thread.join();
  for (const Owned& block : guest.worker.held_) {
    if (held_.size() < kMostBlocks) {
      held_.push_back(block);
    } else {
      caller_.GiveBack(block, random_);
    }
  }
  guest.worker.held_.clear();
  guests_.erase(guests_.begin());
}

void Worker::LiveAsGuest(Role role) {
  if (role == Role::kOnlyFrees) {
    Here() = place_;
    return GiveBackAll();
  }
  if (role == Role::kCallsLate) {
    farewells_ = 1 + static_cast<int>(random_.Below(3));
    pthread_setspecific(FarewellKey(), this);
  }
  Live(random_.Below(random_.Below(2) == 0 ? 4 : 200), place_);
  if (role == Role::kLeavesNothing) GiveBackAll();
}

// The destructors of a thread's keys run in an order that nobody may rely on,
// and again for those that were set again: so that some calls come before the
// pool's own has run, and some later.
pthread_key_t Worker::FarewellKey() {
  static const pthread_key_t kKey = [] {
    pthread_key_t key;
    if (pthread_key_create(&key, CallLate) != 0) Found("there is no key");
    return key;
  }();
  return kKey;
}

void Worker::CallLate(void* worker) {
  Worker& self = *static_cast<Worker*>(worker);
  for (int i = 0; i < 20; ++i) self.StepAlone();
  if (--self.farewells_ > 0) pthread_setspecific(FarewellKey(), worker);
}

// Processes.

namespace {

// How a child ended; nothing, if well. It may hang before it could set itself
// an alarm, in the pool's own handler of the fork.
std::string AwaitChild(pid_t child, std::chrono::seconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() >= end) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return "it did not come to an end";
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return HowItEnded(status);
}

}  // namespace

// The shadow heap is held meanwhile, so that the child finds it whole. The pool
// is where it is: other threads are in the middle of their calls.
void Worker::Fork() {
  constexpr std::chrono::seconds kPatience{40};  // the watchdog has more
  if (!world_.options.forks || !world_.BeginFork()) return;
  std::unique_lock<std::mutex> books = world_.heap.Hold();
  const pid_t child = fork();
  books.unlock();
  if (child == 0) LiveAsChild();
  std::string end;  // nothing, where the system has no process for us
  if (child > 0) {
    ++caller_.tally().forks;
    end = AwaitChild(child, kPatience);
  }
  world_.EndFork();
  if (!end.empty()) Found("the child of a fork: " + end);
}

// Checks and frees what it owns, lives for a while, and leaves nothing. (The
// blocks of other threads, and what these were doing, nobody can free here.)
void Worker::LiveAsChild() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  BecomeChild();
  Demand(world_.heap.CheckSome(200));
  ValidateLayers();
  GiveBackAll();
  for (size_t steps = random_.Below(300); steps > 0; --steps) {
    StepAlone();
  }
  GiveBackAll();
  caller_.ReleaseFreeMemory();
  caller_.TakeSnapshot();
  ValidateLayers();
  _exit(0);
}

}  // namespace course
