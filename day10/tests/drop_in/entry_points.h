// Every name that libpool_malloc.so serves, and one use of each.
//
// By name, not by a call: so the same uses do for a library that the program
// was linked with and for one that it loaded itself.
#ifndef POOL_TESTS_DROP_IN_ENTRY_POINTS_H_
#define POOL_TESTS_DROP_IN_ENTRY_POINTS_H_

#include <dlfcn.h>

#include <cstddef>
#include <cstring>
#include <new>

namespace pool {

class Library {
 public:
  // What dlopen returned; by itself: whatever this program was linked with.
  explicit Library(void* handle = RTLD_DEFAULT) : handle_(handle) {}

  template <typename Function>
  Function* Find(const char* name) const {
    return reinterpret_cast<Function*>(dlsym(handle_, name));
  }

 private:
  void* handle_;
};

// A use fits every call: those that want an alignment get this one.
inline constexpr size_t kUseBytes = 128;
inline constexpr size_t kUseAlignment = 64;
inline constexpr auto kUseAlign = std::align_val_t{kUseAlignment};

struct EntryPoint {
  const char* name;
  // Makes this call before any other. False: it does not work.
  bool (*works)(const Library& library, const char* name);

  // new or delete. Where a program loads the library by hand, it goes on with
  // the C++ library's, and so do those of our forms that call another.
  bool IsOfCpp() const { return name[0] == '_'; }
};

// A call that gives a block, and what it is called with.
template <typename... Arguments>
bool Gives(const Library& library, const char* name, Arguments... arguments) {
  void* block = library.Find<void*(Arguments...)>(name)(arguments...);
  if (block == nullptr) return false;
  std::memset(block, 0x5A, kUseBytes);
  library.Find<void(void*)>("free")(block);
  return true;
}

// A call that takes a block back, and what it is told beside it.
template <typename... Arguments>
bool Takes(const Library& library, const char* name, Arguments... arguments) {
  const auto take = library.Find<void(void*, Arguments...)>(name);
  take(nullptr, arguments...);
  const auto give = library.Find<void*(size_t, size_t)>("aligned_alloc");
  void* block = give(kUseAlignment, kUseBytes);
  if (block == nullptr) return false;
  std::memset(block, 0x5A, kUseBytes);
  take(block, arguments...);
  return true;
}

inline bool WorksAsPosixMemalign(const Library& library, const char* name) {
  const auto give = library.Find<int(void**, size_t, size_t)>(name);
  void* block = nullptr;
  if (give(&block, kUseAlignment, kUseBytes) != 0) return false;
  library.Find<void(void*)>("free")(block);
  return true;
}

inline constexpr EntryPoint kEntryPoints[] = {
    {"malloc", [](auto& l, auto n) { return Gives<size_t>(l, n, kUseBytes); }},
    {"calloc",
     [](auto& l, auto n) { return Gives<size_t, size_t>(l, n, 2, kUseBytes); }},
    {"realloc",
     [](auto& l, auto n) {
       return Gives<void*, size_t>(l, n, nullptr, kUseBytes);
     }},
    {"reallocarray",
     [](auto& l, auto n) {
       return Gives<void*, size_t, size_t>(l, n, nullptr, 2, kUseBytes);
     }},
    {"aligned_alloc",
     [](auto& l, auto n) {
       return Gives<size_t, size_t>(l, n, kUseAlignment, kUseBytes);
     }},
    {"memalign",
     [](auto& l, auto n) {
       return Gives<size_t, size_t>(l, n, kUseAlignment, kUseBytes);
     }},
    {"posix_memalign", WorksAsPosixMemalign},
    {"valloc", [](auto& l, auto n) { return Gives<size_t>(l, n, kUseBytes); }},
    {"pvalloc", [](auto& l, auto n) { return Gives<size_t>(l, n, kUseBytes); }},
    {"free", [](auto& l, auto n) { return Takes<>(l, n); }},
    {"free_sized",
     [](auto& l, auto n) { return Takes<size_t>(l, n, kUseBytes); }},
    {"free_aligned_sized",
     [](auto& l, auto n) {
       return Takes<size_t, size_t>(l, n, kUseAlignment, kUseBytes);
     }},
    {"malloc_usable_size",
     [](auto& l, auto n) {
       return l.template Find<size_t(void*)>(n)(nullptr) == 0;
     }},
    {"malloc_trim",
     [](auto& l, auto n) {
       const int given_back = l.template Find<int(size_t)>(n)(0);
       return given_back == 0 || given_back == 1;
     }},
    {"mallopt",
     [](auto& l, auto n) {
       constexpr int kTrimThreshold = -1;
       return l.template Find<int(int, int)>(n)(kTrimThreshold, 1 << 20) == 1;
     }},
    // new: plain, for arrays; and those that return null in place of throwing.
    {"_Znwm", [](auto& l, auto n) { return Gives<size_t>(l, n, kUseBytes); }},
    {"_Znam", [](auto& l, auto n) { return Gives<size_t>(l, n, kUseBytes); }},
    {"_ZnwmRKSt9nothrow_t",
     [](auto& l, auto n) {
       return Gives<size_t, const std::nothrow_t&>(l, n, kUseBytes,
                                                   std::nothrow);
     }},
    {"_ZnamRKSt9nothrow_t",
     [](auto& l, auto n) {
       return Gives<size_t, const std::nothrow_t&>(l, n, kUseBytes,
                                                   std::nothrow);
     }},
    {"_ZnwmSt11align_val_t",
     [](auto& l, auto n) {
       return Gives<size_t, std::align_val_t>(l, n, kUseBytes, kUseAlign);
     }},
    {"_ZnamSt11align_val_t",
     [](auto& l, auto n) {
       return Gives<size_t, std::align_val_t>(l, n, kUseBytes, kUseAlign);
     }},
    {"_ZnwmSt11align_val_tRKSt9nothrow_t",
     [](auto& l, auto n) {
       return Gives<size_t, std::align_val_t, const std::nothrow_t&>(
           l, n, kUseBytes, kUseAlign, std::nothrow);
     }},
    {"_ZnamSt11align_val_tRKSt9nothrow_t",
     [](auto& l, auto n) {
       return Gives<size_t, std::align_val_t, const std::nothrow_t&>(
           l, n, kUseBytes, kUseAlign, std::nothrow);
     }},
    // delete: told nothing, the size, the alignment, both, and "nothrow".
    {"_ZdlPv", [](auto& l, auto n) { return Takes<>(l, n); }},
    {"_ZdaPv", [](auto& l, auto n) { return Takes<>(l, n); }},
    {"_ZdlPvm", [](auto& l, auto n) { return Takes<size_t>(l, n, kUseBytes); }},
    {"_ZdaPvm", [](auto& l, auto n) { return Takes<size_t>(l, n, kUseBytes); }},
    {"_ZdlPvRKSt9nothrow_t",
     [](auto& l, auto n) {
       return Takes<const std::nothrow_t&>(l, n, std::nothrow);
     }},
    {"_ZdaPvRKSt9nothrow_t",
     [](auto& l, auto n) {
       return Takes<const std::nothrow_t&>(l, n, std::nothrow);
     }},
    {"_ZdlPvSt11align_val_t",
     [](auto& l, auto n) { return Takes<std::align_val_t>(l, n, kUseAlign); }},
    {"_ZdaPvSt11align_val_t",
     [](auto& l, auto n) { return Takes<std::align_val_t>(l, n, kUseAlign); }},
    {"_ZdlPvmSt11align_val_t",
     [](auto& l, auto n) {
       return Takes<size_t, std::align_val_t>(l, n, kUseBytes, kUseAlign);
     }},
    {"_ZdaPvmSt11align_val_t",
     [](auto& l, auto n) {
       return Takes<size_t, std::align_val_t>(l, n, kUseBytes, kUseAlign);
     }},
    {"_ZdlPvSt11align_val_tRKSt9nothrow_t",
     [](auto& l, auto n) {
       return Takes<std::align_val_t, const std::nothrow_t&>(l, n, kUseAlign,
                                                             std::nothrow);
     }},
    {"_ZdaPvSt11align_val_tRKSt9nothrow_t",
     [](auto& l, auto n) {
       return Takes<std::align_val_t, const std::nothrow_t&>(l, n, kUseAlign,
                                                             std::nothrow);
     }},
};

}  // namespace pool

#endif  // POOL_TESTS_DROP_IN_ENTRY_POINTS_H_
