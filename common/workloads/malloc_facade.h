// malloc with the façade's calls: the reference that every day is compared
// with, and, under LD_PRELOAD, each installed peer.
#ifndef COURSE_WORKLOADS_MALLOC_FACADE_H_
#define COURSE_WORKLOADS_MALLOC_FACADE_H_

#include <dlfcn.h>
#include <malloc.h>

#include <cstddef>
#include <cstdlib>

namespace course {

// Which library serves malloc in this process. A preload that did not take
// effect would make a fine, wrong table.
inline const char* MallocLibrary() {
  Dl_info info;
  void* function = dlsym(RTLD_DEFAULT, "malloc");
  return function != nullptr && dladdr(function, &info) != 0 ? info.dli_fname
                                                             : "unknown";
}

class MallocFacade {
 public:
  static constexpr bool kHasReallocate = true;
  static constexpr bool kHasReleaseFreeMemory = true;

  static void* Allocate(size_t bytes) noexcept { return std::malloc(bytes); }
  static void Deallocate(void* block, size_t) noexcept { std::free(block); }
  static void* Reallocate(void* block, size_t, size_t new_bytes) noexcept {
    return std::realloc(block, new_bytes);
  }

  // Each peer has its own word for it; malloc_trim is glibc's and would leave
  // theirs as it is. Whether a peer says how much came back, we do not ask.
  static size_t ReleaseFreeMemory() noexcept {
    if (auto* collect = Find<void(bool)>("mi_collect")) {
      collect(true);
    } else if (auto* release =
                   Find<void()>("MallocExtension_ReleaseFreeMemory")) {
      release();
    } else if (auto* control =
                   Find<int(const char*, void*, size_t*, void*, size_t)>(
                       "mallctl")) {
      // 4096 is jemalloc's number for "all arenas". The thread's cache first:
      // what lies in it is in use for the arenas.
      control("thread.tcache.flush", nullptr, nullptr, nullptr, 0);
      control("arena.4096.purge", nullptr, nullptr, nullptr, 0);
    } else {
      malloc_trim(0);
    }
    return 0;
  }

 private:
  template <class Function>
  static Function* Find(const char* name) noexcept {
    return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
  }
};

}  // namespace course

#endif  // COURSE_WORKLOADS_MALLOC_FACADE_H_
