/*
 * A lock that costs its owner no read-modify-write. The executor that locks it first owns it, until
 * anybody else comes; from then on it is a lock like others.
 *
 *   owner   0              nobody has locked it yet
 *           a run queue    the executor of that queue owns it
 *           OWNER_ASKED    somebody else has come, and waits until the owner is not in it
 *           OWNER_NONE     everybody takes the word; so it stays
 *   busy    The owner is in it, or about to look whether it still may. Written by the owner.
 *   word    The lock of the others; the value is not used.
 *
 * The owner says that it is busy, then looks at owner; who comes says OWNER_ASKED, then looks at
 * busy. One of them must see the other, and that takes a full barrier on both sides: the one who
 * comes issues it for both (base/barrier.h), once in the life of the lock. Where that is not to be
 * had there is no owner. Release and acquire on busy: who comes sees what the owner did.
 */
#ifndef SYNC_OWNED_LOCK_H
#define SYNC_OWNED_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sync/wait_word.h"
#include "task/run_queue.h"
#include "task/thread.h"

#define OWNER_ASKED ((uintptr_t)1)
#define OWNER_NONE ((uintptr_t)2)

struct owned_lock {
    _Atomic(uintptr_t) owner; /* its low half is a futex: little-endian machines */
    _Atomic(uint32_t) busy;
    wait_word word;
};

/* The slow way. True: the caller is, or has just become, the owner, and busy. */
bool owned_enter_slowly(struct owned_lock *l, struct run_queue *me);

/* The owner said that it is busy, and is the owner no more: it is not busy. */
void owned_step_back(struct owned_lock *l);

/* True: as its owner. False: it is not to be had at once, or by the owner alone. */
static inline bool owned_enter_at_once(struct owned_lock *l)
{
    struct run_queue *me = this_thread.queue;

    if (!me || atomic_load_explicit(&l->owner, memory_order_relaxed) != (uintptr_t)me)
        return false;
    atomic_store_explicit(&l->busy, 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst); /* for the compiler alone */
    if (__builtin_expect(atomic_load_explicit(&l->owner, memory_order_relaxed) == (uintptr_t)me,
                         true))
        return true;
    owned_step_back(l);
    return false;
}

/* True: as its owner. The answer belongs to owned_leave. */
static inline bool owned_enter(struct owned_lock *l)
{
    return owned_enter_at_once(l) || owned_enter_slowly(l, this_thread.queue);
}

static inline void owned_leave(struct owned_lock *l, bool as_owner)
{
    if (as_owner) /* Release: pairs with await_owner. */
        atomic_store_explicit(&l->busy, 0, memory_order_release);
    else
        word_unlock(&l->word, 0, false);
}

#endif
