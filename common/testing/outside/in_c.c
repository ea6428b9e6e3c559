/* A program outside the course that uses the pool from C. */
#include <pool/pool_c.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  char* text = pool_allocate(6);
  if (text == NULL) return 1;
  strcpy(text, "C: go");
  text = pool_reallocate(text, 100000);
  if (text == NULL || pool_usable_size(text) < 100000) return 1;
  strcat(text, "od");
  puts(text);
  pool_deallocate(text);
  return 0;
}
