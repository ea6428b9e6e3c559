/* A C program on the pool: all primes below a bound, in a list that grows.
 *
 *   primes 1000     counts the primes below 1000 (without a number: 100000)
 */
#include <stdio.h>
#include <stdlib.h>

#include "pool/pool_c.h"

typedef struct {
  int* numbers;
  size_t count;
} List;

/* Adds a number. The block says by itself how long it is, so the list need not
 * remember. */
static bool append(List* list, int number) {
  if (pool_usable_size(list->numbers) < (list->count + 1) * sizeof(int)) {
    size_t bytes = (list->count + 8) * 2 * sizeof(int);
    int* longer = pool_reallocate(list->numbers, bytes);
    if (longer == NULL) return false; /* the list is as it was */
    list->numbers = longer;
  }
  list->numbers[list->count++] = number;
  return true;
}

/* The sieve of Eratosthenes. */
static bool find_primes(int bound, List* primes) {
  char* composite = pool_allocate_zeroed((size_t)bound, 1);
  bool good = composite != NULL;
  for (int n = 2; good && n < bound; ++n) {
    if (composite[n]) continue;
    good = append(primes, n);
    for (long m = (long)n * n; m < bound; m += n) composite[m] = 1;
  }
  pool_deallocate_sized(composite, (size_t)bound);
  return good;
}

int main(int argc, char** argv) {
  const int bound = argc > 1 ? atoi(argv[1]) : 100000;
  List primes = {NULL, 0};
  if (bound < 3 || !find_primes(bound, &primes)) {
    fprintf(stderr, "primes: give a number above 2, with memory for it\n");
    return 1;
  }
  printf("%zu primes below %d, the last is %d\n", primes.count, bound,
         primes.numbers[primes.count - 1]);
  pool_deallocate(primes.numbers);
  return 0;
}
