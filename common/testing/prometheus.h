// Prometheus' text exposition format, read strictly: what a server may let
// pass, and what `promtool check metrics` warns of, is an error. Counters and
// gauges only, and no times: we write no others.
#ifndef COURSE_TESTING_PROMETHEUS_H_
#define COURSE_TESTING_PROMETHEUS_H_

#include <cstddef>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "common/testing/text_reader.h"

namespace course {

struct PrometheusFamily {
  std::string type;  // counter or gauge
  // What a sample says, as it was written, by its labels in order of their
  // names: `place="in_use",size="64"`, or nothing.
  std::map<std::string, std::string> samples;
};

using PrometheusFamilies = std::map<std::string, PrometheusFamily>;

class PrometheusParser {
 public:
  explicit PrometheusParser(std::string_view text) : reader_(text) {
    if (text.empty() || text.back() != '\n') {
      reader_.Fail("the last line has no end");
    }
  }

  PrometheusFamilies Whole() {
    while (!reader_.AtEnd()) Family();
    return families_;
  }

 private:
  static constexpr std::string_view kSmall = "abcdefghijklmnopqrstuvwxyz";
  static constexpr std::string_view kDigits = "0123456789";

  // HELP, TYPE, and then the samples.
  void Family() {
    reader_.Expect("# HELP ");
    const std::string name = Name();
    reader_.Expect(" ");
    Help();
    reader_.Expect("# TYPE " + name + " ");
    PrometheusFamily family;
    family.type = reader_.TakeIf("counter") ? "counter" : "gauge";
    if (family.type == "gauge") reader_.Expect("gauge");
    reader_.Expect("\n");
    CheckName(name, family.type);
    while (!reader_.AtEnd() && reader_.Peek() != '#') Sample(name, family);
    if (!families_.emplace(name, family).second) {
      reader_.Fail("a second family " + name);
    }
  }

  void Help() {
    if (reader_.SeesOneOf(" \n")) reader_.Fail("no help text");
    while (!reader_.TakeIf("\n")) {
      if (reader_.Take() == '\\' && !reader_.SeesOneOf("\\n")) {
        reader_.Fail("an escape that is none");
      }
    }
  }

  // Snake case, as its own advice has it.
  std::string Name() {
    if (!reader_.SeesOneOf(kSmall)) reader_.Fail("no name in snake case");
    return std::string(
        reader_.TakeWhile(std::string(kSmall) + std::string(kDigits) + "_"));
  }

  // Words that a name should not have: kinds, and units that are no base ones.
  static constexpr std::string_view kBadWords =
      " counter gauge untyped histogram summary metric ms us ns sec s m h d b "
      "kb mb gb tb pb kib mib gib milliseconds microseconds nanoseconds "
      "minutes hours days kilobytes megabytes gigabytes bits percent ";

  void CheckName(const std::string& name, const std::string& type) {
    if (name.back() == '_') reader_.Fail(name + " ends in _");
    std::istringstream words(name);
    std::string word;
    while (std::getline(words, word, '_')) {
      if (word.empty()) reader_.Fail(name + " has an empty word");
      if (kBadWords.find(" " + word + " ") != kBadWords.npos) {
        reader_.Fail(name + " says " + word);
      }
    }
    if ((word == "total") != (type == "counter")) {
      reader_.Fail(name + ": _total is for counters");
    }
    if (word == "sum" || word == "count" || word == "bucket") {
      reader_.Fail(name + ": only a histogram has these");
    }
  }

  void Sample(const std::string& name, PrometheusFamily& family) {
    if (Name() != name) reader_.Fail("a sample among those of " + name);
    std::map<std::string, std::string> labels;
    if (reader_.TakeIf("{")) {
      do {
        Label(labels);
      } while (reader_.TakeIf(","));
      reader_.Expect("}");
    }
    reader_.Expect(" ");
    const std::string value = Value();
    reader_.Expect("\n");
    if (family.type == "counter" && value[0] == '-') {
      reader_.Fail("a counter below zero");
    }
    std::string series;
    for (const auto& [label, text] : labels) {
      series.append(series.empty() ? "" : ",").append(label);
      series.append("=\"").append(text).append("\"");
    }
    if (!family.samples.emplace(series, value).second) {
      reader_.Fail("twice the same series " + name + "{" + series + "}");
    }
  }

  void Label(std::map<std::string, std::string>& labels) {
    const std::string name = Name();
    reader_.Expect("=\"");
    std::string text;
    while (!reader_.TakeIf("\"")) {
      const char c = reader_.Take();
      if (c == '\n') reader_.Fail("a label goes on in the next line");
      text += c;
      if (c != '\\') continue;
      if (!reader_.SeesOneOf("\\\"n")) reader_.Fail("an escape that is none");
      text += reader_.Take();
    }
    if (!labels.emplace(name, text).second) {
      reader_.Fail("twice the label " + name);
    }
  }

  std::string Value() {
    for (const char* const word : {"NaN", "+Inf", "-Inf"}) {
      if (reader_.TakeIf(word)) return word;
    }
    std::string value(reader_.TakeIf("-") ? "-" : "");
    Digits(value);
    if (reader_.TakeIf(".")) Digits(value += '.');
    if (reader_.TakeIf("e")) {
      value += 'e';
      if (reader_.SeesOneOf("+-")) value += reader_.Take();
      Digits(value);
    }
    return value;
  }

  void Digits(std::string& value) {
    const std::string_view digits = reader_.TakeWhile(kDigits);
    if (digits.empty()) reader_.Fail("a value is missing");
    value += digits;
  }

  TextReader reader_;
  PrometheusFamilies families_;
};

// Throws std::runtime_error, which names the line, if it is not as it ought to
// be.
inline PrometheusFamilies ParsePrometheus(std::string_view text) {
  return PrometheusParser(text).Whole();
}

}  // namespace course

#endif  // COURSE_TESTING_PROMETHEUS_H_
