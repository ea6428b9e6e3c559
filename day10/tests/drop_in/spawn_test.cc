// The other ways to a new process, while threads allocate.
#include <gtest/gtest.h>
#include <spawn.h>

#include <cstdio>
#include <string>

#include "storm.h"

namespace pool {
namespace {

constexpr int kTimes = 100;
constexpr char kShell[] = "/bin/sh";

// Runs body() so often, while threads allocate and use stdio; it says whether
// the new process did what it should.
template <typename Body>
void SpawnOften(Body body) {
  RunStorm(kTimes, [body](Storm* storm) {
    const BusyThreads allocate(8, AllocateALittle);
    const BusyThreads use_stdio(4, UseStdio);
    for (int i = 0; i < kTimes; ++i) {
      alarm(kForkPatience);
      if (!body()) ++storm->bad_children;
      ++storm->forks;
    }
  });
}

bool EndedWith(pid_t child, int code) {
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

TEST(Spawn, PosixSpawn) {
  SpawnOften([] {
    char name[] = "sh";
    char option[] = "-c";
    char command[] = "exit 7";
    char* const arguments[] = {name, option, command, nullptr};
    pid_t child = 0;
    return posix_spawn(&child, kShell, nullptr, nullptr, arguments, environ) ==
               0 &&
           EndedWith(child, 7);
  });
}

// The child borrows the parent's memory until it is another program.
TEST(Spawn, VforkAndExec) {
  SpawnOften([] {
    const pid_t child = vfork();
    if (child == 0) {
      execl(kShell, "sh", "-c", "exit 7", nullptr);
      _exit(1);
    }
    return EndedWith(child, 7);
  });
}

TEST(Spawn, ForkAndExec) {
  SpawnOften([] {
    const pid_t child = fork();
    if (child == 0) {
      const std::string command = "exit " + std::string("7") + "   # long";
      execl(kShell, "sh", "-c", command.c_str(), nullptr);
      _exit(1);
    }
    return EndedWith(child, 7);
  });
}

TEST(Spawn, System) {
  SpawnOften([] {
    const int status = system("exit 7");
    return WIFEXITED(status) && WEXITSTATUS(status) == 7;
  });
}

TEST(Spawn, Popen) {
  SpawnOften([] {
    FILE* pipe = popen("echo hello", "r");
    if (pipe == nullptr) return false;
    char line[100] = {};
    const bool has_read = fgets(line, sizeof(line), pipe) != nullptr;
    return pclose(pipe) == 0 && has_read && std::string(line) == "hello\n";
  });
}

}  // namespace
}  // namespace pool
