// Tags: a byte for each page, which says what class its objects are of. It must
// be right whenever an object of that page is out, and 0 for all that is none.
#include "pool/arena.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "common/testing/accounts.h"
#include "common/testing/gang.h"
#include "common/testing/pattern.h"
#include "common/testing/seeds.h"
#include "fake_kernel.h"
#include "pool/central_cache.h"
#include "pool/immortal.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"

namespace pool {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

size_t TagAt(uintptr_t address) {
  return Arena::TagOf(reinterpret_cast<void*>(address));
}

// What is no block: nothing, this program's own, and all over the address
// space, most of all at its end and where the sign changes.
void ExpectNoTags() {
  static char global;
  const char local = 0;
  const std::unique_ptr<char> from_new(new char);
  EXPECT_EQ(Arena::TagOf(nullptr), 0u);
  EXPECT_EQ(Arena::TagOf(&global), 0u);
  EXPECT_EQ(Arena::TagOf(&local), 0u);
  EXPECT_EQ(Arena::TagOf(from_new.get()), 0u);
  for (uintptr_t distance = 0; distance < 128 * kMiB; distance += kPageSize) {
    for (const uintptr_t middle : {uintptr_t{0}, uintptr_t{1} << 47,
                                   uintptr_t{1} << 62, uintptr_t{1} << 63}) {
      ASSERT_EQ(TagAt(middle + distance), 0u);
      ASSERT_EQ(TagAt(middle - 1 - distance), 0u);
    }
  }
  for (uintptr_t bit = 1; bit != 0; bit <<= 1) {
    ASSERT_EQ(TagAt(bit), 0u);
    ASSERT_EQ(TagAt(bit - 1), 0u);
    ASSERT_EQ(TagAt(0 - bit), 0u);
  }
}

TEST(ArenaTag, IsNoneBeforeTheFirstChunk) { ExpectNoTags(); }

TEST(ArenaTag, IsNoneForWhatIsNotOurs) {
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    ASSERT_NE(Allocate(SizeClass::Size(ClassIndex(i))), nullptr);
  }
  ExpectNoTags();
}

// The class that blocks of this size are of: not each class has a request that
// is as large.
ClassIndex ClassOfBlocks(size_t i) {
  return SizeClass::ForRequest(SizeClass::Size(ClassIndex(i)));
}

// All pages of the block's span.
void ExpectTag(const void* block, size_t tag) {
  const Span* span = PageHeap::Get().MapObjectToSpan(block);
  ASSERT_NE(span, nullptr);
  for (size_t i = 0; i < span->pages.value(); ++i) {
    ASSERT_EQ(Arena::TagOf((span->first + PageCount(i)).Start()), tag);
  }
}

TEST(ArenaTag, IsItsClassesOnAllPagesOfASpan) {
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const ClassIndex index = ClassOfBlocks(i);
    char* block = static_cast<char*>(Allocate(SizeClass::Size(index)));
    ExpectTag(block, SizeClass::TagOf(index));
    EXPECT_EQ(Arena::TagOf(block + SizeClass::Size(index) - 1),
              SizeClass::TagOf(index));
  }
}

TEST(ArenaTag, IsNoneForALargeBlock) {
  for (const size_t bytes : {SizeClass::kLargestSize + 1, 5 * kMiB}) {
    void* block = Allocate(bytes);
    ExpectTag(block, 0);
    Deallocate(block);
  }
  void* aligned = AllocateAligned(64, 4 * kPageSize);
  ExpectTag(aligned, 0);
  Deallocate(aligned);
}

// Each page's tag against what the page heap knows of it.
void ExpectTagsOfAllPages() {
  PageHeap::Get().ForEachSpan(
      [](PageId first, PageCount pages, SpanState state) {
        const Span* span = PageHeap::Get().MapObjectToSpan(first.Start());
        const size_t tag = state == SpanState::kInUse ? span->class_tag : 0;
        for (size_t i = 0; i < pages.value(); ++i) {
          ASSERT_EQ(Arena::TagOf((first + PageCount(i)).Start()), tag);
        }
      });
}

TEST(ArenaTag, GoesWithItsSpan) {
  std::vector<void*> blocks;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    blocks.push_back(Allocate(SizeClass::Size(ClassIndex(i))));
  }
  for (void* block : blocks) Deallocate(block);
  ReleaseFreeMemory();
  for (void* block : blocks) ASSERT_EQ(Arena::TagOf(block), 0u);
  ExpectTagsOfAllPages();
  // A large block comes to lie there.
  void* large = Allocate(2 * kMiB);
  ExpectTag(large, 0);
  Deallocate(large);
}

TEST(ArenaTag, FollowsWhateverComesAndGoes) {
  for (const uint64_t seed : course::SeedsToTry()) {
    SCOPED_TRACE(course::HowToRepeat(seed));
    std::mt19937_64 random(seed);
    std::vector<void*> blocks;
    for (int step = 0; step < 6000; ++step) {
      const bool grows = step / 1000 % 2 == 0;
      if (blocks.empty() || random() % 4 < (grows ? 3 : 1)) {
        blocks.push_back(Allocate(1 + random() % (1 << (3 + random() % 17))));
      } else {
        std::swap(blocks[random() % blocks.size()], blocks.back());
        Deallocate(blocks.back());
        blocks.pop_back();
      }
      if (step % 100 == 0) ReleaseFreeMemory();
      if (step % 50 == 0) ExpectTagsOfAllPages();
      if (testing::Test::HasFatalFailure()) return;
    }
    for (void* block : blocks) Deallocate(block);
  }
}

