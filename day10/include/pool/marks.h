// Marks: ▒, what the checks (checks.h) fill memory with that is nobody's, and
// how they see that nobody wrote there.
//
// Functions of memory alone. Owner: none; no locks.
#ifndef POOL_MARKS_H_
#define POOL_MARKS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pool {

// ▒: no address begins like that, and no text has it.
inline constexpr unsigned char kMark = 0xDF;
inline constexpr uint64_t kMarks = 0xDFDFDFDFDFDFDFDF;
inline constexpr size_t kWord = sizeof(uint64_t);

inline uint64_t Load(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, kWord);
  return word;
}

inline void Store(char* at, uint64_t word) { std::memcpy(at, &word, kWord); }

//! [Marks]
// Objects are whole words. Two words at a time, as one register of every CPU
// that we know, from the start on; and always in the same pieces: to load from
// a place where two others were just stored, the CPU waits for both. (memset
// and memcmp, for some dozen bytes, took half as long again; so the compiler
// must not see that this is memset.)
typedef uint64_t Pair __attribute__((vector_size(2 * kWord)));

inline void Hide(const char*& place) { asm("" : "+r"(place)); }

// The first of these words may begin before `from`, the last ends at `end`.
inline void MarkLong(char* start, const char* from, char* end) {
  const Pair marks = {kMarks, kMarks};
  const char* last = end - sizeof(Pair);
  for (; start < from && start <= last; start += sizeof(Pair)) {
    std::memcpy(start, &marks, sizeof(Pair));
    Hide(last);
  }
  if (start < from && start < end) Store(start, kMarks);
}

inline bool IsLongMarked(const char* start, const char* end) {
  const Pair marks = {kMarks, kMarks};
  Pair differences = {0, 0};
  Pair pair;
  for (; start + sizeof(Pair) <= end; start += sizeof(Pair)) {
    std::memcpy(&pair, start, sizeof(Pair));
    differences |= pair ^ marks;
  }
  uint64_t others = differences[0] | differences[1];
  if (start < end) others |= Load(start) ^ kMarks;
  return others == 0;
}

// Most objects are short. For those there are always as many pieces, of which
// the last ones may be the same: the CPU cannot foresee how often a loop will
// run, and each wrong guess costs it more than eight pieces do.
inline constexpr size_t kPieces = 8;
inline constexpr size_t kMostShort = kPieces * sizeof(Pair);

inline bool IsShort(const char* start, const char* end) {
  return static_cast<size_t>(end - start) - sizeof(Pair) <=
         kMostShort - sizeof(Pair);
}

inline size_t Piece(size_t i, const char* start, const char* end) {
  return std::min(i * sizeof(Pair),
                  static_cast<size_t>(end - start) - sizeof(Pair));
}

inline bool IsLongSlackMarked(const char* from, const char* end) {
  while (from < end && reinterpret_cast<uintptr_t>(from) % kWord != 0) {
    if (static_cast<unsigned char>(*from++) != kMark) return false;
  }
  uint64_t differences = 0;
  for (; from < end; from += kWord) differences |= Load(from) ^ kMarks;
  return differences == 0;
}

// At least from `start` to `from`.
inline void Mark(char* start, const char* from, char* end) {
  if (IsShort(start, end)) {
    const Pair marks = {kMarks, kMarks};
#pragma GCC unroll 8
    for (size_t i = 0; i < kPieces; ++i) {
      std::memcpy(start + Piece(i, start, end), &marks, sizeof(Pair));
    }
    return;
  }
  MarkLong(start, from, end);
}

inline bool IsMarked(const char* start, const char* end) {
  if (!IsShort(start, end)) return IsLongMarked(start, end);
  const Pair marks = {kMarks, kMarks};
  Pair differences = {0, 0};
#pragma GCC unroll 8
  for (size_t i = 0; i < kPieces; ++i) {
    Pair pair;
    std::memcpy(&pair, start + Piece(i, start, end), sizeof(Pair));
    differences |= pair ^ marks;
  }
  return (differences[0] | differences[1]) == 0;
}

// Of a word, only its last bytes in memory, so many of them (at most 8): those
// of the higher places, as the CPU is a little-endian one.
inline uint64_t LastBytes(uint64_t word, size_t count) {
  return count == 0 ? 0 : word >> 8 * (kWord - count);
}

// The slack of a block. It has up to 15 bytes, if the block is small: parts of
// the last two words. Which, a jump would guess wrong every other time.
inline bool IsSlackMarked(const char* start, const char* from,
                          const char* end) {
  const size_t slack = static_cast<size_t>(end - from);
  if (slack >= 2 * kWord || end == start) return IsLongSlackMarked(from, end);
  const size_t last = std::min(slack, kWord);
  const char* before = std::max(end - 2 * kWord, start);
  return (LastBytes(Load(end - kWord) ^ kMarks, last) |
          LastBytes(Load(before) ^ kMarks, slack - last)) == 0;
}

inline void MarkSlack(const char* start, char* from, const char* end) {
  const size_t part = static_cast<size_t>(from - start) % kWord;
  if (from >= end) return;
  const uint64_t kept = (uint64_t{1} << 8 * part) - 1;
  Store(from - part, (Load(from - part) & kept) | (kMarks & ~kept));
  for (char* at = from - part + kWord; at < end; at += kWord) Store(at, kMarks);
}
//! [Marks]

inline size_t FirstUnmarked(const char* start, const char* end) {
  const char* at = start;
  while (at < end && static_cast<unsigned char>(*at) == kMark) ++at;
  return static_cast<size_t>(at - start);
}

}  // namespace pool

#endif  // POOL_MARKS_H_
