#include "pool/span_tree.h"

#include <algorithm>
#include <cstdint>

#include "pool/macros.h"

namespace pool {
namespace {

bool ComesBefore(const Span* a, const Span* b) {
  return a->pages == b->pages ? a->first < b->first : a->pages < b->pages;
}

// No two spans have the same: multiplication by an odd number only permutes.
uint64_t Priority(const Span* span) {
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
  const uint64_t mixed = span->first.value() * kGolden;
  return (mixed ^ mixed >> 32) * kGolden;
}

//! [SpanTree::Split]
// Parts the branch into the spans before `middle` and those after it.
void Split(Span* branch, const Span* middle, Span** before, Span** after) {
  while (branch != nullptr) {
    if (ComesBefore(branch, middle)) {
      *before = branch;
      before = &branch->right;
      branch = *before;
    } else {
      *after = branch;
      after = &branch->left;
      branch = *after;
    }
  }
  *before = *after = nullptr;
}
//! [SpanTree::Split]

//! [SpanTree::Join]
// One branch of two; all spans of `low` come before those of `high`.
Span* Join(Span* low, Span* high) {
  Span* branch = nullptr;
  Span** link = &branch;
  while (low != nullptr && high != nullptr) {
    if (Priority(high) < Priority(low)) {
      *link = low;
      link = &low->right;
      low = *link;
    } else {
      *link = high;
      link = &high->left;
      high = *link;
    }
  }
  *link = low != nullptr ? low : high;
  return branch;
}
//! [SpanTree::Join]

}  // namespace

//! [SpanTree::Insert]
// Goes down to the first span of lower priority, and takes its place.
void SpanTree::Insert(Span* span) {
  Span** link = &root_;
  while (*link != nullptr && Priority(span) < Priority(*link)) {
    link = ComesBefore(span, *link) ? &(*link)->left : &(*link)->right;
  }
  Split(*link, span, &span->left, &span->right);
  *link = span;
  ++count_;
  pages_ = pages_ + span->pages;
  peak_pages_ = std::max(peak_pages_, pages_);
}
//! [SpanTree::Insert]

//! [SpanTree::Remove]
void SpanTree::Remove(Span* span) {
  Span** link = &root_;
  while (*link != span) {
    DCHECK(*link != nullptr);
    link = ComesBefore(span, *link) ? &(*link)->left : &(*link)->right;
  }
  *link = Join(span->left, span->right);
  span->left = span->right = nullptr;
  --count_;
  pages_ = pages_ - span->pages;
}
//! [SpanTree::Remove]

//! [SpanTree::BestFit]
Span* SpanTree::BestFit(PageCount pages) const {
  Span* best = nullptr;
  for (Span* span = root_; span != nullptr;) {
    if (span->pages < pages) {
      span = span->right;
    } else {
      best = span;
      span = span->left;
    }
  }
  return best;
}
//! [SpanTree::BestFit]

Span* SpanTree::LongestSpan() const {
  Span* span = root_;
  while (span != nullptr && span->right != nullptr) span = span->right;
  return span;
}

void SpanTree::Validate() const {
  const Span* previous = nullptr;
  size_t count = 0;
  PageCount pages;
  ForEach([&](const Span* span) {
    CHECK(previous == nullptr || ComesBefore(previous, span));
    CHECK(span->left == nullptr || Priority(span->left) < Priority(span));
    CHECK(span->right == nullptr || Priority(span->right) < Priority(span));
    ++count;
    pages = pages + span->pages;
    previous = span;
  });
  CHECK(count == count_ && pages == pages_);
}

}  // namespace pool
