#include <algorithm>
#include <cstdint>

#include "pool/heap_map_svg.h"

namespace pool {
namespace {

using Measures = HeapMapMeasures;

// More bars than this make a file that viewers are slow to draw.
constexpr size_t kMostBars = 1500;

constexpr size_t kRowBytes = Measures::kColumns * kPageSize;
constexpr size_t kGap = 18;         // height of a break between rows
constexpr size_t kSeparation = 8;   // between bars, in tenths of pixels
constexpr size_t kLeastMark = 12;   // width of a tail, in tenths of pixels
constexpr size_t kLowestMark = 40;  // and its height
constexpr size_t kTopOfText = 17;   // from the top of a bar to its text's line

// Where the spans are in the picture. After a gap in the addresses, and when a
// row is full, the next one begins.
class Layout {
 public:
  explicit Layout(size_t top) : top_(top), bottom_(top) {}

  // The span is the next one. Returns the bytes of the gap before it.
  size_t Begin(const HeapMapSpan& span) {
    const bool is_first = bottom_ == top_;
    const size_t gap = is_first ? 0 : (span.first - end_).bytes();
    if (gap > 0) bottom_ += kGap;
    if (is_first || gap > 0) NextRow();
    end_ = span.End();
    return gap;
  }

  // Room for the next bytes of the span: up to so many, as the row has.
  size_t Take(size_t bytes) {
    if (used_ == kRowBytes) NextRow();
    const size_t taken = std::min(bytes, kRowBytes - used_);
    used_ += taken;
    return taken;
  }

  size_t used() const { return used_; }  // bytes of this row
  size_t bottom() const { return bottom_; }
  size_t row() const { return bottom_ - Measures::kPitch; }

 private:
  void NextRow() {
    bottom_ += Measures::kPitch;
    used_ = 0;
  }

  size_t top_;
  size_t bottom_;
  size_t used_ = 0;
  PageId end_;
};

// In tenths of pixels.
size_t WidthOf(size_t bytes) {
  return bytes * (Measures::kColumn * 10) / kPageSize;
}

// The part of a span that is in one row.
struct Piece {
  size_t from;  // offsets in the span, in bytes
  size_t to;
  size_t left;  // of the offset `from`, in tenths of pixels
  size_t top;   // of the row, in pixels
  bool is_last;

