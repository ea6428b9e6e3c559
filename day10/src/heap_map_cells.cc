#include <algorithm>
#include <cstddef>

#include "pool/heap_map_svg.h"
#include "pool/size_class.h"

namespace pool {
namespace {

using Measures = HeapMapMeasures;

// So many make a file of a megabyte at most.
constexpr size_t kMostCells = 24 * Measures::kColumns;
static_assert(kMostCells / Measures::kColumns * Measures::kPitch <
              Measures::kMostRows);

// The smallest power of two with which there are not too many cells. Gaps in
// the addresses have none.
PageCount PagesOfCell(const HeapMapSpans& spans) {
  size_t pages = 1;
  const size_t all = PagesFor(spans.Totals().Sum()).value();
  while ((all + pages - 1) / pages > kMostCells) pages *= 2;
  return PageCount(pages);
}

// `part` of `whole` pages of so many bytes, without a product that overflows.
size_t Share(size_t bytes, PageCount part, PageCount whole) {
  return bytes / whole.value() * part.value() +
         bytes % whole.value() * part.value() / whole.value();
}

HeapMapParts ShareOf(const HeapMapSpan& span, PageCount pages) {
  const HeapMapParts all = span.Parts();
  HeapMapParts parts = {};
  parts.out = Share(all.out, pages, span.pages);
  parts.back = Share(all.back, pages, span.pages);
  parts.uncarved = Share(all.uncarved, pages, span.pages);
  parts.tails = Share(all.tails, pages, span.pages);
  parts.large = Share(all.large, pages, span.pages);
  parts.free = Share(all.free, pages, span.pages);
  parts.returned = Share(all.returned, pages, span.pages);
  return parts;
}

// One cell, while it is filled with pages, or several that hold the same.
class Cell {
 public:
  explicit Cell(PageCount room) : room_(room) {}

  void Add(const HeapMapSpan& span, PageCount from, PageCount pages) {
    if (pages_ == PageCount(0)) first_ = span.first + from;
    pages_ = pages_ + pages;
    parts_ += ShareOf(span, pages);
    if (span.kind == HeapMapSpan::Kind::kObjects) {
      of_class_[SizeClass::Index(span.size)] += pages.value();
    }
  }

  PageCount Room() const { return room_ - pages_; }
  PageCount pages() const { return pages_; }
  PageId first() const { return first_; }
  const HeapMapParts& parts() const { return parts_; }

  // Of the class with most pages; 0, if there is none.
  size_t MostCommonSize() const {
    const size_t* const most =
        std::max_element(of_class_, of_class_ + SizeClass::kCount);
    return *most == 0 ? 0
                      : SizeClass::Size(
                            ClassIndex(static_cast<size_t>(most - of_class_)));
  }

 private:
  PageCount room_;
  PageId first_;
  PageCount pages_;
  HeapMapParts parts_ = {};
  size_t of_class_[SizeClass::kCount] = {};
};

void WriteTip(const Cell& cell, Output& output) {
  const HeapMapParts& parts = cell.parts();
  const struct {
    size_t bytes;
    const char* name;
  } kinds[] = {{parts.out, "objects out"},    {parts.back, "came back"},
               {parts.uncarved, "never out"}, {parts.large, "large"},
               {parts.free, "free"},          {parts.returned, "returned"}};
  output << "<title>" << cell.first().Start();
  const char* separator = ": ";
  for (const auto& kind : kinds) {
    if (kind.bytes == 0) continue;
    output << separator
           << ShortText::Percent(kind.bytes, cell.pages().bytes()).text() << ' '
           << kind.name;
    separator = ", ";
  }
  if (cell.MostCommonSize() != 0) {
    output << "; most: " << ShortText::Bytes(cell.MostCommonSize()).text();
  }
  output << "</title>";
}

//! [DrawCell]
// From the bottom up: large blocks, objects that are out, that are not, tails,
// free pages, returned ones. Each as high as its share.
void DrawCell(const Cell& cell, size_t column, size_t columns, size_t row,
              Output& output) {
  const HeapMapParts& parts = cell.parts();
  const struct {
    const char* kind;
    size_t bytes;
  } layers[] = {{"large", parts.large},      {"out", parts.out},
                {"back", parts.back},        {"uncarved", parts.uncarved},
                {"tail", parts.tails},       {"free", parts.free},
                {"returned", parts.returned}};
  output << "<g class=\"cell\"";
  WriteColor(ColorOfSize(cell.MostCommonSize()), output);
  output << '>';
  WriteTip(cell, output);
  const size_t left = (Measures::kLeft + column * Measures::kColumn) * 10;
  const size_t width = columns * Measures::kColumn * 10;
  const size_t bottom = (row + Measures::kBar) * 10;
  const size_t bytes = cell.pages().bytes();
  size_t below = 0;  // bytes of the layers so far
  size_t from = 0;   // and how high they are, in tenths of pixels
  for (const auto& layer : layers) {
    below += layer.bytes;
    const size_t to = below * (Measures::kBar * 10) / bytes;
    if (from < to) {
      DrawBox(layer.kind, left, bottom - to, width, to - from, output);
    }
    from = to;
  }
  output << "</g>\n";
}
//! [DrawCell]

// The cells in rows. Their contents are drawn when they are full.
class Grid {
 public:
  Grid(PageCount of_cell, size_t top, Output& output)
      : of_cell_(of_cell), top_(top), output_(output), cell_(of_cell) {}

