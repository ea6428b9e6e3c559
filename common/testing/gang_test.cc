#include "common/testing/gang.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace course {
namespace {

TEST(Gang, RunsEachMemberOnce) {
  std::vector<int> runs(16, 0);
  RunGang(runs.size(), [&](size_t member) { ++runs[member]; });
  EXPECT_EQ(runs, std::vector<int>(16, 1));
}

size_t ThreadsOfThisProcess() {
  using std::filesystem::directory_iterator;
  const directory_iterator first("/proc/self/task");
  return static_cast<size_t>(std::distance(first, directory_iterator()));
}

TEST(Gang, NobodyStartsBeforeAllAreThere) {
  constexpr size_t kMembers = 400;  // takes longer to start than one to run
  std::atomic<size_t> begun{0};
  std::atomic<int> early{0};
  RunGang(kMembers, [&](size_t) {
    if (ThreadsOfThisProcess() <= kMembers) ++early;  // the main thread counts
    // Nobody leaves before all have counted.
    for (++begun; begun < kMembers;) std::this_thread::yield();
  });
  EXPECT_EQ(early, 0);
}

TEST(Gang, JoinsAllAndThrowsWhatAMemberThrew) {
  std::atomic<int> done{0};
  try {
    RunGang(8, [&](size_t member) {
      if (member == 3) throw std::runtime_error("member three");
      ++done;
    });
    FAIL() << "the exception was lost";
  } catch (const std::runtime_error& failure) {
    EXPECT_EQ(failure.what(), std::string("member three"));
  }
  EXPECT_EQ(done, 7);
}

TEST(Gang, AnAbandonedGangIsJoined) {
  std::atomic<int> done{0};
  {
    Gang gang(4, [&](size_t) { ++done; });
  }
  EXPECT_EQ(done, 4);
}

TEST(Gang, ThrowsWhenTheSystemRefusesAThread) {
  pthread_attr_t usual;
  pthread_attr_t endless;
  ASSERT_EQ(pthread_getattr_default_np(&usual), 0);
  ASSERT_EQ(pthread_attr_init(&endless), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&endless, size_t{1} << 50), 0);
  ASSERT_EQ(pthread_setattr_default_np(&endless), 0);
  std::atomic<int> done{0};
  EXPECT_THROW(RunGang(2, [&](size_t) { ++done; }), std::system_error);
  EXPECT_EQ(done, 0);
  ASSERT_EQ(pthread_setattr_default_np(&usual), 0);
  pthread_attr_destroy(&endless);
  pthread_attr_destroy(&usual);
  RunGang(2, [&](size_t) { ++done; });
  EXPECT_EQ(done, 2);
}

TEST(Barrier, LetsEachRoundThroughTogether) {
  constexpr size_t kMembers = 4;
  constexpr size_t kRounds = 100;
  Barrier barrier(kMembers);
  std::atomic<size_t> arrived{0};
  std::atomic<int> early{0};
  RunGang(kMembers, [&](size_t) {
    for (size_t round = 1; round <= kRounds; ++round) {
      ++arrived;
      ASSERT_TRUE(barrier.ArriveAndWait());
      if (arrived < round * kMembers) ++early;
      ASSERT_TRUE(barrier.ArriveAndWait());
    }
  });
  EXPECT_EQ(early, 0);
}

TEST(Barrier, CalledOffReleasesThoseWhoWait) {
  Barrier barrier(3);  // one more than will come
  std::atomic<int> released{0};
  RunGang(2, [&](size_t member) {
    if (member == 0) {
      if (!barrier.ArriveAndWait()) ++released;
    } else {
      barrier.CallOff();
      if (!barrier.ArriveAndWait()) ++released;
    }
  });
  EXPECT_EQ(released, 2);
}

}  // namespace
}  // namespace course
