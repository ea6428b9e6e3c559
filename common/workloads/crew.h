// Threads for the workloads: fresh ones for one piece of work, or a crew that
// starts together and whose clock leaves out being born and dying.
#ifndef COURSE_WORKLOADS_CREW_H_
#define COURSE_WORKLOADS_CREW_H_

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

namespace course {

inline constexpr int kMostThreads = 16;

inline double SecondsNow() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

class Stopwatch {
 public:
  double Seconds() const { return SecondsNow() - start_; }

 private:
  const double start_ = SecondsNow();
};

// Runs work(0) … work(count - 1), each in a thread of its own, calls
// started(all of them run?) and joins. Returns whether all of them ran.
template <class Work, class Started>
bool RunFresh(int count, const Work& work, const Started& started) {
  std::array<std::thread, kMostThreads> threads;
  int running = 0;
  try {
    for (; running < count; ++running) {
      threads[running] = std::thread([&work, running] { work(running); });
    }
  } catch (const std::system_error&) {
    // The kernel refused a thread. Those that run are joined as ever.
  }
  started(running == count);
  for (int i = 0; i < running; ++i) threads[i].join();
  return running == count;
}

template <class Work>
bool RunFresh(int count, const Work& work) {
  return RunFresh(count, work, [](bool) {});
}

// Threads wait at a gate until all of them are there.
class Gate {
 public:
  // Called by a thread of the crew: whether to go on.
  bool Pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_ || called_off_; });
    return open_;
  }

  // Waits for the whole crew and lets it go; returns the time.
  double Open(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, count] { return waiting_ == count; });
    open_ = true;
    changed_.notify_all();
    return SecondsNow();
  }

  void CallOff() {
    const std::lock_guard lock(mutex_);
    called_off_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
  bool called_off_ = false;
};

// How long work(0) … work(count - 1) took, side by side: from when all threads
// were there until the last was done. Negative: the kernel refused a thread.
template <class Work>
double RunTogether(int count, const Work& work) {
  Gate gate;
  double start = 0;
  std::array<double, kMostThreads> done{};
  const bool all = RunFresh(
      count,
      [&](int index) {
        if (!gate.Pass()) return;
        work(index);
        done[index] = SecondsNow();
      },
      [&](bool all_run) {
        if (all_run) {
          start = gate.Open(count);
        } else {
          gate.CallOff();
        }
      });
  if (!all) return -1;
  return *std::max_element(done.begin(), done.end()) - start;
}

}  // namespace course

#endif  // COURSE_WORKLOADS_CREW_H_
