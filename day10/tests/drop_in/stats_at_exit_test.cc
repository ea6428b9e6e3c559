// Programs that were not made for us, started with POOL_STATS: they do what
// they did before, and say what they used when they end, or when a signal asks.
#include <gtest/gtest.h>
#include <limits.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "common/testing/captured.h"
#include "common/testing/child.h"
#include "common/testing/json.h"

namespace pool {
namespace {

using Strings = std::vector<std::string>;

const std::string kFolder = COURSE_LIBRARY_DIR "/";
const std::string kPreload = "LD_PRELOAD=" + kFolder +
                             "libpool_malloc.so:" + kFolder + "stats_scenes.so";

// How a program ended, and what it wrote.
struct Outcome {
  int status = -1;
  std::string out;
  std::string error;

  bool EndedWith(int code) const {
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
  }
};

std::vector<char*> Pointers(const Strings& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

// Runs a program with this environment and no other.
Outcome Run(const Strings& command, const Strings& environment) {
  const int out = memfd_create("out", MFD_CLOEXEC);
  const int error = memfd_create("error", MFD_CLOEXEC);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO);
  pid_t child = 0;
  Outcome outcome;
  const int fault =
      posix_spawn(&child, command[0].c_str(), &actions, nullptr,
                  Pointers(command).data(), Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  EXPECT_EQ(fault, 0) << command[0] << " could not be started";
  while (fault == 0 && waitpid(child, &outcome.status, 0) < 0 &&
         errno == EINTR) {
  }
  outcome.out = course::ContentsOf(out);
  outcome.error = course::ContentsOf(error);
  close(out);
  close(error);
  return outcome;
}

Outcome RunWith(const Strings& command, Strings settings) {
  settings.push_back(kPreload);
  return Run(command, settings);
}

// What they end with and print shows whether they are as they were.
const Strings kList = {"/bin/ls", "-l", "/usr"};
const Strings kListNothing = {"/bin/ls", "/nowhere"};

// How often the text is there.
size_t CountOf(const std::string& wanted, const std::string& text) {
  size_t count = 0;
  for (size_t at = text.find(wanted); at != text.npos;
       at = text.find(wanted, at + 1)) {
    ++count;
  }
  return count;
}

constexpr char kTitle[] = "Memory pool of process ";

// A folder of its own for each test.
class StatsAtExit : public testing::Test {
 protected:
  StatsAtExit() {
    std::string name = testing::TempDir() + "stats_at_exit_XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~StatsAtExit() override { std::filesystem::remove_all(folder_); }

  std::string PathOf(const std::string& name) const {
    return folder_ + "/" + name;
  }
  std::vector<std::filesystem::path> Files() const {
    return {std::filesystem::directory_iterator(folder_),
            std::filesystem::directory_iterator()};
  }
  static std::string Contents(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

 private:
  std::string folder_;
};

// It closes standard error before it ends, to see whether all was written.
TEST_F(StatsAtExit, AreOnStandardError) {
  const Outcome plain = RunWith(kList, {});
  ASSERT_TRUE(plain.EndedWith(0));
  EXPECT_EQ(plain.error, "");
  const Outcome outcome = RunWith(kList, {"POOL_STATS=1"});
  EXPECT_TRUE(outcome.EndedWith(0));
  EXPECT_EQ(outcome.out, plain.out);
  EXPECT_EQ(outcome.error.find(kTitle), 0u) << outcome.error;
  EXPECT_EQ(CountOf(kTitle, outcome.error), 1u);
  EXPECT_EQ(outcome.error.back(), '\n');
}

TEST_F(StatsAtExit, ChangeNoExitCode) {
  const Outcome plain = RunWith(kListNothing, {});
  ASSERT_TRUE(plain.EndedWith(2));
  const Outcome outcome = RunWith(kListNothing, {"POOL_STATS=1"});
  EXPECT_TRUE(outcome.EndedWith(2));
  EXPECT_EQ(outcome.error.find(plain.error + kTitle), 0u) << outcome.error;
}

TEST_F(StatsAtExit, AreJsonInAFile) {
  const Outcome outcome =
      RunWith(kList, {"POOL_STATS=json:" + PathOf("a.json")});
  EXPECT_TRUE(outcome.EndedWith(0));
  EXPECT_EQ(outcome.error, "");
  const course::JsonValue all = course::ParseJson(Contents(PathOf("a.json")));
  EXPECT_EQ(all["bytes"]["unaccounted"].Signed(), 0);
  EXPECT_TRUE(all["bytes"]["asked_is_exact"].boolean);
  EXPECT_GT(all["bytes"]["asked"]["peak"].Unsigned(), 1000u);
  EXPECT_GT(all["allocations"].Unsigned(), 10u);
  EXPECT_GE(all["allocations"].Unsigned(), all["hits"].Unsigned());
}

TEST_F(StatsAtExit, AreInEachFormThatWasAskedFor) {
  ASSERT_TRUE(
      RunWith(kList, {"POOL_STATS=text:" + PathOf("text")}).EndedWith(0));
  EXPECT_EQ(Contents(PathOf("text")).find(kTitle), 0u);
  ASSERT_TRUE(
      RunWith(kList, {"POOL_STATS=prometheus:" + PathOf("prom")}).EndedWith(0));
  EXPECT_EQ(Contents(PathOf("prom")).find("# HELP "), 0u);
}

// One program runs the other: each process has a file of its own.
TEST_F(StatsAtExit, AreInAFileForEachProcess) {
  Strings command = {"/usr/bin/timeout", "200"};
  command.insert(command.end(), kList.begin(), kList.end());
  const Outcome outcome =
      RunWith(command, {"POOL_STATS=json:" + PathOf("of-%p-%p.json")});
  EXPECT_TRUE(outcome.EndedWith(0));
  ASSERT_EQ(Files().size(), 2u);
  for (const auto& path : Files()) {
    const course::JsonValue all = course::ParseJson(Contents(path));
    const std::string process = all["process"].text;
    EXPECT_EQ(path.filename(), "of-" + process + "-" + process + ".json");
  }
}

TEST_F(StatsAtExit, AreAlsoThoseOfAChildThatWasForked) {
  const Outcome outcome = RunWith(
      {"/bin/true"}, {"POOL_STATS=json:" + PathOf("%p"), "COURSE_SCENE=fork"});
  EXPECT_TRUE(outcome.EndedWith(0));
  EXPECT_EQ(outcome.error, "");
  ASSERT_EQ(Files().size(), 2u);
  std::set<uint64_t> large;
  for (const auto& path : Files()) {
    const course::JsonValue all = course::ParseJson(Contents(path));
    EXPECT_EQ(all["process"].text, path.filename());
    EXPECT_EQ(all["bytes"]["unaccounted"].Signed(), 0);
    EXPECT_EQ(all["bytes"]["abandoned"]["now"].Unsigned(), 0u);
    EXPECT_TRUE(all["bytes"]["asked_is_exact"].boolean);
    large.insert(all["large"]["blocks"]["now"].Unsigned());
  }
  EXPECT_EQ(large, (std::set<uint64_t>{0, 1})) << "the child has freed it";
}

TEST_F(StatsAtExit, AreNotThereIfNobodyAsks) {
  for (const char* setting : {"POOL_STATS=", "POOL_STATS=0"}) {
    const Outcome outcome = RunWith(kList, {setting});
    EXPECT_TRUE(outcome.EndedWith(0));
    EXPECT_EQ(outcome.error, "");
  }
}

TEST_F(StatsAtExit, UnknownValuesAreNamedInALine) {
  const Outcome plain = RunWith(kList, {});
  for (const char* setting :
       {"POOL_STATS=maybe", "POOL_STATS_SIGNAL=KILL", "POOL_PROFILE=a:b"}) {
    const Outcome outcome = RunWith(kList, {setting});
    EXPECT_TRUE(outcome.EndedWith(0));
    EXPECT_EQ(outcome.out, plain.out);
    EXPECT_EQ(outcome.error.find(std::string("pool: ") + setting +
                                 " is not understood; it takes "),
              0u)
        << outcome.error;
    EXPECT_EQ(CountOf("\n", outcome.error), 1u);
  }
}

// Nowhere to write to is no reason to fail.
TEST_F(StatsAtExit, WhatCannotBeWrittenHarmsNobody) {
  const Outcome plain = RunWith(kList, {});
  for (const std::string& path :
       {PathOf("no/such/folder"), PathOf(""), std::string("/dev/full"),
        PathOf(std::string(PATH_MAX / 8, 'x'))}) {
    for (const char* form : {"text:", "json:", "prometheus:"}) {
      const Outcome outcome = RunWith(kList, {"POOL_STATS=" + (form + path)});
      EXPECT_TRUE(outcome.EndedWith(0)) << path;
      EXPECT_EQ(outcome.out, plain.out);
    }
  }
}

TEST_F(StatsAtExit, WithoutStandardErrorNobodyIsHarmed) {
  const Outcome plain = RunWith(kList, {});
  const Outcome outcome =
      RunWith(kList, {"POOL_STATS=1", "COURSE_SCENE=close"});
  EXPECT_TRUE(outcome.EndedWith(0));
  EXPECT_EQ(outcome.out, plain.out);
  EXPECT_EQ(CountOf(kTitle, outcome.error), 1u) << "there is a copy of it";
}

// There is no room for a copy of standard error, then.
TEST_F(StatsAtExit, AProgramMayHaveFewOpenFiles) {
  const Outcome plain = RunWith(kList, {});
  EXPECT_EQ(course::RunInChild([&] {
              const rlimit few = {50, 50};
              setrlimit(RLIMIT_NOFILE, &few);
              const Outcome outcome = RunWith(kList, {"POOL_STATS=1"});
              if (!outcome.EndedWith(0)) _exit(1);
              if (outcome.out != plain.out) _exit(2);
            }),
            "");
}

Outcome PlayWithSignal(const std::string& scene) {
  return RunWith({"/bin/true"},
                 {"POOL_STATS_SIGNAL=USR2", "COURSE_SCENE=" + scene});
}

TEST_F(StatsAtExit, ASignalAsksForThemAtTheNextSlowCall) {
  const Outcome outcome = PlayWithSignal("raise and allocate");
  EXPECT_TRUE(outcome.EndedWith(0)) << course::HowItEnded(outcome.status);
  EXPECT_EQ(outcome.error.find(kTitle), 0u);
  EXPECT_EQ(CountOf(kTitle, outcome.error), 1u);
}

TEST_F(StatsAtExit, TheHandlerItselfSaysNothing) {
  const Outcome outcome = PlayWithSignal("raise");
  EXPECT_TRUE(outcome.EndedWith(0)) << course::HowItEnded(outcome.status);
  EXPECT_EQ(outcome.error, "");
}

TEST_F(StatsAtExit, ManySignalsAreOneQuestion) {
  const Outcome outcome = PlayWithSignal("raise often");
  EXPECT_TRUE(outcome.EndedWith(0)) << course::HowItEnded(outcome.status);
  EXPECT_EQ(CountOf(kTitle, outcome.error), 1u);
}

// Only for the signal, a program need not be watched, nor say anything at its
// end.
TEST_F(StatsAtExit, ASignalThatNeverComesChangesNothing) {
  const Outcome plain = RunWith(kList, {});
  const Outcome outcome = RunWith(kList, {"POOL_STATS_SIGNAL=USR2"});
  EXPECT_TRUE(outcome.EndedWith(0));
  EXPECT_EQ(outcome.out, plain.out);
  EXPECT_EQ(outcome.error, "");
}

}  // namespace
}  // namespace pool
