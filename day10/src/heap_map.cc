#include "pool/heap_map.h"

#include <algorithm>
#include <cerrno>

#include "pool/central_cache.h"
#include "pool/heap_map_spans.h"
#include "pool/page_heap.h"
#include "pool/size_class.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

HeapMapSpan::Kind KindOf(SpanState state) {
  switch (state) {
    case SpanState::kFree:
    case SpanState::kLeaving:
      return HeapMapSpan::Kind::kFree;
    case SpanState::kReturned:
      return HeapMapSpan::Kind::kReturned;
    case SpanState::kInUse:
      break;
  }
  return HeapMapSpan::Kind::kLarge;  // unless a class knows it
}

}  // namespace

HeapMapParts& HeapMapParts::operator+=(const HeapMapParts& other) {
  out += other.out;
  back += other.back;
  uncarved += other.uncarved;
  tails += other.tails;
  large += other.large;
  free += other.free;
  returned += other.returned;
  return *this;
}

HeapMapParts HeapMapSpan::Parts() const {
  HeapMapParts parts = {};
  switch (kind) {
    case Kind::kObjects:
      parts.out = allocated * size;
      parts.back = (carved - allocated) * size;
      parts.uncarved = (capacity - carved) * size;
      parts.tails = bytes() - capacity * size;
      break;
    case Kind::kLarge:
      parts.large = bytes();
      break;
    case Kind::kFree:
      parts.free = bytes();
      break;
    case Kind::kReturned:
      parts.returned = bytes();
      break;
  }
  return parts;
}

//! [HeapMapSpans::Read]
// How many spans there are, is known when they have been counted, and may be
// wrong again when the memory for them is there: then once more, with more.
bool HeapMapSpans::Read() {
  size_t seen = ReadPageHeap();
  while (seen > room_) {
    FreeRoom();
    if (!MakeRoom(seen + seen / 8 + 64)) return false;
    seen = ReadPageHeap();
  }
  count_ = seen;
  ReadClasses();
  for (const HeapMapSpan& span : *this) totals_ += span.Parts();
  return true;
}
//! [HeapMapSpans::Read]

bool HeapMapSpans::MakeRoom(size_t count) {
  void* memory = SystemAlloc(count * sizeof(HeapMapSpan));
  if (memory == nullptr) return false;
  spans_ = static_cast<HeapMapSpan*>(memory);
  room_ = count;
  return true;
}

void HeapMapSpans::FreeRoom() {
  if (spans_ != nullptr) SystemFree(spans_, room_ * sizeof(HeapMapSpan));
  spans_ = nullptr;
  room_ = 0;
}

//! [HeapMapSpans::ReadPageHeap]
// Returns how many spans there are. Those for which there is no room are only
// counted.
size_t HeapMapSpans::ReadPageHeap() {
  size_t seen = 0;
  PageHeap::Get().ForEachSpan(
      [&](PageId first, PageCount pages, SpanState state) {
        if (seen < room_) {
          spans_[seen] = {first, pages, KindOf(state), 0, 0, 0, 0};
        }
        ++seen;
      });
  return seen;
}
//! [HeapMapSpans::ReadPageHeap]

void HeapMapSpans::ReadClasses() {
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    CentralCache::Get().ForEachSpan(ClassIndex(i),
                                    [this](const Span& span) { Note(span); });
  }
}

//! [HeapMapSpans::Note]
// What a class knows of a span. Meanwhile the span may have come, or be another
// one: what does not fit to what the page heap had is left out.
void HeapMapSpans::Note(const Span& span) {
  HeapMapSpan* const place = std::lower_bound(
      spans_, spans_ + count_, span.first,
      [](const HeapMapSpan& a, PageId first) { return a.first < first; });
  if (place == spans_ + count_ || place->first != span.first ||
      place->pages != span.pages || place->kind == HeapMapSpan::Kind::kFree ||
      place->kind == HeapMapSpan::Kind::kReturned) {
    return;
  }
  place->kind = HeapMapSpan::Kind::kObjects;
  place->size = span.size;
  place->allocated = span.allocated;
  place->carved = span.carved;
  place->capacity = span.capacity;
}
//! [HeapMapSpans::Note]

bool DrawHeapMap(HeapMapForm form, Output& output) {
  HeapMapSpans spans;
  if (!spans.Read()) {
    errno = ENOMEM;
    return false;
  }
  switch (form) {
    case HeapMapForm::kSvg:
      WriteHeapMapSvg(spans, output);
      break;
    case HeapMapForm::kJson:
      WriteHeapMapJson(spans, output);
      break;
  }
  return true;
}

}  // namespace pool
