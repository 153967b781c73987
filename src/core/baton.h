/*
 * The baton: whoever holds it is the reactor, and may turn it (wait for events and deliver them).
 *
 *      REACTOR    the reactor thread holds it: it waits for events, or is about to
 *      NAP        nobody does: the reactor thread naps, because an executor is awake
 *      EXECUTOR   an executor that ran dry looks for events, without blocking
 *
 * Only the reactor thread goes from REACTOR to NAP, any executor NAP -> EXECUTOR -> NAP, and
 * either side NAP -> REACTOR: the reactor thread when its nap is over, an executor that parks, or
 * that finds another one parked as it returns the baton.
 *
 * An executor that parks marks its inbox, then hands the baton over; the reactor thread puts the
 * baton down, then looks at the mark. Both are sequentially consistent, so one sees the other,
 * and there is never a parked executor beside a napping reactor. (But for one that naps itself,
 * to its next timer: it is back in a moment, and keeps its turn.)
 *
 * This header is what the library runs and what the model checker explores.
 */
#ifndef CORE_BATON_H
#define CORE_BATON_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/futex.h"

enum { BATON_REACTOR, BATON_NAP, BATON_EXECUTOR };

struct baton {
    _Atomic(uint32_t) holder;
};

/* Reactor thread: puts it down. Release: pairs with the acquire in baton_take. */
static inline void baton_put_down(struct baton *b)
{
    atomic_exchange_explicit(&b->holder, BATON_NAP, memory_order_seq_cst);
}

/*
 * Reactor thread: takes it back. False: an executor has it, or handed it over already (then
 * baton_nap says so). Acquire: pairs with the release in baton_return.
 */
static inline bool baton_take_back(struct baton *b)
{
    uint32_t expected = BATON_NAP;

    return atomic_compare_exchange_strong_explicit(&b->holder, &expected, BATON_REACTOR,
                                                   memory_order_acquire, memory_order_relaxed);
}

/* Reactor thread: sleeps until the baton is handed over (true), or for so long at most. Acquire:
 * pairs with the release in baton_hand_over. */
static inline bool baton_nap(struct baton *b, int64_t timeout_ns)
{
    uint32_t holder;

    do {
        holder = atomic_load_explicit(&b->holder, memory_order_acquire);
        if (holder == BATON_REACTOR)
            return true;
    } while (futex_wait(&b->holder, holder, timeout_ns));
    return false;
}

/* Executor: a hint: does nobody hold it? */
static inline bool baton_is_down(const struct baton *b)
{
    return atomic_load_explicit(&b->holder, memory_order_relaxed) == BATON_NAP;
}

/* Executor: takes it for a turn. Acquire: pairs with baton_put_down and baton_return. */
static inline bool baton_take(struct baton *b)
{
    uint32_t expected = BATON_NAP;

    return baton_is_down(b) &&
           atomic_compare_exchange_strong_explicit(&b->holder, &expected, BATON_EXECUTOR,
                                                   memory_order_acquire, memory_order_relaxed);
}

/*
 * Executor: gives it back after the turn. Release: pairs with the next one's acquire. Sequentially
 * consistent: another executor may have parked meanwhile, and found it held; who returns it looks
 * for that afterwards.
 */
static inline void baton_return(struct baton *b)
{
    atomic_exchange_explicit(&b->holder, BATON_NAP, memory_order_seq_cst);
}

/*
 * Executor that has marked itself parked: the reactor thread is to go on. Failing, because it
 * does so already, is sequentially consistent: see above. Success needs no order, for
 * baton_return has released all there is; but C11 before C17 wants it no weaker than failure.
 */
static inline void baton_hand_over(struct baton *b)
{
    uint32_t expected = BATON_NAP;

    if (atomic_compare_exchange_strong_explicit(&b->holder, &expected, BATON_REACTOR,
                                                memory_order_seq_cst, memory_order_seq_cst))
        futex_wake(&b->holder);
}

#endif
