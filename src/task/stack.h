/*
 * Stacks for fibers: mapped in chunks, guarded one by one, and used again, the last one first,
 * while it is still in the cache. An executor keeps some of its own, without a lock; the rest is
 * shared. Beyond a limit, chunks of which no stack is in use are unmapped.
 */
#ifndef TASK_STACK_H
#define TASK_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stands at the top end of the mapping, on the page that every fiber touches anyway. */
struct stack {
    struct stack *next; /* while it is free */
    char *low;          /* the lowest usable byte; the guard page lies below */
    size_t size;        /* usable bytes from low */
    unsigned kind;      /* sizes are MIN << kind */
    unsigned colour;    /* bytes left free at the top, see stack_top */
    struct chunk *chunk;
};

#define STACK_KINDS 18 /* 16 KiB to 2 GiB */

/* An executor's own stacks; zeroed is empty. Reached through this_thread.stacks. */
struct stack_cache {
    struct stack *free[STACK_KINDS];
    unsigned count[STACK_KINDS];
};

/* A stack of at least size bytes; NULL: no memory. Any thread. */
struct stack *stack_get(size_t size);
void stack_put(struct stack *stack);

/*
 * The highest usable address, 16-aligned; the stack grows down from it.
 *
 * Stacks that begin at the same place of a page fight for the same sets of the cache: a ring of
 * 1,000 fibers runs from a third to a half faster when they begin at sixteen different places.
 */
static inline char *stack_top(struct stack *stack)
{
    return (char *)((uintptr_t)stack & ~(uintptr_t)15) - stack->colour;
}

/* Is address on the guard page? */
bool stack_guards(const struct stack *stack, const void *address);

/* An executor ends: its stacks become everybody's. */
void stack_cache_flush(struct stack_cache *cache);

/* Unmaps every chunk of which no stack is in use. */
void stack_pool_empty(void);

/* For fork: hold the pool's lock across it, so that the child finds the pool in one piece. */
void stack_pool_lock(void);
void stack_pool_unlock(void);

#endif
