#include "pool/heap_map_spans.h"

namespace pool {
namespace {

const char* NameOf(HeapMapSpan::Kind kind) {
  switch (kind) {
    case HeapMapSpan::Kind::kObjects:
      return "objects";
    case HeapMapSpan::Kind::kLarge:
      return "large";
    case HeapMapSpan::Kind::kFree:
      return "free";
    case HeapMapSpan::Kind::kReturned:
      break;
  }
  return "returned";
}

void WriteSpan(const HeapMapSpan& span, Output& output) {
  output << "{\"first\": " << span.first.value()
         << ", \"pages\": " << span.pages.value() << ", \"state\": \""
         << NameOf(span.kind) << '"';
  if (span.kind == HeapMapSpan::Kind::kObjects) {
    output << ", \"size\": " << span.size
           << ", \"allocated\": " << span.allocated
           << ", \"carved\": " << span.carved
           << ", \"capacity\": " << span.capacity;
  }
  output << '}';
}

void WriteTotals(const HeapMapSpans& spans, Output& output) {
  const HeapMapParts& totals = spans.Totals();
  output << "{\"spans\": " << spans.size() << ", \"bytes\": " << totals.Sum()
         << ",\n    \"out\": " << totals.out << ", \"back\": " << totals.back
         << ", \"uncarved\": " << totals.uncarved
         << ", \"tails\": " << totals.tails
         << ",\n    \"large\": " << totals.large
         << ", \"free\": " << totals.free
         << ", \"returned\": " << totals.returned << '}';
}

}  // namespace

void WriteHeapMapJson(const HeapMapSpans& spans, Output& output) {
  output << "{\n  \"page_size\": " << kPageSize << ",\n  \"totals\": ";
  WriteTotals(spans, output);
  output << ",\n  \"spans\": [";
  const char* separator = "\n    ";
  for (const HeapMapSpan& span : spans) {
    output << separator;
    WriteSpan(span, output);
    separator = ",\n    ";
  }
  output << "\n  ]\n}\n";
}

}  // namespace pool
