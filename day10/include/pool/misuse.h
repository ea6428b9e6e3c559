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

// The next five only with checks (checks.h). `size` is what the block of
// `pointer` has, in bytes; `asked` what its owner asked for, or kNoSize, where
// that is overwritten.
inline constexpr size_t kNoSize = ~size_t{0};

// The owner says that it has `said` bytes.
[[noreturn]] void ReportWrongSize(const char* call, const void* pointer,
                                  size_t said, size_t asked,
                                  size_t size) noexcept;

[[noreturn]] void ReportWrongAlignment(const char* call, const void* pointer,
                                       size_t alignment, size_t size) noexcept;

// Somebody wrote behind the end of what was asked for.
[[noreturn]] void ReportOverrun(const char* call, const void* pointer,
                                size_t asked, size_t size) noexcept;

// Somebody wrote before its start: behind the end of the block there, perhaps.
[[noreturn]] void ReportUnderrun(const char* call, const void* pointer,
                                 size_t size) noexcept;

// `call` was to hand it out, and somebody had written to it at `offset`.
[[noreturn]] void ReportWrittenWhenFree(const char* call, const void* pointer,
                                        size_t offset, size_t size) noexcept;

}  // namespace pool

#endif  // POOL_MISUSE_H_
