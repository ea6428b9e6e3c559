// The allocator's façade as one type, whichever of its calls are there yet.
//
// Tests and workloads are the same for every stage of the allocator, and ask
// `Facade::kHasAligned` instead of being told. A call that is missing must stay
// inside `if constexpr` in a template: outside it does not compile, so that no
// test can seem to pass without running.
//
// How it knows: a qualified name (`lookup::Reserve`) is looked up in all the
// namespaces that `lookup` uses, as one set of overloads. An ellipsis is the
// worst match there is, so the allocator's own function wins where it exists.
#ifndef COURSE_TESTING_FACADE_H_
#define COURSE_TESTING_FACADE_H_

#include <cstddef>
#include <cstring>
#include <type_traits>

#include "pool/pool.h"

namespace course {

namespace absent {

// What a call resolves to when the allocator does not have it. Declared only:
// a call does not link.
struct NotYet {};
NotYet Reserve(...);
NotYet Deallocate(...);
NotYet AllocateAligned(...);
NotYet DeallocateAligned(...);
NotYet Reallocate(...);
NotYet AllocateZeroed(...);
NotYet UsableSize(...);
NotYet PrintStatistics(...);
NotYet WriteStatistics(...);
NotYet WriteHeapMap(...);
NotYet WriteHeapProfile(...);

// Without arguments an ellipsis is as good a match as any; a template is not.
template <typename... None>
NotYet Statistics(None...) noexcept;
// It has a body because Facade::ReleaseFreeMemory may always be called.
template <typename... None>
NotYet ReleaseFreeMemory(None...) noexcept {
  return {};
}

template <typename Result>
inline constexpr bool kFound = !std::is_same_v<Result, NotYet>;

}  // namespace absent

namespace lookup {
using namespace pool;
using namespace absent;
}  // namespace lookup

// Stands for a value of an enumeration that may not be there yet.
struct AnyEnum {
  template <typename Enum,
            typename = std::enable_if_t<std::is_enum<Enum>::value>>
  constexpr operator Enum() const {
    return static_cast<Enum>(number);
  }
  int number;
};

class Facade {
  template <typename Result>
  static constexpr bool kFound = absent::kFound<Result>;
  static constexpr void* kBlock = nullptr;
  static constexpr const char* kPath = nullptr;
  static constexpr size_t kSize = 1;
  using Sink = void (*)(void* context, const char* text, size_t length);

 public:
  static constexpr bool kHasReserve =
      kFound<decltype(lookup::Reserve(kSize, kSize))>;
  static constexpr bool kHasUnsizedDeallocate =
      kFound<decltype(lookup::Deallocate(kBlock))>;
  static constexpr bool kHasAligned =
      kFound<decltype(lookup::AllocateAligned(kSize, kSize))>;
  static constexpr bool kHasReleaseFreeMemory =
      kFound<decltype(lookup::ReleaseFreeMemory())>;
  static constexpr bool kHasReallocate =
      kFound<decltype(lookup::Reallocate(kBlock, kSize))>;
  static constexpr bool kHasZeroed =
      kFound<decltype(lookup::AllocateZeroed(kSize, kSize))>;
  static constexpr bool kHasUsableSize =
      kFound<decltype(lookup::UsableSize(kBlock))>;
  static constexpr bool kHasStatistics =
      kFound<decltype(lookup::Statistics())> &&
      kFound<decltype(lookup::PrintStatistics(AnyEnum{0}, Sink(), nullptr))> &&
      kFound<decltype(lookup::WriteStatistics(kPath))>;
  static constexpr bool kHasHeapMap =
      kFound<decltype(lookup::WriteHeapMap(kPath))>;
  static constexpr bool kHasHeapProfile =
      kFound<decltype(lookup::WriteHeapProfile(kPath))>;

  static void* Allocate(size_t bytes) noexcept { return pool::Allocate(bytes); }
  static void Deallocate(void* block, size_t bytes) noexcept {
    pool::Deallocate(block, bytes);
  }

  // Only where the flag above says so.
  static auto Reserve(size_t bytes, size_t count) noexcept {
    return lookup::Reserve(bytes, count);
  }
  static auto Deallocate(void* block) noexcept {
    return lookup::Deallocate(block);
  }
  static auto AllocateAligned(size_t bytes, size_t alignment) noexcept {
    return lookup::AllocateAligned(bytes, alignment);
  }
  static auto DeallocateAligned(void* block, size_t bytes,
                                size_t alignment) noexcept {
    return lookup::DeallocateAligned(block, bytes, alignment);
  }
  static auto AllocateZeroed(size_t count, size_t size) noexcept {
    return lookup::AllocateZeroed(count, size);
  }
  static auto UsableSize(void* block) noexcept {
    return lookup::UsableSize(block);
  }
  static auto Statistics() noexcept { return lookup::Statistics(); }
  static auto PrintStatistics(int form, Sink sink, void* context) noexcept {
    return lookup::PrintStatistics(AnyEnum{form}, sink, context);
  }
  static auto WriteStatistics(const char* path) noexcept {
    return lookup::WriteStatistics(path);
  }
  static auto WriteHeapMap(const char* path) noexcept {
    return lookup::WriteHeapMap(path);
  }
  static auto WriteHeapProfile(const char* path) noexcept {
    return lookup::WriteHeapProfile(path);
  }

  // These two do without when they must, so that a workload can always ask.
  static void* Reallocate(void* block, size_t old_bytes,
                          size_t new_bytes) noexcept {
    return ReallocateBlock<Facade>(block, old_bytes, new_bytes);
  }
  static size_t ReleaseFreeMemory() noexcept {
    return BytesOf(lookup::ReleaseFreeMemory());
  }

 private:
  static size_t BytesOf(size_t bytes) { return bytes; }
  static size_t BytesOf(absent::NotYet) { return 0; }

  // A template, so that the branch not taken need not compile.
  template <typename F, typename Block>
  static void* ReallocateBlock(Block* block, size_t old_bytes,
                               size_t new_bytes) noexcept {
    if constexpr (F::kHasReallocate) {
      return lookup::Reallocate(block, new_bytes);
    } else {
      void* moved = Allocate(new_bytes);
      if (moved == nullptr || block == nullptr) return moved;
      std::memcpy(moved, block, old_bytes < new_bytes ? old_bytes : new_bytes);
      Deallocate(block, old_bytes);
      return moved;
    }
  }
};

}  // namespace course

#endif  // COURSE_TESTING_FACADE_H_
