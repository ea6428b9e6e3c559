// The tricks of the hot path, one at a time, each with and without.
//
// A small model of ThreadCache stands here, with a switch for each trick:
//
//   hint     __builtin_expect at the two rare branches: none, right, or wrong
//   class    how a size's class is found: shift (sizes to 128), table (of the
//            five bands), division, bytes (a table with a byte for each size)
//   call     the two functions are inlined into the loop, or called
//   layout   a list's words together in 32 bytes, or an array for each of them
//
// Plain is what the allocator does up to 128 bytes: no hint, a shift, together;
// and inlined.
// Times are for 1024 pairs. Instructions repeat where times do not: under
// valgrind --tool=callgrind, those of TimedPairs, with what it calls.
#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "pool/bytes.h"
#include "pool/macros.h"
#include "pool/size_class.h"

namespace {

using pool::SizeClass;

enum class Hint { kNone, kRight, kWrong };

// Finding the class.

// As SizeClass did before it had a shift for small sizes.
struct Band {
  size_t below, last, shift, step, first_index;
};
constexpr Band kBands[] = {{0, 128, 3, 8, 0},
                           {128, 1024, 4, 16, 16},
                           {1024, 8192, 7, 128, 72},
                           {8192, 65536, 10, 1024, 128},
                           {65536, 262144, 13, 8192, 184}};

const Band* BandOf(size_t bytes) {
  const Band* band = kBands;
  while (bytes > band->last) ++band;
  return band;
}

struct ByShift {
  static size_t Class(size_t bytes) { return SizeClass::ForRequest(bytes); }
};

struct ByTable {
  static size_t Class(size_t bytes) {
    if (bytes <= 8) return 0;
    bytes = pool::RoundUp(bytes, 16);
    const Band* band = BandOf(bytes);
    return band->first_index + ((bytes - band->below - 1) >> band->shift);
  }
};

struct ByDivision {
  static size_t Class(size_t bytes) {
    if (bytes <= 8) return 0;
    bytes = pool::RoundUp(bytes, 16);
    const Band* band = BandOf(bytes);
    return band->first_index + (bytes - band->below - 1) / band->step;
  }
};

struct ByBytes {
  static constexpr size_t kLargest = 1024;
  static constexpr auto kClasses = [] {
    std::array<uint8_t, kLargest / 8 + 1> classes{};
    for (size_t i = 0; i < classes.size(); ++i) {
      classes[i] = static_cast<uint8_t>(SizeClass::ForRequest(8 * i));
    }
    return classes;
  }();
  static size_t Class(size_t bytes) {
    if (bytes > kLargest) return SizeClass::ForRequest(bytes);
    return kClasses[(bytes + 7) / 8];
  }
};

// The lists. Lengths are written so that other threads may read them.
void*& NextObj(void* object) { return *static_cast<void**>(object); }
using Length = std::atomic<size_t>;
size_t Read(const Length& length) {
  return length.load(std::memory_order_relaxed);
}
void Write(Length& length, size_t value) {
  length.store(value, std::memory_order_relaxed);
}

class Together {
 public:
  void*& Head(size_t i) { return lists_[i].head; }
  Length& LengthOf(size_t i) { return lists_[i].length; }
  size_t& MaxSize(size_t i) { return lists_[i].max_size; }
  uint32_t& LowWater(size_t i) { return lists_[i].low_water; }

 private:
  struct List {
    void* head = nullptr;
    Length length{0};
    size_t max_size = 0;
    uint32_t low_water = 0;
    uint32_t overages = 0;
  };
  static_assert(sizeof(List) == 32);
  alignas(64) List lists_[SizeClass::kCount];
};

class Apart {
 public:
  void*& Head(size_t i) { return heads_[i]; }
  Length& LengthOf(size_t i) { return lengths_[i]; }
  size_t& MaxSize(size_t i) { return max_sizes_[i]; }
  uint32_t& LowWater(size_t i) { return low_waters_[i]; }

 private:
  alignas(64) void* heads_[SizeClass::kCount] = {};
  alignas(64) Length lengths_[SizeClass::kCount] = {};
  alignas(64) size_t max_sizes_[SizeClass::kCount] = {};
  alignas(64) uint32_t low_waters_[SizeClass::kCount] = {};
};

// Plain, and what differs from it in one thing.
struct Plain {
  static constexpr Hint kHint = Hint::kNone;
  using Finder = ByShift;
  static constexpr bool kInlined = true;
  using Lists = Together;
};
struct HintRight : Plain {
  static constexpr Hint kHint = Hint::kRight;
};
struct HintWrong : Plain {
  static constexpr Hint kHint = Hint::kWrong;
};
struct ClassByTable : Plain {
  using Finder = ByTable;
};
struct ClassByDivision : Plain {
  using Finder = ByDivision;
};
struct ClassByBytes : Plain {
  using Finder = ByBytes;
};
struct NotInlined : Plain {
  static constexpr bool kInlined = false;
};
struct ListsApart : Plain {
  using Lists = Apart;
};

template <typename Variant>
class Cache {
 public:
  void* Allocate(size_t bytes) {
    const size_t i = Variant::Finder::Class(bytes);
    if (Rare(Read(lists_.LengthOf(i)) <= lists_.LowWater(i))) {
      return AllocateSlow(i);
    }
    return Pop(i);
  }
  void Deallocate(void* object, size_t bytes) {
    const size_t i = Variant::Finder::Class(bytes);
    if (Rare(Read(lists_.LengthOf(i)) >= lists_.MaxSize(i))) {
      return DeallocateSlow(object, i);
    }
    Push(object, i);
  }
  NOINLINE void* CallAllocate(size_t bytes) { return Allocate(bytes); }
  NOINLINE void CallDeallocate(void* object, size_t bytes) {
    Deallocate(object, bytes);
  }

