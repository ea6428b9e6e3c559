// Forks in a signal handler, at any moment of a call of malloc or free. In the
// child the handler returns, and the call goes on.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/time.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "storm.h"

namespace pool {
namespace {

// What the handler has to know.
Storm* storm_of_handler;
std::atomic<bool> is_child{false};

void ForkInHandler(int) {
  const int error = errno;
  alarm(kForkPatience);
  const pid_t child = fork();
  if (child == 0) {
    is_child = true;
    alarm(kForkPatience);
    return;
  }
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) {
    storm_of_handler->last_status = status;
    ++storm_of_handler->bad_children;
  }
  ++storm_of_handler->forks;
  errno = error;
}

// A size of any kind: of each class, and large.
size_t AnySize(course::Random& random) {
  switch (random.Below(8)) {
    case 0:
      return random.Below(2 << 20) + 1;
    case 1:
      return random.Below(256 << 10) + 1;
    default:
      return random.Below(3000) + 1;
  }
}

// Works until enough children were made. A child takes part in what was going
// on, has a look around, and ends.
void WorkWhileItForks(int forks) {
  course::Random random(7);
  std::vector<MarkedBlock> blocks;
  while (blocks.size() < 50) blocks.push_back(MarkedBlock::New(100));
  while (storm_of_handler->forks < forks) {
    MarkedBlock& block = blocks[random.Below(blocks.size())];
    bool fine = true;
    if (random.Below(4) == 0) {
      fine &= block.Resize(AnySize(random));
    } else {
      fine &= block.Free();
      block = MarkedBlock::New(AnySize(random));
    }
    if (is_child) {
      for (MarkedBlock& mine : blocks) fine &= mine.Free();
      _exit(fine && CanAllocateEverything() ? 0 : 93);
    }
    if (!fine) _exit(94);
  }
  for (MarkedBlock& block : blocks) block.Free();
}

void HandleSignal(int signal) {
  struct sigaction action = {};
  action.sa_handler = ForkInHandler;
  action.sa_flags = SA_RESTART;
  if (sigaction(signal, &action, nullptr) != 0) _exit(95);
}

// Another thread interrupts this one, whenever it likes.
void Interrupt(pthread_t thread, int forks) {
  course::Random random(11);
  for (int sent = 0; sent < forks; ++sent) {
    while (storm_of_handler->forks < sent) sched_yield();
    for (volatile size_t i = random.Below(3000); i > 0; i = i - 1) {
    }
    pthread_kill(thread, SIGUSR1);
  }
}

TEST(ForkInASignalHandler, OfTheOnlyThread) {
  const int forks = Forks(500);
  RunStorm(forks, [forks](Storm* storm) {
    storm_of_handler = storm;
    HandleSignal(SIGPROF);
    // As the program's CPU time passes, and so in the middle of its work.
    const itimerval often = {{0, 1000}, {0, 1000}};
    setitimer(ITIMER_PROF, &often, nullptr);
    WorkWhileItForks(forks);
    const itimerval never = {};
    setitimer(ITIMER_PROF, &never, nullptr);
    storm->forks = forks;  // one more may have been on its way
  });
}

TEST(ForkInASignalHandler, WhileOthersAllocate) {
  const int forks = Forks(1000);
  RunStorm(forks, [forks](Storm* storm) {
    storm_of_handler = storm;
    HandleSignal(SIGUSR1);
    const BusyThreads allocate(4, AllocateALittle);
    std::thread interrupt(Interrupt, pthread_self(), forks);
    WorkWhileItForks(forks);
    interrupt.join();
  });
}

}  // namespace
}  // namespace pool
