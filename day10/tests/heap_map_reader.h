// What a heap map says, read back by the strict parsers.
#ifndef POOL_TESTS_HEAP_MAP_READER_H_
#define POOL_TESTS_HEAP_MAP_READER_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/testing/json.h"
#include "pool/bytes.h"
#include "pool/heap_map.h"
#include "pool/output.h"

namespace pool {

inline void AppendTo(void* text, const char* piece, size_t length) {
  static_cast<std::string*>(text)->append(piece, length);
}

inline std::string HeapMapText(HeapMapForm form) {
  std::string text;
  Output output(AppendTo, &text);
  EXPECT_TRUE(DrawHeapMap(form, output));
  output.Flush();
  return text;
}

inline course::JsonValue HeapMapJson() {
  return course::ParseJson(HeapMapText(HeapMapForm::kJson));
}

struct ReadSpan {
  PageId first;
  PageCount pages;
  std::string state;
  size_t size = 0;
  size_t allocated = 0;
  size_t carved = 0;
  size_t capacity = 0;

  bool HasObjects() const { return state == "objects"; }
  size_t Tail() const {
    return HasObjects() ? pages.bytes() - capacity * size : 0;
  }
};

// Throws if a span has a field too few or too many.
inline std::vector<ReadSpan> SpansOf(const course::JsonValue& map) {
  std::vector<ReadSpan> spans;
  for (const course::JsonValue& item : map["spans"].items) {
    ReadSpan span;
    span.first = PageId(item["first"].Unsigned());
    span.pages = PageCount(item["pages"].Unsigned());
    span.state = item["state"].text;
    if (item.fields.size() != (span.HasObjects() ? 7 : 3)) {
      throw std::runtime_error("a span with " +
                               std::to_string(item.fields.size()) + " fields");
    }
    if (span.HasObjects()) {
      span.size = item["size"].Unsigned();
      span.allocated = item["allocated"].Unsigned();
      span.carved = item["carved"].Unsigned();
      span.capacity = item["capacity"].Unsigned();
    }
    spans.push_back(span);
  }
  return spans;
}

// The span that the block lies in; one without pages, if there is none.
inline ReadSpan SpanOf(const std::vector<ReadSpan>& spans, const void* block) {
  const PageId page = PageId::Of(block);
  for (const ReadSpan& span : spans) {
    if (!(page < span.first) && page < span.first + span.pages) return span;
  }
  return {};
}

// No page is in two spans, and what each says of itself can be.
inline void ExpectInOrder(const std::vector<ReadSpan>& spans) {
  PageId end;
  for (const ReadSpan& span : spans) {
    ASSERT_FALSE(span.first < end) << span.first.Start();
    ASSERT_LT(PageCount(0), span.pages);
    ASSERT_LE(span.allocated, span.carved);
    ASSERT_LE(span.carved, span.capacity);
    ASSERT_LE(span.capacity * span.size, span.pages.bytes());
    ASSERT_EQ(span.HasObjects(), span.capacity > 0);
    end = span.first + span.pages;
  }
}

}  // namespace pool

#endif  // POOL_TESTS_HEAP_MAP_READER_H_
