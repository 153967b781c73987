/*
 * Parks one thread until another says so. An unpark is remembered: the next park returns at once.
 *
 * Protocol: one word. The owner goes EMPTY -> PARKED -> (sleeps) and takes NOTIFIED -> EMPTY; any
 * thread goes anything -> NOTIFIED, and wakes the sleeper if it found PARKED. There is no second
 * variable to look at, so a release that pairs with the owner's acquire is all that is needed.
 */
#ifndef BASE_PARKER_H
#define BASE_PARKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/futex.h"

enum { PARKER_EMPTY, PARKER_NOTIFIED, PARKER_PARKED };

struct parker {
    _Atomic(uint32_t) word;
};

/* Owner: takes a notification if there is one. Acquire: pairs with the release in unpark. */
static inline bool parker_try(struct parker *p)
{
    return atomic_load_explicit(&p->word, memory_order_relaxed) == PARKER_NOTIFIED &&
           atomic_exchange_explicit(&p->word, PARKER_EMPTY, memory_order_acquire) ==
               PARKER_NOTIFIED;
}

/* Owner: sleeps until notified. */
static inline void parker_park(struct parker *p)
{
    uint32_t expected = PARKER_EMPTY;

    /* Failing means NOTIFIED; both outcomes are looked at again with acquire below. */
    atomic_compare_exchange_strong_explicit(&p->word, &expected, PARKER_PARKED,
                                            memory_order_relaxed, memory_order_relaxed);
    while (!parker_try(p))
        futex_wait(&p->word, PARKER_PARKED, -1);
}

/*
 * Owner: sleeps until notified, but not much longer than that; may return early. Relaxed: taking
 * the mark back tells nobody anything; it fails if a notification has replaced the mark.
 */
static inline void parker_nap(struct parker *p, int64_t timeout_ns)
{
    uint32_t expected = PARKER_EMPTY;

    if (atomic_compare_exchange_strong_explicit(&p->word, &expected, PARKER_PARKED,
                                                memory_order_relaxed, memory_order_relaxed))
        futex_wait(&p->word, PARKER_PARKED, timeout_ns);
    expected = PARKER_PARKED;
    if (!atomic_compare_exchange_strong_explicit(&p->word, &expected, PARKER_EMPTY,
                                                 memory_order_relaxed, memory_order_relaxed))
        parker_try(p);
}

/* Any thread. Release: pairs with the acquire in parker_try. After it, p may be gone. */
static inline void parker_unpark(struct parker *p)
{
    if (atomic_exchange_explicit(&p->word, PARKER_NOTIFIED, memory_order_release) ==
        PARKER_PARKED)
        futex_wake(&p->word);
}

#endif
