// Programs that leak are started with POOL_PROFILE, on our malloc, and
// google-pprof is asked who it was.
#include <dirent.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "../heap_profile_text.h"
#include "../pprof.h"
#include "common/testing/child.h"
#include "leak_size.h"

namespace pool {
namespace {

const std::string kFolder = COURSE_LIBRARY_DIR "/";
const std::string kLeaks = kFolder + "leaks";
const std::string kLeaksInC = kFolder + "leaks_in_c";

std::string Read(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// A folder for the profiles of one test.
class HeapProfileOf : public testing::Test {
 protected:
  HeapProfileOf() {
    if (mkdtemp(folder_.data()) == nullptr) folder_.clear();
  }
  ~HeapProfileOf() override {
    for (const std::string& path : Profiles()) unlink(path.c_str());
    rmdir(folder_.c_str());
  }
  void SetUp() override {
    ASSERT_FALSE(folder_.empty());
    if (!HasPprof()) GTEST_SKIP() << kNoPprof;
  }

  // Starts a program, whose profiles are files in the folder.
  void Run(std::string program, std::vector<std::string> arguments = {}) {
    std::string preload = "LD_PRELOAD=" + kFolder + "libpool_malloc.so";
    std::string profile =
        "POOL_PROFILE=" + folder_ + "/%p:" + std::to_string(LEAK_MEAN);
    EXPECT_EQ(course::RunInChild([&] {
                std::vector<char*> words = {program.data()};
                for (std::string& word : arguments) {
                  words.push_back(word.data());
                }
                words.push_back(nullptr);
                char* environment[] = {preload.data(), profile.data(), nullptr};
                execve(program.c_str(), words.data(), environment);
                _exit(127);
              }),
              "");
  }

  std::vector<std::string> Profiles() const {
    std::vector<std::string> paths;
    DIR* files = opendir(folder_.c_str());
    while (const dirent* file = files == nullptr ? nullptr : readdir(files)) {
      if (file->d_name[0] == '.') continue;
      paths.push_back(folder_ + "/" + file->d_name);
    }
    if (files != nullptr) closedir(files);
    return paths;
  }

  // The report on the only profile.
  PprofReport Report(const std::string& program,
                     const std::string& options = "") const {
    const std::vector<std::string> profiles = Profiles();
    if (profiles.size() != 1) {
      ADD_FAILURE() << profiles.size() << " profiles";
      return {};
    }
    const ProfileText profile = ParseProfile(Read(profiles[0]));
    EXPECT_EQ(profile.wrong, "");
    EXPECT_TRUE(SumsAreRight(profile));
    EXPECT_EQ(profile.mean, static_cast<size_t>(LEAK_MEAN));
    return RunPprof(program, profiles[0], options);
  }

  std::string folder_ = testing::TempDir() + "heap_profile_XXXXXX";
};

void ExpectNear(const PprofReport& report, const std::string& function,
                double bytes) {
  const auto row = report.rows.find(function);
  ASSERT_NE(row, report.rows.end()) << function << " in\n" << report.text;
  EXPECT_NEAR(row->second.own, bytes, bytes / 10) << report.text;
}

bool Names(const PprofReport& report, const std::string& function) {
  return report.rows.count(function) != 0;
}

TEST_F(HeapProfileOf, ALeakIsFound) {
  Run(kLeaks, {"main"});
  const PprofReport report = Report(kLeaks);
  EXPECT_EQ(report.first, "LeakInMain") << report.text;
  ExpectNear(report, "LeakInMain", LEAK_SUM);
  EXPECT_NEAR(report.rows.at("main").all, LEAK_SUM, LEAK_SUM / 10.0);
  ExpectNear(Report(kLeaks, "--inuse_objects"), "LeakInMain", LEAK_BLOCKS);
}

// What stands first in a stack is the program's: none of the pool's functions,
// nor of those that are names for it.
TEST_F(HeapProfileOf, ThePoolItselfIsNotNamed) {
  Run(kLeaks, {"main", "new", "aligned", "free"});
  const std::string text = Report(kLeaks, "--alloc_space").text;
  for (const char* name : {"malloc", "operator", "pool", "Unwind", "Our"}) {
    EXPECT_EQ(text.find(name), std::string::npos) << name << " in\n" << text;
  }
}

TEST_F(HeapProfileOf, EachLeakIsFound) {
  Run(kLeaks, {"main", "new", "aligned", "thread"});
  const PprofReport report = Report(kLeaks);
  ExpectNear(report, "LeakInMain", LEAK_SUM);
  ExpectNear(report, "LeakByNew", LEAK_SUM);
  ExpectNear(report, "LeakInThread", LEAK_SUM);
  ExpectNear(report, "LeakAligned", LEAK_SUM);
}

TEST_F(HeapProfileOf, WhatIsFreedIsNoLeak) {
  Run(kLeaks, {"free", "main"});
  EXPECT_FALSE(Names(Report(kLeaks), "FreeAll"));
  ExpectNear(Report(kLeaks, "--alloc_space"), "FreeAll", LEAK_SUM);
  ExpectNear(Report(kLeaks, "--alloc_space"), "LeakInMain", LEAK_SUM);
  ExpectNear(Report(kLeaks, "--alloc_objects"), "FreeAll", LEAK_BLOCKS);
}

TEST_F(HeapProfileOf, WhatIsHalfFreedIsHalfALeak) {
  Run(kLeaks, {"half"});
  ExpectNear(Report(kLeaks), "LeakHalf", LEAK_SUM);
  ExpectNear(Report(kLeaks, "--alloc_space"), "LeakHalf", 2.0 * LEAK_SUM);
}

TEST_F(HeapProfileOf, ALibraryThatWasLoadedLate) {
  Run(kLeaks, {kFolder + "leaking.so"});
  const PprofReport report = Report(kLeaks);
  EXPECT_EQ(report.first, "LeakInLibrary") << report.text;
  ExpectNear(report, "LeakInLibrary", LEAK_SUM);
}

// Parent and child: each tells of what it has.
TEST_F(HeapProfileOf, AChildHasAProfileOfItsOwn) {
  Run(kLeaks, {"main", "child"});
  const std::vector<std::string> profiles = Profiles();
  ASSERT_EQ(profiles.size(), 2u);
  int children = 0;
  for (const std::string& path : profiles) {
    const PprofReport report = RunPprof(kLeaks, path);
    ExpectNear(report, "LeakInMain", LEAK_SUM);
    if (!Names(report, "LeakInChild")) continue;
    ++children;
    ExpectNear(report, "LeakInChild", LEAK_SUM);
  }
  EXPECT_EQ(children, 1);
}

TEST_F(HeapProfileOf, AProgramInC) {
  Run(kLeaksInC);
  const PprofReport report = Report(kLeaksInC);
  ExpectNear(report, "LeakByMalloc", LEAK_SUM);
  ExpectNear(report, "LeakByCalloc", LEAK_SUM);
  ExpectNear(report, "LeakByRealloc", LEAK_SUM);
  ExpectNear(report, "LeakByGrowth", LEAK_SUM);
}

// While it runs, by itself; and an end without exit writes nothing more.
TEST_F(HeapProfileOf, AProgramThatAsksForIt) {
  Run(kLeaksInC, {folder_ + "/asked"});
  const PprofReport report = Report(kLeaksInC);
  ExpectNear(report, "LeakByMalloc", LEAK_SUM);
  ExpectNear(report, "LeakByCalloc", LEAK_SUM);
}

}  // namespace
}  // namespace pool