  void Add(const HeapMapSpan& span) {
    for (PageCount from; from < span.pages;) {
      const PageCount left = span.pages - from;
      if (cell_.pages() == PageCount(0)) cell_ = Cell(NextRoom(span, left));
      const PageCount taken = std::min(left, cell_.Room());
      cell_.Add(span, from, taken);
      from = from + taken;
      if (cell_.Room() == PageCount(0)) Draw();
    }
  }

  // The last cell need not be full.
  void End() {
    if (PageCount(0) < cell_.pages()) Draw();
  }

 private:
  // Where many cells in a row would be all the same, they are drawn as one.
  PageCount NextRoom(const HeapMapSpan& span, PageCount left) const {
    const size_t most = Measures::kColumns - place_ % Measures::kColumns;
    const size_t count = std::min(left.value() / of_cell_.value(), most);
    const bool is_alike = span.kind != HeapMapSpan::Kind::kObjects;
    return is_alike && count > 1 ? PageCount(count * of_cell_.value())
                                 : of_cell_;
  }

  void Draw() {
    const size_t columns =
        std::max(cell_.pages().value() / of_cell_.value(), size_t{1});
    const size_t column = place_ % Measures::kColumns;
    const size_t row = top_ + place_ / Measures::kColumns * Measures::kPitch;
    if (column == 0) DrawAddress(cell_.first(), row, output_);
    DrawCell(cell_, column, columns, row, output_);
    place_ += columns;
    cell_ = Cell(of_cell_);
  }

  const PageCount of_cell_;
  const size_t top_;
  Output& output_;
  size_t place_ = 0;  // cells that have been drawn
  Cell cell_;
};

void DrawGap(const HeapMapSpan& span, PageCount gap, size_t x, size_t y,
             Output& output) {
  output << "<path class=\"break\" d=\"M" << x << ' ' << y - 4 << 'v'
         << Measures::kBar + 8 << "\"><title>a gap of "
         << ShortText::Bytes(gap.bytes()).text() << ", then "
         << span.first.Start() << "</title></path>\n";
}

// A line where pages side by side in the picture are not so in memory. Of those
// in one cell, one is drawn.
void DrawGaps(const HeapMapSpans& spans, size_t top, Output& output) {
  const size_t of_cell = PagesOfCell(spans).value();
  size_t pages = 0;  // of the spans so far
  size_t next = 0;   // the first cell that has no line yet
  PageId end = spans.size() == 0 ? PageId() : spans.begin()->first;
  for (const HeapMapSpan& span : spans) {
    const size_t cell = pages / of_cell;
    if (span.first != end && cell >= next) {
      const size_t column = cell % Measures::kColumns;
      const size_t offset = pages % of_cell * Measures::kColumn / of_cell;
      DrawGap(span, span.first - end,
              Measures::kLeft + column * Measures::kColumn + offset,
              top + cell / Measures::kColumns * Measures::kPitch, output);
      next = cell + 1;
    }
    pages += span.pages.value();
    end = span.End();
  }
}

}  // namespace

size_t BytesOfCell(const HeapMapSpans& spans) {
  return PagesOfCell(spans).bytes();
}

size_t HeightOfCells(const HeapMapSpans& spans) {
  const size_t row = BytesOfCell(spans) * Measures::kColumns;
  const size_t rows = (spans.Totals().Sum() + row - 1) / row;
  return Measures::kAxis + rows * Measures::kPitch;
}

void DrawCells(const HeapMapSpans& spans, size_t top, Output& output) {
  const PageCount of_cell = PagesOfCell(spans);
  const size_t first_row = top + Measures::kAxis;
  DrawAxis(of_cell.bytes() * Measures::kColumns, first_row, output);
  Grid grid(of_cell, first_row, output);
  for (const HeapMapSpan& span : spans) grid.Add(span);
  grid.End();
  DrawGaps(spans, first_row, output);
}

}  // namespace pool
