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
// library for a plugin, where only dlopen finds it. nullptr if a plugin has one
// linked in, which nobody finds: then there is no one to throw what it catches.
template <typename Form>
Form* InLibrary(const char* name) {
  void* form = dlsym(RTLD_NEXT, name);
  if (form == nullptr) {
    void* library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_NOLOAD);
    if (library != nullptr) form = dlsym(library, name);
  }
  return reinterpret_cast<Form*>(form);
}
//! [InLibrary]

//! [NewSlow]
NOINLINE void* NewSlow(size_t n) {
  auto* form = InLibrary<void*(size_t)>("_Znwm");
  CHECK(form != nullptr && "no memory, and no C++ library to say so");
  return form(n);
}

NOINLINE void* NewSlow(size_t n, align_val_t a) {
  if (n > pool::kMaxBytes) return NewSlow(n);
  auto* form = InLibrary<void*(size_t, align_val_t)>("_ZnwmSt11align_val_t");
  CHECK(form != nullptr && "no memory, and no C++ library to say so");
  return form(n, a);
}
//! [NewSlow]

// The forms without exceptions have to catch what the plain form throws, and
// the library's own do. (To catch it here would mix two C++ libraries up.)
NOINLINE void* NewOrNullSlow(size_t n, const nothrow_t& t) {
  using Form = void*(size_t, const nothrow_t&);
  auto* form = InLibrary<Form>("_ZnwmRKSt9nothrow_t");
  return form == nullptr ? nullptr : form(n, t);
}

NOINLINE void* NewOrNullSlow(size_t n, align_val_t a, const nothrow_t& t) {
  using Form = void*(size_t, align_val_t, const nothrow_t&);
  auto* form = InLibrary<Form>("_ZnwmSt11align_val_tRKSt9nothrow_t");
  return form == nullptr ? nullptr : form(n, a, t);
}

}  // namespace

//! [operator new]
// Functions with names of their own, which operator new is another name for:
// where a program has its own operator new, these are ours still.
extern "C" {
__attribute__((visibility("hidden"))) void* OurNew(size_t n) {
  void* block = pool::Allocate(n);
  return block != nullptr ? block : NewSlow(n);
}

__attribute__((visibility("hidden"))) void* OurArrayNew(size_t n) {
  return operator new(n);
}

__attribute__((visibility("hidden"))) void* OurAlignedNew(size_t n,
                                                          align_val_t a) {
  void* block = pool::AllocateAligned(n, static_cast<size_t>(a));
  return block != nullptr ? block : NewSlow(n, a);
}
}

__attribute__((alias("OurNew"))) void* operator new(size_t n);
__attribute__((alias("OurAlignedNew"))) void* operator new(size_t n,
                                                           align_val_t a);

__attribute__((alias("OurArrayNew"))) void* operator new[](size_t n);
void* operator new[](size_t n, align_val_t a) { return operator new(n, a); }
//! [operator new]

//! [nothrow]
void* operator new(size_t n, const nothrow_t& t) noexcept {
  const bool is_ours = static_cast<decltype(&OurNew)>(operator new) == OurNew;
  void* block = is_ours ? pool::Allocate(n) : nullptr;
  return block != nullptr ? block : NewOrNullSlow(n, t);
}

void* operator new(size_t n, align_val_t a, const nothrow_t& t) noexcept {
  const bool is_ours =
      static_cast<decltype(&OurAlignedNew)>(operator new) == OurAlignedNew;
  const size_t alignment = static_cast<size_t>(a);
  void* block = is_ours ? pool::AllocateAligned(n, alignment) : nullptr;
  return block != nullptr ? block : NewOrNullSlow(n, a, t);
}
//! [nothrow]

void* operator new[](size_t n, const nothrow_t& t) noexcept {
  return operator new(n, t);
}
void* operator new[](size_t n, align_val_t a, const nothrow_t& t) noexcept {
  return operator new(n, a, t);
}

//! [operator delete]
// What the program says of the block, its span knows better; but with checks,
// it has to be right. A program whose operators come in between may say what it
// likes: only its own know the block.
extern "C" {
__attribute__((visibility("hidden"))) void OurDelete(void* p) noexcept {
  pool::Free(p, "operator delete");
}
__attribute__((visibility("hidden"))) void OurArrayDelete(void* p) noexcept {
  operator delete(p);
}
}

__attribute__((alias("OurDelete"))) void operator delete(void* p) noexcept;
__attribute__((alias("OurArrayDelete"))) void operator delete[](
    void* p) noexcept;

static bool AreOurs() {
  return static_cast<decltype(&OurNew)>(operator new) == OurNew &&
         static_cast<void (*)(void*)>(operator delete) == OurDelete;
}
static bool ArraysAreOurs() {
  return AreOurs() &&
         static_cast<decltype(&OurNew)>(operator new[]) == OurArrayNew &&
         static_cast<void (*)(void*)>(operator delete[]) == OurArrayDelete;
}

void operator delete(void* p, size_t n) noexcept {
  if (pool::kChecks && AreOurs()) return pool::Free(p, "operator delete", n);
  operator delete(p);
}
void operator delete[](void* p, size_t n) noexcept {
  if (pool::kChecks && ArraysAreOurs()) {
    return pool::Free(p, "operator delete[]", n);
  }
  operator delete[](p);
}
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
