// XML, read strictly: well-formed elements, attributes, text and comments, and
// at the start a declaration. No document type and no CDATA: we write none.
#ifndef COURSE_TESTING_XML_H_
#define COURSE_TESTING_XML_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "common/testing/text_reader.h"

namespace course {

struct XmlElement {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::vector<XmlElement> children;
  std::string text;  // all that stands between the children

  // Throws if it has no such attribute.
  const std::string& operator[](const std::string& attribute) const {
    const auto found = attributes.find(attribute);
    if (found == attributes.end()) {
      throw std::runtime_error(name + " has no attribute " + attribute);
    }
    return found->second;
  }
  uint64_t Number(const std::string& attribute) const {
    const std::string& digits = (*this)[attribute];
    if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos)
      throw std::runtime_error(attribute + " is no number: " + digits);
    return std::stoull(digits);
  }

  // The children of this name.
  std::vector<XmlElement> All(std::string_view child) const {
    std::vector<XmlElement> found;
    for (const XmlElement& each : children) {
      if (each.name == child) found.push_back(each);
    }
    return found;
  }
  // The only one of this name; throws if there are none or more.
  XmlElement Only(std::string_view child) const {
    std::vector<XmlElement> found = All(child);
    if (found.size() != 1) {
      throw std::runtime_error(name + " has " + std::to_string(found.size()) +
                               " times " + std::string(child));
    }
    return found.front();
  }
};

class XmlParser {
 public:
  explicit XmlParser(std::string_view text) : reader_(text) {
    // These have no place in XML, not even as &#1;.
    for (const char c : text) {
      const auto code = static_cast<unsigned char>(c);
      if (code < 0x20 && c != '\t' && c != '\n' && c != '\r') {
        reader_.Fail("a control character");
      }
    }
  }

  XmlElement Whole() {
    if (reader_.TakeIf("<?xml ")) {
      while (!reader_.TakeIf("?>")) reader_.Take();
    }
    Between();
    if (reader_.Peek() != '<') reader_.Fail("an element is missing");
    XmlElement root = Element(0);
    Between();
    if (!reader_.AtEnd()) reader_.Fail("something comes behind the element");
    return root;
  }

 private:
  bool Space() { return !reader_.TakeWhile(" \t\r\n").empty(); }

  // Comments and space.
  void Between() {
    while (Space() || Comment()) {
    }
  }

  bool Comment() {
    if (!reader_.TakeIf("<!--")) return false;
    while (!reader_.TakeIf("--")) reader_.Take();
    reader_.Expect(">");
    return true;
  }

  std::string Name() {
    static const std::string kLetters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:";
    if (!reader_.SeesOneOf(kLetters)) reader_.Fail("a name is missing");
    return std::string(reader_.TakeWhile(kLetters + "-.0123456789"));
  }

  XmlElement Element(size_t depth) {
    if (depth > TextReader::kDeepest) reader_.Fail("too deep");
    reader_.Expect("<");
    XmlElement element;
    element.name = Name();
    while (Space()) {
      if (!reader_.SeesOneOf("/>")) Attribute(element);
    }
    if (reader_.TakeIf("/>")) return element;
    reader_.Expect(">");
    while (!reader_.TakeIf("</")) Content(depth, element);
    reader_.Expect(element.name);
    Space();
    reader_.Expect(">");
    return element;
  }

  void Content(size_t depth, XmlElement& element) {
    if (Comment()) return;
    if (reader_.Peek() == '<') {
      element.children.push_back(Element(depth + 1));
      return;
    }
    if (reader_.Sees("]]>")) reader_.Fail("]]> in text");
    Character(element.text);
  }

  void Attribute(XmlElement& element) {
    const std::string name = Name();
    Space();
    reader_.Expect("=");
    Space();
    if (!reader_.SeesOneOf("\"'")) reader_.Fail("a quote is missing");
    const std::string quote(1, reader_.Take());
    std::string value;
    while (!reader_.TakeIf(quote)) {
      if (reader_.Peek() == '<') reader_.Fail("< in an attribute");
      Character(value);
    }
    if (!element.attributes.emplace(name, value).second) {
      reader_.Fail("two attributes " + name);
    }
  }

  void Character(std::string& text) {
    const char c = reader_.Take();
    if (c == '&') {
      Entity(text);
    } else {
      text += c;
    }
  }

  void Entity(std::string& text) {
    static const std::map<std::string, char> kEntities = {{"amp;", '&'},
                                                          {"lt;", '<'},
                                                          {"gt;", '>'},
                                                          {"quot;", '"'},
                                                          {"apos;", '\''}};
    for (const auto& [name, meaning] : kEntities) {
      if (reader_.TakeIf(name)) {
        text += meaning;
        return;
      }
    }
    reader_.Expect("#");
    const bool is_hex = reader_.TakeIf("x");
    const std::string digits(
        reader_.TakeWhile(is_hex ? "0123456789abcdefABCDEF" : "0123456789"));
    reader_.Expect(";");
    if (digits.empty() || digits.size() > 7) reader_.Fail("no character");
    const auto code =
        static_cast<char32_t>(std::stoul(digits, nullptr, is_hex ? 16 : 10));
    if (code < 0x20 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      reader_.Fail("no character: " + digits);
    }
    AppendUtf8(code, text);
  }

  TextReader reader_;
};

// Throws std::runtime_error, which names the line, if it is not well-formed.
inline XmlElement ParseXml(std::string_view text) {
  return XmlParser(text).Whole();
}

}  // namespace course

#endif  // COURSE_TESTING_XML_H_
