// memory_resource: the pool behind the interface of std::pmr, for containers
// and arenas that choose their memory while the program runs.
//
//   std::pmr::vector<int> numbers(pool::PoolResource());
//
// It owns nothing and has no state: all of them are equal. No locks but the
// façade's: from any thread.
#ifndef POOL_MEMORY_RESOURCE_H_
#define POOL_MEMORY_RESOURCE_H_

#include <cstddef>
#include <memory_resource>
#include <new>

#include "pool/pool.h"

namespace pool {

//! [memory_resource]
class memory_resource : public std::pmr::memory_resource {
 private:
  // Throws std::bad_alloc when there is no memory. `alignment` is a power of
  // two, as std::pmr demands.
  void* do_allocate(size_t bytes, size_t alignment) override {
    void* block = Plain(bytes, alignment) ? Allocate(bytes)
                                          : AllocateAligned(bytes, alignment);
    if (block == nullptr) throw std::bad_alloc();
    return block;
  }

  void do_deallocate(void* block, size_t bytes, size_t alignment) override {
    if (Plain(bytes, alignment)) return Deallocate(block, bytes);
    DeallocateAligned(block, bytes, alignment);
  }

  // One may give back what another one gave.
  bool do_is_equal(
      const std::pmr::memory_resource& other) const noexcept override {
    return dynamic_cast<const memory_resource*>(&other) != nullptr;
  }

  // Whether Allocate aligns enough: to 8, and above 8 bytes to 16.
  static constexpr bool Plain(size_t bytes, size_t alignment) {
    return alignment <= 8 || (alignment <= 16 && bytes > 8);
  }
};

// The process's own. It is never destroyed: objects with a static lifetime may
// give memory back to the very end.
inline memory_resource* PoolResource() noexcept {
  alignas(memory_resource) static unsigned char place[sizeof(memory_resource)];
  static memory_resource* const resource = ::new (place) memory_resource;
  return resource;
}
//! [memory_resource]

}  // namespace pool

#endif  // POOL_MEMORY_RESOURCE_H_
