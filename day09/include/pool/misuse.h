// Misuse: a pointer that its owner should not have given back. The process ends
// with one line that says what is wrong, because what comes after a wrong free
// is a fault somewhere else, much later.
//
// No locks, and no memory: what is broken may be the heap.
#ifndef POOL_MISUSE_H_
#define POOL_MISUSE_H_

#include "pool/span.h"

namespace pool {

// `call` was given `pointer`, which is no block of the pool. `span` is what the
// page map knows of its page, or nullptr.
[[noreturn]] void ReportNoBlock(const char* call, const void* pointer,
                                const Span* span) noexcept;

// `call` was given `pointer`, a block that is free already.
[[noreturn]] void ReportFreedTwice(const char* call, const void* pointer,
                                   const Span* span) noexcept;

}  // namespace pool

#endif  // POOL_MISUSE_H_
