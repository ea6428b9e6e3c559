/* Counts the allocations of a program and of every program that it starts.
 *
 *   LD_PRELOAD=count_calls.so:liballocator.so COURSE_COUNT_FILE=file program
 *
 * Built and read by `common/course programs`. The file (struct Count, zeros at
 * first) is mapped shared, so that counts survive exec, _exit and fork. Each
 * call goes on to the next library that has it; the file says which one that
 * was, so that a preload without effect cannot pass for a good run.
 *
 * What is counted is each call that may hand out memory, one by one:
 *   - operator new counts only where it comes from malloc's own library; any
 *     other one, libstdc++'s for example, calls malloc and is counted there;
 *   - reallocarray is left out: where it calls realloc it would count twice.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { kMalloc, kCalloc, kRealloc, kAligned, kNew, kKinds };
enum { kNobody, kWriting, kWritten }; /* has anyone written the library yet? */

/* The layout is known to programs_run.py as well. */
struct Count {
  atomic_ulong calls[kKinds];
  atomic_ulong programs; /* how many began to count */
  atomic_ulong others;   /* how many of them had another library's malloc */
  atomic_ulong writing;  /* kNobody, kWriting or kWritten */
  char library[1024];    /* where malloc came from, in the first of them */
};

/* Calls before the constructor are counted here and carried over. */
static struct Count early;
static struct Count* _Atomic count = &early;

/* What each call goes on to. Set once, by the first call of all. */
static struct {
  void* (*malloc)(size_t);
  void* (*calloc)(size_t, size_t);
  void* (*realloc)(void*, size_t);
  void (*free)(void*);
  void* (*memalign)(size_t, size_t);
  void* (*aligned_alloc)(size_t, size_t);
  int (*posix_memalign)(void**, size_t, size_t);
  void* (*valloc)(size_t);
  void* (*pvalloc)(size_t);
  void* (*plain[2])(size_t); /* operator new, operator new[] */
  void* (*nothrow[2])(size_t, const void*);
  void* (*aligned[2])(size_t, size_t);
  void* (*aligned_nothrow[2])(size_t, size_t, const void*);
} next;
static int new_is_own; /* operator new is in the same library as malloc */

static void Find(void* place, const char* name) {
  void* const found = dlsym(RTLD_NEXT, name);
  memcpy(place, &found, sizeof found);
}

static const char* LibraryOf(void* place) {
  void* function;
  Dl_info info;
  memcpy(&function, place, sizeof function);
  if (function == NULL || dladdr(function, &info) == 0) return "";
  return info.dli_fname;
}

static void FindAll(void) {
  Find(&next.malloc, "malloc");
  Find(&next.calloc, "calloc");
  Find(&next.realloc, "realloc");
  Find(&next.free, "free");
  Find(&next.memalign, "memalign");
  Find(&next.aligned_alloc, "aligned_alloc");
  Find(&next.posix_memalign, "posix_memalign");
  Find(&next.valloc, "valloc");
  Find(&next.pvalloc, "pvalloc");
  Find(&next.plain[0], "_Znwm");
  Find(&next.plain[1], "_Znam");
  Find(&next.nothrow[0], "_ZnwmRKSt9nothrow_t");
  Find(&next.nothrow[1], "_ZnamRKSt9nothrow_t");
  Find(&next.aligned[0], "_ZnwmSt11align_val_t");
  Find(&next.aligned[1], "_ZnamSt11align_val_t");
  Find(&next.aligned_nothrow[0], "_ZnwmSt11align_val_tRKSt9nothrow_t");
  Find(&next.aligned_nothrow[1], "_ZnamSt11align_val_tRKSt9nothrow_t");
  new_is_own = strcmp(LibraryOf(&next.plain), LibraryOf(&next.malloc)) == 0;
}

/* dlsym may allocate: while it looks, blocks come from here and are never
 * taken back. Zeros, since calloc may be what asks. */
static _Alignas(16) char reserve[1 << 16];
static atomic_size_t reserve_used;

static void* TakeReserve(size_t bytes) {
  const size_t rounded = (bytes + 15) & ~(size_t)15;
  if (rounded < bytes || rounded > sizeof reserve / 2) return NULL;
  const size_t start = atomic_fetch_add(&reserve_used, rounded);
  return start + rounded <= sizeof reserve ? reserve + start : NULL;
}

static int IsReserve(const void* block) {
  return (uintptr_t)block - (uintptr_t)reserve < sizeof reserve;
}

/* False while the first call, or dlsym on its behalf, is looking. That is
 * long before there are threads: the loader itself calls malloc. */
