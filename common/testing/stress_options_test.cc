// The stress program's command line.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "common/testing/stress/options.h"

namespace course {
namespace {

StressOptions Read(std::vector<const char*> words) {
  words.insert(words.begin(), "stress");
  return ReadStressOptions(static_cast<int>(words.size()), words.data());
}

// What it complains about; empty, if it does not.
std::string Complaint(const std::vector<const char*>& words) {
  try {
    Read(words);
  } catch (const std::invalid_argument& wrong) {
    return wrong.what();
  }
  return "";
}

TEST(StressOptions, HaveDefaults) {
  const StressOptions options = Read({});
  EXPECT_EQ(options.seconds, 60u);
  EXPECT_EQ(options.threads, 8u);
  EXPECT_FALSE(options.seed);
  EXPECT_TRUE(options.forks);
  EXPECT_FALSE(options.help);
}

TEST(StressOptions, AreRead) {
  const StressOptions options = Read(
      {"--seed", "0x2A", "--no-forks", "--seconds", "5", "--threads", "1"});
  EXPECT_EQ(options.seconds, 5u);
  EXPECT_EQ(options.threads, 1u);
  EXPECT_EQ(options.seed, 42u);
  EXPECT_FALSE(options.forks);
  EXPECT_EQ(Read({"--seed", "18446744073709551615"}).seed, UINT64_MAX);
  EXPECT_EQ(Read({"--seed", "010"}).seed, 10u);
  EXPECT_TRUE(Read({"--help"}).help);
}

TEST(StressOptions, SayWhatIsWrongAndWhatToType) {
  for (const std::vector<const char*>& words :
       std::vector<std::vector<const char*>>{{"--seconds", "0"},
                                             {"--seconds"},
                                             {"--seconds", ""},
                                             {"--seconds", "5s"},
                                             {"--threads", "33"},
                                             {"--threads", "-1"},
                                             {"--seed", " 1"},
                                             {"--seed", "0x"},
                                             {"--seed", "18446744073709551616"},
                                             {"--frobnicate"},
                                             {"5"}}) {
    const std::string complaint = Complaint(words);
    EXPECT_NE(complaint.find("type: stress --help"), std::string::npos)
        << words[0];
    EXPECT_NE(complaint.find(words[0]), std::string::npos) << complaint;
    EXPECT_EQ(complaint.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace course
