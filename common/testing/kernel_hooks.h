// KernelHooks: while it lives, something happens in each call to the kernel,
// before the kernel is asked. There a thread holds the locks of whoever asked:
// a good place to stop it, or to fork.
//
// One at a time. REQUIRES, when it comes and when it goes: no other thread is
// inside the allocator.
#ifndef COURSE_TESTING_KERNEL_HOOKS_H_
#define COURSE_TESTING_KERNEL_HOOKS_H_

#include <cstddef>
#include <functional>
#include <utility>

#include "pool/system_memory.h"

namespace course {

class KernelHooks {
 public:
  using Hook = std::function<void()>;

  explicit KernelHooks(
      Hook on_map, Hook on_unmap = [] {})
      : on_map_(std::move(on_map)), on_unmap_(std::move(on_unmap)) {
    current_ = this;
    table_.map = Map;
    table_.unmap = Unmap;
    MapAllThere<pool::KernelCalls>(0);
    previous_ = pool::SetKernelCalls(&table_);
  }
  ~KernelHooks() { pool::SetKernelCalls(previous_); }
  KernelHooks(const KernelHooks&) = delete;
  KernelHooks& operator=(const KernelHooks&) = delete;

 private:
  // Only later tables can map at an address: without that, all comes from Map.
  template <typename Table>
  auto MapAllThere(int) -> decltype(&Table::map_at, void()) {
    static_cast<Table&>(table_).map_at = nullptr;
  }
  template <typename Table>
  void MapAllThere(...) {}

  static void* Map(size_t bytes) {
    current_->on_map_();
    return current_->previous_->map(bytes);
  }
  static bool Unmap(void* start, size_t bytes) {
    current_->on_unmap_();
    return current_->previous_->unmap(start, bytes);
  }

  static inline KernelHooks* current_ = nullptr;
  const Hook on_map_;
  const Hook on_unmap_;
  pool::KernelCalls table_ = pool::RealKernelCalls();
  const pool::KernelCalls* previous_ = nullptr;
};

}  // namespace course

#endif  // COURSE_TESTING_KERNEL_HOOKS_H_
