// Mutex and MutexLock: std::mutex, with names that Clang's analysis knows.
//
// A member that says GUARDED_BY(lock_) is then touched only where lock_ is
// held; code that forgets the lock does not compile with Clang.
#ifndef POOL_MUTEX_H_
#define POOL_MUTEX_H_

#include <mutex>

#include "pool/macros.h"

namespace pool {

//! [Mutex]
class CAPABILITY("mutex") Mutex {
 public:
  // Usable before any constructor has run, and after every destructor.
  constexpr Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ACQUIRE() { mutex_.lock(); }
  void Unlock() RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
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
