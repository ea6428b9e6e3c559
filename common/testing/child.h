// A body in a forked child: every run begins with the same state, and a crash
// is a result like any other.
#ifndef COURSE_TESTING_CHILD_H_
#define COURSE_TESTING_CHILD_H_

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <system_error>
#include <type_traits>

namespace course {

// How a process ended, from waitpid's status; empty if it ended well.
inline std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    if (signal == SIGALRM) return "it did not come to an end";
    return std::string("it was ended by ") + strsignal(signal);
  }
  if (WEXITSTATUS(status) == 0) return "";
  return "it ended with exit code " + std::to_string(WEXITSTATUS(status));
}

// A Report that a child and its parent both see.
template <typename Report>
class SharedReport {
  // A child's pointers mean nothing here.
  static_assert(std::is_trivially_copyable_v<Report>);

 public:
  SharedReport() {
    void* memory = mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    report_ = ::new (memory) Report{};
  }
  ~SharedReport() { munmap(report_, sizeof(Report)); }
  SharedReport(const SharedReport&) = delete;
  SharedReport& operator=(const SharedReport&) = delete;

  Report* get() const { return report_; }
  Report& operator*() const { return *report_; }
  Report* operator->() const { return report_; }

 private:
  Report* report_;
};

// In seconds; only a child that hangs needs it.
inline constexpr unsigned kPatience = 240;

// Runs body() in a child of this process and says how that ended: nothing if
// the body returned. REQUIRES: this process has no other threads.
template <typename Body>
std::string RunInChild(Body body, unsigned patience = kPatience) {
  const pid_t child = fork();
  if (child < 0)
    throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(patience);
    body();
    _exit(0);  // not exit: the tests' own farewells belong to the parent
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return HowItEnded(status);
}

}  // namespace course

#endif  // COURSE_TESTING_CHILD_H_
