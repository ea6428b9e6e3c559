// Forks at the very end of a program, when our library's own time is over.
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "common/testing/child.h"

namespace pool {
namespace {

// In libraries/late_fork.cc. What was registered as our library's own is
// forgotten by then.
TEST(LateFork, ByADestructorAfterOurs) {
  const std::string folder = COURSE_LIBRARY_DIR "/";
  std::string preload =
      "LD_PRELOAD=" + folder + "libpool_malloc.so:" + folder + "late_fork.so";
  std::string wanted = "COURSE_LATE_FORK=1";
  EXPECT_EQ(course::RunInChild([&] {
              char name[] = "true";
              char* arguments[] = {name, nullptr};
              char* environment[] = {preload.data(), wanted.data(), nullptr};
              execve("/bin/true", arguments, environment);
              _exit(1);
            }),
            "it ended with exit code 42");
}

}  // namespace
}  // namespace pool
