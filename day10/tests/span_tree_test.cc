#include "pool/span_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <random>
#include <set>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/testing/seeds.h"

namespace pool {
namespace {

// A tree never looks at what a span's pages hold, so there need be none.
struct Pages {
  size_t pages;
  uintptr_t first;
};

void Place(Span& span, Pages run) {
  span.pages = PageCount(run.pages);
  span.first = PageId(run.first);
}

std::deque<Span> SpansAt(const std::vector<Pages>& runs) {
  std::deque<Span> spans;
  for (const Pages& run : runs) Place(spans.emplace_back(), run);
  return spans;
}

std::vector<Span*> InOrder(const SpanTree& tree) {
  std::vector<Span*> spans;
  tree.ForEach([&](Span* span) { spans.push_back(span); });
  return spans;
}

TEST(SpanTree, BeginsEmpty) {
  const SpanTree tree;
  EXPECT_EQ(tree.BestFit(PageCount(1)), nullptr);
  EXPECT_EQ(tree.LongestSpan(), nullptr);
  EXPECT_EQ(tree.Pages(), PageCount(0));
  EXPECT_TRUE(InOrder(tree).empty());
  tree.Validate();
}

TEST(SpanTree, HoldsOne) {
  SpanTree tree;
  Span span;
  Place(span, {5, 1000});
  tree.Insert(&span);
  EXPECT_EQ(tree.LongestSpan(), &span);
  EXPECT_EQ(tree.Pages(), PageCount(5));
  for (const size_t pages : {1, 4, 5}) {
    EXPECT_EQ(tree.BestFit(PageCount(pages)), &span) << pages;
  }
  EXPECT_EQ(tree.BestFit(PageCount(6)), nullptr);
  tree.Validate();
  tree.Remove(&span);
  EXPECT_EQ(tree.LongestSpan(), nullptr);
  EXPECT_EQ(tree.BestFit(PageCount(1)), nullptr);
  EXPECT_EQ(tree.Pages(), PageCount(0));
}

TEST(SpanTree, KnowsItsLongest) {
  std::deque<Span> spans =
      SpansAt({{9, 100}, {2, 200}, {40, 300}, {40, 400}, {7, 500}});
  SpanTree tree;
  EXPECT_EQ(tree.Longest(), PageCount(0));
  size_t longest = 0;
  for (Span& span : spans) {
    tree.Insert(&span);
    longest = std::max(longest, span.pages.value());
    EXPECT_EQ(tree.Longest(), PageCount(longest));
  }
  EXPECT_EQ(tree.LongestSpan()->pages, PageCount(longest));
  tree.Remove(&spans[2]);
  EXPECT_EQ(tree.LongestSpan(), &spans[3]) << "there are two";
  EXPECT_EQ(tree.Longest(), PageCount(40));
  tree.Remove(&spans[3]);
  EXPECT_EQ(tree.Longest(), PageCount(9));
}

TEST(SpanTree, RemembersTheMostPagesThatItHad) {
  std::deque<Span> spans = SpansAt({{9, 100}, {2, 200}, {40, 300}, {12, 400}});
  SpanTree tree;
  for (const size_t i : {0, 2}) tree.Insert(&spans[i]);
  tree.Remove(&spans[2]);
  for (const size_t i : {1, 3}) tree.Insert(&spans[i]);
  EXPECT_EQ(tree.Pages(), PageCount(9 + 2 + 12));
  EXPECT_EQ(tree.Count(), 3u);
  EXPECT_EQ(tree.PeakPages(), PageCount(9 + 40));
  tree.Clear();
  EXPECT_EQ(tree.Pages(), PageCount(0));
  EXPECT_EQ(tree.Longest(), PageCount(0));
  EXPECT_EQ(tree.PeakPages(), PageCount(9 + 40)) << "it had them";
}

TEST(SpanTree, TheShortestThatIsLongEnoughFitsBest) {
  std::deque<Span> spans =
      SpansAt({{9, 100}, {2, 200}, {40, 300}, {7, 400}, {3000, 5000}});
  SpanTree tree;
  for (Span& span : spans) tree.Insert(&span);
  EXPECT_EQ(tree.BestFit(PageCount(1)), &spans[1]);
  EXPECT_EQ(tree.BestFit(PageCount(2)), &spans[1]);
  EXPECT_EQ(tree.BestFit(PageCount(3)), &spans[3]);
  EXPECT_EQ(tree.BestFit(PageCount(8)), &spans[0]);
  EXPECT_EQ(tree.BestFit(PageCount(10)), &spans[2]);
  EXPECT_EQ(tree.BestFit(PageCount(41)), &spans[4]);
  EXPECT_EQ(tree.BestFit(PageCount(3001)), nullptr);
  tree.Validate();
}

// Wherever chance puts them in the tree.
TEST(SpanTree, OfEqualsTheLowestAddressFitsBest) {
  std::deque<Span> spans(200);
  for (size_t i = 0; i < spans.size(); ++i) Place(spans[i], {6, 100 + 10 * i});
  std::vector<Span*> order;
  for (Span& span : spans) order.push_back(&span);
  std::mt19937_64 random(1);
  std::shuffle(order.begin(), order.end(), random);
  SpanTree tree;
  for (Span* span : order) tree.Insert(span);
  for (Span& span : spans) {
    ASSERT_EQ(tree.BestFit(PageCount(6)), &span);
    ASSERT_EQ(tree.BestFit(PageCount(1)), &span);
    tree.Remove(&span);
  }
  EXPECT_EQ(tree.LongestSpan(), nullptr);
}

TEST(SpanTree, ForEachGoesByLengthThenByAddress) {
  std::deque<Span> spans =
      SpansAt({{1, 50}, {1, 90}, {4, 10}, {4, 70}, {8, 20}});
  SpanTree tree;
  for (const size_t i : {3, 0, 4, 2, 1}) tree.Insert(&spans[i]);
  std::vector<Span*> expected;
  for (Span& span : spans) expected.push_back(&span);
  EXPECT_EQ(InOrder(tree), expected);
  EXPECT_EQ(tree.Pages(), PageCount(18));
}

// Spans, each at an address of its own, that go in and out; a std::set knows
// which of them is to be found.
class Model {
 public:
  static constexpr size_t kPlaces = 600;

