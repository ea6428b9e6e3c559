#include <sys/auxv.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "pool/arena.h"
#include "pool/checks.h"
#include "pool/marks.h"
#include "pool/misuse.h"
#include "pool/page_heap.h"
#include "pool/size_class.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

// An object's bytes by the tag of its page; 0 for none.
constexpr auto kSizes = [] {
  std::array<uint32_t, SizeClass::kTags> sizes = {};
  for (size_t tag = 1; tag < SizeClass::kTags; ++tag) {
    sizes[tag] =
        static_cast<uint32_t>(SizeClass::Size(SizeClass::ClassOf(tag)));
  }
  return sizes;
}();

// Where the slack of a large block ends, as far as it is looked at.
size_t SlackEnd(const Span* span, size_t asked) {
  return std::min(span->BlockPages().bytes(),
                  RoundUp(asked, kWord) + kPageSize);
}

// The process's own: what the kernel gave the program to be unpredictable. It
// serves the C library, too, and must not be told by ours.
uint64_t MakeKey() {
  const auto* chance = reinterpret_cast<const char*>(getauxval(AT_RANDOM));
  uint64_t key = chance == nullptr ? 0 : Load(chance) ^ (Load(chance + 8) >> 7);
  key ^= key >> 32;
  key *= 0xD6E8FEB86659FD93;
  key ^= key >> 32;
  return key | 1;
}

}  // namespace

//! [Checks::Object]
// An object as the checks see it.
struct Checks::Object {
  // What is asked for needs 20 bits; of the product, as many as are left. Two
  // numbers of 20 bits that differ have products that differ there: so whoever
  // changes only what was asked for is found out, and who changes all of it
  // would have to guess 44 bits.
  static constexpr uint64_t kAskedMask = (uint64_t{1} << 20) - 1;
  static constexpr uint64_t kFree = kAskedMask;  // no block is so large
  static constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;

  uint64_t WordFor(uint64_t asked) const {
    const uint64_t sum = (reinterpret_cast<uintptr_t>(start) ^
                          key_.load(std::memory_order_relaxed)) +
                         asked;
    return (sum * kGolden & ~kAskedMask) | asked;
  }
  char* End() const { return start + size - kWord; }
  char* FilledEnd() const { return start + std::min(size - kWord, kFilled); }
  uint64_t Word() const { return Load(End()); }
  // What was asked for; kFree; or nonsense, which IsTrue tells.
  uint64_t Claim() const { return Word() & kAskedMask; }
  bool IsTrue() const { return Word() == WordFor(Claim()); }
  bool IsBlock() const { return Claim() != kFree && IsTrue(); }
  bool IsFree() const { return Word() == WordFor(kFree); }
  // The word of the object before it, which lies just there. The owner of that
  // one, or who takes it, may be writing it: from one true word to another. An
  // object where a page begins may be the first of its span.
  bool IsPreviousTrue() const {
    if (reinterpret_cast<uintptr_t>(start) % kPageSize == 0) return true;
    if (!knows_neighbours_.load(std::memory_order_relaxed)) return true;
    const uint64_t word = __atomic_load_n(
        reinterpret_cast<const uint64_t*>(start - kWord), __ATOMIC_RELAXED);
    return word == Object{start - size, size}.WordFor(word & kAskedMask);
  }

  bool IsSlackMarked(size_t asked) const {
    return pool::IsSlackMarked(start, start + asked, End());
  }
  // All but its first `asked` bytes are ▒ already.
  void BecomeFree(size_t asked) const {
    Mark(start, start + asked, FilledEnd());
    Store(End(), WordFor(kFree));
  }
  // Its bytes before `marked_to` are ▒ already.
  void BecomeBlock(size_t asked, char* marked_to) const {
    MarkSlack(start, std::max(start + asked, marked_to), End());
    Store(End(), WordFor(asked));
  }

  char* start;
  size_t size;
};
//! [Checks::Object]

