// What main.cc promises: several tests of one program do not see each other,
// and each that fails, or crashes, is named.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace course {
namespace {

int tests_in_this_process = 0;

// How RunByMain's tests shall end when the tests of Main run them; by
// themselves they prove nothing.
const char kEnd[] = "MAIN_TEST_ENDS";

void EndAsAsked(const std::string& here) {
  const char* asked = std::getenv(kEnd);
  if (asked == nullptr) return;
  EXPECT_EQ(++tests_in_this_process, 1);
  if (here != asked) return;
  if (here == "skip") GTEST_SKIP() << "as asked";
  if (here == "crash") raise(SIGKILL);
  ADD_FAILURE() << "as asked";
}

TEST(RunByMain, ThatMayFail) { EndAsAsked("failure"); }
TEST(RunByMain, ThatMayCrash) { EndAsAsked("crash"); }
TEST(RunByMain, ThatMayBeSkipped) { EndAsAsked("skip"); }

struct Outcome {
  int code;
  std::string text;
};

Outcome RunThem(const std::string& end,
                const std::string& options = "--gtest_filter='RunByMain.*'") {
  const std::string command =
      "env -u GTEST_OUTPUT -u GTEST_REPEAT -u GTEST_TOTAL_SHARDS " +
      std::string(kEnd) + "=" + end + " '" +
      std::filesystem::read_symlink("/proc/self/exe").string() + "' " +
      options + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  Outcome outcome{0, ""};
  for (int sign = 0; (sign = fgetc(pipe)) != EOF;) {
    outcome.text += static_cast<char>(sign);
  }
  outcome.code = WEXITSTATUS(pclose(pipe));
  return outcome;
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Main, GivesEachTestAProcess) {
  const Outcome outcome = RunThem("");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_PRED2(Has, outcome.text, "[==========] each of 3 ran in a process");
  EXPECT_PRED2(Has, outcome.text, "[  PASSED  ] 3 of them\n");
}

TEST(Main, NamesWhatFails) {
  const Outcome outcome = RunThem("failure");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_PRED2(Has, outcome.text, "as asked");
  EXPECT_PRED2(Has, outcome.text,
               "[  PASSED  ] 2 of them\n[  FAILED  ] RunByMain.ThatMayFail\n");
}

TEST(Main, NamesWhatCrashesAndGoesOn) {
  const Outcome outcome = RunThem("crash");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_PRED2(Has, outcome.text, "it was ended by Killed");
  EXPECT_PRED2(Has, outcome.text, "[       OK ] RunByMain.ThatMayBeSkipped\n");
  EXPECT_PRED2(Has, outcome.text,
               "[  PASSED  ] 2 of them\n[  FAILED  ] RunByMain.ThatMayCrash\n");
}

TEST(Main, FindsNothingWrongWithSkipping) {
  const Outcome outcome = RunThem("skip");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_PRED2(Has, outcome.text, "[  PASSED  ] 2 of them\n[  SKIPPED ] 1\n");
  EXPECT_PRED2(Has, outcome.text, "as asked");
}

TEST(Main, TakesPatternsAsGoogleTestDoes) {
  const Outcome outcome =
      RunThem("", "--gtest_filter='Run*Fail:RunByMain.ThatMayB*-*Crash'");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_PRED2(Has, outcome.text, "[  PASSED  ] 2 of them\n");
  const Outcome all_but = RunThem("", "--gtest_filter='-*.*'");
  EXPECT_EQ(all_but.code, 1);
}

TEST(Main, TakesANameThatNoTestHasForAMistake) {
  for (const char* name : {"RunByMain.That", "RunByMain.Thet*"}) {
    const Outcome outcome =
        RunThem("", "--gtest_filter='" + std::string(name) + "'");
    EXPECT_EQ(outcome.code, 1) << name;
    EXPECT_PRED2(Has, outcome.text, "no test has such a name");
  }
}

TEST(Main, LeavesOtherOptionsToGoogleTest) {
  EXPECT_PRED2(Has, RunThem("", "--help").text, "This program contains tests");
  EXPECT_PRED2(Has, RunThem("", "--gtest_lists").text, "This program contains");
  EXPECT_PRED2(Has, RunThem("", "--gtest_list_tests").text,
               "RunByMain.\n  ThatMayFail\n");
}

}  // namespace
}  // namespace course
