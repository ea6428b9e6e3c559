// Every call as the very first of a process that was not made for us: /bin/true
// with our library preloaded, or loaded by hand.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <string>
#include <vector>

#include "common/testing/child.h"
#include "entry_points.h"

namespace pool {
namespace {

const std::string kFolder = COURSE_LIBRARY_DIR "/";
const std::string kOurs = kFolder + "libpool_malloc.so";

// Runs /bin/true with this environment and no other; says how it ended.
std::string RunTrue(const std::vector<std::string>& environment) {
  std::vector<char*> variables;
  for (const std::string& variable : environment) {
    variables.push_back(const_cast<char*>(variable.c_str()));
  }
  variables.push_back(nullptr);
  char name[] = "true";
  char* const arguments[] = {name, nullptr};
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t child = 0;
  const int error = posix_spawn(&child, "/bin/true", nullptr, &attributes,
                                arguments, variables.data());
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return "it could not be started";
  int status = 0;
  waitpid(child, &status, 0);
  kill(-child, SIGKILL);  // its children, if they hang
  return course::HowItEnded(status);
}

// What libraries/first_call.cc ends with.
constexpr char kAllWell[] = "it ended with exit code 42";

enum class Calls { kAll, kOfC };
void EachIsFirst(Calls calls, const std::vector<std::string>& environment) {
  for (const EntryPoint& entry : kEntryPoints) {
    if (calls == Calls::kOfC && entry.IsOfCpp()) continue;
    std::vector<std::string> variables = environment;
    variables.push_back(std::string("COURSE_CALL=") + entry.name);
    EXPECT_EQ(RunTrue(variables), kAllWell) << entry.name;
  }
}

// Of two preloaded libraries one is initialised, and ended, before the other.
// So the calls come before our constructors once, and after our destructors.
TEST(FirstCall, OfAProcessWithTheLibraryBeforeOthers) {
  EachIsFirst(Calls::kAll,
              {"LD_PRELOAD=" + kOurs + ":" + kFolder + "first_call.so"});
}

TEST(FirstCall, OfAProcessWithTheLibraryBehindOthers) {
  EachIsFirst(Calls::kAll,
              {"LD_PRELOAD=" + kFolder + "first_call.so:" + kOurs});
}

// Here not even the dynamic loader has called us before. The program's malloc
// stays glibc's.
TEST(FirstCall, OfALibraryThatWasLoadedForItsCallerAlone) {
  EachIsFirst(Calls::kOfC, {"LD_PRELOAD=" + kFolder + "first_call.so",
                            "COURSE_LIBRARY=" + kOurs, "COURSE_SCOPE=local"});
}

TEST(FirstCall, OfALibraryThatWasLoadedForAll) {
  EachIsFirst(Calls::kOfC, {"LD_PRELOAD=" + kFolder + "first_call.so",
                            "COURSE_LIBRARY=" + kOurs, "COURSE_SCOPE=global"});
}

// Loaded by a program that had threads and keys before:
// libraries/older_keys.cc.
TEST(FirstCall, ComesAfterTheProgramsOwnKeys) {
  EXPECT_EQ(RunTrue({"LD_PRELOAD=" + kFolder + "older_keys.so",
                     "COURSE_LIBRARY=" + kOurs}),
            kAllWell);
}

// Of two preloaded libraries one is initialised before the other. In the child
// of a fork, what that one wants to be called comes first, and allocates.
TEST(FirstCall, OfAChildComesFromAnOlderForkHandler) {
  const std::string handlers = kFolder + "older_handlers.so";
  for (const std::string& both :
       {kOurs + ":" + handlers, handlers + ":" + kOurs}) {
    EXPECT_EQ(RunTrue({"LD_PRELOAD=" + both, "COURSE_OLDER_HANDLERS=1"}),
              kAllWell)
        << both;
  }
}

}  // namespace
}  // namespace pool
