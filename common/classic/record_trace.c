/* Records the malloc and free calls of a real program as a trace.
 *
 *   gcc -O2 -shared -fPIC -pthread -o record_trace.so record_trace.c
 *   RECORD_TRACE=perl.trace LD_PRELOAD=./record_trace.so perl script.pl
 *
 * Each line of the file is an event: "a 48", the next block is allocated and
 * has 48 bytes; "f 3", block 3 is freed (blocks are numbered from 0). Put a
 * line "# of what program" at the top by hand. What a trace leaves out:
 *   - addresses and times, since each allocator has its own;
 *   - which thread it was: all threads are written into one line of events;
 *   - alignments, and that a realloc may grow in place: it counts as the free
 *     of the old block and then a new one.
 * For glibc on Linux, and for a program that starts no others: they would
 * write into the same file. A tool of its own, not a part of any build.
 *
 * One lock guards everything. What always holds: whatever is in `table` lives
 * and has been written as allocated. Nothing in here calls malloc: the table
 * is static and the file is written with write().
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* glibc's own entries, there under a second name. */
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* block, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void* block);

enum { kSlots = 1 << 20, kBuffer = 1 << 16 }; /* up to ~900,000 live blocks */

/* Open addressing: a block's slot is the first one of its own from its hash
 * on. A freed slot keeps kGone, so that those behind it are still found. */
static struct {
  uintptr_t block; /* 0: never used */
  uint32_t number;
} table[kSlots];
static const uintptr_t kGone = 1;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t next_number;
static int file = -1; /* -1: not opened yet; -2: this program is not recorded */
static char buffer[kBuffer];
static size_t buffered;

static void Flush(void) {
  size_t done = 0;
  while (file >= 0 && done < buffered) {
    const ssize_t n = write(file, buffer + done, buffered - done);
    if (n <= 0) break;
    done += (size_t)n;
  }
  buffered = 0;
}

static void Open(void) {
  const char* path = getenv("RECORD_TRACE");
  file = -2;
  if (path == NULL) return;
  const int opened = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (opened >= 0) file = opened;
}

static void WriteEvent(char what, size_t number) {
  char digits[20];
  size_t count = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number != 0);
  if (buffered + count + 3 > kBuffer) Flush();
  buffer[buffered++] = what;
  buffer[buffered++] = ' ';
  while (count > 0) buffer[buffered++] = digits[--count];
  buffer[buffered++] = '\n';
}

static size_t HashOf(uintptr_t block) {
  return (size_t)((block >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 44) % kSlots;
}

/* REQUIRES: lock is held. */
static void NoteAllocation(void* block, size_t bytes) {
  if (file == -1) Open();
  if (file < 0) return;
  size_t slot = HashOf((uintptr_t)block);
  while (table[slot].block > kGone) slot = (slot + 1) % kSlots;
  table[slot].block = (uintptr_t)block;
  table[slot].number = next_number++;
  WriteEvent('a', bytes);
}

/* REQUIRES: lock is held. */
static void NoteFree(void* block) {
  if (file < 0) return;
  size_t slot = HashOf((uintptr_t)block);
  for (size_t looked = 0; looked < kSlots; ++looked) {
    if (table[slot].block == 0) return; /* from before the recording */
    if (table[slot].block == (uintptr_t)block) {
      table[slot].block = kGone;
      WriteEvent('f', table[slot].number);
      return;
    }
    slot = (slot + 1) % kSlots;
  }
}

static void* Allocated(void* block, size_t bytes) {
  if (block == NULL) return NULL;
  pthread_mutex_lock(&lock);
  NoteAllocation(block, bytes);
  pthread_mutex_unlock(&lock);
  return block;
}

void* malloc(size_t bytes) { return Allocated(__libc_malloc(bytes), bytes); }

void* calloc(size_t count, size_t bytes) {
  return Allocated(__libc_calloc(count, bytes), count * bytes);
}

void free(void* block) {
  const int saved = errno;
  if (block == NULL) return;
  pthread_mutex_lock(&lock);
  NoteFree(block); /* first: afterwards another thread may get this address */
  pthread_mutex_unlock(&lock);
  __libc_free(block);
  errno = saved;
}

void* realloc(void* block, size_t bytes) {
  if (block == NULL) return malloc(bytes);
  if (bytes == 0) {
    free(block);
    return NULL;
  }
  /* Both in one locking, for the reason that free gives. */
  pthread_mutex_lock(&lock);
  void* moved = __libc_realloc(block, bytes);
  if (moved != NULL) {
    NoteFree(block);
    NoteAllocation(moved, bytes);
  }
  pthread_mutex_unlock(&lock);
  return moved;
}

void* memalign(size_t alignment, size_t bytes) {
  return Allocated(__libc_memalign(alignment, bytes), bytes);
}

void* aligned_alloc(size_t alignment, size_t bytes) {
  return memalign(alignment, bytes);
}

int posix_memalign(void** result, size_t alignment, size_t bytes) {
  void* block = memalign(alignment, bytes);
  if (block == NULL) return ENOMEM;
  *result = block;
  return 0;
}

__attribute__((destructor)) static void Finish(void) {
  pthread_mutex_lock(&lock);
  Flush();
  file = -2;
  pthread_mutex_unlock(&lock);
}
