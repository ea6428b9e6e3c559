// Mutex and MutexLock: a pthread mutex, with names that Clang's analysis knows.
//
// A member that says GUARDED_BY(lock_) is then touched only where lock_ is
// held; code that forgets the lock does not compile with Clang.
//
// A mutex knows who holds it. The child of a fork asks: it has one thread, the
// one that forked, and all others are gone in the middle of what they did. A
// lock that one of them held will never be released (fork.cc). So this is no
// std::mutex: that one cannot be made new, and it brings the C++ library along,
// which a program in C that runs on our malloc would have to load.
//
// A mutex counts how often it was taken, how often somebody had to wait, and
// for how long at most. Who counts holds it, so that the counts are exact.
#ifndef POOL_MUTEX_H_
#define POOL_MUTEX_H_

#include <pthread.h>

#include <atomic>
#include <cstddef>

#include "pool/macros.h"

namespace pool {

struct LockCounts {
  size_t taken;    // so often
  size_t waited;   // of these: another thread held it
  size_t longest;  // the longest such wait, in nanoseconds
};

//! [Mutex]
class CAPABILITY("mutex") Mutex {
 public:
  // Usable before any constructor has run, and after every destructor.
  constexpr Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  // The fences are for a signal that arrives in between, and cost nothing: what
  // the lock guards is changed only while its owner is known.
  void Lock() ACQUIRE() {
    ++held_by_this_thread_;
    if (pthread_mutex_trylock(&mutex_) != 0) Wait();
    Count(taken_, 1);
    owner_.store(pthread_self(), std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  void Unlock() RELEASE() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    owner_.store(kNobody, std::memory_order_relaxed);
    pthread_mutex_unlock(&mutex_);
    --held_by_this_thread_;
  }

  // Does this thread hold a mutex, or is it about to? A signal handler that
  // does not return, as it ends the process, had better ask.
  static bool ThisThreadHoldsAny() { return held_by_this_thread_ > 0; }

  bool HeldByThisThread() const {
    return owner_.load(std::memory_order_relaxed) == pthread_self();
  }

  // Any thread may ask; what it reads may be out of date.
  LockCounts Counts() const {
    return {taken_.load(std::memory_order_relaxed),
            waited_.load(std::memory_order_relaxed),
            longest_.load(std::memory_order_relaxed)};
  }

  // The next two are for the child of a fork, which has one thread. Does a
  // thread hold the lock that is not here? (If this one does, a signal has
  // interrupted it, whose handler forked. It goes on when the handler returns.)
  bool LeftBehind() {
    if (HeldByThisThread()) return false;
    if (pthread_mutex_trylock(&mutex_) != 0) return true;
    pthread_mutex_unlock(&mutex_);
    return false;
  }
  // Nobody holds it, whoever did.
  void MakeNew() {
    mutex_ = PTHREAD_MUTEX_INITIALIZER;
    owner_.store(kNobody, std::memory_order_relaxed);
  }

 private:
  static constexpr pthread_t kNobody = 0;

  // Takes it, when it is free.
  NOINLINE void Wait();

  // Only who holds it writes, so this need not be an atomic addition.
  static void Count(std::atomic<size_t>& counter, size_t n) {
    counter.store(counter.load(std::memory_order_relaxed) + n,
                  std::memory_order_relaxed);
  }

  CONSTINIT inline static thread_local size_t held_by_this_thread_ = 0;

  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  std::atomic<pthread_t> owner_{kNobody};
  std::atomic<size_t> taken_{0};
  std::atomic<size_t> waited_{0};
  std::atomic<size_t> longest_{0};
};
//! [Mutex]

//! [MutexLock]
// Holds a mutex from here to the end of the scope, however the scope ends.
class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};
//! [MutexLock]

}  // namespace pool

#endif  // POOL_MUTEX_H_
