/* The classic loop in plain C: 20,000 … 200,000 times an 8-byte object is taken
 * and given back, from the pool and from malloc. Prints a table. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "pool/memory_pool.h"

enum { kBytes = 8, kRounds = 11 };

static double Milliseconds(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Each object is written to, so that none of this can be left out. */
static double PoolPairs(int count) {
  memory_pool* pool = memory_pool_create(kBytes, 1000, 1000);
  if (pool == NULL) abort();
  const double start = Milliseconds();
  for (int i = 0; i < count; ++i) {
    volatile char* object = memory_alloc(pool);
    *object = 1;
    memory_free(pool, (void*)object);
  }
  const double elapsed = Milliseconds() - start;
  free_memory_pool(pool);
  return elapsed;
}

static double MallocPairs(int count) {
  const double start = Milliseconds();
  for (int i = 0; i < count; ++i) {
    volatile char* object = malloc(kBytes);
    *object = 1;
    free((void*)object);
  }
  return Milliseconds() - start;
}

static int Compare(const void* a, const void* b) {
  const double x = *(const double*)a;
  const double y = *(const double*)b;
  return (x > y) - (x < y);
}

static double Median(double* values) {
  qsort(values, kRounds, sizeof(values[0]), Compare);
  return values[kRounds / 2];
}

int main(void) {
  printf("%10s %12s %12s %8s   (medians of %d rounds, in turn)\n", "pairs",
         "pool, ms", "malloc, ms", "ratio", kRounds);
  for (int count = 20000; count <= 200000; count += 20000) {
    double with_pool[kRounds];
    double with_malloc[kRounds];
    for (int round = 0; round < kRounds; ++round) {
      with_pool[round] = PoolPairs(count);
      with_malloc[round] = MallocPairs(count);
    }
    const double pool = Median(with_pool);
    const double other = Median(with_malloc);
    printf("%10d %12.3f %12.3f %8.2f\n", count, pool, other, other / pool);
  }
  return 0;
}
