#include "common/testing/json.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace course {
namespace {

using Kind = JsonValue::Kind;

TEST(Json, EachKindOfValueIsRead) {
  const JsonValue value = ParseJson(
      " {\"none\": null, \"truth\": true, \"lie\": false, \"list\": [1, [], "
      "{}], \"text\": \"a\", \"number\": -1.5e+2}\n");
  ASSERT_TRUE(value.Is(Kind::kObject));
  EXPECT_EQ(value.fields.size(), 6u);
  EXPECT_TRUE(value["none"].Is(Kind::kNull));
  EXPECT_TRUE(value["truth"].boolean);
  EXPECT_TRUE(value["lie"].Is(Kind::kBoolean));
  EXPECT_FALSE(value["lie"].boolean);
  ASSERT_EQ(value["list"].items.size(), 3u);
  EXPECT_TRUE(value["list"].items[1].Is(Kind::kArray));
  EXPECT_TRUE(value["list"].items[2].Is(Kind::kObject));
  EXPECT_EQ(value["text"].text, "a");
  EXPECT_EQ(value["number"].Number(), -150);
  EXPECT_EQ(value.Find("nothing"), nullptr);
  EXPECT_THROW(value["nothing"], std::runtime_error);
}

TEST(Json, NumbersOf64BitsAreExact) {
  EXPECT_EQ(ParseJson("18446744073709551615").Unsigned(), UINT64_MAX);
  EXPECT_EQ(ParseJson("-9223372036854775808").Signed(), INT64_MIN);
  EXPECT_EQ(ParseJson("0").Unsigned(), 0u);
  EXPECT_THROW(ParseJson("18446744073709551616").Unsigned(),
               std::runtime_error);
  EXPECT_THROW(ParseJson("9223372036854775808").Signed(), std::runtime_error);
  EXPECT_THROW(ParseJson("-1").Unsigned(), std::runtime_error);
  EXPECT_THROW(ParseJson("1.0").Unsigned(), std::runtime_error);
  EXPECT_THROW(ParseJson("\"1\"").Unsigned(), std::runtime_error);
}

TEST(Json, EscapesAreRead) {
  EXPECT_EQ(ParseJson(R"("\"\\\/\b\f\n\r\t")").text, "\"\\/\b\f\n\r\t");
  EXPECT_EQ(ParseJson(R"("A\u00e9\u20ac\ud83d\ude00")").text,
            "A\u00e9\u20ac\U0001f600");
  EXPECT_EQ(ParseJson("\"\u20ac\"").text, "\u20ac");
}

void ExpectRefused(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    EXPECT_THROW(ParseJson(text), std::runtime_error) << text;
  }
}

TEST(Json, AStructureThatIsWrongIsRefused) {
  ExpectRefused({"",
                 " ",
                 "nul",
                 "True",
                 "1 2",
                 "[1,]",
                 "[,1]",
                 "[1 2]",
                 "[1",
                 "{",
                 "{\"a\": 1,}",
                 "{\"a\" 1}",
                 "{a: 1}",
                 "{'a': 1}",
                 "{\"a\": }",
                 "{\"a\": 1, \"a\": 2}",
                 "{1: 2}",
                 "// no\n1",
                 "1 // no",
                 "\xef\xbb\xbf"
                 "1",
                 std::string("1\0", 2)});
}

TEST(Json, ANumberThatIsWrongIsRefused) {
  ExpectRefused({"01", "-01", "+1", ".5", "1.", "1.e1", "1e", "1e+", "-", "NaN",
                 "Infinity", "0x10", "1_000"});
}

TEST(Json, AStringThatIsWrongIsRefused) {
  ExpectRefused({"\"a", "\"\n\"", "\"\t\"", "\"\\x\"", "\"\\u12\"",
                 "\"\\u12g4\"", "\"\\ud800\"", "\"\\udc00\"",
                 "\"\\ud800\\u0041\"", "\"\\", std::string("\"\0\"", 3)});
}

TEST(Json, WhatIsNotUtf8IsRefused) {
  ExpectRefused({"\"\xff\"", "\"\x80\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"",
                 "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\"\xe2\x82"});
}

TEST(Json, ThereIsABottom) {
  EXPECT_NO_THROW(ParseJson(std::string(90, '[') + std::string(90, ']')));
  EXPECT_THROW(ParseJson(std::string(100000, '[')), std::runtime_error);
}

TEST(Json, TheLineIsNamed) {
  try {
    ParseJson("{\n\"a\": 1,\n\"b\": x}");
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(std::string(error.what()), "line 3: expected false");
  }
}

}  // namespace
}  // namespace course