  Model(uint64_t seed, size_t longest) : random_(seed), longest_(longest) {}

  void Step() {
    const size_t i = random_() % kPlaces;
    Span* span = &spans_[i];
    if (inside_[i]) {
      tree_.Remove(span);
      known_.erase({span->pages.value(), span->first.value()});
      pages_ -= span->pages.value();
    } else {
      Place(*span, {1 + random_() % longest_, 1 + i * (longest_ + 1)});
      tree_.Insert(span);
      known_.insert({span->pages.value(), span->first.value()});
      pages_ += span->pages.value();
    }
    inside_[i] = !inside_[i];
  }

  void Compare() {
    ASSERT_EQ(tree_.Pages(), PageCount(pages_));
    ASSERT_EQ(tree_.Count(), known_.size());
    ASSERT_EQ(tree_.LongestSpan() == nullptr, known_.empty());
    const size_t longest = known_.empty() ? 0 : known_.rbegin()->first;
    ASSERT_EQ(tree_.Longest(), PageCount(longest));
    peak_ = std::max(peak_, pages_);
    ASSERT_EQ(tree_.PeakPages(), PageCount(peak_));
    const size_t wanted = 1 + random_() % (longest_ + 1);
    const auto fits = known_.lower_bound({wanted, 0});
    const Span* found = tree_.BestFit(PageCount(wanted));
    ASSERT_EQ(found == nullptr, fits == known_.end()) << wanted;
    if (found == nullptr) return;
    ASSERT_EQ(found->pages.value(), fits->first) << wanted;
    ASSERT_EQ(found->first.value(), fits->second) << wanted;
  }

