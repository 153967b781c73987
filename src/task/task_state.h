/*
 * The life of a task as other threads see it, in one atomic word. Where the task stands and
 * whether it is being polled is its executor's business, and in fields of the executor's own: a
 * wake on the executor's thread touches no atomic at all.
 *
 *      63            8   7 6      5        4        3       2      1      0
 *     +----------------+-----+--------+--------+--------+------+-----+--------+
 *     |   references   |  0  | THREAD | JOINER | CANCEL | DONE |  0  | QUEUED |
 *     +----------------+-----+--------+--------+--------+------+-----+--------+
 *
 * QUEUED   The task is in the inbox of its executor, or on its way there, or was taken from it and
 *          not yet polled since. Set by whoever wakes on another thread: who sets it first, and
 *          does not find DONE, must send the task; everybody else has nothing to do, so a task is
 *          never sent twice. Cleared by the executor as it starts the poll that follows the
 *          arrival. A new task is QUEUED: whoever makes it sends it.
 * DONE     The result is stored and the future dropped. Set once, by the executor. Excludes any
 *          further sending, and hands the joiner's waker to whoever set it.
 * CANCEL   Asked to stop. Set by anyone, never cleared; looked at before each poll and each wait.
 * JOINER   task->joiner holds a waker. Set and cleared by the holder of the handle, until DONE:
 *          from then on the slot belongs to the executor that set DONE.
 * THREAD   Not a task at all but the waker of a plain thread: only QUEUED (a notification is on
 *          its way) and the references mean anything. Never changes.
 *
 * References: one of the executor until DONE, one of the join handle, one per cloned waker. A
 * wait node borrows its waker: drop unlinks it before the task can be DONE. A task that is on its
 * way needs no reference until DONE; a task that becomes DONE on its way keeps one for its arrival,
 * and its executor stays until then.
 *
 * This header is what the library runs and what the model checker explores.
 */
#ifndef TASK_TASK_STATE_H
#define TASK_TASK_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define STATE_QUEUED UINT64_C(0x01)
#define STATE_DONE UINT64_C(0x04)
#define STATE_CANCEL UINT64_C(0x08)
#define STATE_JOINER UINT64_C(0x10)
#define STATE_THREAD UINT64_C(0x20)
#define STATE_REFERENCE UINT64_C(0x100)

struct task_state {
    _Atomic(uint64_t) word;
};

static inline bool state_is_thread(const struct task_state *s)
{
    return (atomic_load_explicit(&s->word, memory_order_relaxed) & STATE_THREAD) != 0;
}

/* By the task itself, or by its executor. A hint: the poll that must see it starts with
 * acquire. */
static inline bool state_is_cancelled(const struct task_state *s)
{
    return (atomic_load_explicit(&s->word, memory_order_relaxed) & STATE_CANCEL) != 0;
}

/* Acquire: pairs with the release in state_finish; the result may be read after it. */
static inline bool state_is_done(const struct task_state *s)
{
    return (atomic_load_explicit(&s->word, memory_order_acquire) & STATE_DONE) != 0;
}

/*
 * A waker wakes, on another thread than the executor's. True: the caller must send the task.
 * Release: what was written before the wake is seen by the poll it causes (state_start, or the
 * inbox). It is a read-modify-write also if QUEUED is there already, because the poll to come
 * must see this waker's writes too. Acquire: the caller may use waker->next, last used by the
 * executor before state_start.
 */
static inline bool state_wake(struct task_state *s)
{
    uint64_t old = atomic_fetch_or_explicit(&s->word, STATE_QUEUED, memory_order_acq_rel);

    return (old & (STATE_QUEUED | STATE_DONE)) == 0;
}

/* Marks the task as cancelled, and wakes it: as state_wake. */
static inline bool state_cancel(struct task_state *s)
{
    uint64_t old =
        atomic_fetch_or_explicit(&s->word, STATE_CANCEL | STATE_QUEUED, memory_order_acq_rel);

    return (old & (STATE_QUEUED | STATE_DONE)) == 0;
}

/* A hint, but to the executor: if it is, a poll is to come that sees what the executor did before. */
static inline bool state_is_queued(const struct task_state *s)
{
    return (atomic_load_explicit(&s->word, memory_order_relaxed) & STATE_QUEUED) != 0;
}

/* Executor: the task is new, its own, and has no way to go. Nobody else knows it yet: who cancels it
 * from now on finds it like one that waits, and sends it; it may go both ways. */
static inline void state_born_here(struct task_state *s)
{
    uint64_t word = atomic_load_explicit(&s->word, memory_order_relaxed);

    atomic_store_explicit(&s->word, word & ~STATE_QUEUED, memory_order_relaxed);
}

/* Executor: marks it only. Relaxed: the poll that must see it is on the same thread. */
static inline void state_mark_cancelled(struct task_state *s)
{
    atomic_fetch_or_explicit(&s->word, STATE_CANCEL, memory_order_relaxed);
}

/* Executor: the caller has set QUEUED itself, and will not send the task. Release: as in
 * state_start, which acquires what those wrote who found QUEUED meanwhile. */
static inline void state_take_back(struct task_state *s)
{
    atomic_fetch_and_explicit(&s->word, ~STATE_QUEUED, memory_order_release);
}

/*
 * Executor: a poll starts. arrived: it is QUEUED, and was taken from the inbox. True: the task was
 * cancelled before. Acquire: pairs with the release in state_wake and state_cancel. Release: pairs
 * with the acquire there, so that the next one who wakes may use waker->next.
 */
