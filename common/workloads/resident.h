// How much memory the kernel has given this process: now, and at its highest.
// Read from /proc without allocating, so that looking changes nothing.
#ifndef COURSE_WORKLOADS_RESIDENT_H_
#define COURSE_WORKLOADS_RESIDENT_H_

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace course {

// The bytes after `name` ("VmRSS:", "VmHWM:") in /proc/self/status; 0 where
// there is no such line.
inline size_t ReadStatus(const char* name) {
  char text[8192];
  const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t length = read(file, text, sizeof(text) - 1);
  close(file);
  text[length > 0 ? length : 0] = '\0';
  const char* line = std::strstr(text, name);
  if (line == nullptr) return 0;
  constexpr size_t kKibibyte = 1024;
  return std::strtoul(line + std::strlen(name), nullptr, 10) * kKibibyte;
}

inline size_t ResidentBytes() { return ReadStatus("VmRSS:"); }

// What a workload adds to what the process held when the watch was made.
class ResidentWatch {
 public:
  ResidentWatch() {
    ForgetPeak();
    base_ = ResidentBytes();
  }

  size_t Now() const { return AboveBase(ResidentBytes()); }
  size_t Peak() const { return AboveBase(ReadStatus("VmHWM:")); }

 private:
  // Where the kernel does not let us, the peak of the start-up may stand; in a
  // fresh process that is no more than what is resident now.
  static void ForgetPeak() {
    const int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    const ssize_t written = write(file, "5", 1);
    static_cast<void>(written);
    close(file);
  }

  size_t AboveBase(size_t bytes) const {
    return bytes > base_ ? bytes - base_ : 0;
  }

  size_t base_;
};

}  // namespace course

#endif  // COURSE_WORKLOADS_RESIDENT_H_
