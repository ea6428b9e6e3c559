#include "common/testing/json_schema.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace course {
namespace {

std::string WhatBreaks(const std::string& schema, const std::string& value) {
  return JsonSchema(schema).WhatBreaks(ParseJson(value));
}

TEST(JsonSchema, Types) {
  EXPECT_EQ(WhatBreaks(R"({"type": "integer"})", "5"), "");
  EXPECT_EQ(WhatBreaks(R"({"type": "integer"})", "5.0"), "");
  EXPECT_EQ(WhatBreaks(R"({"type": "integer"})", "5.5"),
            "the whole breaks type");
  EXPECT_EQ(WhatBreaks(R"({"type": "number"})", "5.5"), "");
  EXPECT_EQ(WhatBreaks(R"({"type": "boolean"})", "true"), "");
  EXPECT_EQ(WhatBreaks(R"({"type": "null"})", "null"), "");
  for (const char* const type :
       {"integer", "number", "boolean", "null", "object", "array"}) {
    EXPECT_NE(
        WhatBreaks(std::string(R"({"type": ")") + type + "\"}", "\"text\""), "")
        << type;
  }
  EXPECT_NE(WhatBreaks(R"({"type": "string"})", "1"), "");
}

TEST(JsonSchema, Bounds) {
  EXPECT_EQ(WhatBreaks(R"({"minimum": 0, "maximum": 1})", "0"), "");
  EXPECT_EQ(WhatBreaks(R"({"minimum": 0, "maximum": 1})", "1"), "");
  EXPECT_NE(WhatBreaks(R"({"minimum": 0})", "-1"), "");
  EXPECT_NE(WhatBreaks(R"({"maximum": 18446744073709551614})",
                       "18446744073709551615"),
            "");
  EXPECT_NE(WhatBreaks(R"({"minItems": 2})", "[1]"), "");
  EXPECT_NE(WhatBreaks(R"({"maxItems": 1})", "[1, 2]"), "");
}

TEST(JsonSchema, EnumAndConst) {
  EXPECT_EQ(WhatBreaks(R"({"enum": ["a", 1]})", "1.0"), "");
  EXPECT_NE(WhatBreaks(R"({"enum": ["a", 1]})", "\"b\""), "");
  EXPECT_EQ(WhatBreaks(R"({"const": {"a": [1]}})", R"({"a": [1]})"), "");
  EXPECT_NE(WhatBreaks(R"({"const": {"a": [1]}})", R"({"a": [2]})"), "");
}

TEST(JsonSchema, Objects) {
  const std::string schema = R"({
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": false})";
  EXPECT_EQ(WhatBreaks(schema, R"({"a": 1})"), "");
  EXPECT_EQ(WhatBreaks(schema, "{}"), "the whole has no a");
  EXPECT_EQ(WhatBreaks(schema, R"({"a": "1"})"), "the whole/a breaks type");
  EXPECT_EQ(WhatBreaks(schema, R"({"a": 1, "b": 1})"),
            "the whole/b must not be there");
  EXPECT_EQ(WhatBreaks(R"({"additionalProperties": {"type": "null"}})",
                       R"({"a": 1})"),
            "the whole/a breaks type");
}

TEST(JsonSchema, ListsAndReferences) {
  const std::string schema = R"({
    "type": "array",
    "items": {"$ref": "#/$defs/pair"},
    "$defs": {"pair": {"required": ["left"],
                       "properties": {"left": {"$ref": "#/$defs/count"}}},
              "count": {"minimum": 0}}})";
  EXPECT_EQ(WhatBreaks(schema, R"([{"left": 1}, {"left": 2}])"), "");
  EXPECT_EQ(WhatBreaks(schema, R"([{"left": 1}, {"left": -2}])"),
            "the whole/1/left breaks minimum");
  EXPECT_EQ(WhatBreaks(schema, R"([{"left": 1}, {}])"),
            "the whole/1 has no left");
}

// Also where no value leads.
TEST(JsonSchema, WhatItDoesNotKnowIsAnError) {
  for (const char* const schema : {
           R"({"pattern": "a"})",
           R"({"items": {"multipleOf": 2}})",
           R"({"properties": {"a": {"format": "uri"}}})",
           R"({"$defs": {"a": {"exclusiveMinimum": 0}}})",
           R"({"additionalProperties": {"oneOf": []}})",
           R"({"type": "int"})",
           R"({"type": ["null", "number"]})",
           R"({"$ref": "#/$defs/missing"})",
           R"({"$ref": "https://example.org/a"})",
           R"({"required": "a"})",
           R"({"minimum": "0"})",
           R"({"properties": []})",
           R"({"items": 1})",
           "5",
       }) {
    EXPECT_THROW(JsonSchema{schema}, std::runtime_error) << schema;
  }
}

}  // namespace
}  // namespace course
