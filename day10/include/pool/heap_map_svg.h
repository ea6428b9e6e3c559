// HeapMapSvg: what both forms of the picture share: its measures, its colours,
// and the marks beside its rows.
//
// Where spans can be told apart, each is a bar (heap_map_bars.cc). A heap that
// is too large for that is divided into cells of equal size, and each shows
// what is in it (heap_map_cells.cc). In both, areas of the same kind are to
// scale: a page is as wide as any other.
//
// No state, no locks.
#ifndef POOL_HEAP_MAP_SVG_H_
#define POOL_HEAP_MAP_SVG_H_

#include <cstddef>

#include "pool/bytes.h"
#include "pool/heap_map_spans.h"
#include "pool/output.h"

namespace pool {

// In pixels. The text left of the rows has its share of the width.
struct HeapMapMeasures {
  static constexpr size_t kWidth = 904;
  static constexpr size_t kMargin = 16;
  static constexpr size_t kLeft = 120;      // of the rows
  static constexpr size_t kRowWidth = 768;  // of a row: 128 pages, or cells
  static constexpr size_t kColumns = 128;
  static constexpr size_t kColumn = kRowWidth / kColumns;
  static constexpr size_t kBar = 26;         // height of a bar
  static constexpr size_t kPitch = 34;       // from one row to the next
  static constexpr size_t kAxis = 20;        // of the scale above the first row
  static constexpr size_t kMostRows = 1250;  // height of all of them
};

struct HeapMapColor {
  size_t red;
  size_t green;
  size_t blue;
};

// Of a class: from light blue for the smallest to dark purple for the largest,
// a step for each doubling, so that the sizes that programs use most lie far
// apart. Each is darker than the one before.
HeapMapColor ColorOfSize(size_t size);

// As an attribute of the elements that use it.
void WriteColor(HeapMapColor color, Output& output);

// The scale above the rows, each so many bytes long; the first begins at `top`.
void DrawAxis(size_t row_bytes, size_t top, Output& output);

// The address of a row's first byte, beside it.
void DrawAddress(PageId first, size_t top, Output& output);

// A rectangle of a kind. x and width are in tenths of pixels, and so are y and
// height.
void DrawBox(const char* kind, size_t x, size_t y, size_t width, size_t height,
             Output& output);

// Can each span have a bar?
bool FitsBars(const HeapMapSpans& spans);

// How high the rows are, in pixels.
size_t HeightOfBars(const HeapMapSpans& spans);
size_t HeightOfCells(const HeapMapSpans& spans);
// The bytes of a cell.
size_t BytesOfCell(const HeapMapSpans& spans);

void DrawBars(const HeapMapSpans& spans, size_t top, Output& output);
void DrawCells(const HeapMapSpans& spans, size_t top, Output& output);

}  // namespace pool

#endif  // POOL_HEAP_MAP_SVG_H_
