// The fuzz target of the façade in C (player.h): the same inputs, by the calls
// of pool_c.h.
#include <cstddef>
#include <cstdint>

#include "common/fuzz/player.h"
#include "common/testing/facade.h"
#include "pool/pool_c.h"

namespace course {
namespace {

// As Facade (facade.h), of which it has everything.
class FacadeInC {
 public:
  static constexpr bool kHasReserve = true;
  static constexpr bool kHasUnsizedDeallocate = true;
  static constexpr bool kHasAligned = true;
  static constexpr bool kHasReleaseFreeMemory = true;
  static constexpr bool kHasReallocate = true;
  static constexpr bool kHasZeroed = true;
  static constexpr bool kHasUsableSize = true;
  // C can only have them written; they are the same.
  static constexpr bool kHasStatistics = Facade::kHasStatistics;

  static void* Allocate(size_t bytes) { return pool_allocate(bytes); }
  static void Deallocate(void* block) { pool_deallocate(block); }
  static void Deallocate(void* block, size_t bytes) {
    pool_deallocate_sized(block, bytes);
  }
  static void* AllocateAligned(size_t bytes, size_t alignment) {
    return pool_allocate_aligned(bytes, alignment);
  }
  static void DeallocateAligned(void* block, size_t, size_t) {
    pool_deallocate(block);
  }
  static void* AllocateZeroed(size_t count, size_t size) {
    return pool_allocate_zeroed(count, size);
  }
  static void* Reallocate(void* block, size_t, size_t bytes) {
    return pool_reallocate(block, bytes);
  }
  static size_t UsableSize(const void* block) {
    return pool_usable_size(block);
  }
  static bool Reserve(size_t bytes, size_t count) {
    return pool_reserve(bytes, count);
  }
  static size_t ReleaseFreeMemory() { return pool_release_free_memory(); }
  static auto Statistics() { return Facade::Statistics(); }
};

}  // namespace
}  // namespace course

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  course::fuzz::Player<course::FacadeInC>(data, size).Play();
  return 0;
}
