/* The façade for C. Each function is the one of pool.h with the like name, and
 * pool.h says in full what it does.
 *
 * It owns nothing. No locks but the façade's: from any thread.
 */
#ifndef POOL_POOL_C_H_
#define POOL_POOL_C_H_

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A block of at least `bytes`, aligned to 16 (to 8, if it has up to 8 bytes);
 * for 0 bytes, too. NULL, with errno ENOMEM, when there is no memory. */
void* pool_allocate(size_t bytes);

/* A block for `count` things of `size` bytes, all bytes zero. NULL, with errno
 * ENOMEM, when there cannot be so many bytes. */
void* pool_allocate_zeroed(size_t count, size_t size);

/* A block whose address is a multiple of `alignment`, a power of two. NULL,
 * with errno EINVAL for another alignment, ENOMEM when there is no memory. */
void* pool_allocate_aligned(size_t bytes, size_t alignment);

/* The block with a new size, here or elsewhere, as realloc does it: NULL is no
 * block yet, and 0 bytes free it and give NULL. NULL, with errno ENOMEM, when
 * there is no memory: then the block stays as it is. */
void* pool_reallocate(void* block, size_t bytes);

/* Takes back a block of any of these functions. NULL is fine. */
void pool_deallocate(void* block);

/* Takes back a block of pool_allocate or pool_reallocate, of which the caller
 * knows for how many `bytes` it was. NULL is fine. */
void pool_deallocate_sized(void* block, size_t bytes);

/* How many bytes the block really has; 0 for NULL. */
size_t pool_usable_size(const void* block);

/* Warms up: afterwards `count` blocks of `bytes` can be had on this thread with
 * no system call. False, with errno ENOMEM, when there is no memory. */
bool pool_reserve(size_t bytes, size_t count);

/* Gives all free pages back to the system; returns how many bytes. */
size_t pool_release_free_memory(void);

/* Write what the pool holds and has done; a picture of the heap; and who holds
 * the memory. The name's end says in which form, as pool.h says. False, and
 * errno says why, when that cannot be written. */
bool pool_write_statistics(const char* path);
bool pool_write_heap_map(const char* path);
bool pool_write_heap_profile(const char* path);

#ifdef __cplusplus
}
#endif

#endif /* POOL_POOL_C_H_ */
