/* The fixed pool for C: objects of one size, taken and given back.
 *
 * Owner: whoever creates the pool. No locks: one thread at a time uses it.
 */
#ifndef POOL_MEMORY_POOL_H_
#define POOL_MEMORY_POOL_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct memory_pool memory_pool;

/* A pool of objects of `object_size` bytes (above 0): `init` in the first
 * block, `grow` in each further one. With `grow` 0 it never grows. Objects are
 * aligned for any type of that size. NULL, with errno set: EINVAL when
 * object_size is 0 or not a size that any object can have, ENOMEM when the
 * system has no memory. */
memory_pool* memory_pool_create(size_t object_size, size_t init, size_t grow);

/* An object, its contents undefined; NULL when the pool may not grow or the
 * system has no memory. */
void* memory_alloc(memory_pool* pool);

/* Takes an object back and returns NULL. What is not the start of one of the
 * pool's objects is returned unchanged. */
void* memory_free(memory_pool* pool, void* object);

/* Gives the pool and all its objects back to the system. NULL is fine. */
void free_memory_pool(memory_pool* pool);

#ifdef __cplusplus
}
#endif

#endif /* POOL_MEMORY_POOL_H_ */
