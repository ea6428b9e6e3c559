// Forks at the very end of a program, when our library's own time is over.
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "common/testing/child.h"

namespace pool {
namespace {

// In libraries/late_fork.cc. Libraries go in the reverse of the order in which
// they came: what was registered as our library's is forgotten by then.
TEST(LateFork, ByADestructorAfterOurs) {
  const std::string folder = COURSE_LIBRARY_DIR "/";
  std::string preload = "LD_PRELOAD=" + folder + "late_fork.so";
  std::string library = "COURSE_LIBRARY=" + folder + "libpool_malloc.so";
  EXPECT_EQ(course::RunInChild([&] {
              char name[] = "true";
              char* arguments[] = {name, nullptr};
              char* environment[] = {preload.data(), library.data(), nullptr};
              execve("/bin/true", arguments, environment);
              _exit(1);
            }),
            "it ended with exit code 42");
}

}  // namespace
}  // namespace pool