// Whoever gets a block sees its tag, also where another thread has made the
// span, and the page was something else a moment ago.
TEST(ArenaTag, IsThereWhenTheBlockIs) {
  course::RunGang(4, [](size_t member) {
    std::mt19937_64 random(member);
    for (int step = 0; step < 3000; ++step) {
      const ClassIndex index = ClassOfBlocks(random() % SizeClass::kCount);
      void* block = Allocate(SizeClass::Size(index));
      ASSERT_EQ(Arena::TagOf(block), SizeClass::TagOf(index));
      Deallocate(block);
      if (step % 100 == 0) ReleaseFreeMemory();
    }
  });
}

// Another heap takes its chunks from the same window, between the first one's.
TEST(ArenaTag, TwoHeapsShareTheWindow) {
  const auto other = std::make_unique<Immortal<PageHeap>>();
  std::vector<void*> blocks;
  std::vector<Span*> spans;
  for (int i = 0; i < 40; ++i) {
    blocks.push_back(Allocate(3 * kMiB));
    spans.push_back(other->value.NewSpan(PageCount(400)));
    course::FillPattern(blocks.back(), 3 * kMiB, i);
    course::FillPattern(spans.back()->Start(), 400 * kPageSize, 1000 + i);
  }
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(course::FirstDamage(blocks[i], 3 * kMiB, i), 3 * kMiB);
    EXPECT_EQ(course::FirstDamage(spans[i]->Start(), 400 * kPageSize, 1000 + i),
              400 * kPageSize);
    EXPECT_EQ(Arena::TagOf(spans[i]->Start()), 0u);
    Deallocate(blocks[i]);
    other->value.ReleaseSpanToPageHeap(spans[i]);
  }
  PageHeap::Get().Validate();
  other->value.Validate();
}

// Where the kernel found room for the window, and where it maps then: far
// below.
uintptr_t room;
uintptr_t far_below;

void* FindRoom(size_t bytes) {
  void* start = RealKernelCalls().find_room(bytes);
  room = reinterpret_cast<uintptr_t>(start);
  far_below = room - 4 * tuning::kWindowBytes;
  return start;
}

void* MapFarBelow(size_t bytes) {
  void* start =
      RealKernelCalls().map_at(reinterpret_cast<void*>(far_below), bytes);
  EXPECT_NE(start, nullptr) << "this test needs 256 GiB of addresses";
  far_below += RoundUp(bytes, kMiB) + kMiB;
  return start;
}

// One of each class: taken, resized, freed, with its bytes kept.
void UseEveryClass() {
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const size_t size = SizeClass::Size(ClassOfBlocks(i));
    std::vector<void*> blocks(20);
    for (void*& block : blocks) {
      block = Allocate(size);
      ASSERT_NE(block, nullptr);
      ASSERT_EQ(UsableSize(block), size);
      course::FillPattern(block, size, i);
    }
    for (void*& block : blocks) {
      block = Reallocate(block, size + size / 2 + 1);
      ASSERT_EQ(course::FirstDamage(block, size, i), size);
      block = Reallocate(block, size / 4 + 1);
      ASSERT_EQ(course::FirstDamage(block, size / 4 + 1, i), size / 4 + 1);
    }
    for (void* block : blocks) Deallocate(block);
    ASSERT_EQ(course::FaultOf(Statistics(), course::Company::kAlone),
              std::nullopt);
  }
}

void ExpectNothingLost() {
  ReleaseFreeMemory();
  const PoolStatistics all = Statistics();
  EXPECT_EQ(course::FaultOf(all, course::Company::kAlone), std::nullopt);
  EXPECT_EQ(all.in_use.now, 0u);
  EXPECT_EQ(PageHeap::Get().Footprint().in_use, 0u);
  CentralCache::Get().Validate();
  PageHeap::Get().Validate();
}

TEST(ArenaOutside, ServesEveryClassWithoutAWindow) {
  FakeKernel kernel;
  kernel->find_room = [](size_t) -> void* { return nullptr; };
  UseEveryClass();
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    void* block = Allocate(SizeClass::Size(ClassIndex(i)));
    EXPECT_EQ(Arena::TagOf(block), 0u);
    Deallocate(block);
  }
  ExpectNothingLost();
}

TEST(ArenaOutside, ServesEveryClassWhereTheCallsAreAbsent) {
  FakeKernel kernel;
  kernel->find_room = nullptr;
  kernel->map_at = nullptr;
  UseEveryClass();
  ExpectNothingLost();
}

// Blocks of one class, some in the window and some not, in one magazine.
TEST(ArenaOutside, BlocksWithAndWithoutATagGoTogether) {
  FakeKernel kernel;
  kernel->find_room = FindRoom;
  std::vector<void*> blocks;
  for (int i = 0; i < 3000; ++i) blocks.push_back(Allocate(4096));
  kernel->map_at = [](void*, size_t) -> void* { return nullptr; };
  kernel->map = MapFarBelow;
  for (int i = 0; i < 3000; ++i) blocks.push_back(Allocate(4096));
  size_t with = 0;
  for (void* block : blocks) with += Arena::TagOf(block) != 0 ? 1 : 0;
  EXPECT_GE(with, 3000u);
  EXPECT_LE(with, 5000u) << "the last ones are outside";
  std::mt19937_64 random(1);
  std::shuffle(blocks.begin(), blocks.end(), random);
  for (void*& block : blocks) block = Reallocate(block, 3000);
  for (void* block : blocks) Deallocate(block, 3000);
  UseEveryClass();
  ExpectNothingLost();
}

}  // namespace
}  // namespace pool
