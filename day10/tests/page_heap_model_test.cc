// The page heap against a model that knows of each page of one chunk whether it
// is in use, free or returned, and nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "common/testing/gang.h"
#include "common/testing/seeds.h"
#include "pool/immortal.h"
#include "pool/page_heap.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

// A kernel that has one chunk, and what the books of the heap need.
class OneChunkKernel {
 public:
  OneChunkKernel() {
    has_given_ = false;
    table_ = RealKernelCalls();
    table_.map_at = nullptr;
    table_.map = [](size_t bytes) -> void* {
      constexpr size_t kMostForBooks = 1024 * 1024;
      if (bytes > kMostForBooks && std::exchange(has_given_, true)) {
        return nullptr;
      }
      return RealKernelCalls().map(bytes);
    };
    previous_ = SetKernelCalls(&table_);
  }
  ~OneChunkKernel() { SetKernelCalls(previous_); }
  OneChunkKernel(const OneChunkKernel&) = delete;
  OneChunkKernel& operator=(const OneChunkKernel&) = delete;

 private:
  static inline bool has_given_;
  KernelCalls table_;
  const KernelCalls* previous_;
};

class Model {
 public:
  // Requests are long enough that what the books may have would not do.
  static constexpr size_t kShortest = 130;
  static constexpr size_t kChunk = 16384;

  explicit Model(uint64_t seed) : random_(seed) {
    // All of it, once: this shows where it begins and how long it is.
    Span* all = heap_->value.NewSpan(PageCount(kChunk));
    first_ = all->first;
    states_.assign(kChunk, SpanState::kFree);
    heap_->value.ReleaseSpanToPageHeap(all);
    Release();
    // A chunk that the kernel has aligned well has one page more.
    const PageHeapFootprint sum = heap_->value.Footprint();
    states_.resize(sum.returned / kPageSize, SpanState::kReturned);
  }

  void Step() {
    const size_t choice = random_() % 16;
    if (choice == 0) {
      Release();
    } else if (choice == 1) {
      TakeAligned();
    } else if (choice < 10) {
      Take();
    } else if (!spans_.empty()) {
      std::swap(spans_[random_() % spans_.size()], spans_.back());
      Free();
    }
  }

  void FreeAll() {
    while (!spans_.empty()) Free();
  }

  void Compare() {
    heap_->value.Validate();
    const PageHeapFootprint sum = heap_->value.Footprint();
    ASSERT_EQ(sum.in_use, Count(SpanState::kInUse).bytes());
    ASSERT_EQ(sum.free, Count(SpanState::kFree).bytes());
    ASSERT_EQ(sum.returned, Count(SpanState::kReturned).bytes());
    for (const Span* span : spans_) CompareSpan(span);
    for (size_t i = 0; i < states_.size(); ++i) {
      if (states_[i] != SpanState::kInUse) ComparePage(PageAt(i));
    }
  }

  size_t refusals() const { return refusals_; }
  size_t joined() const { return joined_; }

 private:
  PageId PageAt(size_t i) const { return first_ + PageCount(i); }

  PageCount Count(SpanState state) const {
    return PageCount(std::count(states_.begin(), states_.end(), state));
  }

  void CompareSpan(const Span* span) {
    for (PageId page = span->first; page != span->End();
         page = page + PageCount(1)) {
      ASSERT_EQ(heap_->value.MapObjectToSpan(page.Start()), span);
    }
  }

  // A page that is in nobody's hands leads to nothing, to a mark that has no
  // pages, or to the free span that it is of.
  void ComparePage(PageId page) {
    const Span* span = heap_->value.MapObjectToSpan(page.Start());
    if (span == nullptr || span->pages == PageCount(0)) return;
    ASSERT_NE(span->state, SpanState::kInUse) << page.value();
    ASSERT_TRUE(!(page < span->first) && page < span->End()) << page.value();
  }

  // The run of pages at `i` whose states `belongs` accepts: its length, or 0.
  template <typename Belongs>
  size_t RunAt(size_t i, const Belongs& belongs) const {
    size_t end = i;
    while (end < states_.size() && belongs(states_[end])) ++end;
    return end - i;
  }

  // The first of the shortest runs that are long enough; the number of pages,
  // if there is none.
  template <typename Belongs>
  size_t BestFit(size_t pages, const Belongs& belongs) const {
    size_t best = states_.size();
    size_t shortest = SIZE_MAX;
    for (size_t i = 0; i < states_.size();) {
      const size_t length = RunAt(i, belongs);
      if (length >= pages && length < shortest) {
        best = i;
        shortest = length;
      }
      i += std::max<size_t>(length, 1);
    }
    return best;
  }

  static auto Is(SpanState wanted) {
    return [wanted](SpanState state) { return state == wanted; };
  }
  static bool IsAnyFree(SpanState state) { return state != SpanState::kInUse; }

  // What serves best: free pages before returned ones.
  size_t Find(size_t pages) const {
    const size_t found = BestFit(pages, Is(SpanState::kFree));
    return found != states_.size() ? found
                                   : BestFit(pages, Is(SpanState::kReturned));
  }