void Checks::Fresh(void* object, size_t size) {
  if (key_.load(std::memory_order_relaxed) == 0) {
    key_.store(MakeKey(), std::memory_order_relaxed);
  }
  const Object o{static_cast<char*>(object), size};
  o.BecomeFree(size);
}

//! [Checks::Out]
void* Checks::Out(void* block, size_t asked, const char* call) noexcept {
  if (block == nullptr) return nullptr;
  const Object o{static_cast<char*>(block), kSizes[Arena::TagOf(block)]};
  if (o.size == 0 || !o.IsFree() || !IsMarked(o.start, o.FilledEnd())) {
    OutSlow(block, asked, call);
  } else {
    o.BecomeBlock(asked, o.FilledEnd());
  }
  return block;
}
//! [Checks::Out]

// A large block, an object outside the window, or a mistake.
void Checks::OutSlow(void* block, size_t asked, const char* call) noexcept {
  Span* span = PageHeap::Get().MapObjectToSpan(block);
  char* start = static_cast<char*>(block);
  if (!span->HoldsClass()) {
    span->SetAsked(asked);
    char* from = start + asked;
    return MarkSlack(start, from, start + SlackEnd(span, asked));
  }
  const Object o{start, span->size};
  if (!o.IsFree() && o.IsTrue()) ReportFreedTwice(call, block, span);
  const size_t offset = FirstUnmarked(start, o.FilledEnd());
  if (!o.IsFree() || start + offset < o.FilledEnd()) {
    const bool is_word = start + offset == o.FilledEnd();
    ReportWrittenWhenFree(call, block, is_word ? o.size - kWord : offset,
                          o.size);
  }
  o.BecomeBlock(asked, o.FilledEnd());
}

//! [Checks::Home]
// The page of an object's last byte has the object's tag, or this is no object.
void Checks::Home(void* block, const char* call, size_t said) noexcept {
  const size_t tag = Arena::TagOf(block);
  const Object o{static_cast<char*>(block), kSizes[tag]};
  if (tag == 0 || Arena::TagOf(o.start + o.size - 1) != tag || !o.IsBlock()) {
    return HomeSlow(block, call, said);
  }
  const size_t asked = o.Claim();
  if (!o.IsSlackMarked(asked)) ReportOverrun(call, block, asked, o.size);
  if (!o.IsPreviousTrue()) ReportUnderrun(call, block, o.size);
  if (said != kNotSaid && said != asked) {
    ReportWrongSize(call, block, said, asked, o.size);
  }
  o.BecomeFree(asked);
}
//! [Checks::Home]

// Nothing, a large block, an object outside the window, or a mistake.
void Checks::HomeSlow(void* block, const char* call, size_t said) noexcept {
  if (block == nullptr) return;
  const size_t asked = Asked(block, call);
  Span* span = PageHeap::Get().MapObjectToSpan(block);
  if (said != kNotSaid && said != asked) {
    ReportWrongSize(
        call, block, said, asked,
        span->HoldsClass() ? span->size : span->BlockPages().bytes());
  }
  if (!span->HoldsClass()) return HomeLarge(span, call);
  const Object o{static_cast<char*>(block), span->size};
  o.BecomeFree(asked);
}

// Of two threads that free it at the same moment, one finds it freed.
void Checks::HomeLarge(Span* span, const char* call) noexcept {
  if (!span->SetFreed()) ReportFreedTwice(call, span->Block(), span);
}

//! [Checks::Asked]
size_t Checks::Asked(const void* block, const char* call) noexcept {
  Span* span = PageHeap::Get().MapObjectToSpan(block);
  if (span == nullptr || span->state != SpanState::kInUse) {
    ReportNoBlock(call, block, span);
  }
  char* start = static_cast<char*>(const_cast<void*>(block));
  if (!span->HoldsClass()) {
    if (block != span->Block()) ReportNoBlock(call, block, span);
    const size_t asked = span->Asked();
    if (asked == Span::kFreed) ReportFreedTwice(call, block, span);
    const char* end = start + SlackEnd(span, asked);
    if (!pool::IsSlackMarked(start, start + asked, end)) {
      ReportOverrun(call, block, asked, span->BlockPages().bytes());
    }
    return asked;
  }
  if (!span->IsObject(block)) ReportNoBlock(call, block, span);
  const Object o{start, span->size};
  if (o.IsFree()) ReportFreedTwice(call, block, span);
  if (!o.IsTrue()) ReportOverrun(call, block, kNoSize, o.size);
  const size_t asked = o.Claim();
  if (!o.IsSlackMarked(asked)) ReportOverrun(call, block, asked, o.size);
  if (!o.IsPreviousTrue()) ReportUnderrun(call, block, o.size);
  return asked;
}
//! [Checks::Asked]

