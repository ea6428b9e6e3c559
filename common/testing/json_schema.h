// Does a value keep to a JSON Schema (draft 2020-12)? Of the schema's keywords
// these are known; one that is not known is an error, for nobody would check
// it: $schema, $id, $comment, title, description, $defs, $ref within the
// schema, type, enum, const, properties, required, additionalProperties, items,
// minItems, maxItems, minimum, maximum.
#ifndef COURSE_TESTING_JSON_SCHEMA_H_
#define COURSE_TESTING_JSON_SCHEMA_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include "common/testing/json.h"

namespace course {

inline bool operator==(const JsonValue& a, const JsonValue& b) {
  if (a.kind != b.kind) return false;
  if (a.Is(JsonValue::Kind::kNumber)) return a.Number() == b.Number();
  if (a.fields.size() != b.fields.size()) return false;
  for (const auto& [name, value] : a.fields) {
    const JsonValue* other = b.Find(name);
    if (other == nullptr || !(value == *other)) return false;
  }
  return a.boolean == b.boolean && a.text == b.text && a.items == b.items;
}

class JsonSchema {
 public:
  // Throws if it is no schema, or has a keyword that is not known.
  explicit JsonSchema(std::string_view text) : root_(ParseJson(text)) {
    CheckSchema(root_, "#");
  }

  // The first thing in which the value does not keep to the schema, and where;
  // empty, if it does in all.
  std::string WhatBreaks(const JsonValue& value) const {
    return Check(root_, value, "the whole");
  }

 private:
  using Kind = JsonValue::Kind;

  static bool IsOneOf(std::string_view word, std::string_view words) {
    return words.find(" " + std::string(word) + " ") != words.npos;
  }

  void CheckSchema(const JsonValue& schema, const std::string& where) const {
    if (schema.Is(Kind::kBoolean)) return;
    if (!schema.Is(Kind::kObject)) throw std::runtime_error(where + ": none");
    for (const auto& [keyword, value] : schema.fields) {
      const std::string inside = where + "/" + keyword;
      if (keyword == "$defs" || keyword == "properties") {
        if (!value.Is(Kind::kObject)) throw std::runtime_error(inside);
        for (const auto& [name, part] : value.fields) {
          CheckSchema(part, inside + "/" + name);
        }
      } else if (keyword == "items" || keyword == "additionalProperties") {
        CheckSchema(value, inside);
      } else {
        CheckKeyword(keyword, value, inside);
      }
    }
  }

  void CheckKeyword(std::string_view keyword, const JsonValue& value,
                    const std::string& where) const {
    bool is_right = true;
    if (keyword == "$ref") {
      Resolve(value);
    } else if (keyword == "type") {
      is_right = IsOneOf(value.text, kTypes);
    } else if (keyword == "required" || keyword == "enum") {
      is_right = value.Is(Kind::kArray);
    } else if (IsOneOf(keyword, " minimum maximum minItems maxItems ")) {
      is_right = value.Is(Kind::kNumber);
    } else {
      is_right = IsOneOf(keyword, kOthers);
    }
    if (!is_right) throw std::runtime_error(where + " is not known");
  }

  const JsonValue& Resolve(const JsonValue& reference) const {
    constexpr std::string_view kStart = "#/$defs/";
    if (reference.text.substr(0, kStart.size()) != kStart) {
      throw std::runtime_error("a reference elsewhere: " + reference.text);
    }
    return root_["$defs"][reference.text.substr(kStart.size())];
  }

  std::string Check(const JsonValue& schema, const JsonValue& value,
                    const std::string& where) const {
    if (schema.Is(Kind::kBoolean)) {
      return schema.boolean ? "" : where + " must not be there";
    }
    for (const auto& [keyword, rule] : schema.fields) {
      std::string wrong;
      if (keyword == "$ref") {
        wrong = Check(Resolve(rule), value, where);
      } else if (value.Is(Kind::kObject)) {
        wrong = CheckObject(schema, keyword, rule, value, where);
      } else if (value.Is(Kind::kArray)) {
        wrong = CheckArray(keyword, rule, value, where);
      }
      if (wrong.empty()) wrong = CheckAny(keyword, rule, value, where);
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

  std::string CheckObject(const JsonValue& schema, std::string_view keyword,
                          const JsonValue& rule, const JsonValue& value,
                          const std::string& where) const {
    std::string wrong;
    if (keyword == "required") {
      for (const JsonValue& name : rule.items) {
        if (value.Find(name.text) == nullptr) {
          return where + " has no " + name.text;
        }
      }
    } else if (keyword == "properties") {
      for (const auto& [name, part] : rule.fields) {
        const JsonValue* field = value.Find(name);
        if (field == nullptr) continue;
        wrong = Check(part, *field, where + "/" + name);
        if (!wrong.empty()) return wrong;
      }
    } else if (keyword == "additionalProperties") {
      const JsonValue* known = schema.Find("properties");
      for (const auto& [name, field] : value.fields) {
        if (known != nullptr && known->Find(name) != nullptr) continue;
        wrong = Check(rule, field, where + "/" + name);
        if (!wrong.empty()) return wrong;
      }
    }
    return "";
  }

  std::string CheckArray(std::string_view keyword, const JsonValue& rule,
                         const JsonValue& value,
                         const std::string& where) const {
    const size_t count = value.items.size();
    if (keyword == "minItems" && count < rule.Number()) {
      return where + " has too few items";
    }
    if (keyword == "maxItems" && count > rule.Number()) {
      return where + " has too many items";
    }
    if (keyword != "items") return "";
    for (size_t i = 0; i < count; ++i) {
      const std::string inside = where + "/" + std::to_string(i);
      std::string wrong = Check(rule, value.items[i], inside);
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

  static std::string CheckAny(std::string_view keyword, const JsonValue& rule,
                              const JsonValue& value,
                              const std::string& where) {
    const bool is_number = value.Is(Kind::kNumber);
    bool is_right = true;
    if (keyword == "type") {
      is_right = HasType(value, rule.text);
    } else if (keyword == "const") {
      is_right = value == rule;
    } else if (keyword == "enum") {
      is_right = std::count(rule.items.begin(), rule.items.end(), value) > 0;
    } else if (keyword == "minimum" && is_number) {
      is_right = value.Number() >= rule.Number();
    } else if (keyword == "maximum" && is_number) {
      is_right = value.Number() <= rule.Number();
    }
    return is_right ? "" : where + " breaks " + std::string(keyword);
  }

  static bool HasType(const JsonValue& value, std::string_view type) {
    switch (value.kind) {
      case Kind::kNull:
        return type == "null";
      case Kind::kBoolean:
        return type == "boolean";
      case Kind::kString:
        return type == "string";
      case Kind::kArray:
        return type == "array";
      case Kind::kObject:
        return type == "object";
      case Kind::kNumber:
        return type == "number" ||
               (type == "integer" &&
                std::floor(value.Number()) == value.Number());
    }
    return false;
  }

  static constexpr std::string_view kTypes =
      " null boolean number integer string array object ";
  static constexpr std::string_view kOthers =
      " $schema $id $comment title description const ";

  const JsonValue root_;
};

}  // namespace course

#endif  // COURSE_TESTING_JSON_SCHEMA_H_