  void Take() {
    const size_t pages =
        kShortest + random_() % (random_() % 8 == 0 ? 4000 : 300);
    const size_t expected = Find(pages);
    Span* span = heap_->value.NewSpan(PageCount(pages));
    if (expected != states_.size()) {
      ASSERT_NE(span, nullptr);
      ASSERT_EQ(span->first, PageAt(expected));
    } else {
      ASSERT_EQ(span == nullptr, BestFit(pages, IsAnyFree) == states_.size());
      if (span == nullptr) return void(++refusals_);
      Join((span->first - first_).value());
    }
    Hold(span, pages);
  }

  // The run that this page is in was free and returned, and is free now.
  void Join(size_t page) {
    ++joined_;
    while (page > 0 && IsAnyFree(states_[page - 1])) --page;
    std::fill_n(states_.begin() + page, RunAt(page, IsAnyFree),
                SpanState::kFree);
  }

  // The first aligned page in the run that fits best, if it has enough behind
  // that, or else in the run that fits best in the worst case.
  void TakeAligned() {
    const size_t alignment = size_t{1} << random_() % 8;
    const size_t pages = kShortest + random_() % 100;
    size_t run = Find(pages);
    if (run != states_.size() && !Fits(run, pages, alignment)) {
      run = Find(pages + alignment - 1);
    }
    if (run == states_.size()) return;
    Span* span = heap_->value.NewSpan(PageCount(pages), PageCount(alignment));
    ASSERT_NE(span, nullptr);
    ASSERT_EQ(span->first, PageAt(AlignedFrom(run, alignment)));
    Hold(span, pages);
  }

  size_t AlignedFrom(size_t i, size_t alignment) const {
    return RoundUp(PageAt(i).value(), alignment) - first_.value();
  }

  bool Fits(size_t run, size_t pages, size_t alignment) const {
    const size_t end = run + RunAt(run, Is(states_[run]));
    return AlignedFrom(run, alignment) + pages <= end;
  }

  void Hold(Span* span, size_t pages) {
    ASSERT_EQ(span->pages, PageCount(pages));
    const size_t start = (span->first - first_).value();
    ASSERT_TRUE(start + pages <= states_.size());
    for (size_t i = start; i < start + pages; ++i) {
      ASSERT_NE(states_[i], SpanState::kInUse) << "two spans overlap";
      states_[i] = SpanState::kInUse;
    }
    spans_.push_back(span);
  }

  void Free() {
    Span* span = spans_.back();
    spans_.pop_back();
    std::fill_n(states_.begin() + (span->first - first_).value(),
                span->pages.value(), SpanState::kFree);
    heap_->value.ReleaseSpanToPageHeap(span);
  }

  void Release() {
    const size_t free = Count(SpanState::kFree).bytes();
    ASSERT_EQ(heap_->value.ReleaseFreeMemory(), free);
    std::replace(states_.begin(), states_.end(), SpanState::kFree,
                 SpanState::kReturned);
  }

  std::mt19937_64 random_;
  const OneChunkKernel kernel_;
  const std::unique_ptr<Immortal<PageHeap>> heap_ =
      std::make_unique<Immortal<PageHeap>>();
  PageId first_;
  std::vector<SpanState> states_;
  std::vector<Span*> spans_;
  size_t refusals_ = 0;
  size_t joined_ = 0;
};

TEST(PageHeapModel, EachPageIsWhatTheModelSays) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    Model model(seed);
    for (int step = 0; step < 3000; ++step) {
      model.Step();
      if (step % 10 == 0) model.Compare();
      if (HasFatalFailure()) return;
    }
    EXPECT_GT(model.refusals(), 10u) << "the chunk was never full";
    EXPECT_GT(model.joined(), 10u) << "no free pages were joined to returned";
    model.FreeAll();
    model.Compare();
  }
}

// Each thread writes its name into its spans' first and last pages, and finds
// it again.
TEST(PageHeapModel, ManyThreadsTakeAndFreeAndRelease) {
  const auto heap = std::make_unique<Immortal<PageHeap>>();
  const auto last = [](Span* span) -> size_t& {
    return *static_cast<size_t*>((span->End() - PageCount(1)).Start());
  };
  course::RunGang(8, [&](size_t member) {
    std::mt19937_64 random(member);
    std::vector<Span*> spans;
    for (int step = 0; step < 2000; ++step) {
      if (spans.empty() || (spans.size() < 20 && random() % 2 == 0)) {
        const PageCount alignment(size_t{1} << random() % 4);
        Span* span =
            heap->value.NewSpan(PageCount(1 + random() % 40), alignment);
        *static_cast<size_t*>(span->Start()) = member;
        last(span) = member;
        spans.push_back(span);
      } else {
        std::swap(spans[random() % spans.size()], spans.back());
        ASSERT_EQ(*static_cast<size_t*>(spans.back()->Start()), member);
        ASSERT_EQ(last(spans.back()), member);
        heap->value.ReleaseSpanToPageHeap(spans.back());
        spans.pop_back();
      }
      if (step % 200 == 0) heap->value.ReleaseFreeMemory();
    }
    for (Span* span : spans) heap->value.ReleaseSpanToPageHeap(span);
  });
  EXPECT_EQ(heap->value.Footprint().in_use, 0u);
  heap->value.Validate();
}

}  // namespace
}  // namespace pool
