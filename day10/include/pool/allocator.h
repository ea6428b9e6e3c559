// PoolAllocator<T>: the pool's memory for the standard library's containers.
//
//   std::vector<int, pool::PoolAllocator<int>> numbers;
//
// It owns nothing and has no state: all of them are equal, whatever their T, so
// a container can hand its memory to another one. No locks but the façade's:
// from any thread.
#ifndef POOL_ALLOCATOR_H_
#define POOL_ALLOCATOR_H_

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "pool/pool.h"

namespace pool {

//! [PoolAllocator]
template <typename T>
class PoolAllocator {
 public:
  using value_type = T;
  using is_always_equal = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;

  constexpr PoolAllocator() noexcept = default;
  // A list<T> asks its allocator for nodes, not for T's: it makes one for them
  // out of this one.
  template <typename Other>
  constexpr PoolAllocator(const PoolAllocator<Other>&) noexcept {}

  // Memory for `count` objects; no object is made in it. Throws
  // std::bad_array_new_length when no memory could ever be so large, and
  // std::bad_alloc when there is none. It asks no new-handler.
  [[nodiscard]] T* allocate(size_t count) {
    if (count > SIZE_MAX / sizeof(T)) throw std::bad_array_new_length();
    const size_t bytes = count * sizeof(T);
    void* block =
        kOverAligned ? AllocateAligned(bytes, alignof(T)) : Allocate(bytes);
    if (block == nullptr) throw std::bad_alloc();
    return static_cast<T*>(block);
  }

  // Takes back what allocate(count) returned, of any PoolAllocator<T>.
  void deallocate(T* block, size_t count) noexcept {
    const size_t bytes = count * sizeof(T);
    if (kOverAligned) return DeallocateAligned(block, bytes, alignof(T));
    Deallocate(block, bytes);
  }

 private:
  // Allocate aligns as new does: to 16.
  static constexpr bool kOverAligned =
      alignof(T) > __STDCPP_DEFAULT_NEW_ALIGNMENT__;
};

template <typename T, typename Other>
constexpr bool operator==(const PoolAllocator<T>&,
                          const PoolAllocator<Other>&) noexcept {
  return true;
}

template <typename T, typename Other>
constexpr bool operator!=(const PoolAllocator<T>&,
                          const PoolAllocator<Other>&) noexcept {
  return false;
}
//! [PoolAllocator]

}  // namespace pool

#endif  // POOL_ALLOCATOR_H_
