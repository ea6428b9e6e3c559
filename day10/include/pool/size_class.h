// SizeClass: the 208 sizes that small blocks come in.
//
//   requests of (bytes)    in steps of    classes     index
//          1 …     128               8         16     0 …  15
//        129 …   1,024              16         56    16 …  71
//      1,025 …   8,192             128         56    72 … 127
//      8,193 …  65,536           1,024         56   128 … 183
//     65,537 … 262,144           8,192         24   184 … 207
//
// A step is at most an eighth of the sizes that it rounds (from 129 bytes on),
// so that a block wastes at most a ninth of itself.
//
// Everything here is constexpr and has no state.
#ifndef POOL_SIZE_CLASS_H_
#define POOL_SIZE_CLASS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "pool/bytes.h"
#include "pool/macros.h"

namespace pool {

// Which of the 208 classes. It serves as an array's index, but bytes are not
// taken for a class by mistake.
class ClassIndex {
 public:
  explicit constexpr ClassIndex(size_t value) : value_(value) {}
  constexpr operator size_t() const { return value_; }

 private:
  size_t value_;
};

class SizeClass {
 public:
  static constexpr size_t kCount = 208;
  static constexpr size_t kLargestSize = 256 * 1024;

  // The class of the smallest size that holds `bytes`.
  // REQUIRES: 1 <= bytes <= kLargestSize.
  static constexpr ClassIndex Index(size_t bytes);

  // The bytes of a block of this class.
  static constexpr size_t Size(ClassIndex index);

  // The class that a caller's request is served from. REQUIRES: at most
  // kLargestRequest. A type of 16 bytes or more may hold a long double or an
  // SSE register, which need an address that is a multiple of 16. Blocks stand
  // side by side, so all of them are aligned only if their size is such a
  // multiple, too: the classes of 24, 40, … 120 bytes are skipped. Up to 8
  // bytes, no type needs more than 8.
  static constexpr ClassIndex ForRequest(size_t bytes);

  // Behind each block, and not its owner's: room for a word (checks.h). And the
  // largest request that a class has room for. In bytes.
  static constexpr size_t kBehind = kChecks ? 8 : 0;
  static constexpr size_t kLargestRequest = kLargestSize - kBehind;

  // The same as a tag: the class's index + 1, so that 0 means no class. A look
  // at a table, at a small one for nearly all requests. 0 bytes count as 1.
  // REQUIRES: bytes <= kLargestRequest, and <= kLastFine.
  static size_t TagForRequest(size_t bytes);
  static size_t FineTagForRequest(size_t bytes);
  static constexpr size_t kLastFine = 1024;

  static constexpr size_t kTags = kCount + 1;
  static constexpr uint8_t TagOf(ClassIndex index) {
    return static_cast<uint8_t>(index + 1);
  }
  static constexpr ClassIndex ClassOf(size_t tag) {
    return ClassIndex(tag - 1);
  }

  // How many objects of `size` bytes a span is cut for, four times over: many
  // small ones, few large ones. (How many move between two layers at a time, a
  // magazine says: magazine.h.)
  static constexpr size_t NumMoveSize(size_t size) {
    return size <= 32 ? 128 : size <= 1024 ? 16 : 4;
  }

  // How many pages a span of this class has. Enough for four times
  // NumMoveSize, so that the page heap is rarely asked, but for their sake no
  // more than 64 KiB; in any case enough for one object. Then as many more as
  // it takes to lose less than an eighth of them behind the last object.
  static constexpr PageCount SpanPages(ClassIndex index);

  // How blocks of `size` bytes, side by side, can be aligned.
  static constexpr size_t Alignment(size_t size) {
    return size % 16 == 0 ? 16 : 8;
  }

 private:
  // A row of the table above.
  struct Band {
    size_t below;        // its sizes are larger than this, in bytes
    size_t last;         // its largest size, in bytes
    size_t shift;        // its step is 1 << shift bytes
    size_t first_index;  // of its first class
  };
  static constexpr Band kBands[] = {
      {0, 128, 3, 0},
      {128, 1024, 4, 16},
      {1024, 8192, 7, 72},
      {8192, 65536, 10, 128},
      {65536, kLargestSize, 13, 184},
  };
};

//! [SizeClass::Index]
constexpr ClassIndex SizeClass::Index(size_t bytes) {
  // Nearly all requests are small: for those a shift, and no look at the table.
  // One expression for two bands becomes a choice without a jump. With a shift
  // for the first band only, pairs above 128 bytes took a fifth longer.
  const size_t last = bytes - 1;
  if (bytes <= 1024) {
    return ClassIndex(bytes <= 128 ? last >> 3 : 8 + (last >> 4));
  }
  const Band* band = kBands + 2;
  while (bytes > band->last) ++band;
  const size_t steps = (bytes - band->below - 1) >> band->shift;
  return ClassIndex(band->first_index + steps);
}
//! [SizeClass::Index]

//! [SizeClass::Size]
constexpr size_t SizeClass::Size(ClassIndex index) {
  const Band* band = kBands;
  while (Index(band->last) < index) ++band;
  return band->below + ((index - band->first_index + 1) << band->shift);
}
//! [SizeClass::Size]

//! [SizeClass::ForRequest]
constexpr ClassIndex SizeClass::ForRequest(size_t bytes) {
  bytes += kBehind;
  if (bytes <= 8) return ClassIndex(0);
  return Index(RoundUp(bytes, 16));
}
//! [SizeClass::ForRequest]

//! [SizeClass::TagForRequest]
namespace size_tables {
// An entry for each multiple of `kStep` up to `kLast`, kBehind included.
template <size_t kStep, size_t kLast>
constexpr auto MakeTags() {
  std::array<uint8_t, kLast / kStep + 1> tags = {};
  for (size_t i = 0; i < tags.size(); ++i) {
    const size_t bytes = std::max(i * kStep, SizeClass::kBehind);
    tags[i] =
        SizeClass::TagOf(SizeClass::ForRequest(bytes - SizeClass::kBehind));
  }
  return tags;
}
inline constexpr size_t kFine = 8;
inline constexpr size_t kCoarse = 128;
inline constexpr auto kFineTags =
    MakeTags<kFine, SizeClass::kLastFine + SizeClass::kBehind>();
inline constexpr auto kCoarseTags =
    MakeTags<kCoarse, SizeClass::kLargestSize>();
}  // namespace size_tables

inline size_t SizeClass::FineTagForRequest(size_t bytes) {
  using namespace size_tables;
  return kFineTags[(bytes + kBehind + kFine - 1) / kFine];
}

inline size_t SizeClass::TagForRequest(size_t bytes) {
  using namespace size_tables;
  if (bytes <= kLastFine) return FineTagForRequest(bytes);
  return kCoarseTags[(bytes + kBehind + kCoarse - 1) / kCoarse];
}
//! [SizeClass::TagForRequest]

//! [SizeClass::SpanPages]
constexpr PageCount SizeClass::SpanPages(ClassIndex index) {
  constexpr size_t kMostForBatches = 64 * 1024;
  const size_t size = Size(index);
  const size_t batches =
      std::min(4 * NumMoveSize(size) * size, kMostForBatches);
  PageCount pages = PagesFor(std::max(size, batches));
  while (pages.bytes() % size >= pages.bytes() / 8)
    pages = pages + PageCount(1);
  return pages;
}
//! [SizeClass::SpanPages]

}  // namespace pool

#endif  // POOL_SIZE_CLASS_H_