 private:
  static bool Rare(bool condition) {
    if constexpr (Variant::kHint == Hint::kRight) {
      return __builtin_expect(condition, false);
    } else if constexpr (Variant::kHint == Hint::kWrong) {
      return __builtin_expect(condition, true);
    } else {
      return condition;
    }
  }
  void* Pop(size_t i) {
    void* object = lists_.Head(i);
    lists_.Head(i) = NextObj(object);
    Write(lists_.LengthOf(i), Read(lists_.LengthOf(i)) - 1);
    return object;
  }
  void Push(void* object, size_t i) {
    NextObj(object) = lists_.Head(i);
    lists_.Head(i) = object;
    Write(lists_.LengthOf(i), Read(lists_.LengthOf(i)) + 1);
  }
  // Brings one object: a pair needs no more.
  NOINLINE void* AllocateSlow(size_t i) {
    const size_t size = SizeClass::Size(pool::ClassIndex(i));
    chunks_.push_back(std::make_unique<char[]>(size));
    return chunks_.back().get();
  }
  NOINLINE void DeallocateSlow(void* object, size_t i) {
    ++lists_.MaxSize(i);
    Push(object, i);
  }

  typename Variant::Lists lists_;
  std::vector<std::unique_ptr<char[]>> chunks_;
};

// Random sizes from 1 to `largest`, drawn before the clock starts.
using Sizes = std::array<uint16_t, 1024>;
Sizes DrawSizes(uint32_t largest) {
  std::mt19937 random(1);
  Sizes sizes;
  for (uint16_t& size : sizes) {
    size = static_cast<uint16_t>(1 + random() % largest);
  }
  return sizes;
}

template <typename Variant>
void OnePair(Cache<Variant>& cache, size_t bytes) {
  char* object;
  if constexpr (Variant::kInlined) {
    object = static_cast<char*>(cache.Allocate(bytes));
  } else {
    object = static_cast<char*>(cache.CallAllocate(bytes));
  }
  *object = 1;
  benchmark::DoNotOptimize(object);
  if constexpr (Variant::kInlined) {
    cache.Deallocate(object, bytes);
  } else {
    cache.CallDeallocate(object, bytes);
  }
}

// As with a thread's own cache, the compiler does not know where it is.
template <typename Variant>
Cache<Variant>& TheCache() {
  static Cache<Variant> the_cache;
  Cache<Variant>* cache = &the_cache;
  benchmark::DoNotOptimize(cache);
  return *cache;
}

// Not inlined, so that its instructions can be counted under its name.
template <typename Variant>
NOINLINE void TimedPairs(Cache<Variant>& cache, const Sizes& sizes) {
  for (const size_t bytes : sizes) OnePair(cache, bytes);
}

// Everything that it touches is in the first-level cache.
template <typename Variant>
void Warm(benchmark::State& state) {
  Cache<Variant>& cache = TheCache<Variant>();
  const Sizes sizes = DrawSizes(static_cast<uint32_t>(state.range(0)));
  for (const size_t bytes : sizes) OnePair(cache, bytes);
  for (auto _ : state) TimedPairs(cache, sizes);
  state.SetItemsProcessed(state.iterations() *
                          static_cast<int64_t>(sizes.size()));
}
BENCHMARK(Warm<Plain>)->Name("Warm/plain")->Arg(128);
BENCHMARK(Warm<HintRight>)->Name("Warm/hint_right")->Arg(128);
BENCHMARK(Warm<HintWrong>)->Name("Warm/hint_wrong")->Arg(128);
BENCHMARK(Warm<ClassByTable>)->Name("Warm/class_by_table")->Arg(128);
BENCHMARK(Warm<ClassByDivision>)->Name("Warm/class_by_division")->Arg(128);
BENCHMARK(Warm<ClassByBytes>)->Name("Warm/class_by_bytes")->Arg(128);
BENCHMARK(Warm<NotInlined>)->Name("Warm/not_inlined")->Arg(128);
BENCHMARK(Warm<ListsApart>)->Name("Warm/lists_apart")->Arg(128);

// Every few pairs the program does something else, which drives the lists out
// of the first-level cache. That other work is in the times, too. The arguments
// are the largest size, and the pairs from one interruption to the next.
template <typename Variant>
void AfterOtherWork(benchmark::State& state) {
  Cache<Variant>& cache = TheCache<Variant>();
  const Sizes sizes = DrawSizes(static_cast<uint32_t>(state.range(0)));
  const size_t pairs = static_cast<size_t>(state.range(1));
  for (const size_t bytes : sizes) OnePair(cache, bytes);
  std::vector<char> other(64 * 1024, 1);
  for (auto _ : state) {
    for (size_t i = 0; i < sizes.size(); ++i) {
      if (i % pairs == 0) {
        for (size_t line = 0; line < other.size(); line += 64) ++other[line];
        benchmark::ClobberMemory();
      }
      OnePair(cache, sizes[i]);
    }
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<int64_t>(sizes.size()));
}
BENCHMARK(AfterOtherWork<Plain>)
    ->Name("AfterOtherWork/plain")
    ->ArgsProduct({{1024}, {4, 64}});
BENCHMARK(AfterOtherWork<ListsApart>)
    ->Name("AfterOtherWork/lists_apart")
    ->ArgsProduct({{1024}, {4, 64}});

}  // namespace
