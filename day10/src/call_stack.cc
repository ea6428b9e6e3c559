#include "pool/call_stack.h"

#include <link.h>
#include <unwind.h>

// Made by the linker: the first and the last of the functions marked
// POOL_FRAME.
extern "C" {
extern const char pool_frames_begin[] __asm__("__start_pool_frames")
    __attribute__((visibility("hidden")));
extern const char pool_frames_end[] __asm__("__stop_pool_frames")
    __attribute__((visibility("hidden")));
}

namespace pool {
namespace {

uintptr_t AddressOf(const void* place) {
  return reinterpret_cast<uintptr_t>(place);
}

struct Code {
  bool Has(uintptr_t address) const {
    return begin <= address && address < end;
  }
  uintptr_t begin;
  uintptr_t end;
};

// The pool's own: written once, before the first stack is asked for.
CONSTINIT Code our_code = {0, 0};

//! [FindOurCode]
// Called for each library and for the program itself, which has no name. In a
// program all code is side by side, the pool's and the program's: there the
// pool's functions are marked.
int FindOurCode(dl_phdr_info* object, size_t, void*) {
  if (object->dlpi_name == nullptr || object->dlpi_name[0] == '\0') return 0;
  for (size_t i = 0; i < object->dlpi_phnum; ++i) {
    const auto& part = object->dlpi_phdr[i];
    const uintptr_t begin = object->dlpi_addr + part.p_vaddr;
    const Code code = {begin, begin + part.p_memsz};
    if (part.p_type == PT_LOAD && code.Has(AddressOf(pool_frames_begin))) {
      our_code = code;
      return 1;
    }
  }
  return 0;
}
//! [FindOurCode]

// Our own calls are among the first of a stack. (Not all of them need be known:
// the outermost is.)
constexpr size_t kMostOwnCalls = 12;

struct Walk {
  CallStack* stack;
  size_t seen;
};

//! [Visit]
// An address that a call will return to may be the first of the next function,
// or belong to the next line. One less is within the call.
_Unwind_Reason_Code Visit(_Unwind_Context* context, void* argument) {
  Walk& walk = *static_cast<Walk*>(argument);
  CallStack& stack = *walk.stack;
  int is_exact = 0;  // a signal came here: no call
  const uintptr_t address = _Unwind_GetIPInfo(context, &is_exact);
  if (address == 0) return _URC_END_OF_STACK;
  const uintptr_t call = is_exact != 0 ? address : address - 1;
  if (++walk.seen <= kMostOwnCalls && our_code.Has(call)) {
    stack.depth = 0;
  } else {
    stack.calls[stack.depth++] = call;
  }
  return stack.depth < CallStack::kMostCalls ? _URC_NO_REASON
                                             : _URC_END_OF_STACK;
}
//! [Visit]

}  // namespace

void CallStack::Begin() {
  our_code = {AddressOf(pool_frames_begin), AddressOf(pool_frames_end)};
  dl_iterate_phdr(FindOurCode, nullptr);
}

//! [CallStack::Now]
POOL_FRAME NOINLINE void CallStack::Now(CallStack& stack) {
  stack.depth = 0;
  Walk walk = {&stack, 0};
  _Unwind_Backtrace(Visit, &walk);
}
//! [CallStack::Now]

}  // namespace pool