  void CompareAll() {
    tree_.Validate();
    std::set<Key> seen;
    for (const Span* span : InOrder(tree_)) {
      seen.insert({span->pages.value(), span->first.value()});
    }
    ASSERT_EQ(seen, known_);
  }

 private:
  using Key = std::pair<size_t, uintptr_t>;

  std::mt19937_64 random_;
  const size_t longest_;
  std::vector<Span> spans_{kPlaces};
  std::vector<bool> inside_ = std::vector<bool>(kPlaces);
  SpanTree tree_;
  std::set<Key> known_;
  size_t pages_ = 0;
  size_t peak_ = 0;
};

// Few lengths, so that many are equal, and many.
TEST(SpanTree, FindsWhatASortedSetFinds) {
  for (const uint64_t seed : course::SeedsToTry()) {
    for (const size_t longest : {3, 40, 100000}) {
      SCOPED_TRACE(course::HowToRepeat(seed));
      Model model(seed, longest);
      for (int step = 0; step < 20000; ++step) {
        model.Step();
        model.Compare();
        if (step % 500 == 0) model.CompareAll();
        if (HasFatalFailure()) return;
      }
      model.CompareAll();
    }
  }
}

size_t Depth(const Span* branch) {
  if (branch == nullptr) return 0;
  return 1 + std::max(Depth(branch->left), Depth(branch->right));
}

// The one that is nobody's branch.
const Span* Root(const SpanTree& tree) {
  std::unordered_set<const Span*> branches;
  tree.ForEach([&](const Span* span) {
    branches.insert({span->left, span->right});
  });
  const Span* root = nullptr;
  tree.ForEach([&](const Span* span) {
    if (branches.count(span) == 0) root = span;
  });
  return root;
}

// The longest way down, for so many spans in sorted order.
template <typename Make>
void ExpectShallow(const Make& make) {
  constexpr size_t kSpans = 100000;
  std::vector<Span> spans(kSpans);
  SpanTree tree;
  for (size_t i = 0; i < kSpans; ++i) {
    Place(spans[i], make(i));
    tree.Insert(&spans[i]);
  }
  tree.Validate();
  ASSERT_EQ(InOrder(tree).size(), kSpans);
  // A balanced tree has 17 steps, one of random order some 40.
  EXPECT_LE(Depth(Root(tree)), 60u);
  // Half of them go, in order. What is left is no deeper.
  for (size_t i = 0; i < kSpans; i += 2) tree.Remove(&spans[i]);
  tree.Validate();
  EXPECT_LE(Depth(Root(tree)), 60u);
}

TEST(SpanTree, StaysShallowWhereSpansComeByRisingLength) {
  ExpectShallow([](size_t i) { return Pages{1 + i, 1 + i}; });
}

TEST(SpanTree, StaysShallowWhereSpansComeByFallingLength) {
  ExpectShallow([](size_t i) { return Pages{200000 - i, 1 + i}; });
}

// As chunks of one size lie, and as they are cut: any step between addresses,
// also those that a poor stirring would not survive.
TEST(SpanTree, StaysShallowWhereEqualSpansComeByRisingAddress) {
  for (const size_t step : {1, 2, 8, 32, 512, 513, 2048, 2049, 1 << 17}) {
    SCOPED_TRACE(step);
    constexpr uintptr_t kFirst = uintptr_t{0x7F0000000000} >> kPageShift;
    ExpectShallow([&](size_t i) { return Pages{1, kFirst + i * step}; });
  }
}

TEST(SpanTreeDeathTest, ValidateSeesALengthThatChanged) {
  std::deque<Span> spans = SpansAt({{3, 10}, {5, 20}, {7, 30}});
  SpanTree tree;
  for (Span& span : spans) tree.Insert(&span);
  spans[1].pages = PageCount(9);
  EXPECT_DEATH(tree.Validate(), "span_tree.cc:[0-9]+: CHECK failed");
}

}  // namespace
}  // namespace pool
