/*
 * The life of a task, in one atomic word. Nothing else in the library decides whether a task is
 * to be queued, polled, dropped or freed.
 *
 *      63            8   7 6      5        4        3       2        1         0
 *     +----------------+-----+--------+--------+--------+------+---------+--------+
 *     |   references   |  0  | THREAD | JOINER | CANCEL | DONE | RUNNING | QUEUED |
 *     +----------------+-----+--------+--------+--------+------+---------+--------+
 *
 * QUEUED   The task is on the run queue, in the inbox, or on its way there; or, with RUNNING, has
 *          to be queued again after this poll. Set by whoever wakes: who sets it first, and finds
 *          neither RUNNING nor DONE, must queue the task; everybody else has nothing to do, so a
 *          task is never queued twice. Cleared by the executor as it starts a poll.
 * RUNNING  The executor polls the task. Set and cleared by the executor only. It stays set while
 *          a task that yielded stands on the run queue: wakers then leave it alone.
 * DONE     The result is stored and the future dropped. Set once, by the executor. Excludes any
 *          further queueing, and hands the joiner's waker to whoever set it.
 * CANCEL   Asked to stop. Set by anyone, never cleared; looked at before each poll and each wait.
 * JOINER   task->joiner holds a waker. Set and cleared by the holder of the handle, until DONE:
 *          from then on the slot belongs to the executor that set DONE.
 * THREAD   Not a task at all but the waker of a plain thread: only QUEUED (a notification is on
 *          its way) and the references mean anything. Never changes.
 *
 * References: one of the executor until DONE, one of the join handle, one per cloned waker. A
 * wait node borrows its waker: drop unlinks it before the task can be DONE. A task that is
 * QUEUED or RUNNING cannot become DONE behind the back of the one who set QUEUED, so queueing
 * needs no reference of its own.
 *
 * This header is what the library runs and what the model checker explores.
 */
#ifndef TASK_TASK_STATE_H
#define TASK_TASK_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define STATE_QUEUED UINT64_C(0x01)
#define STATE_RUNNING UINT64_C(0x02)
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
 * A waker wakes. True: the caller must queue the task.
 * Release: what was written before the wake is seen by the poll it causes (state_start, or the
 * inbox). It is a read-modify-write also if QUEUED is there already, because the poll to come
 * must see this waker's writes too. Acquire: the caller may use waker->next, last used by the
 * executor before state_pend.
 */
static inline bool state_wake(struct task_state *s)
{
    uint64_t old = atomic_fetch_or_explicit(&s->word, STATE_QUEUED, memory_order_acq_rel);

    return (old & (STATE_QUEUED | STATE_RUNNING | STATE_DONE)) == 0;
}

/* Marks the task as cancelled, and wakes it: as state_wake. */
static inline bool state_cancel(struct task_state *s)
{
    uint64_t old =
        atomic_fetch_or_explicit(&s->word, STATE_CANCEL | STATE_QUEUED, memory_order_acq_rel);

    return (old & (STATE_QUEUED | STATE_RUNNING | STATE_DONE)) == 0;
}

/*
 * Executor: a poll starts. True: the task was cancelled before.
 * Acquire: pairs with the release in state_wake and state_cancel. It needs no release: nobody
 * claims the task, and with it waker->next, before state_pend has released it.
 * A task that yielded is still RUNNING, and if nobody woke it there is nothing to change.
 */
static inline bool state_start(struct task_state *s)
{
    uint64_t old = atomic_load_explicit(&s->word, memory_order_relaxed);

    if ((old & STATE_RUNNING) == 0) /* QUEUED is set: the sum exchanges the two bits */
        old = atomic_fetch_add_explicit(&s->word, STATE_RUNNING - STATE_QUEUED,
                                        memory_order_acquire);
    else if (old & STATE_QUEUED)
        old = atomic_fetch_and_explicit(&s->word, ~STATE_QUEUED, memory_order_acquire);
    return (old & STATE_CANCEL) != 0;
}

/*
 * Executor: the poll returned PENDING. True: somebody woke the task meanwhile, and the caller
 * must queue it. Release: pairs with the acquire in state_wake, so that the next one who wakes
 * may use waker->next.
 */
static inline bool state_pend(struct task_state *s)
{
    uint64_t old = atomic_fetch_sub_explicit(&s->word, STATE_RUNNING, memory_order_release);

    return (old & STATE_QUEUED) != 0;
}

/*
 * Executor, before state_finish: has nobody else the task, no handle and no waker? Wait nodes are
 * gone by then. Nobody can come to have it any more. Acquire: pairs with state_release.
 */
static inline bool state_is_sole(const struct task_state *s)
{
    return atomic_load_explicit(&s->word, memory_order_acquire) < 2 * STATE_REFERENCE;
}

enum state_finished { FINISHED_IDLE, FINISHED_WAKE_JOINER, FINISHED_FREE };

/*
 * Executor: the result is stored, the future dropped. IDLE: the executor's reference is given
 * back. WAKE_JOINER: it is kept; take the waker from task->joiner, then state_release.
 * FREE: it was the last. Release: pairs with state_is_done and state_join_arm. Acquire: pairs
 * with the release in state_join_arm (the slot) and in state_release (the memory).
 */
static inline enum state_finished state_finish(struct task_state *s)
{
    uint64_t old = atomic_load_explicit(&s->word, memory_order_relaxed);
    uint64_t next;

    if (state_is_sole(s))
        return FINISHED_FREE;
    do {
        next = (old | STATE_DONE) & ~(STATE_RUNNING | STATE_QUEUED | STATE_JOINER);
        if ((old & STATE_JOINER) == 0)
            next -= STATE_REFERENCE;
    } while (!atomic_compare_exchange_weak_explicit(&s->word, &old, next, memory_order_acq_rel,
                                                    memory_order_relaxed));
    if (old & STATE_JOINER)
        return FINISHED_WAKE_JOINER;
    return next < STATE_REFERENCE ? FINISHED_FREE : FINISHED_IDLE;
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
    uint64_t old = atomic_fetch_sub_explicit(&s->word, STATE_REFERENCE, memory_order_acq_rel);

    return old < 2 * STATE_REFERENCE;
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
