// CallStack: who called, and who called that one: the calls that are now on a
// thread's stack.
//
// Owner: none. No locks. It uses the unwinder of the compiler's runtime, which
// may allocate.
#ifndef POOL_CALL_STACK_H_
#define POOL_CALL_STACK_H_

#include <cstddef>
#include <cstdint>

#include "pool/macros.h"

namespace pool {

struct CallStack {
  static constexpr size_t kMostCalls = 64;

  // Finds out which code is the pool's own: that of its shared library or, in a
  // program that has the pool within, of the functions marked POOL_FRAME.
  // REQUIRES: called once, before the first Now.
  static void Begin();

  // Of the calling thread. A deeper one is cut after the 64th call.
  static void Now(CallStack& stack);

  // Addresses of calls, the innermost first: that is the program's call of the
  // pool. What the pool calls within is left out.
  size_t depth;
  uintptr_t calls[kMostCalls];
};

}  // namespace pool

#endif  // POOL_CALL_STACK_H_