static inline bool state_start(struct task_state *s, bool arrived)
{
    uint64_t old = arrived
                       ? atomic_fetch_and_explicit(&s->word, ~STATE_QUEUED, memory_order_acq_rel)
                       : atomic_load_explicit(&s->word, memory_order_acquire);

    return (old & STATE_CANCEL) != 0;
}

/*
 * Executor, before state_finish: has nobody else the task, no handle and no waker, and is it not on
 * its way? Wait nodes are gone by then, and who set QUEUED by way of one did so under the lock under
 * which it went. Nobody can come to have it any more. Acquire: pairs with state_release.
 */
static inline bool state_is_sole(const struct task_state *s)
{
    uint64_t word = atomic_load_explicit(&s->word, memory_order_acquire);

    return word < 2 * STATE_REFERENCE && (word & STATE_QUEUED) == 0;
}

enum state_finished {
    FINISHED_FREE = 1,
    FINISHED_WAKE_JOINER = 2,
    FINISHED_ON_ITS_WAY = 4,
};

/*
 * Executor: the result is stored, the future dropped. FREE: there is no reference left. WAKE_JOINER:
 * one is kept; take the waker from task->joiner, then state_release. ON_ITS_WAY: one is kept for the
 * arrival of the task in the inbox; then state_release. Release: pairs with state_is_done and
 * state_join_arm. Acquire: pairs with the release in state_join_arm (the slot) and in
 * state_release (the memory).
 */
static inline unsigned state_finish(struct task_state *s)
{
    uint64_t old = atomic_load_explicit(&s->word, memory_order_relaxed);
    uint64_t next;

    if (state_is_sole(s))
        return FINISHED_FREE; /* race: another reference went since the caller looked */
    do {
        next = (old | STATE_DONE) & ~STATE_JOINER;
        if (old & STATE_JOINER)
            next += STATE_REFERENCE;
        if (old & STATE_QUEUED)
            next += STATE_REFERENCE;
        next -= STATE_REFERENCE;
    } while (!atomic_compare_exchange_weak_explicit(&s->word, &old, next, memory_order_acq_rel,
                                                    memory_order_relaxed));
    return (next < STATE_REFERENCE ? FINISHED_FREE : 0) |
           (old & STATE_JOINER ? FINISHED_WAKE_JOINER : 0) |
           (old & STATE_QUEUED ? FINISHED_ON_ITS_WAY : 0);
}

/*
 * Joiner: task->joiner is filled. False: the task is done, and the slot still the caller's.
 * Release: pairs with the acquire in state_finish. Acquire on failure: the result may be read.
 */
static inline bool state_join_arm(struct task_state *s)
{
    uint64_t old = atomic_load_explicit(&s->word, memory_order_acquire);

    while ((old & STATE_DONE) == 0)
        if (atomic_compare_exchange_weak_explicit(&s->word, &old, old | STATE_JOINER,
                                                  memory_order_release, memory_order_acquire))
            return true;
    return false;
}

/*
 * Joiner: takes the slot back. False: the task is done, and its executor has the waker. Success
 * needs no order, for the caller filled the slot; but C11 before C17 wants it no weaker than
 * failure, which acquires the result as above.
 */
static inline bool state_join_disarm(struct task_state *s)
{
    uint64_t old = atomic_load_explicit(&s->word, memory_order_acquire);

    while ((old & STATE_DONE) == 0)
        if (atomic_compare_exchange_weak_explicit(&s->word, &old, old & ~STATE_JOINER,
                                                  memory_order_acquire, memory_order_acquire))
            return true;
    return false;
}

/* Relaxed: who adds a reference holds one, or a lock that keeps one alive. */
static inline void state_retain(struct task_state *s)
{
    atomic_fetch_add_explicit(&s->word, STATE_REFERENCE, memory_order_relaxed);
}

/*
 * True: it was the last reference, free the memory. Release and acquire: pair with each other, so
 * that whoever frees comes after every use.
 */
static inline bool state_release(struct task_state *s)
{
    /* Nobody else can come to have one any more. */
    if (atomic_load_explicit(&s->word, memory_order_acquire) < 2 * STATE_REFERENCE)
        return true;
    return atomic_fetch_sub_explicit(&s->word, STATE_REFERENCE, memory_order_acq_rel) <
           2 * STATE_REFERENCE;
}

/*
 * A plain thread is woken. True: the caller has a reference, and must call state_thread_notify,
 * unpark the thread, and release. False: somebody else is about to, and the thread will look
 * after that. Acquire and release: as in state_wake; they pair with state_thread_notify.
 */
static inline bool state_thread_wake(struct task_state *s)
{
    uint64_t old = atomic_load_explicit(&s->word, memory_order_relaxed);
    uint64_t next;

    do {
        next = old & STATE_QUEUED ? old : old + STATE_QUEUED + STATE_REFERENCE;
    } while (!atomic_compare_exchange_weak_explicit(&s->word, &old, next, memory_order_acq_rel,
                                                    memory_order_relaxed));
    return (old & STATE_QUEUED) == 0;
}

/* The notification is off the batch; the next wake makes one of its own. */
static inline void state_thread_notify(struct task_state *s)
{
    atomic_fetch_and_explicit(&s->word, ~STATE_QUEUED, memory_order_acq_rel);
}

#endif
