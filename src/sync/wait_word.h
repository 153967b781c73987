/*
 * The word of every object that is waited for: a number, whether somebody waits, and a lock for
 * the list of those who do.
 *
 *      31          3      2          1          0
 *     +-------------+---------+-----------+--------+
 *     |    value    | WAITERS | CONTENDED | LOCKED |
 *     +-------------+---------+-----------+--------+
 *
 * value    What the number means its object says: permits, readers, those who have come. Signed.
 * WAITERS  Somebody stands on the list, or has been granted what the value no longer shows. Only
 *          changed by unlocking.
 * LOCKED   Somebody has the list. Held for moments, no waker runs under it.
 * CONTENDED  Somebody sleeps until LOCKED is cleared. Set by who is about to, cleared by
 *          unlocking; whoever slept sets it again as he locks, for there may be more.
 *
 * While nobody waits and nobody has the lock, a change of the value is one compare-and-swap. Else
 * it is made by unlocking, and that is the last time the object is touched: who sees the new
 * value may free it. (The futex is woken by its address.)
 *
 * This header is what the library runs and what the model checker explores.
 */
#ifndef SYNC_WAIT_WORD_H
#define SYNC_WAIT_WORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/futex.h"
#include "base/spin.h"

#define WORD_LOCKED UINT32_C(1)
#define WORD_CONTENDED UINT32_C(2)
#define WORD_WAITERS UINT32_C(4)
#define WORD_ONE 8 /* of the value */

#ifndef WORD_SPINS
#define WORD_SPINS 8 /* looks at a lock before sleeping: it is held for less */
#endif
#define WORD_PAUSES 32 /* between two of them: about a microsecond */

typedef _Atomic(uint32_t) wait_word;

static inline int32_t word_value_of(uint32_t word)
{
    return (int32_t)word >> 3; /* arithmetic, for gcc and clang */
}

/* A hint, unless it is final. Acquire: pairs with the release in word_change and word_unlock. */
static inline int32_t word_value(wait_word *w)
{
    return word_value_of(atomic_load_explicit(w, memory_order_acquire));
}

enum word_changed { WORD_CHANGED, WORD_OUT_OF_RANGE, WORD_BUSY };

/*
 * Adds to the value if nobody waits and nobody has the lock. Acquire and release pair with each
 * other, and with word_lock and word_unlock: who is let through sees what was done before.
 */
static inline enum word_changed word_change(wait_word *w, int32_t by, int32_t lowest,
                                            int32_t highest)
{
    uint32_t old = atomic_load_explicit(w, memory_order_relaxed);

    do {
        if (old & (WORD_LOCKED | WORD_WAITERS))
            return WORD_BUSY;
        if (word_value_of(old) + by < lowest || word_value_of(old) + by > highest)
            return WORD_OUT_OF_RANGE;
    } while (!atomic_compare_exchange_weak_explicit(w, &old, old + (uint32_t)by * WORD_ONE,
                                                    memory_order_acq_rel, memory_order_relaxed));
    return WORD_CHANGED;
}

/* Who finds it locked leaves the object alone for a while: with all of it in his cache, the other
 * one does many operations in the time that taking it from each other costs for one. */
static inline void word_pause(void)
{
    for (int i = 0; i < WORD_PAUSES; i++)
        spin_relax();
}

/* Returns the value, which nobody else changes now. Acquire: pairs with word_unlock. */
static inline int32_t word_lock(wait_word *w)
{
    uint32_t old = atomic_load_explicit(w, memory_order_relaxed);
    uint32_t mark = WORD_LOCKED;
    int spins = 0;

    for (;;) {
        if ((old & WORD_LOCKED) == 0) {
            if (atomic_compare_exchange_weak_explicit(w, &old, old | mark, memory_order_acquire,
                                                      memory_order_relaxed))
                return word_value_of(old);
            continue;
        }
        if (spins++ < WORD_SPINS && spin_allowed()) {
            word_pause();
        } else if ((old & WORD_CONTENDED) || atomic_compare_exchange_weak_explicit(
                                                 w, &old, old | WORD_CONTENDED,
                                                 memory_order_relaxed, memory_order_relaxed)) {
            futex_wait(w, old | WORD_CONTENDED, -1);
            mark = WORD_LOCKED | WORD_CONTENDED;
        }
        old = atomic_load_explicit(w, memory_order_relaxed);
    }
}

/* Sets the value. Release: pairs with word_lock and word_change. */
static inline void word_unlock(wait_word *w, int32_t value, bool waiters)
{
    uint32_t next = (uint32_t)value * WORD_ONE + (waiters ? WORD_WAITERS : 0);

    if (atomic_exchange_explicit(w, next, memory_order_release) & WORD_CONTENDED)
        futex_wake(w);
}

#endif
