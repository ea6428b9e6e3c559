// A gang: threads that start their work together, and are always joined.
//
// A race shows only where threads meet. Starting a thread takes longer than
// many a test's whole work, so without a barrier the first would be done before
// the last is there.
#ifndef COURSE_TESTING_GANG_H_
#define COURSE_TESTING_GANG_H_

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace course {

// Lets nobody through until all have come; then it can be used again.
class Barrier {
 public:
  explicit Barrier(size_t parties) : parties_(parties) {}

  // Returns true when all have come, and false when it was called off.
  bool ArriveAndWait() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (called_off_) return false;
    const size_t round = round_;
    if (++arrived_ == parties_) {
      arrived_ = 0;
      ++round_;
      changed_.notify_all();
      return true;
    }
    changed_.wait(lock, [&] { return called_off_ || round_ != round; });
    return round_ != round;
  }

  // Releases all who wait, and all who come later, with false.
  void CallOff() {
    const std::lock_guard<std::mutex> lock(mutex_);
    called_off_ = true;
    changed_.notify_all();
  }

 private:
  const size_t parties_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  size_t arrived_ = 0;
  size_t round_ = 0;
  bool called_off_ = false;
};

class Gang {
 public:
  using Body = std::function<void(size_t member)>;

  // Starts `size` threads, each running body(0) … body(size - 1) once all are
  // there. If the system refuses a thread, no body runs and this throws.
  Gang(size_t size, Body body) : start_(size), body_(std::move(body)) {
    threads_.reserve(size);
    try {
      for (size_t member = 0; member < size; ++member) {
        threads_.emplace_back([this, member] { Run(member); });
      }
    } catch (...) {
      start_.CallOff();
      JoinAll();
      throw;
    }
  }

  ~Gang() { JoinAll(); }
  Gang(const Gang&) = delete;
  Gang& operator=(const Gang&) = delete;

  // Waits for all, then throws what the first failing member threw, if any.
  void Join() {
    JoinAll();
    if (failure_ != nullptr) std::rethrow_exception(failure_);
  }

 private:
  void Run(size_t member) {
    if (!start_.ArriveAndWait()) return;
    try {
      body_(member);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(failure_mutex_);
      if (failure_ == nullptr) failure_ = std::current_exception();
    }
  }

  void JoinAll() {
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  Barrier start_;
  const Body body_;
  std::vector<std::thread> threads_;
  std::mutex failure_mutex_;
  std::exception_ptr failure_;  // guarded by failure_mutex_ until all joined
};

// Runs body(0) … body(size - 1) at once and waits for them.
inline void RunGang(size_t size, const Gang::Body& body) {
  Gang(size, body).Join();
}

}  // namespace course

#endif  // COURSE_TESTING_GANG_H_
