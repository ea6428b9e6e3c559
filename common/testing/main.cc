// The main of every test program: each test runs in a process of its own, as it
// does under ctest. Many look at the pool as it begins, and one crash shall be
// one failure.
//
//   span_test                             all of them, one by one
//   span_test --gtest_filter=Span.*       some, one by one
//   span_test --gtest_filter=Span.IsCut   that one, in this process
//
// Under a debugger, which follows one process, all run in this one.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
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

// What a process said, and how it ended: nothing if well.
struct Told {
  std::string text;
  std::string trouble;
};

[[noreturn]] void BecomeThisProgram(const Words& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  execv("/proc/self/exe", argv.data());
  _exit(127);
}

Told RunThisProgram(const Words& words, const std::string& option) {
  Words all = words;
  all.push_back(option);
  const int file = memfd_create("what a test says", MFD_CLOEXEC);
  const pid_t child = file < 0 ? -1 : fork();
  if (child < 0) {
    throw std::system_error(errno, std::generic_category(), "a test's process");
  }
  if (child == 0) {
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    BecomeThisProgram(all);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  Told told{ContentsOf(file), HowItEnded(status)};
  close(file);
  return told;
}

// The names in what --gtest_list_tests prints: a suite's line ends in a dot,
// its tests follow indented; what stands behind a # is the parameter.
Words NamesIn(const std::string& list) {
  Words names;
  std::string line, suite;
  for (std::istringstream lines(list); std::getline(lines, line);) {
    const std::string word = line.substr(0, line.find("  #"));
    if (word.rfind("  ", 0) == 0) {
      names.push_back(suite + word.substr(2));
    } else if (!word.empty() && word.back() == '.') {
      suite = word;
    }
  }
  return names;
}

// As GoogleTest's own summary.
int Summary(size_t passed, size_t skipped, const Words& failed) {
  std::cout << "[==========] " << passed + skipped + failed.size()
            << " tests, each in a process of its own\n"
            << "[  PASSED  ] " << passed << " tests\n";
  if (skipped > 0) std::cout << "[  SKIPPED ] " << skipped << " tests\n";
  for (const std::string& name : failed) {
    std::cout << "[  FAILED  ] " << name << "\n";
  }
  return failed.empty() ? 0 : 1;
}

int RunOneByOne(const Words& words) {
  const Words names = NamesIn(RunThisProgram(words, "--gtest_list_tests").text);
  if (names.empty()) {
    std::cerr << "no test has such a name; --gtest_list_tests lists them\n";
    return 1;
  }
  size_t passed = 0, skipped = 0;
  Words failed;
  for (const std::string& name : names) {
    std::cout << "[ RUN      ] " << name << std::endl;
    const Told told = RunThisProgram(words, "--gtest_filter=" + name);
    const char* verdict = "[       OK ] ";
    if (!told.trouble.empty()) {
      failed.push_back(name);
      verdict = "[  FAILED  ] ";
      std::cout << told.text << told.trouble << "\n";
    } else if (told.text.find("[  SKIPPED ]") != std::string::npos) {
      ++skipped;
      verdict = "[  SKIPPED ] ";
    } else {
      ++passed;
    }
    std::cout << verdict << name << std::endl;
  }
  return Summary(passed, skipped, failed);
}

bool IsBeingDebugged() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "TracerPid:") return status >> word && word != "0";
  }
  return false;
}

// Whether this process is to run what is asked for: one test, or no test but a
// list of them, or all where one process is wanted.
bool IsForThisProcess() {
  const std::string filter = GTEST_FLAG_GET(filter);
  return filter.find_first_of("*?:-") == std::string::npos ||
         GTEST_FLAG_GET(list_tests) || GTEST_FLAG_GET(break_on_failure) ||
         !GTEST_FLAG_GET(output).empty() || IsBeingDebugged();
}

}  // namespace
}  // namespace course

int main(int argc, char** argv) {
  const course::Words words(argv, argv + argc);
  testing::InitGoogleTest(&argc, argv);
  const bool is_understood = argc == 1;  // if not, GoogleTest explains itself
  if (!is_understood || course::IsForThisProcess()) return RUN_ALL_TESTS();
  return course::RunOneByOne(words);
}
