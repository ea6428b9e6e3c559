#include "pool/settings.h"

#include <sys/auxv.h>

#include <csignal>
#include <cstring>

#include "pool/output.h"

namespace pool {
namespace {

// The value of NAME in NAME=value, or nullptr.
const char* Find(const char* const* environment, const char* name) {
  const size_t length = std::strlen(name);
  for (; *environment != nullptr; ++environment) {
    if (std::strncmp(*environment, name, length) == 0 &&
        (*environment)[length] == '=') {
      return *environment + length + 1;
    }
  }
  return nullptr;
}

//! [NotUnderstood]
void NotUnderstood(const char* name, const char* value, const char* takes) {
  OutputFile standard_error(2);
  Output line(OutputFile::Write, &standard_error);
  line << "pool: " << name << "=" << value << " is not understood; it takes "
       << takes << "\n";
}
//! [NotUnderstood]

// Behind the prefix, if the value begins with it; else nullptr.
const char* Behind(const char* prefix, const char* value) {
  const size_t length = std::strlen(prefix);
  return std::strncmp(value, prefix, length) == 0 ? value + length : nullptr;
}

bool Is(const char* value, const char* word) {
  return std::strcmp(value, word) == 0;
}

// Reads all of the text as a decimal number.
bool ReadNumber(const char* text, size_t& number) {
  number = 0;
  if (*text == '\0') return false;
  for (; *text != '\0'; ++text) {
    const size_t digit = static_cast<size_t>(*text) - '0';
    if (digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, digit, &number)) {
      return false;
    }
  }
  return true;
}

//! [ReadStats]
void ReadStats(const char* value, Settings& settings) {
  if (Is(value, "") || Is(value, "0")) return;
  struct Form {
    const char* prefix;
    StatisticsForm form;
  };
  constexpr Form kForms[] = {{"text:", StatisticsForm::kText},
                             {"json:", StatisticsForm::kJson},
                             {"prometheus:", StatisticsForm::kPrometheus}};
  settings.stats = Is(value, "1");
  for (const Form& form : kForms) {
    const char* path = Behind(form.prefix, value);
    if (path == nullptr || *path == '\0' ||
        std::strlen(path) >= sizeof(settings.stats_path)) {
      continue;
    }
    settings.stats = true;
    settings.form = form.form;
    std::strcpy(settings.stats_path, path);
  }
  if (settings.stats) return;
  NotUnderstood("POOL_STATS", value,
                "1, json:PATH, text:PATH, prometheus:PATH, or 0 for none");
}
//! [ReadStats]

// By name or number, those that a program can do without, and the real-time
// ones. Not a crash: a handler that returns would make it endless.
int SignalOf(const char* value) {
  struct Name {
    const char* name;
    int number;
  };
  constexpr Name kNames[] = {{"USR1", SIGUSR1},   {"USR2", SIGUSR2},
                             {"HUP", SIGHUP},     {"QUIT", SIGQUIT},
                             {"WINCH", SIGWINCH}, {"IO", SIGIO},
                             {"PROF", SIGPROF},   {"ALRM", SIGALRM}};
  const char* word = Behind("SIG", value) != nullptr ? value + 3 : value;
  size_t number;
  if (!ReadNumber(value, number)) number = 0;
  for (const Name& name : kNames) {
    if (Is(word, name.name) || number == static_cast<size_t>(name.number)) {
      return name.number;
    }
  }
  const bool is_real_time = number >= static_cast<size_t>(SIGRTMIN) &&
                            number <= static_cast<size_t>(SIGRTMAX);
  return is_real_time ? static_cast<int>(number) : 0;
}

void ReadSignal(const char* value, Settings& settings) {
  if (Is(value, "")) return;
  settings.stats_signal = SignalOf(value);
  if (settings.stats_signal == 0) {
    NotUnderstood("POOL_STATS_SIGNAL", value,
                  "USR1, USR2, HUP, QUIT, WINCH, IO, PROF, ALRM, or a number");
  }
}

//! [ReadProfile]
// What follows the last colon is the number; a path with a colon needs one.
void ReadProfile(const char* value, Settings& settings) {
  if (Is(value, "")) return;
  size_t length = std::strlen(value);
  const char* colon = std::strrchr(value, ':');
  size_t bytes = Settings::kProfileBytes;
  bool good = true;
  if (colon != nullptr) {
    good = ReadNumber(colon + 1, bytes) && bytes > 0;
    length = static_cast<size_t>(colon - value);
  }
  if (!good || length == 0 || length >= sizeof(settings.profile_path)) {
    return NotUnderstood("POOL_PROFILE", value,
                         "PATH or PATH:BYTES, with BYTES above 0");
  }
  settings.profile = true;
  settings.profile_bytes = bytes;
  std::memcpy(settings.profile_path, value, length);
}
//! [ReadProfile]

void ReadHugePages(const char* value, Settings& settings) {
  using HugePages = PageHeap::HugePages;
  if (Is(value, "on")) {
    settings.huge_pages = HugePages::kOn;
  } else if (Is(value, "auto")) {
    settings.huge_pages = HugePages::kAuto;
  } else if (!Is(value, "off") && !Is(value, "")) {
    NotUnderstood("POOL_HUGE_PAGES", value, "off, auto, or on");
  }
}

}  // namespace

//! [ReadSettings]
void ReadSettings(const char* const* environment, Settings& settings) {
  if (getauxval(AT_SECURE) != 0) return;
  struct Reader {
    const char* name;
    void (*read)(const char* value, Settings& settings);
  };
  constexpr Reader kReaders[] = {{"POOL_STATS", ReadStats},
                                 {"POOL_STATS_SIGNAL", ReadSignal},
                                 {"POOL_PROFILE", ReadProfile},
                                 {"POOL_HUGE_PAGES", ReadHugePages}};
  for (const Reader& reader : kReaders) {
    const char* value = Find(environment, reader.name);
    if (value != nullptr) reader.read(value, settings);
  }
}
//! [ReadSettings]

}  // namespace pool
