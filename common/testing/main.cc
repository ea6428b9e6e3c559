// The main of every test program: each test runs in a process of its own, as it
// does under ctest. Many look at the pool as it begins, and one crash shall be
// one failure.
//
//   span_test                             all of them, one by one
//   span_test --gtest_filter=Span.*       some, one by one
//   span_test --gtest_filter=Span.IsCut   that one, in this process
//
// With any other option, and for a debugger or valgrind, which follow one
// process, GoogleTest does as it always does, all in this one.
#include <fnmatch.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "common/testing/captured.h"
#include "common/testing/child.h"

namespace course {
namespace {

using Words = std::vector<std::string>;

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// One of the patterns that a filter names, with a colon between two.
bool MatchesAny(const std::string& name, const std::string& patterns) {
  std::istringstream each(patterns);
  for (std::string pattern; std::getline(each, pattern, ':');) {
    if (fnmatch(pattern.c_str(), name.c_str(), 0) == 0) return true;
  }
  return false;
}

// "Span*:Page*-*Slow": what is wanted, then what of that is not.
Words NamesThatMatch(const std::string& filter) {
  const size_t dash = filter.find('-');
  const std::string wanted = dash == 0 ? "*" : filter.substr(0, dash);
  const std::string rest =
      dash == std::string::npos ? "" : filter.substr(dash + 1);
  Words names;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *all.GetTestSuite(i);
    for (int k = 0; k < suite.total_test_count(); ++k) {
      const std::string name =
          std::string(suite.name()) + "." + suite.GetTestInfo(k)->name();
      if (Has(name, "DISABLED_")) continue;
      if (MatchesAny(name, wanted) && !MatchesAny(name, rest)) {
        names.push_back(name);
      }
    }
  }
  return names;
}

struct Told {
  std::string text;     // what a process said
  std::string trouble;  // how it ended; nothing if well
};

Told RunAlone(const char* program, const std::string& name) {
  const std::string filter = "--gtest_filter=" + name;
  const char* const argv[] = {program, filter.c_str(), "--gtest_brief=1",
                              "--gtest_color=no", nullptr};
  const int file = memfd_create("what a test says", MFD_CLOEXEC);
  const pid_t child = file < 0 ? -1 : fork();
  if (child < 0) {
    throw std::system_error(errno, std::generic_category(), "a test's process");
  }
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    execv("/proc/self/exe", const_cast<char**>(argv));
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  Told told{ContentsOf(file), HowItEnded(status)};
  close(file);
  return told;
}

// As GoogleTest's own summary.
int Summary(size_t passed, size_t skipped, const Words& failed) {
  std::cout << "[==========] each of " << passed + skipped + failed.size()
            << " ran in a process of its own\n"
            << "[  PASSED  ] " << passed << " of them\n";
  if (skipped > 0) std::cout << "[  SKIPPED ] " << skipped << "\n";
  for (const std::string& name : failed) {
    std::cout << "[  FAILED  ] " << name << "\n";
  }
  return failed.empty() ? 0 : 1;
}

int RunOneByOne(const char* program, const Words& names) {
  size_t passed = 0, skipped = 0;
  Words failed;
  for (const std::string& name : names) {
    std::cout << "[ RUN      ] " << name << std::endl;
    const Told told = RunAlone(program, name);
    if (told.trouble.empty() && Has(told.text, "[  PASSED  ] 1 test")) {
      std::cout << "[       OK ] " << name << std::endl;
      ++passed;
    } else if (told.trouble.empty() && Has(told.text, "[  SKIPPED ] 1 test")) {
      std::cout << told.text << "[  SKIPPED ] " << name << std::endl;
      ++skipped;
    } else {
      std::cout << told.text << told.trouble << "\n[  FAILED  ] " << name
                << std::endl;
      failed.push_back(name);
    }
  }
  return Summary(passed, skipped, failed);
}

// By a debugger, or by valgrind, which puts a library of its own first.
bool IsWatched() {
  const char* preloaded = std::getenv("LD_PRELOAD");
  if (preloaded != nullptr && Has(preloaded, "vgpreload")) return true;
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "TracerPid:") return status >> word && word != "0";
  }
  return false;
}

bool NamesTestsOnly(const Words& words) {
  return std::all_of(words.begin(), words.end(), [](const std::string& word) {
    return word.rfind("--gtest_filter=", 0) == 0;
  });
}

// For several tests; the options may come from the environment, too.
bool WantsProcesses() {
  return GTEST_FLAG_GET(filter).find_first_of("*?:-") != std::string::npos &&
         GTEST_FLAG_GET(output).empty() && GTEST_FLAG_GET(repeat) == 1 &&
         !GTEST_FLAG_GET(break_on_failure) &&
         std::getenv("GTEST_TOTAL_SHARDS") == nullptr && !IsWatched();
}

int NoSuchTest() {
  std::cerr << "no test has such a name; --gtest_list_tests lists them\n";
  return 1;
}

int RunInThisProcess(bool names_tests) {
  const int code = RUN_ALL_TESTS();
  const bool ran = testing::UnitTest::GetInstance()->test_to_run_count() > 0;
  return names_tests && !ran ? NoSuchTest() : code;
}

}  // namespace
}  // namespace course

int main(int argc, char** argv) {
  const course::Words words(argv + 1, argv + argc);
  testing::InitGoogleTest(&argc, argv);
  if (!course::NamesTestsOnly(words)) return course::RunInThisProcess(false);
  if (!course::WantsProcesses()) return course::RunInThisProcess(true);
  const auto names = course::NamesThatMatch(GTEST_FLAG_GET(filter));
  if (names.empty()) return course::NoSuchTest();
  return course::RunOneByOne(argv[0], names);
}
