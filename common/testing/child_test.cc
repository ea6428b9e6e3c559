#include "common/testing/child.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace course {
namespace {

TEST(Child, ABodyThatReturnsHasNothingToSay) {
  EXPECT_EQ(RunInChild([] {}), "");
  EXPECT_EQ(RunInChild([] { _exit(0); }), "");
}

TEST(Child, AnExitCodeIsTold) {
  EXPECT_EQ(RunInChild([] { std::_Exit(3); }), "it ended with exit code 3");
}

TEST(Child, ASignalIsTold) {
  const std::string end = RunInChild([] {
    signal(SIGSEGV, SIG_DFL);  // a sanitizer has its own ideas
    raise(SIGSEGV);
  });
  EXPECT_EQ(end, "it was ended by Segmentation fault");
}

TEST(Child, AHangIsTold) {
  const auto hang = [] {
    while (true) pause();
  };
  EXPECT_EQ(RunInChild(hang, 1), "it did not come to an end");
}

TEST(Child, WhatItDoesIsItsOwnBusiness) {
  int here = 0;
  const SharedReport<int> shared;
  EXPECT_EQ(RunInChild([&] { here = *shared = 7; }), "");
  EXPECT_EQ(here, 0);
  EXPECT_EQ(*shared, 7);
}

}  // namespace
}  // namespace course
