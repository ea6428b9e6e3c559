// The only macros of the allocator: assertions.
//
// CHECK is always on and belongs on slow paths. DCHECK is on in debug builds
// (those without NDEBUG) and costs nothing elsewhere. Both end the process with
// one line; neither allocates, since what failed may be the allocator.
#ifndef POOL_MACROS_H_
#define POOL_MACROS_H_

namespace pool {

#ifdef NDEBUG
inline constexpr bool kDebugBuild = false;
#else
inline constexpr bool kDebugBuild = true;
#endif

// Writes `message` to standard error and aborts. Defined in system_memory.cc,
// the only file that calls the kernel.
[[noreturn]] void CheckFailed(const char* message) noexcept;

}  // namespace pool

#define POOL_STRING_OF(x) #x
#define POOL_STRING(x) POOL_STRING_OF(x)

#define CHECK(condition)                                       \
  ((condition) ? static_cast<void>(0)                          \
               : ::pool::CheckFailed(__FILE__ ":" POOL_STRING( \
                     __LINE__) ": CHECK failed: " #condition "\n"))

#define DCHECK(condition) \
  (::pool::kDebugBuild ? CHECK(condition) : static_cast<void>(0))

#endif  // POOL_MACROS_H_
