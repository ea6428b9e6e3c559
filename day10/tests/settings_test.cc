#include "pool/settings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include "common/testing/captured.h"

namespace pool {
namespace {

using Environment = std::vector<std::string>;

// What the settings are, and what was said on the way.
struct Result {
  Settings settings;
  std::string said;
};

Result Read(const Environment& environment) {
  std::vector<const char*> strings;
  for (const std::string& text : environment) strings.push_back(text.c_str());
  strings.push_back(nullptr);
  Result result;
  result.said = course::StandardErrorOf(
      [&] { ReadSettings(strings.data(), result.settings); });
  return result;
}

void ExpectNothingAskedFor(const Settings& settings) {
  EXPECT_FALSE(settings.stats);
  EXPECT_EQ(settings.stats_signal, 0);
  EXPECT_FALSE(settings.profile);
}

// One line, that names what was not understood, and what would be.
void ExpectRefused(const std::string& setting, const std::string& takes) {
  SCOPED_TRACE(setting);
  const Result result = Read({setting});
  ExpectNothingAskedFor(result.settings);
  EXPECT_EQ(result.said, "pool: " + setting + " is not understood; it takes " +
                             takes + "\n");
}

void ExpectStatsRefused(const std::string& value) {
  ExpectRefused("POOL_STATS=" + value,
                "1, json:PATH, text:PATH, prometheus:PATH, or 0 for none");
}

void ExpectSignalRefused(const std::string& value) {
  ExpectRefused("POOL_STATS_SIGNAL=" + value,
                "USR1, USR2, HUP, QUIT, WINCH, IO, PROF, ALRM, or a number");
}

void ExpectProfileRefused(const std::string& value) {
  ExpectRefused("POOL_PROFILE=" + value,
                "PATH or PATH:BYTES, with BYTES above 0");
}

TEST(Settings, AreNoneIfNobodyAsks) {
  for (const Environment& environment :
       {Environment{}, Environment{"HOME=/", "TERM=x"},
        Environment{"POOL_STATS=", "POOL_STATS_SIGNAL=", "POOL_PROFILE="},
        Environment{"POOL_STATS=0"}}) {
    const Result result = Read(environment);
    ExpectNothingAskedFor(result.settings);
    EXPECT_EQ(result.said, "");
  }
}

// Another name that begins or ends as ours, and one without a value.
TEST(Settings, HeedNoOtherNames) {
  const Result result =
      Read({"POOL_STATS", "POOL_STATSX=1", "XPOOL_STATS=1", "POOL_STAT=1",
            "pool_stats=1", "=1", "", "POOL_PROFILE", "POOL_PROFILES=a",
            "POOL_STATS_SIGNALS=USR2", "X=POOL_STATS=1"});
  ExpectNothingAskedFor(result.settings);
  EXPECT_EQ(result.said, "");
}

TEST(StatsSetting, OneIsTextOnStandardError) {
  const Result result = Read({"POOL_STATS=1"});
  EXPECT_TRUE(result.settings.stats);
  EXPECT_EQ(result.settings.form, StatisticsForm::kText);
  EXPECT_STREQ(result.settings.stats_path, "");
  EXPECT_EQ(result.said, "");
}

TEST(StatsSetting, AFormAndAPath) {
  const struct {
    const char* value;
    StatisticsForm form;
    const char* path;
  } kCases[] = {
      {"text:/tmp/a", StatisticsForm::kText, "/tmp/a"},
      {"json:a.json", StatisticsForm::kJson, "a.json"},
      {"prometheus:a", StatisticsForm::kPrometheus, "a"},
      {"json:a:b:7", StatisticsForm::kJson, "a:b:7"},
      {"json:/tmp/%p.json", StatisticsForm::kJson, "/tmp/%p.json"},
      {"text:json:a", StatisticsForm::kText, "json:a"},
      {"text: a b ", StatisticsForm::kText, " a b "},
  };
  for (const auto& each : kCases) {
    SCOPED_TRACE(each.value);
    const Result result = Read({std::string("POOL_STATS=") + each.value});
    EXPECT_TRUE(result.settings.stats);
    EXPECT_EQ(result.settings.form, each.form);
    EXPECT_STREQ(result.settings.stats_path, each.path);
    EXPECT_EQ(result.said, "");
  }
}

TEST(StatsSetting, NothingElse) {
  for (const char* value :
       {"maybe", "2",      "01",          "00",     "-1",    "1 ",
        " 1",    "11",     "yes",         "true",   "text",  "json",
        "text:", "json:",  "prometheus:", "JSON:a", "xml:a", ":a",
        "jso:a", "/tmp/a", "json=a"}) {
    ExpectStatsRefused(value);
  }
}

TEST(StatsSetting, APathThatHasRoom) {
  const std::string longest(sizeof(Settings::stats_path) - 1, 'p');
  const Result result = Read({"POOL_STATS=json:" + longest});
  EXPECT_TRUE(result.settings.stats);
  EXPECT_EQ(result.settings.stats_path, longest);
  ExpectStatsRefused("json:" + longest + "p");
  ExpectStatsRefused("text:" + std::string(100'000, 'p'));
}

TEST(SignalSetting, ANameOrANumber) {
  const struct {
    const char* value;
    int signal;
  } kCases[] = {
      {"USR1", SIGUSR1},    {"USR2", SIGUSR2},
      {"HUP", SIGHUP},      {"WINCH", SIGWINCH},
      {"IO", SIGIO},        {"PROF", SIGPROF},
      {"QUIT", SIGQUIT},    {"ALRM", SIGALRM},
      {"SIGUSR1", SIGUSR1}, {"SIGUSR2", SIGUSR2},
      {"SIGQUIT", SIGQUIT}, {"12", 12},
      {"012", 12},          {"1", 1},
      {"64", 64},
  };
  for (const auto& each : kCases) {
    SCOPED_TRACE(each.value);
    const Result result =
        Read({std::string("POOL_STATS_SIGNAL=") + each.value});
    EXPECT_EQ(result.settings.stats_signal, each.signal);
    EXPECT_EQ(result.said, "");
  }
}

TEST(SignalSetting, NothingElse) {
  for (const char* value :
       {"0", "-1", "65", "1000", "usr2", "USR3", "SIG", "SIGSIGUSR2", "SIG12",
        "signal", "KILL", "STOP", "SIGKILL", "9", "19", " 12", "+12", "0x0c"}) {
    ExpectSignalRefused(value);
  }
}

// A number is one to its last digit, and has room.
TEST(SignalSetting, NoHalfOfANumber) {
  for (const char* value : {"12abc", "12 ", "12.0", "1,2", "10USR2",
                            "18446744073709551628", "99999999999999999999"}) {
    ExpectSignalRefused(value);
  }
}

// Nobody could hear those that the C library keeps for itself. A program that
// goes on after a crash makes the same mistake again, for ever; and one that
// should end should end.
TEST(SignalSetting, NoneThatAProgramCannotLiveWith) {
  for (const int signal : {32, 33, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP,
                           SIGABRT, SIGTERM, SIGINT, SIGCHLD}) {
    ExpectSignalRefused(std::to_string(signal));
  }
}

TEST(ProfileSetting, APathAndPerhapsANumber) {
  const struct {
    const char* value;
    const char* path;
    size_t bytes;
  } kCases[] = {
      {"a", "a", Settings::kProfileBytes},
      {"/tmp/%p.heap", "/tmp/%p.heap", Settings::kProfileBytes},
      {"a:1", "a", 1},
      {"a:000065536", "a", 65536},
      {"a:18446744073709551615", "a", SIZE_MAX},
      {"a:b:7", "a:b", 7},
      {"a::7", "a:", 7},
      {"::7", ":", 7},
      {"a b:7", "a b", 7},
  };
  for (const auto& each : kCases) {
    SCOPED_TRACE(each.value);
    const Result result = Read({std::string("POOL_PROFILE=") + each.value});
    EXPECT_TRUE(result.settings.profile);
    EXPECT_STREQ(result.settings.profile_path, each.path);
    EXPECT_EQ(result.settings.profile_bytes, each.bytes);
    EXPECT_EQ(result.said, "");
  }
}

TEST(ProfileSetting, NothingElse) {
  for (const char* value :
       {":", ":7", "a:", "a:b", "a:0", "a:-1", "a:7 ", "a: 7", "a:7k", "a:0x7",
        "a:7:", "a:7:b", "a:18446744073709551616", "a:99999999999999999999"}) {
    ExpectProfileRefused(value);
  }
}

TEST(ProfileSetting, APathThatHasRoom) {
  const std::string longest(sizeof(Settings::profile_path) - 1, 'p');
  for (const char* number : {"", ":7"}) {
    const Result result = Read({"POOL_PROFILE=" + longest + number});
    EXPECT_EQ(result.settings.profile_path, longest);
    ExpectProfileRefused(longest + "p" + number);
  }
}

TEST(Settings, AreReadEachForItself) {
  const Result result = Read({"X=1", "POOL_PROFILE=p:3", "POOL_STATS=json:s",
                              "POOL_STATS_SIGNAL=USR1", "Y=2"});
  EXPECT_STREQ(result.settings.stats_path, "s");
  EXPECT_EQ(result.settings.stats_signal, SIGUSR1);
  EXPECT_STREQ(result.settings.profile_path, "p");
  EXPECT_EQ(result.said, "");
}

// What is not understood does not stand in the way of what is.
TEST(Settings, ALineForEachMistake) {
  const Result result =
      Read({"POOL_PROFILE=:", "POOL_STATS_SIGNAL=nothing", "POOL_STATS=1"});
  EXPECT_TRUE(result.settings.stats);
  EXPECT_FALSE(result.settings.profile);
  EXPECT_EQ(std::count(result.said.begin(), result.said.end(), '\n'), 2);
}

// As getenv has it.
TEST(Settings, OfTwoTheFirstCounts) {
  const Result result = Read({"POOL_STATS=json:a", "POOL_STATS=text:b"});
  EXPECT_STREQ(result.settings.stats_path, "a");
  ExpectNothingAskedFor(Read({"POOL_STATS=0", "POOL_STATS=1"}).settings);
}

// Programs write over their environment to show a title.
TEST(Settings, StayWhenTheEnvironmentIsOverwritten) {
  char stats[] = "POOL_STATS=json:somewhere";
  char profile[] = "POOL_PROFILE=elsewhere:77";
  const char* environment[] = {stats, profile, nullptr};
  Settings settings;
  ReadSettings(environment, settings);
  std::memset(stats, 'x', sizeof(stats));
  std::memset(profile, 'x', sizeof(profile));
  environment[0] = nullptr;
  EXPECT_STREQ(settings.stats_path, "somewhere");
  EXPECT_STREQ(settings.profile_path, "elsewhere");
  EXPECT_EQ(settings.profile_bytes, 77u);
}

}  // namespace
}  // namespace pool