  // The end of a bar is cut off: where the next one begins, is seen.
  size_t Right() const {
    return left + WidthOf(to - from) - (is_last ? kSeparation : 0);
  }
  // Where an offset is. Those outside are at the ends.
  size_t XOf(size_t offset) const {
    return std::min(left + WidthOf(std::clamp(offset, from, to) - from),
                    Right());
  }
};

// What is between two offsets of the span. The height is in tenths of pixels,
// up from the bottom of the row.
void DrawPart(const Piece& piece, const char* kind, size_t from, size_t to,
              size_t height, Output& output) {
  const size_t left = piece.XOf(from);
  const size_t right = piece.XOf(to);
  if (left == right || height == 0) return;
  DrawBox(kind, left, (piece.top + Measures::kBar) * 10 - height, right - left,
          height, output);
}

// How high the bar is filled. What is neither nothing nor all is seen as such.
size_t FillOf(const HeapMapSpan& span) {
  constexpr size_t kFull = Measures::kBar * 10;
  if (span.allocated == 0 || span.allocated == span.carved) {
    return span.allocated == 0 ? 0 : kFull;
  }
  return std::clamp(span.allocated * kFull / span.carved, size_t{10},
                    kFull - 10);
}

// The last bytes of the span. Those that are too few to be seen make a mark
// that is broader and less high, but not lower than can be seen.
void DrawTail(size_t tail, const Piece& piece, Output& output) {
  constexpr size_t kFull = Measures::kBar * 10;
  if (!piece.is_last || tail == 0) return;
  const size_t width = std::max(WidthOf(tail), kLeastMark);
  const size_t left =
      std::max(piece.Right() - std::min(width, piece.Right()), piece.left);
  const size_t height = std::max(kFull * WidthOf(tail) / width, kLowestMark);
  DrawBox("tail", left, (piece.top + Measures::kBar) * 10 - height,
          piece.Right() - left, height, output);
}

//! [DrawObjects]
// From left to right: what was carved, what was not, the tail. All that was
// carved is filled as high as its part that is out: so the coloured area is to
// scale, too.
void DrawObjects(const HeapMapSpan& span, const Piece& piece, Output& output) {
  constexpr size_t kFull = Measures::kBar * 10;
  const size_t carved = span.carved * span.size;
  const size_t end = span.capacity * span.size;
  DrawPart(piece, "back", 0, carved, kFull, output);
  DrawPart(piece, "out", 0, carved, FillOf(span), output);
  DrawPart(piece, "uncarved", carved, end, kFull, output);
  DrawTail(span.bytes() - end, piece, output);
}
//! [DrawObjects]

void DrawPiece(const HeapMapSpan& span, const Piece& piece, Output& output) {
  constexpr size_t kFull = Measures::kBar * 10;
  switch (span.kind) {
    case HeapMapSpan::Kind::kObjects:
      DrawObjects(span, piece, output);
      break;
    case HeapMapSpan::Kind::kLarge:
      DrawPart(piece, "large", 0, span.bytes(), kFull, output);
      break;
    case HeapMapSpan::Kind::kFree:
      DrawPart(piece, "free", 0, span.bytes(), kFull, output);
      break;
    case HeapMapSpan::Kind::kReturned:
      DrawPart(piece, "returned", 0, span.bytes(), kFull, output);
      break;
  }
}

void WriteCounts(const HeapMapSpan& span, Output& output) {
  output << " of " << ShortText::Bytes(span.size).text()
         << " objects: " << span.allocated << " out, "
         << span.carved - span.allocated << " came back, "
         << span.capacity - span.carved << " never handed out; tail "
         << ShortText::Bytes(span.Parts().tails).text();
}

void WriteTip(const HeapMapSpan& span, Output& output) {
  static constexpr const char* kKinds[] = {"", " of a large block", ", free",
                                           ", returned"};
  output << "<title>" << span.first.Start() << ": "
         << ShortText::Bytes(span.bytes()).text()
         << kKinds[static_cast<size_t>(span.kind)];
  if (span.kind == HeapMapSpan::Kind::kObjects) WriteCounts(span, output);
  output << "</title>";
}

// What the bar says of itself, if it is wide enough.
void DrawText(const HeapMapSpan& span, const Piece& piece, Output& output) {
  static constexpr const char* kKinds[] = {"", "large ", "free ", "returned "};
  constexpr size_t kLetter = 62;  // its mean width, in tenths of pixels
  const char* kind = kKinds[static_cast<size_t>(span.kind)];
  const bool has_objects = span.kind == HeapMapSpan::Kind::kObjects;
  const ShortText bytes =
      ShortText::Bytes(has_objects ? span.size : span.bytes());
  size_t letters = 0;
  for (const char* text : {kind, bytes.text()}) {
    while (*text++ != '\0') ++letters;
  }
  if (piece.Right() - piece.left < letters * kLetter) return;
  output << "<text class=\""
         << (span.kind == HeapMapSpan::Kind::kLarge ? "light" : "name")
         << "\" x=\"";
  output.Fixed((piece.left + piece.Right()) / 2, 1)
      << "\" y=\"" << piece.top + kTopOfText << "\">" << kind << bytes.text()
      << "</text>";
}

void DrawSpan(const HeapMapSpan& span, Layout& layout, Output& output) {
  output << "<g class=\"span\"";
  WriteColor(ColorOfSize(span.size), output);
  output << '>';
  WriteTip(span, output);
  bool has_text = false;
  for (size_t from = 0; from < span.bytes();) {
    const size_t taken = layout.Take(span.bytes() - from);
    const size_t left = Measures::kLeft * 10 + WidthOf(layout.used() - taken);
    const Piece piece = {from, from + taken, left, layout.row(),
                         from + taken == span.bytes()};
    if (layout.used() == taken) {
      DrawAddress(span.first + PagesFor(from), piece.top, output);
    }
    DrawPiece(span, piece, output);
    // Once for each span, where most of it is.
    if (!has_text &&
        (taken >= (span.bytes() - from + 1) / 2 || taken == kRowBytes)) {
      DrawText(span, piece, output);
      has_text = true;
    }
    from += taken;
  }
  output << "</g>\n";
}

void DrawGap(size_t bytes, size_t row, Output& output) {
  const size_t y = row - kGap / 2 - (Measures::kPitch - Measures::kBar) / 2;
  output << "<path class=\"gap\" d=\"M" << Measures::kLeft << ' ' << y << 'h'
         << Measures::kRowWidth << "\"/><text class=\"soft halo\" x=\""
         << Measures::kLeft + Measures::kRowWidth / 2 << "\" y=\"" << y + 4
         << "\">gap of " << ShortText::Bytes(bytes).text()
         << " in the addresses</text>\n";
}

}  // namespace

bool FitsBars(const HeapMapSpans& spans) {
  return spans.size() <= kMostBars &&
         HeightOfBars(spans) <= Measures::kMostRows;
}

size_t HeightOfBars(const HeapMapSpans& spans) {
  Layout layout(0);
  for (const HeapMapSpan& span : spans) {
    layout.Begin(span);
    for (size_t from = 0; from < span.bytes();) {
      from += layout.Take(span.bytes() - from);
    }
  }
  return Measures::kAxis + layout.bottom();
}

void DrawBars(const HeapMapSpans& spans, size_t top, Output& output) {
  DrawAxis(kRowBytes, top + Measures::kAxis, output);
  Layout layout(top + Measures::kAxis);
  for (const HeapMapSpan& span : spans) {
    const size_t gap = layout.Begin(span);
    if (gap > 0) DrawGap(gap, layout.row(), output);
    DrawSpan(span, layout, output);
  }
}

}  // namespace pool
