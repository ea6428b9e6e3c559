// KernelFaults: while it lives, it stands between the allocator and the kernel,
// counts the calls, and refuses those that a test wants refused.
//
// One at a time. REQUIRES, when it comes and when it goes: no other thread is
// inside the allocator.
#ifndef COURSE_TESTING_KERNEL_FAULTS_H_
#define COURSE_TESTING_KERNEL_FAULTS_H_

#include <cerrno>
#include <cstddef>

#include "common/testing/refusals.h"
#include "pool/system_memory.h"

namespace course {

// The calls that a kernel can refuse.
enum class KernelCall { kMap, kUnmap, kDiscard };

// A plan (refusals.h) for the calls to the kernel.
class KernelFaults : public Refusals<KernelCall, 3> {
 public:
  KernelFaults() {
    current_ = this;
    table_ = pool::RealKernelCalls();
    Hook<KernelCall::kMap, &pool::KernelCalls::map>();
    Hook<KernelCall::kUnmap, &pool::KernelCalls::unmap>();
    Hook<KernelCall::kDiscard, &pool::KernelCalls::discard>();
    HookLater<pool::KernelCalls>(0);
    previous_ = pool::SetKernelCalls(&table_);
  }
  ~KernelFaults() {
    pool::SetKernelCalls(previous_);
    current_ = nullptr;
  }
  KernelFaults(const KernelFaults&) = delete;
  KernelFaults& operator=(const KernelFaults&) = delete;

 private:
  // A call that is in the table and not hooked would never be refused: whoever
  // adds one has to say here what becomes of it.
  static constexpr size_t kCallsKnown = 4;  // page_size cannot be refused

  // Only later tables have these: to map at an address is to map. What only
  // asks (for room, or the time, or for huge pages) is never
  // refused. Where pages cannot be closed, all goes on, as with a discard.
  template <typename Table>
  auto HookLater(int) -> decltype(&Table::map_at, void()) {
    static_assert(sizeof(Table) == (kCallsKnown + 5) * sizeof(void (*)()),
                  "KernelCalls has a call that KernelFaults does not know");
    Hook<KernelCall::kMap, &Table::map_at>();
    Hook<KernelCall::kDiscard, &Table::protect>();
  }
  template <typename Table>
  void HookLater(...) {
    static_assert(sizeof(Table) == kCallsKnown * sizeof(void (*)()),
                  "KernelCalls has a call that KernelFaults does not know");
  }

  template <KernelCall kKind, auto kMember>
  void Hook() {
    HookAs<kKind, kMember>(kMember);
  }

  template <KernelCall kKind, auto kMember, typename Result, typename... Args>
  void HookAs(Result (*pool::KernelCalls::*)(Args...)) {
    table_.*kMember = [](Args... args) -> Result {
      if (!current_->Refuse(kKind)) {
        return (pool::RealKernelCalls().*kMember)(args...);
      }
      // Not ENOMEM: that is for the allocator to say, by itself.
      errno = EAGAIN;
      return Result{};
    };
  }

  static inline KernelFaults* current_ = nullptr;
  pool::KernelCalls table_{};
  const pool::KernelCalls* previous_ = nullptr;
};

}  // namespace course

#endif  // COURSE_TESTING_KERNEL_FAULTS_H_
