#include "pool/heap_map_svg.h"

#include <algorithm>
#include <cstddef>

#include "pool/size_class.h"

namespace pool {
namespace {

using Measures = HeapMapMeasures;

constexpr const char* kStyle = R"(<style>
.heap-map text { fill: #1f2328; font-size: 12px; font-family:
  system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif }
.heap-map .heading { font-size: 17px; font-weight: 600 }
.heap-map .strong { font-weight: 600 }
.heap-map .entry { font-size: 11px }
.heap-map .soft { font-size: 11px; fill: #59636e }
.heap-map .address { font-size: 11px; fill: #59636e; text-anchor: end;
  font-family: ui-monospace, 'SF Mono', 'DejaVu Sans Mono', monospace }
.heap-map .name, .heap-map .halo { text-anchor: middle; paint-order: stroke;
  stroke: #ffffff; stroke-width: 2.5px; stroke-linejoin: round }
.heap-map .name, .heap-map .light { font-size: 10px }
.heap-map text.light { fill: #ffffff; text-anchor: middle }
.heap-map .halo { stroke-width: 8px }
.heap-map .end { text-anchor: end }
.heap-map .paper { fill: #ffffff }
.heap-map .out { fill: currentColor }
.heap-map .back { fill: currentColor; fill-opacity: .3 }
.heap-map .uncarved { fill: currentColor; fill-opacity: .07;
  stroke: currentColor; stroke-opacity: .6; stroke-width: .6 }
.heap-map .large { fill: #563199 }
.heap-map .tail { fill: #1f2328 }
.heap-map .free { fill: #cbd2d9 }
.heap-map .returned { fill: url(#heap-map-hatch) }
.heap-map .stripe { stroke: #a6afb8; stroke-width: 1.2 }
.heap-map .gap { stroke: #8c959f; stroke-dasharray: 2 4 }
.heap-map .break { fill: none; stroke: #1f2328; stroke-width: 1.5 }
.heap-map .tick { fill: none; stroke: #8c959f }
@media (prefers-color-scheme: dark) {
.heap-map text { fill: #e6edf3 }
.heap-map .soft, .heap-map .address { fill: #9aa4af }
.heap-map .name, .heap-map .halo { stroke: #0d1117 }
.heap-map .paper { fill: #0d1117 }
.heap-map .back { fill-opacity: .38 }
.heap-map .large { fill: #7d5bc8 }
.heap-map .tail { fill: #e6edf3 }
.heap-map .free { fill: #444c56 }
.heap-map .stripe { stroke: #5b6570 }
.heap-map .break { stroke: #e6edf3 }
}
</style>
<defs><pattern id="heap-map-hatch" width="6" height="6"
 patternUnits="userSpaceOnUse"><rect class="paper" width="6" height="6"/>
<path class="stripe" d="M-1.5 1.5l3 -3M0 6l6 -6M4.5 7.5l3 -3"/></pattern></defs>
)";

// Where the parts of the head are, in pixels from the top.
constexpr size_t kHeading = 30;
constexpr size_t kNote = 50;
constexpr size_t kTotalsBar = 62;
constexpr size_t kTotalsHeight = 16;
constexpr size_t kKey = 98;
constexpr size_t kSpace = 16;  // between the parts
constexpr size_t kLine = 18;   // from one line of text to the next
constexpr size_t kEntryWidth = 294;
constexpr size_t kEntriesInLine = 3;
constexpr size_t kMostClasses = 9;  // that the legend names
constexpr size_t kKinds = 7;        // of bytes, that the key explains
constexpr size_t kSampleSize = 64;  // whose colour the samples have

// What the key says of a kind of bytes.
struct KeyEntry {
  const char* kind;
  const char* name;
  size_t bytes;
};

// All bytes of a class.
struct ClassSum {
  size_t size;
  size_t spans;
  size_t bytes;  // of its spans
  size_t room;   // of these, in objects,
  size_t out;    // and in those that are out
};

void DrawText(const char* kind, size_t x, size_t y, const char* text,
              Output& output) {
  output << "<text class=\"" << kind << "\" x=\"" << x << "\" y=\"" << y
         << "\">" << text << "</text>\n";
}

// Begins entry `i` of a list that stands in lines below `top`, with a sample of
// what it is about. Its text follows.
void BeginEntry(size_t i, size_t top, const char* kind, size_t size,
                Output& output) {
  const size_t x = Measures::kMargin + i % kEntriesInLine * kEntryWidth;
  const size_t y = top + i / kEntriesInLine * kLine;
  output << "<g";
  WriteColor(ColorOfSize(size), output);
  output << '>';
  DrawBox(kind, x * 10, (y - 10) * 10, 120, 120, output);
  output << "</g><text class=\"entry\" x=\"" << x + 18 << "\" y=\"" << y
         << "\">";
}

size_t LinesFor(size_t entries) {
  return (entries + kEntriesInLine - 1) / kEntriesInLine;
}

// A bar of the whole width, divided as the heap is, and what its colours mean.
void DrawKey(const HeapMapParts& parts, Output& output) {
  const KeyEntry entries[kKinds] = {
      {"out", "objects out", parts.out},
      {"back", "objects that came back", parts.back},
      {"uncarved", "never handed out", parts.uncarved},
      {"tail", "tails of spans", parts.tails},
      {"large", "large blocks", parts.large},
      {"free", "free pages", parts.free},
      {"returned", "returned pages", parts.returned}};
  constexpr size_t kWidth = (Measures::kWidth - 2 * Measures::kMargin) * 10;
  constexpr size_t kLeft = Measures::kMargin * 10;
  const size_t sum = std::max(parts.Sum(), size_t{1});
  output << "<g";
  WriteColor(ColorOfSize(kSampleSize), output);
  output << ">\n";
  size_t bytes = 0;
  for (const KeyEntry& entry : entries) {
    const size_t from = bytes * kWidth / sum;
    bytes += entry.bytes;
    DrawBox(entry.kind, kLeft + from, kTotalsBar * 10,
            bytes * kWidth / sum - from, kTotalsHeight * 10, output);
  }
  output << "</g>\n";
  for (size_t i = 0; i < kKinds; ++i) {
    BeginEntry(i, kKey, entries[i].kind, kSampleSize, output);
    output << entries[i].name << ": "
           << ShortText::Bytes(entries[i].bytes).text() << ", "
           << ShortText::Percent(entries[i].bytes, sum).text() << "</text>\n";
  }
}

// The last entry of the key: the line in cells where the addresses have a gap.
void DrawKeyOfGaps(Output& output) {
  const size_t x = Measures::kMargin + kKinds % kEntriesInLine * kEntryWidth;
  const size_t y = kKey + kKinds / kEntriesInLine * kLine;
  output << "<path class=\"break\" d=\"M" << x + 6 << ' ' << y - 12
         << "v16\"/>";
  DrawText("entry", x + 18, y, "a gap in the addresses", output);
}

// Sums up each class, the one with most bytes first. Returns how many have any.
size_t SumClasses(const HeapMapSpans& spans, ClassSum* sums) {
  for (const HeapMapSpan& span : spans) {
    if (span.kind != HeapMapSpan::Kind::kObjects) continue;
    ClassSum& sum = sums[SizeClass::Index(span.size)];
    sum.size = span.size;
    sum.spans += 1;
    sum.bytes += span.bytes();
    sum.room += span.capacity * span.size;
    sum.out += span.allocated * span.size;
  }
  ClassSum* const end = sums + SizeClass::kCount;
  std::sort(sums, end, [](const ClassSum& a, const ClassSum& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.size < b.size;
  });
  return static_cast<size_t>(
      std::find_if(sums, end, [](const ClassSum& a) { return a.bytes == 0; }) -
      sums);
}

void DrawClasses(const ClassSum* sums, size_t count, size_t shown, size_t top,
                 Output& output) {
  output << "<text class=\"strong\" x=\"" << Measures::kMargin << "\" y=\""
         << top << "\">Classes with most bytes: " << shown << " of " << count
         << "</text>\n";
  for (size_t i = 0; i < shown; ++i) {
    BeginEntry(i, top + kLine, "out", sums[i].size, output);
    output << ShortText::Bytes(sums[i].size).text() << ": "
           << ShortText::Bytes(sums[i].bytes).text() << " in " << sums[i].spans
           << (sums[i].spans == 1 ? " span, " : " spans, ")
           << ShortText::Percent(sums[i].out, sums[i].room).text()
           << " out</text>\n";
  }
}

// The colours of the classes, from the smallest to the largest.
void DrawScale(Output& output) {
  constexpr size_t kBox = 14;
  const size_t left = Measures::kWidth - Measures::kMargin - 58 - 16 * kBox;
  DrawText("soft end", left - 6, kHeading - 2, "blocks of 8 B", output);
  for (size_t octave = 0; octave < 16; ++octave) {
    output << "<g";
    WriteColor(ColorOfSize(size_t{8} << octave), output);
    output << '>';
    DrawBox("out", (left + octave * kBox) * 10, (kHeading - 11) * 10, kBox * 10,
            110, output);
    output << "</g>\n";
  }
  DrawText("soft", left + 16 * kBox + 6, kHeading - 2, "256 KiB", output);
}

void DrawHeading(const HeapMapSpans& spans, bool has_bars, Output& output) {
  DrawText("heading", Measures::kMargin, kHeading, "Heap map", output);
  output << "<text x=\"" << Measures::kMargin << "\" y=\"" << kNote << "\">"
         << ShortText::Bytes(spans.Totals().Sum()).text() << " in "
         << spans.size() << (spans.size() == 1 ? " span. " : " spans. ");
  if (has_bars) {
    output << "Each bar is a span, and filled as far as its objects are out: "
              "in use, or in a thread's cache.";
  } else {
    output << "Each cell is " << ShortText::Bytes(BytesOfCell(spans)).text()
           << ", divided from the bottom up into what it holds, and coloured "
              "as most of its objects.";
  }
  output << "</text>\n";
}

void BeginPicture(size_t height, Output& output) {
  output << "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"heap-map\" "
            "role=\"img\" aria-label=\"Heap map\" width=\""
         << Measures::kWidth << "\" height=\"" << height << "\" viewBox=\"0 0 "
         << Measures::kWidth << ' ' << height << "\">\n"
         << kStyle;
  DrawBox("paper", 0, 0, Measures::kWidth * 10, height * 10, output);
}

}  // namespace

HeapMapColor ColorOfSize(size_t size) {
  // Of 8 bytes, 16, 32 …: hues a twentieth of the circle apart, ever darker.
  static constexpr HeapMapColor kColors[] = {
      {103, 185, 251}, {54, 188, 232}, {0, 188, 205},  {0, 187, 173},
      {40, 181, 137},  {88, 172, 99},  {122, 160, 58}, {150, 145, 0},
      {170, 127, 0},   {184, 109, 0},  {191, 92, 29},  {190, 78, 66},
      {183, 69, 96},   {169, 65, 122}, {150, 65, 146}, {126, 68, 164}};
  constexpr size_t kLast = 15;
  size = std::max(size, size_t{8});
  size_t octave = 0;
  while (octave < kLast && size_t{16} << octave <= size) ++octave;
  const size_t unit = size_t{8} << octave;
  const size_t part = std::min(size - unit, unit);
  const HeapMapColor& a = kColors[octave];
  const HeapMapColor& b = kColors[std::min(octave + 1, kLast)];
  const auto mix = [&](size_t from, size_t to) {
    return (from * (unit - part) + to * part) / unit;
  };
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

void WriteColor(HeapMapColor color, Output& output) {
  output << " color=\"rgb(" << color.red << ',' << color.green << ','
         << color.blue << ")\"";
}

void DrawAxis(size_t row_bytes, size_t top, Output& output) {
  for (size_t quarter = 0; quarter <= 4; ++quarter) {
    const size_t x = Measures::kLeft + quarter * Measures::kRowWidth / 4;
    output << "<path class=\"tick\" d=\"M" << x << ' ' << top - 6
           << "v4\"/><text class=\"soft "
           << (quarter == 0   ? "start"
               : quarter == 4 ? "end"
                              : "halo")
           << "\" x=\"" << x << "\" y=\"" << top - 9 << "\">"
           << (quarter == 0 ? "" : "+ ")
           << ShortText::Bytes(row_bytes / 4 * quarter).text() << "</text>\n";
  }
}

void DrawAddress(PageId first, size_t top, Output& output) {
  output << "<text class=\"address\" x=\"" << Measures::kLeft - 8 << "\" y=\""
         << top + 17 << "\">" << first.Start() << "</text>";
}

// A path is shorter than a <rect> would be, and there are thousands of them.
void DrawBox(const char* kind, size_t x, size_t y, size_t width, size_t height,
             Output& output) {
  const struct {
    const char* step;
    size_t value;
  } steps[] = {{"M", x}, {" ", y}, {"h", width}, {"v", height}, {"h-", width}};
  output << "<path class=\"" << kind << "\" d=\"";
  for (const auto& [step, value] : steps) {
    output << step << value / 10;
    if (value % 10 != 0) output << '.' << value % 10;
  }
  output << "z\"/>";
}

void WriteHeapMapSvg(const HeapMapSpans& spans, Output& output) {
  ClassSum sums[SizeClass::kCount] = {};
  const size_t classes = SumClasses(spans, sums);
  const size_t shown = std::min(classes, kMostClasses);
  const bool has_bars = FitsBars(spans);
  const size_t legend = kKey + LinesFor(kKinds) * kLine + kSpace;
  const size_t rows = legend + LinesFor(shown) * kLine + kSpace;
  const size_t height = has_bars ? HeightOfBars(spans) : HeightOfCells(spans);
  BeginPicture(rows + height + Measures::kMargin, output);
  DrawHeading(spans, has_bars, output);
  DrawScale(output);
  DrawKey(spans.Totals(), output);
  DrawClasses(sums, classes, shown, legend, output);
  if (has_bars) {
    DrawBars(spans, rows, output);
  } else {
    DrawKeyOfGaps(output);
    DrawCells(spans, rows, output);
  }
  output << "</svg>\n";
}

}  // namespace pool
