/*
 * Exactly one arm of a select takes effect. Most operations take effect in their own poll, and a
 * select polls its arms one after the other; but some are completed by another party, while the
 * select waits: a send without a buffer is, by who receives. That party claims the select first.
 *
 * The claim is a word of the select:
 *
 *   CLAIM_POLLING  Its arms are being polled, or it has not been polled: nobody else may complete
 *                  an arm. So it is at first, and whenever it does not wait.
 *   CLAIM_MISSED   The same, and somebody would have completed one: the arms have to be polled
 *                  again.
 *   CLAIM_OPEN     It waits: the first who makes it CLAIM_TAKING may complete one arm, and notes
 *   CLAIM_TAKING   which one, in this select and those within it on the way to the arm; then it is
 *   CLAIM_TAKEN    and stays: that arm is the one. If that is several operations (trale_join_all),
 *                  they are completed without further ado; but a select among them has to be
 *                  claimed itself.
 *
 * Of selects within one another the outermost that is not TAKEN is claimed; the words of those
 * within stay POLLING until then. Only who polls goes from POLLING and MISSED (but to MISSED), and
 * from OPEN to POLLING; only others go from OPEN to TAKING. Release and acquire on the way OPEN ->
 * TAKING pair: the places of the selects are read after. Likewise on the way to TAKEN: what is
 * noted is read after.
 *
 * This header is what the library runs and what the model checker explores.
 */
#ifndef TASK_CLAIM_H
#define TASK_CLAIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/spin.h"

enum { CLAIM_POLLING, CLAIM_MISSED, CLAIM_OPEN, CLAIM_TAKING, CLAIM_TAKEN };

typedef _Atomic(uint32_t) claim_word;

/* Another party. True: it may complete an arm, and must call claim_finish. False: it may not. If
 * it will wait, and the select is open to it later, the arm is polled before. */
static inline bool claim_begin(claim_word *w, bool will_wait)
{
    uint32_t old = atomic_load_explicit(w, memory_order_relaxed);

    for (;;) {
        switch (old) {
        case CLAIM_OPEN:
            if (atomic_compare_exchange_weak_explicit(w, &old, CLAIM_TAKING, memory_order_acquire,
                                                      memory_order_relaxed))
                return true;
            break; /* race: somebody was faster */
        case CLAIM_POLLING:
            /* Relaxed: who is missed locks, to poll again, what the other party has locked now. */
            if (!will_wait ||
                atomic_compare_exchange_weak_explicit(w, &old, CLAIM_MISSED, memory_order_relaxed,
                                                      memory_order_relaxed))
                return false;
            break; /* race: it waits now */
        default:
            return false;
        }
    }
}

static inline void claim_finish(claim_word *w)
{
    atomic_store_explicit(w, CLAIM_TAKEN, memory_order_release);
}

static inline bool claim_is_taken(claim_word *w)
{
    return atomic_load_explicit(w, memory_order_acquire) == CLAIM_TAKEN;
}

/* Who polls, before it does so again, or drops. False: an arm is taken. */
static inline bool claim_close(claim_word *w)
{
    uint32_t old = atomic_load_explicit(w, memory_order_acquire);

    for (;;) {
        if (old == CLAIM_TAKEN)
            return false;
        if (old <= CLAIM_MISSED)
            return true;
        if (old == CLAIM_OPEN) {
            if (atomic_compare_exchange_weak_explicit(w, &old, CLAIM_POLLING,
                                                      memory_order_acquire, memory_order_acquire))
                return true;
            continue; /* race: it is being taken */
        }
        spin_relax(); /* race: CLAIM_TAKING, for a few instructions of another thread */
        old = atomic_load_explicit(w, memory_order_acquire); /* race: likewise */
    }
}

/* Who polls, when it has to wait, for any of the arms or for the one that took effect in part. False:
 * the arms have to be polled again. */
static inline bool claim_open(claim_word *w, bool taken)
{
    uint32_t old = CLAIM_POLLING;

    if (atomic_compare_exchange_strong_explicit(w, &old, taken ? CLAIM_TAKEN : CLAIM_OPEN,
                                                memory_order_release, memory_order_relaxed) ||
        old == CLAIM_TAKEN)
        return true;
    atomic_store_explicit(w, CLAIM_POLLING, memory_order_relaxed);
    return false;
}

#endif
