// SpanTree: free spans in order of length, to find the one that fits best.
//
// Owner: the page heap, whose lock guards it. No locks here.
//
// A treap: a search tree by (pages, first), and a heap by priority. A span's
// priority is its first page, well stirred, so that the tree is as deep as one
// whose spans came in random order: a few dozen steps for a million. No span
// carries a balance, and nothing is ever rotated: Insert splits a branch in
// two, Remove joins two branches to one.
//
// What always holds:
//  - Left of a span are those that come before it, right of it those after.
//  - No span's priority is above its parent's.
//  - A span's first page and length do not change while it is in a tree.
#ifndef POOL_SPAN_TREE_H_
#define POOL_SPAN_TREE_H_

#include <cstddef>

#include "pool/bytes.h"
#include "pool/span.h"

namespace pool {

class SpanTree {
 public:
  constexpr SpanTree() = default;
  SpanTree(const SpanTree&) = delete;
  SpanTree& operator=(const SpanTree&) = delete;

  // REQUIRES: the span is in no tree.
  void Insert(Span* span);

  // REQUIRES: the span is in this tree.
  void Remove(Span* span);

  // Forgets its spans.
  void Clear() {
    root_ = nullptr;
    count_ = 0;
    pages_ = PageCount();
  }

  // The shortest span of at least as many pages, and of those the one with the
  // lowest address; nullptr, if there is none.
  Span* BestFit(PageCount pages) const;

  // The longest one; nullptr, if there is none.
  Span* LongestSpan() const;

  // Its pages; 0, if there is none.
  PageCount Longest() const {
    const Span* span = LongestSpan();
    return span == nullptr ? PageCount() : span->pages;
  }

  // How many there are, and how many pages they have together, now and at most.
  size_t Count() const { return count_; }
  PageCount Pages() const { return pages_; }
  PageCount PeakPages() const { return peak_pages_; }

  // Calls visit(span) for each, in order.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    Walk(root_, visit);
  }

  void Validate() const;

 private:
  template <typename Visit>
  static void Walk(Span* span, const Visit& visit) {
    if (span == nullptr) return;
    Walk(span->left, visit);
    visit(span);
    Walk(span->right, visit);
  }

  Span* root_ = nullptr;
  size_t count_ = 0;
  PageCount pages_;
  PageCount peak_pages_;
};

}  // namespace pool

#endif  // POOL_SPAN_TREE_H_
