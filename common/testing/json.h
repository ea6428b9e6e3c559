// JSON, read strictly, as RFC 8259 has it: what a parser might let pass (a
// comma too many, a name twice, 01, NaN) is an error.
#ifndef COURSE_TESTING_JSON_H_
#define COURSE_TESTING_JSON_H_

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/testing/text_reader.h"

namespace course {

struct JsonValue {
  enum class Kind { kNull, kBoolean, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;  // of a string; of a number, as it was written
  std::vector<JsonValue> items;
  std::vector<std::pair<std::string, JsonValue>> fields;

  bool Is(Kind other) const { return kind == other; }

  // The field of the name; nullptr, if there is none.
  const JsonValue* Find(std::string_view name) const {
    for (const auto& [each, value] : fields) {
      if (each == name) return &value;
    }
    return nullptr;
  }
  // Throws if there is none.
  const JsonValue& operator[](std::string_view name) const {
    const JsonValue* found = Find(name);
    if (found == nullptr) {
      throw std::runtime_error("no field " + std::string(name));
    }
    return *found;
  }

  long double Number() const {
    Require(Kind::kNumber);
    return strtold(text.c_str(), nullptr);
  }
  // Exact; throws if it is no such number.
  uint64_t Unsigned() const {
    Require(Kind::kNumber);
    if (text.find_first_not_of("0123456789") != text.npos) {
      throw std::runtime_error(text + " is no natural number");
    }
    return InRange(strtoull, text);
  }
  int64_t Signed() const {
    Require(Kind::kNumber);
    if (text.find_first_not_of("-0123456789") != text.npos) {
      throw std::runtime_error(text + " is no integer");
    }
    return InRange(strtoll, text);
  }

 private:
  void Require(Kind wanted) const {
    if (kind != wanted) throw std::runtime_error("a value of another kind");
  }
  template <typename Number>
  static Number InRange(Number (*read)(const char*, char**, int),
                        const std::string& text) {
    errno = 0;
    const Number number = read(text.c_str(), nullptr, 10);
    if (errno != 0) throw std::runtime_error(text + " is out of range");
    return number;
  }
};

class JsonParser {
 public:
  explicit JsonParser(std::string_view text) : reader_(text) {}

  JsonValue Whole() {
    JsonValue value = Value(0);
    if (!reader_.AtEnd()) reader_.Fail("something comes behind the value");
    return value;
  }

 private:
  using Kind = JsonValue::Kind;

  void Space() { reader_.TakeWhile(" \t\r\n"); }

  JsonValue Value(size_t depth) {
    if (depth > TextReader::kDeepest) reader_.Fail("too deep");
    Space();
    JsonValue value;
    if (reader_.Peek() == '{') {
      Object(depth, value);
    } else if (reader_.Peek() == '[') {
      Array(depth, value);
    } else if (reader_.Peek() == '"') {
      value.kind = Kind::kString;
      value.text = String();
    } else if (reader_.SeesOneOf("-0123456789")) {
      value.kind = Kind::kNumber;
      value.text = Number();
    } else {
      Word(value);
    }
    Space();
    return value;
  }

  void Word(JsonValue& value) {
    if (reader_.TakeIf("null")) return;
    value.kind = Kind::kBoolean;
    value.boolean = reader_.TakeIf("true");
    if (!value.boolean) reader_.Expect("false");
  }

  void Object(size_t depth, JsonValue& value) {
    value.kind = Kind::kObject;
    reader_.Expect("{");
    Space();
    if (reader_.TakeIf("}")) return;
    do {
      Space();
      std::string name = String();
      if (value.Find(name) != nullptr) reader_.Fail("two fields " + name);
      Space();
      reader_.Expect(":");
      JsonValue field = Value(depth + 1);
      value.fields.emplace_back(std::move(name), std::move(field));
    } while (reader_.TakeIf(","));
    reader_.Expect("}");
  }

  void Array(size_t depth, JsonValue& value) {
    value.kind = Kind::kArray;
    reader_.Expect("[");
    Space();
    if (reader_.TakeIf("]")) return;
    do {
      value.items.push_back(Value(depth + 1));
    } while (reader_.TakeIf(","));
    reader_.Expect("]");
  }

  std::string_view Digits() {
    const std::string_view digits = reader_.TakeWhile("0123456789");
    if (digits.empty()) reader_.Fail("a digit is missing");
    return digits;
  }

  std::string Number() {
    std::string number(reader_.TakeIf("-") ? "-" : "");
    const std::string_view whole = Digits();
    if (whole.size() > 1 && whole[0] == '0') reader_.Fail("a leading zero");
    number += whole;
    if (reader_.TakeIf(".")) number.append(".").append(Digits());
    if (reader_.SeesOneOf("eE")) {
      number += reader_.Take();
      if (reader_.SeesOneOf("+-")) number += reader_.Take();
      number += Digits();
    }
    return number;
  }

  std::string String() {
    reader_.Expect("\"");
    std::string text;
    while (!reader_.TakeIf("\"")) {
      const char c = reader_.Take();
      if (static_cast<unsigned char>(c) < 0x20) reader_.Fail("a bare control");
      if (c == '\\') {
        Escape(text);
      } else {
        text += c;
      }
    }
    return text;
  }

  void Escape(std::string& text) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char c = reader_.Take();
    if (const size_t at = kNames.find(c); at != kNames.npos) {
      text += kMeanings[at];
      return;
    }
    if (c != 'u') reader_.Fail("an escape that is none");
    char32_t code = FourDigits();
    if (code >= 0xd800 && code < 0xdc00) {
      reader_.Expect("\\u");
      const char32_t low = FourDigits();
      if (low < 0xdc00 || low > 0xdfff) reader_.Fail("half a pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code <= 0xdfff) {
      reader_.Fail("half a pair");
    }
    AppendUtf8(code, text);
  }

  char32_t FourDigits() {
    char32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      if (!reader_.SeesOneOf("0123456789abcdefABCDEF")) {
        reader_.Fail("\\u wants four digits");
      }
      const std::string digit(1, reader_.Take());
      code = code * 16 + static_cast<char32_t>(std::stoi(digit, nullptr, 16));
    }
    return code;
  }

  TextReader reader_;
};

// Throws std::runtime_error, which names the line, if it is no JSON.
inline JsonValue ParseJson(std::string_view text) {
  return JsonParser(text).Whole();
}

}  // namespace course

#endif  // COURSE_TESTING_JSON_H_
