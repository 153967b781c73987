/*
 * The inbox of an executor: a lock-free stack of wakers that other threads push to, and the word
 * that the executor parks on. One word is both, so that "is it parked?" and "is there something?"
 * can never be answered apart: a push replaces the mark PARKED and thereby learns that it has to
 * wake, and parking fails if anything was pushed.
 *
 *      0              empty, the executor is awake
 *      INBOX_PARKED   empty, the executor sleeps or is about to
 *      other          the newest waker of a chain along waker->next, the executor is awake
 *
 * This header is what the library runs and what the model checker explores.
 */
#ifndef TASK_INBOX_H
#define TASK_INBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/futex.h"
#include "task/task_state.h"

/* The first member of every task, and of the waker of every plain thread. */
struct trale_waker {
    struct task_state state;
    struct trale_waker *next; /* on a batch or in an inbox; owned by whoever set QUEUED */
};

#define INBOX_PARKED ((uintptr_t)1)

struct inbox {
    _Atomic(uintptr_t) head;
};

/*
 * Any thread. Pushes a chain, newest first. True: the owner sleeps, call inbox_wake; nothing else
 * of the owner may be touched then, for it may have finished and been freed.
 * Release: pairs with the acquire in inbox_take.
 */
static inline bool inbox_push(struct inbox *inbox, struct trale_waker *newest,
                              struct trale_waker *oldest)
{
    uintptr_t head = atomic_load_explicit(&inbox->head, memory_order_relaxed);

    do {
        oldest->next = head == INBOX_PARKED ? NULL : (struct trale_waker *)head;
    } while (!atomic_compare_exchange_weak_explicit(&inbox->head, &head, (uintptr_t)newest,
                                                    memory_order_release, memory_order_relaxed));
    return head == INBOX_PARKED;
}

/* Uses the address only. The futex word is the low half of the head: little-endian machines. */
static inline void inbox_wake(struct inbox *inbox)
{
    futex_wake(&inbox->head);
}

/* Owner. A hint: is there something to take? */
static inline bool inbox_filled(const struct inbox *inbox)
{
    return atomic_load_explicit(&inbox->head, memory_order_relaxed) > INBOX_PARKED;
}

/* Owner, awake. Takes all there is, oldest first. Acquire: pairs with inbox_push. */
static inline struct trale_waker *inbox_take(struct inbox *inbox)
{
    struct trale_waker *oldest = NULL, *next;
    struct trale_waker *w = (struct trale_waker *)atomic_exchange_explicit(
        &inbox->head, (uintptr_t)0, memory_order_acquire);

    for (; w; w = next) {
        next = w->next;
        w->next = oldest;
        oldest = w;
    }
    return oldest;
}

/*
 * Owner. True: the mark is set, and inbox_wait may be called. False: there is something to take.
 * Sequentially consistent: the mark is set, then the baton is looked at; the reactor gives the
 * baton up, then looks at the mark (inbox_parked). One of the two must see the other.
 */
static inline bool inbox_park(struct inbox *inbox)
{
    uintptr_t expected = 0;

    return atomic_compare_exchange_strong_explicit(&inbox->head, &expected, INBOX_PARKED,
                                                   memory_order_seq_cst, memory_order_relaxed);
}

/* Owner, after inbox_park: sleeps until something was pushed, or it was kicked. Acquire: pairs with
 * inbox_kick; what it was for is there to be seen. */
static inline void inbox_wait(struct inbox *inbox)
{
    while (atomic_load_explicit(&inbox->head, memory_order_acquire) == INBOX_PARKED)
        futex_wait(&inbox->head, (uint32_t)INBOX_PARKED, -1);
}

/*
 * Owner, after inbox_park: sleeps until something was pushed, or for so long, and is awake then.
 * Relaxed: taking the mark back tells nobody anything; it fails if a push has replaced the mark.
 */
static inline void inbox_nap(struct inbox *inbox, int64_t timeout_ns)
{
    uintptr_t mark = INBOX_PARKED;

    futex_wait(&inbox->head, (uint32_t)INBOX_PARKED, timeout_ns);
    atomic_compare_exchange_strong_explicit(&inbox->head, &mark, (uintptr_t)0,
                                            memory_order_relaxed, memory_order_relaxed);
}

/* Owner, after inbox_park: is awake after all. It fails if a push has replaced the mark, or a kick
 * has taken it. Relaxed: as in inbox_nap. */
static inline void inbox_unpark(struct inbox *inbox)
{
    uintptr_t mark = INBOX_PARKED;

    atomic_compare_exchange_strong_explicit(&inbox->head, &mark, (uintptr_t)0,
                                            memory_order_relaxed, memory_order_relaxed);
}

/* Any thread: pairs with inbox_park. */
static inline bool inbox_parked(const struct inbox *inbox)
{
    return atomic_load_explicit(&inbox->head, memory_order_seq_cst) == INBOX_PARKED;
}

/*
 * Any thread: there is something for the owner elsewhere. True: it slept, or was about to, and was
 * woken. Sequentially consistent (in inbox_parked): what there is was announced before, and the
 * owner looks there between inbox_park and inbox_wait. One of the two must see the other.
 * Release: pairs with inbox_wait.
 */
static inline bool inbox_kick(struct inbox *inbox)
{
    uintptr_t mark = INBOX_PARKED;

    if (!inbox_parked(inbox) ||
        !atomic_compare_exchange_strong_explicit(&inbox->head, &mark, (uintptr_t)0,
                                                 memory_order_release, memory_order_relaxed))
        return false;
    futex_wake(&inbox->head);
    return true;
}

#endif
