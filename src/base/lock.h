/*
 * A lock of one word, for what is held for moments and by code that is short itself: a call of
 * pthread_mutex_lock would be most of it.
 *
 *      0           free
 *      1           somebody has it
 *      2           the same, and somebody may sleep until it is free
 *
 * Zeroed is free; there is nothing to destroy. Acquire and release pair with each other.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/futex.h"

struct lock {
    _Atomic(uint32_t) word;
};

static inline bool lock_try(struct lock *l)
{
    uint32_t expected = 0;

    return atomic_compare_exchange_strong_explicit(&l->word, &expected, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

/* Whoever slept does not know whether he was the only one, so he takes it as 2. */
static inline void lock_take(struct lock *l)
{
    if (lock_try(l))
        return;
    while (atomic_exchange_explicit(&l->word, 2, memory_order_acquire) != 0)
        futex_wait(&l->word, 2, -1);
}

static inline void lock_give(struct lock *l)
{
    if (atomic_exchange_explicit(&l->word, 0, memory_order_release) == 2)
        futex_wake(&l->word);
}

#endif
