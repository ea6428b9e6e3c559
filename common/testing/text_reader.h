// TextReader: a text read from left to right by a strict parser, which throws
// at the first thing that is wrong and says where.
#ifndef COURSE_TESTING_TEXT_READER_H_
#define COURSE_TESTING_TEXT_READER_H_

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace course {

// Is it UTF-8: no byte out of place, nothing longer than it need be, and no
// half of a surrogate pair?
inline bool IsUtf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) continue;
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4) return false;
    char32_t code = lead & (0x3fU >> more);
    for (int k = 0; k < more; ++k, ++i) {
      if (i == text.size()) return false;
      const auto next = static_cast<unsigned char>(text[i]);
      if ((next & 0xc0) != 0x80) return false;
      code = code << 6 | (next & 0x3f);
    }
    constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (code < kLeast[more] || code > 0x10ffff) return false;
    if (code >= 0xd800 && code <= 0xdfff) return false;
  }
  return true;
}

// Appends a character. REQUIRES: it is one.
inline void AppendUtf8(char32_t code, std::string& text) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

class TextReader {
 public:
  // A nesting that is deeper is nobody's intent.
  static constexpr size_t kDeepest = 100;

  explicit TextReader(std::string_view text) : text_(text) {
    if (!IsUtf8(text)) Fail("not UTF-8");
  }

  bool AtEnd() const { return next_ == text_.size(); }
  // The character that comes; 0 at the end.
  char Peek() const { return AtEnd() ? '\0' : text_[next_]; }
  bool Sees(std::string_view word) const {
    return text_.substr(next_, word.size()) == word;
  }
  // Is one of these what comes?
  bool SeesOneOf(std::string_view set) const {
    return !AtEnd() && set.find(Peek()) != set.npos;
  }

  char Take() {
    if (AtEnd()) Fail("it ends too early");
    return text_[next_++];
  }
  bool TakeIf(std::string_view word) {
    if (!Sees(word)) return false;
    next_ += word.size();
    return true;
  }
  void Expect(std::string_view word) {
    if (!TakeIf(word)) Fail("expected " + std::string(word));
  }
  std::string_view TakeWhile(std::string_view set) {
    const size_t begin = next_;
    while (SeesOneOf(set)) ++next_;
    return text_.substr(begin, next_ - begin);
  }

  [[noreturn]] void Fail(const std::string& what) const {
    const std::string_view before = text_.substr(0, next_);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    throw std::runtime_error("line " + std::to_string(line) + ": " + what);
  }

 private:
  const std::string_view text_;
  size_t next_ = 0;
};

}  // namespace course

#endif  // COURSE_TESTING_TEXT_READER_H_
