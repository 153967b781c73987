/*
 * Memory for stackless tasks: blocks of one size each from chunks of 2 MiB, used again, the last one
 * first. An executor keeps some of its own, without a lock; the rest is shared. Beyond a limit,
 * chunks of which no block is in use are unmapped.
 *
 * malloc does as well for a few. Of a million tasks that end in any order, every free meets a cold
 * neighbour or two, and every access a page that the TLB does not know; here a free touches the block
 * alone, and but for the first chunk of a size they are huge pages.
 */
#ifndef TASK_BLOCK_H
#define TASK_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

/* Sizes: up to 512 every 16 bytes, beyond it eight to the octave, and a line more. The last one has
 * room for a buffer of 16 KiB. */
#define BLOCK_KINDS 74
#define BLOCK_MAX ((size_t)18496)

struct block;

/* An executor's own blocks; zeroed is empty. Reached through this_thread.blocks. */
struct block_cache {
    struct block *free[BLOCK_KINDS];
    unsigned count[BLOCK_KINDS];
};

/* size is BLOCK_MAX at most; aligned as by malloc. NULL: no memory. Any thread. */
void *block_get(size_t size);
void block_put(void *memory);

/* An executor ends: its blocks become everybody's. */
void block_cache_flush(struct block_cache *cache);

/* Unmaps every chunk of which no block is in use. */
void block_pool_empty(void);

/* For fork: hold the pool's lock across it, so that the child finds the pool in one piece. */
void block_pool_lock(void);
void block_pool_unlock(void);

#endif
