// The only macros of the allocator: assertions and attributes.
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

// -DPOOL_CHECKS=ON: each free looks whether it is right (checks.h).
#ifdef POOL_CHECKS
inline constexpr bool kChecks = true;
#else
inline constexpr bool kChecks = false;
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

// Clang checks at compile time that what a lock guards is touched only while
// the lock is held. To other compilers these words mean nothing.
//   GUARDED_BY(lock)  on a member: only touched while `lock` is held
//   REQUIRES(lock)    on a function: called while `lock` is held
//   EXCLUDES(lock)    on a function: called while `lock` is not held
#ifdef __clang__
#define POOL_ATTRIBUTE(x) __attribute__((x))
#else
#define POOL_ATTRIBUTE(x)
#endif
#define CAPABILITY(x) POOL_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY POOL_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) POOL_ATTRIBUTE(guarded_by(x))
#define REQUIRES(x) POOL_ATTRIBUTE(requires_capability(x))
#define EXCLUDES(x) POOL_ATTRIBUTE(locks_excluded(x))
#define ACQUIRE(...) POOL_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) POOL_ATTRIBUTE(release_capability(__VA_ARGS__))
//   ONE_THREAD        on a function: there is no other thread, so no lock
//   counts
#define ONE_THREAD POOL_ATTRIBUTE(no_thread_safety_analysis)

// On a function that is called seldom: it is not copied into its callers, so
// that the road taken often stays short.
#define NOINLINE __attribute__((noinline))

// On a function between a program's call and its place in a heap profile: the
// stacks that are shown there begin above such functions.
#define POOL_FRAME __attribute__((section("pool_frames")))

// On a global variable: it is initialised at compile time, or does not compile.
// The allocator is called before any constructor has run.
#ifdef __clang__
#define CONSTINIT [[clang::require_constant_initialization]]
#else
#define CONSTINIT __constinit
#endif

#endif  // POOL_MACROS_H_
