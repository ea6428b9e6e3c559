// malloc and its family on the pool: a program that is linked with this file,
// or started with LD_PRELOAD, runs on the pool and need not know.
//
// No state of its own and no locks. The first of these calls come from other
// libraries' constructors, the last ones from exit handlers. What a call does
// with a size of 0, with one that cannot be, and with errno, is what glibc
// does; with an alignment that cannot be, what glibc does from 2.38 on.
#include <malloc.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "pool/bytes.h"
#include "pool/calls.h"
#include "pool/macros.h"
#include "pool/pool.h"
#include "pool/system_memory.h"
#include "pool/watch.h"

namespace {

using namespace pool;

void* Refuse(int error) {
  errno = error;
  return nullptr;
}

size_t KernelPage() { return SystemSize(1); }

//! [BeFirst]
// The settings are read: who is asked this early cannot ask the C library for
// the environment, which does not know it yet, but is given it.
//
// The first cache is made, and with it our place among those who are called in
// the child of a fork. This library is linked so that its constructor is the
// first of all: whoever allocates there comes after us.
// (The C++ runtime that is linked in allocates there, too, and would do. But
// that is its affair.)
__attribute__((constructor)) void BeFirst(int, char**, char** environment) {
  Watch::Begin(environment);
  Deallocate(Allocate(1));
}
//! [BeFirst]

}  // namespace

extern "C" {

//! [malloc]
void* malloc(size_t bytes) noexcept { return AllocateHere(bytes, "malloc"); }

void free(void* block) noexcept { Free(block, "free"); }

void* calloc(size_t count, size_t size) noexcept {
  return AllocateZeroed(count, size);
}

void* realloc(void* block, size_t bytes) noexcept {
  return Resize(block, bytes, "realloc");
}
//! [malloc]

void* reallocarray(void* block, size_t count, size_t size) noexcept {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return Refuse(ENOMEM);
  return Resize(block, bytes, "reallocarray");
}

// C23. The size is what the program says; what the block is, its span knows.
void free_sized(void* block, size_t bytes) noexcept {
  Free(block, "free_sized", bytes);
}

void free_aligned_sized(void* block, size_t alignment, size_t bytes) noexcept {
  if (kChecks) Checks::Alignment(block, "free_aligned_sized", alignment);
  Free(block, "free_aligned_sized", bytes);
}

//! [aligned]
void* aligned_alloc(size_t alignment, size_t bytes) noexcept {
  return AllocateAligned(bytes, alignment);
}

// The eldest of them takes any alignment and rounds it up to a power of two.
void* memalign(size_t alignment, size_t bytes) noexcept {
  if (alignment > SIZE_MAX / 2 + 1) return Refuse(EINVAL);
  size_t power = 1;
  while (power < alignment) power *= 2;
  return AllocateAligned(bytes, power);
}

// Says what is wrong by its result, and leaves errno alone.
int posix_memalign(void** block, size_t alignment, size_t bytes) noexcept {
  if (!IsPowerOfTwo(alignment) || alignment < sizeof(void*)) return EINVAL;
  const int saved_errno = errno;
  void* found = AllocateAligned(bytes, alignment);
  errno = saved_errno;
  if (found == nullptr) return ENOMEM;
  *block = found;
  return 0;
}
//! [aligned]

void* valloc(size_t bytes) noexcept {
  return AllocateAligned(bytes, KernelPage());
}

void* pvalloc(size_t bytes) noexcept {
  if (bytes > kMaxBytes) return Refuse(ENOMEM);
  return AllocateAligned(RoundUp(bytes, KernelPage()), KernelPage());
}

size_t malloc_usable_size(void* block) noexcept {
  return SizeOf(block, "malloc_usable_size");
}

// How much may stay is not for the caller to say: all that is free goes.
int malloc_trim(size_t) noexcept { return ReleaseFreeMemory() > 0 ? 1 : 0; }

// There is nothing to set. But a program that sets one of glibc's parameters
// and is told no may give up.
int mallopt(int parameter, int) noexcept {
  const bool is_known = parameter >= M_ARENA_MAX && parameter <= M_KEEP;
  return is_known && parameter != 0 ? 1 : 0;
}

}  // extern "C"
