// operator new and operator delete on the pool, in every form that C++ has.
//
// The standard library's own would do: they call malloc and free. These cost a
// call less, and see what cannot be: the library's aligned form rounds a size
// near SIZE_MAX over to 0.
//
// What happens without memory (new-handlers, exceptions) is the library's, and
// left to it: its own form is called then, tries malloc again, and goes on as
// it does. It is looked up by name at that moment. A program in C, which knows
// no operator new, then need not load a C++ library only because of this file.
//
// A program may have an operator new or delete of its own. As in the library,
// each other form calls the plain one, which is then the program's.
#include <dlfcn.h>

#include <atomic>
#include <new>

#include "pool/bytes.h"
#include "pool/calls.h"
#include "pool/macros.h"
#include "pool/pool.h"

using std::align_val_t;
using std::nothrow_t;

namespace {

//! [InLibrary]
// The C++ library's form of the operator. A program in C may have loaded that
// library for a plugin, where only dlopen finds it.
void* InLibrary(const char* name) {
  if (void* form = dlsym(RTLD_NEXT, name)) return form;
  void* library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_NOLOAD);
  void* form = library == nullptr ? nullptr : dlsym(library, name);
  CHECK(form != nullptr && "operator new: no C++ library");
  return form;
}
//! [InLibrary]

//! [NewSlow]
NOINLINE void* NewSlow(size_t n) {
  return reinterpret_cast<void* (*)(size_t)>(InLibrary("_Znwm"))(n);
}

NOINLINE void* NewSlow(size_t n, align_val_t a) {
  if (n > pool::kMaxBytes) return NewSlow(n);
  using Form = void* (*)(size_t, align_val_t);
  return reinterpret_cast<Form>(InLibrary("_ZnwmSt11align_val_t"))(n, a);
}
//! [NewSlow]

// The forms that give a nullptr must catch what the plain one throws.
using NoThrow = void* (*)(size_t, const nothrow_t&);
using NoThrowAligned = void* (*)(size_t, align_val_t, const nothrow_t&);
std::atomic<void*> no_throw{nullptr};
std::atomic<void*> no_throw_aligned{nullptr};

void* LookUpOnce(std::atomic<void*>& form, const char* name) {
  void* found = form.load(std::memory_order_relaxed);
  if (found == nullptr) form.store(found = InLibrary(name));
  return found;
}

}  // namespace

//! [operator new]
void* operator new(size_t n) {
  void* block = pool::Allocate(n);
  return block != nullptr ? block : NewSlow(n);
}

void* operator new(size_t n, align_val_t a) {
  void* block = pool::AllocateAligned(n, static_cast<size_t>(a));
  return block != nullptr ? block : NewSlow(n, a);
}

void* operator new[](size_t n) { return operator new(n); }
void* operator new[](size_t n, align_val_t a) { return operator new(n, a); }
//! [operator new]

void* operator new(size_t n, const nothrow_t& t) noexcept {
  void* form = LookUpOnce(no_throw, "_ZnwmRKSt9nothrow_t");
  return reinterpret_cast<NoThrow>(form)(n, t);
}
void* operator new(size_t n, align_val_t a, const nothrow_t& t) noexcept {
  void* form =
      LookUpOnce(no_throw_aligned, "_ZnwmSt11align_val_tRKSt9nothrow_t");
  return reinterpret_cast<NoThrowAligned>(form)(n, a, t);
}
void* operator new[](size_t n, const nothrow_t& t) noexcept {
  return operator new(n, t);
}
void* operator new[](size_t n, align_val_t a, const nothrow_t& t) noexcept {
  return operator new(n, a, t);
}

//! [operator delete]
// What the program says of the block, its span knows better.
void operator delete(void* p) noexcept { pool::Free(p, "operator delete"); }
void operator delete[](void* p) noexcept { operator delete(p); }
void operator delete(void* p, size_t) noexcept { operator delete(p); }
void operator delete[](void* p, size_t) noexcept { operator delete[](p); }
void operator delete(void* p, const nothrow_t&) noexcept { operator delete(p); }
void operator delete[](void* p, const nothrow_t&) noexcept {
  operator delete[](p);
}
//! [operator delete]

void operator delete(void* p, align_val_t) noexcept {
  pool::Free(p, "operator delete");
}
void operator delete[](void* p, align_val_t a) noexcept {
  operator delete(p, a);
}
void operator delete(void* p, size_t, align_val_t a) noexcept {
  operator delete(p, a);
}
void operator delete[](void* p, size_t, align_val_t a) noexcept {
  operator delete[](p, a);
}
void operator delete(void* p, align_val_t a, const nothrow_t&) noexcept {
  operator delete(p, a);
}
void operator delete[](void* p, align_val_t a, const nothrow_t&) noexcept {
  operator delete[](p, a);
}
