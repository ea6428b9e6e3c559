// Bytes that tell where they belong. A block full of its key's pattern that
// reads back right was written by nobody else meanwhile.
#ifndef COURSE_TESTING_PATTERN_H_
#define COURSE_TESTING_PATTERN_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace course {

// Each word differs from its neighbours and from the same word under any other
// key, so contents that are shifted or copied from elsewhere show.
inline uint64_t PatternWord(uint64_t key, size_t index) {
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15u;  // 2^64 / golden ratio
  return key ^ ((index + 1) * kOdd);
}

inline void FillPattern(void* start, size_t bytes, uint64_t key) {
  char* next = static_cast<char*>(start);
  const size_t words = bytes / sizeof(uint64_t);
  for (size_t i = 0; i < words; ++i, next += sizeof(uint64_t)) {
    const uint64_t word = PatternWord(key, i);
    std::memcpy(next, &word, sizeof(word));
  }
  const uint64_t last = PatternWord(key, words);
  for (size_t i = 0; i < bytes % sizeof(uint64_t); ++i) {
    next[i] = reinterpret_cast<const char*>(&last)[i];
  }
}

// The offset of the first byte that is not the pattern's; `bytes` if none.
inline size_t FirstDamage(const void* start, size_t bytes, uint64_t key) {
  const char* seen = static_cast<const char*>(start);
  size_t i = 0;
  for (; i + sizeof(uint64_t) <= bytes; i += sizeof(uint64_t)) {
    uint64_t found;
    std::memcpy(&found, seen + i, sizeof(found));
    if (found != PatternWord(key, i / sizeof(uint64_t))) break;
  }
  // What is left begins with the damaged word, or is less than a word.
  const uint64_t word = PatternWord(key, i / sizeof(uint64_t));
  for (size_t k = 0; i < bytes && k < sizeof(word); ++i, ++k) {
    if (seen[i] != reinterpret_cast<const char*>(&word)[k]) return i;
  }
  return bytes;
}

}  // namespace course

#endif  // COURSE_TESTING_PATTERN_H_