static int Ready(void) {
  static atomic_int state; /* 0: not begun, 1: looking, 2: found */
  if (atomic_load_explicit(&state, memory_order_acquire) == 2) return 1;
  int untouched = 0;
  if (!atomic_compare_exchange_strong(&state, &untouched, 1)) {
    return untouched == 2;
  }
  FindAll();
  atomic_store(&state, 2);
  return 1;
}

static void Note(int kind) {
  atomic_fetch_add_explicit(&count->calls[kind], 1, memory_order_relaxed);
}

static void NoteLibrary(struct Count* shared) {
  const char* library = LibraryOf(&next.malloc);
  unsigned long nobody = kNobody;
  if (atomic_compare_exchange_strong(&shared->writing, &nobody, kWriting)) {
    strncpy(shared->library, library, sizeof shared->library - 1);
    atomic_store(&shared->writing, kWritten);
  }
  while (atomic_load(&shared->writing) != kWritten) usleep(100);
  atomic_fetch_add(&shared->programs, 1);
  if (strncmp(library, shared->library, sizeof shared->library - 1) != 0) {
    atomic_fetch_add(&shared->others, 1);
  }
}

__attribute__((constructor)) static void Begin(void) {
  const int saved = errno;
  const char* path = getenv("COURSE_COUNT_FILE");
  const int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (Ready() && file >= 0) {
    struct Count* shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared != MAP_FAILED) {
      NoteLibrary(shared);
      atomic_store(&count, shared);
      for (int kind = 0; kind < kKinds; ++kind) {
        atomic_fetch_add(&shared->calls[kind], early.calls[kind]);
      }
    }
  }
  if (file >= 0) close(file);
  errno = saved;
}

void* malloc(size_t bytes) {
  if (!Ready()) return TakeReserve(bytes);
  Note(kMalloc);
  return next.malloc(bytes);
}

void* calloc(size_t number, size_t bytes) {
  if (!Ready()) return TakeReserve(number * bytes);
  Note(kCalloc);
  return next.calloc(number, bytes);
}

void free(void* block) {
  if (!IsReserve(block) && Ready()) next.free(block);
}

void* realloc(void* block, size_t bytes) {
  const int ready = Ready();
  if (ready) Note(kRealloc);
  if (ready && !IsReserve(block)) return next.realloc(block, bytes);
  void* moved = ready ? next.malloc(bytes) : TakeReserve(bytes);
  if (block == NULL || moved == NULL) return moved;
  const size_t rest = (size_t)(reserve + sizeof reserve - (char*)block);
  return memcpy(moved, block, bytes < rest ? bytes : rest);
}

/* dlsym calls none of the rest: the constructor's Ready() came first. */
void* memalign(size_t alignment, size_t bytes) {
  if (!Ready()) return NULL;
  Note(kAligned);
  return next.memalign(alignment, bytes);
}

void* aligned_alloc(size_t alignment, size_t bytes) {
  if (!Ready()) return NULL;
  Note(kAligned);
  return next.aligned_alloc(alignment, bytes);
}

int posix_memalign(void** block, size_t alignment, size_t bytes) {
  if (!Ready()) return ENOMEM;
  Note(kAligned);
  return next.posix_memalign(block, alignment, bytes);
}

void* valloc(size_t bytes) {
  if (!Ready()) return NULL;
  Note(kAligned);
  return next.valloc(bytes);
}

void* pvalloc(size_t bytes) {
  if (!Ready()) return NULL;
  Note(kAligned);
  return next.pvalloc(bytes);
}

/* Operator new, by its names in object files; -fexceptions lets the next one's
 * bad_alloc through. Whoever calls one of these was linked with a library that
 * has it, so there is a next one. */
static void NoteNew(void) {
  if (!Ready()) abort();
  if (new_is_own) Note(kNew);
}

void* _Znwm(size_t bytes) {
  NoteNew();
  return next.plain[0](bytes);
}

void* _Znam(size_t bytes) {
  NoteNew();
  return next.plain[1](bytes);
}

void* _ZnwmRKSt9nothrow_t(size_t bytes, const void* nothrow) {
  NoteNew();
  return next.nothrow[0](bytes, nothrow);
}

void* _ZnamRKSt9nothrow_t(size_t bytes, const void* nothrow) {
  NoteNew();
  return next.nothrow[1](bytes, nothrow);
}

void* _ZnwmSt11align_val_t(size_t bytes, size_t alignment) {
  NoteNew();
  return next.aligned[0](bytes, alignment);
}

void* _ZnamSt11align_val_t(size_t bytes, size_t alignment) {
  NoteNew();
  return next.aligned[1](bytes, alignment);
}

void* _ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
                                         const void* nothrow) {
  NoteNew();
  return next.aligned_nothrow[0](bytes, alignment, nothrow);
}

void* _ZnamSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
                                         const void* nothrow) {
  NoteNew();
  return next.aligned_nothrow[1](bytes, alignment, nothrow);
}
