// Counts the system calls that a piece of code makes, as the kernel sees them:
// the code runs in a child process, and ptrace stops it at each call.
//
// It is slow (some ten microseconds for each call) and only good for counting.
// Calls of the thread that runs the body are counted; those of threads that it
// starts are not. x86-64 and AArch64 have the same numbers here by their names.
#ifndef COURSE_TESTING_SYSTEM_CALLS_H_
#define COURSE_TESTING_SYSTEM_CALLS_H_

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include "common/testing/child.h"

namespace course {

struct SystemCallCount {
  uint64_t total = 0;
  // Those that are about memory, by name.
  uint64_t brk = 0;
  uint64_t madvise = 0;
  uint64_t mmap = 0;
  uint64_t mprotect = 0;
  uint64_t mremap = 0;
  uint64_t munmap = 0;

  uint64_t memory() const {
    return brk + madvise + mmap + mprotect + mremap + munmap;
  }
};

// The parent's side: follows the child from stop to stop.
class SystemCallTracer {
 public:
  explicit SystemCallTracer(pid_t child) : child_(child) {}

  // The count, or nothing if ptrace is not permitted here. Throws if the child
  // did not end well.
  std::optional<SystemCallCount> Follow() {
    int status = Wait();
    if (!WIFSTOPPED(status)) return {};  // TRACEME was refused, and it left
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, child_, nullptr, options) != 0)
      return GiveUp();
    while (WIFSTOPPED(status)) {
      int signal = WSTOPSIG(status);
      if (signal == (SIGTRAP | 0x80)) {
        if (!NoteStop()) return GiveUp();
        signal = 0;
      } else if (signal == SIGSTOP) {
        signal = 0;  // the child's own, to wait for us
      }
      if (ptrace(PTRACE_SYSCALL, child_, nullptr, signal) != 0) return GiveUp();
      status = Wait();
    }
    const std::string end = HowItEnded(status);
    if (!end.empty()) throw std::runtime_error("the counted body: " + end);
    return count_;
  }

  // The child says where counting begins and ends by a call that no program
  // makes: its first argument tells which.
  static constexpr int kMarker = SYS_close;
  static constexpr int kBegin = -77001;
  static constexpr int kEnd = -77002;

 private:
  int Wait() {
    int status = 0;
    while (waitpid(child_, &status, 0) < 0) {
      if (errno != EINTR) {
        throw std::system_error(errno, std::generic_category(), "waitpid");
      }
    }
    return status;
  }

  std::nullopt_t GiveUp() {
    kill(child_, SIGKILL);
    Wait();
    return std::nullopt;
  }

  // Each call stops the child twice; only the first of them is counted.
  bool NoteStop() {
    __ptrace_syscall_info info{};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, child_, sizeof(info), &info) <= 0) {
      return false;
    }
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      Note(info.entry.nr, static_cast<int>(info.entry.args[0]));
    }
    return true;
  }

  void Note(uint64_t number, int first_argument) {
    if (number == kMarker && first_argument == kBegin) {
      counting_ = true;
    } else if (number == kMarker && first_argument == kEnd) {
      counting_ = false;
    } else if (counting_) {
      Count(number);
    }
  }

  void Count(uint64_t number) {
    ++count_.total;
    switch (number) {
      case SYS_brk:
        ++count_.brk;
        break;
      case SYS_madvise:
        ++count_.madvise;
        break;
      case SYS_mmap:
        ++count_.mmap;
        break;
      case SYS_mprotect:
        ++count_.mprotect;
        break;
      case SYS_mremap:
        ++count_.mremap;
        break;
      case SYS_munmap:
        ++count_.munmap;
        break;
      default:
        break;
    }
  }

  const pid_t child_;
  bool counting_ = false;
  SystemCallCount count_;
};

// How many system calls body() makes; nothing if ptrace is not permitted here.
// Throws if the body crashes. REQUIRES: this process has no other threads.
template <typename Body>
std::optional<SystemCallCount> CountSystemCalls(Body body) {
  const pid_t child = fork();
  if (child < 0)
    throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(0);
    raise(SIGSTOP);
    syscall(SystemCallTracer::kMarker, SystemCallTracer::kBegin);
    body();
    syscall(SystemCallTracer::kMarker, SystemCallTracer::kEnd);
    _exit(0);
  }
  return SystemCallTracer(child).Follow();
}

}  // namespace course

#endif  // COURSE_TESTING_SYSTEM_CALLS_H_
