// The watchdog: a thread that ends the process where nobody goes on.
//
// It makes no calls to the pool, and takes no lock but its own.
#ifndef COURSE_TESTING_STRESS_WATCHDOG_H_
#define COURSE_TESTING_STRESS_WATCHDOG_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "common/testing/stress/world.h"

namespace course {

class Watchdog {
 public:
  static constexpr int kPatience = 60;  // seconds

  explicit Watchdog(const World* world)
      : world_(*world), thread_([this] { Watch(); }) {}
  ~Watchdog() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      is_over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void Watch() {
    uint64_t seen = world_.progress();
    int idle = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    const auto is_over = [this] { return is_over_; };
    while (!changed_.wait_for(lock, std::chrono::seconds(1), is_over)) {
      idle = world_.progress() == seen ? idle + 1 : 0;
      seen = world_.progress();
      if (idle < kPatience) continue;
      std::fprintf(stderr, "stress: FOUND: nobody has gone on for %d s\n",
                   kPatience);
      std::abort();  // whoever keeps cores can see who waits for whom
    }
  }

  const World& world_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_over_ = false;  // guarded by mutex_
  std::thread thread_;    // the last: it uses all others
};

}  // namespace course

#endif  // COURSE_TESTING_STRESS_WATCHDOG_H_