void Checks::Resized(void* block, size_t asked) noexcept {
  Span* span = PageHeap::Get().MapObjectToSpan(block);
  char* start = static_cast<char*>(block);
  if (!span->HoldsClass()) return OutSlow(block, asked, "");
  Object{start, span->size}.BecomeBlock(asked, start);
}

void Checks::Alignment(const void* block, const char* call,
                       size_t alignment) noexcept {
  if (block == nullptr || alignment == 0) return;
  if (reinterpret_cast<uintptr_t>(block) % alignment == 0) return;
  const size_t asked = Asked(block, call);
  ReportWrongAlignment(call, block, alignment, asked);
}

//! [Checks::Guard]
void Checks::Guard(Span* span, size_t bytes, size_t alignment) noexcept {
  const bool any = bytes > SizeClass::kLargestSize;
  const PageCount before(any && alignment <= kPageSize ? 1 : 0);
  span->SetPagesBeside(before, PageCount(any ? 1 : 0));
  span->SetGuarded(false);
  if (!any || kPageSize % SystemSize(1) != 0) return;
  if (guarded_.fetch_add(1, std::memory_order_relaxed) >= kMostGuarded) {
    guarded_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  span->SetGuarded(true);
  const PageId last = span->End() - PageCount(1);
  if ((before == PageCount(0) ||
       SystemProtect(span->Start(), before.bytes(), true)) &&
      SystemProtect(last.Start(), kPageSize, true)) {
    return;
  }
  Open(span);
}

bool Checks::Open(Span* span) noexcept {
  if (!span->Guarded()) return true;
  if (!SystemProtect(span->Start(), span->pages.bytes(), false)) return false;
  span->SetGuarded(false);
  guarded_.fetch_sub(1, std::memory_order_relaxed);
  return true;
}
//! [Checks::Guard]

//! [Checks::Wait]
bool Checks::Wait(Span* span) noexcept {
  const size_t bytes = span->BlockPages().bytes();
  char* start = static_cast<char*>(span->Block());
  if (bytes <= kLongestWait) Mark(start, start + kPageSize, start + kPageSize);
  span->next = waiting_.load(std::memory_order_relaxed);
  while (!waiting_.compare_exchange_weak(
      span->next, span, std::memory_order_release, std::memory_order_relaxed)) {
  }
  const size_t all =
      waiting_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  return bytes > kLongestWait || all > kMostWaiting;
}

// All of them at once, so that none is another's in the middle of it.
void Checks::ReleaseWaiting(const char* call) noexcept {
  waiting_bytes_.store(0, std::memory_order_relaxed);
  Span* next = waiting_.exchange(nullptr, std::memory_order_acquire);
  while (Span* span = next) {
    next = span->next;
    span->next = nullptr;
    if (MayLeave(span, call)) PageHeap::Get().ReleaseSpanToPageHeap(span);
  }
}

// Where the kernel does not open its pages, it waits for another time.
bool Checks::MayLeave(Span* span, const char* call) noexcept {
  const size_t bytes = span->BlockPages().bytes();
  const char* start = static_cast<char*>(span->Block());
  if (bytes <= kLongestWait && !IsMarked(start, start + kPageSize)) {
    ReportWrittenWhenFree(call, start, FirstUnmarked(start, start + kPageSize),
                          bytes);
  }
  if (Open(span)) return true;
  Wait(span);
  return false;
}
//! [Checks::Wait]

}  // namespace pool
