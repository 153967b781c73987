/*
 * Futures, wakers, and waiting for a future.
 *
 * A future is anything that can be polled. Its poll does what can be done now, without blocking,
 * and returns TRALE_READY, or TRALE_PENDING after it has arranged that the waker of the context
 * is woken when another poll is worth while. To write one, put a trale_future first in a struct:
 *
 *     struct countdown { trale_future future; int left; };
 *
 *     static enum trale_poll countdown_poll(trale_future *self, trale_context *cx)
 *     {
 *         struct countdown *c = (struct countdown *)self;
 *         if (c->left-- > 0) {
 *             trale_waker_wake(trale_context_waker(cx));
 *             return TRALE_PENDING;
 *         }
 *         self->output = 42;
 *         return TRALE_READY;
 *     }
 */
#ifndef TRALE_FUTURE_H
#define TRALE_FUTURE_H

#include <trale/base.h>

TRALE_BEGIN

enum trale_poll { TRALE_PENDING, TRALE_READY };

struct trale_future_ops {
    /*
     * Runs on the thread of whoever waits: an executor, or a plain thread. Never called again
     * after it returned TRALE_READY. It may call nothing that waits (that aborts); it polls inner
     * futures with trale_future_poll instead. Spurious polls happen: check, do not assume.
     */
    enum trale_poll (*poll)(trale_future *self, trale_context *cx);
    /*
     * Runs exactly once, ready or not. It takes back whatever could still reach the future: a
     * list it stands on, an inner future, a cloned waker. It does not free the future itself, for
     * its output is read afterwards. NULL if there is nothing to do. It must not block. A
     * pending future that is cancelled has its output set to -ECANCELED or -ETIMEDOUT before; a
     * drop that finds that the operation took effect after all writes the true output over it.
     */
    void (*drop)(trale_future *self);
    const char *name; /* what a dump says a task waits for; NULL: nothing */
};

/*
 * A future may be moved (copied bytewise, the original forgotten) until its first poll and never
 * after. It must be dropped before the task that polled it last ends.
 */
struct trale_future {
    const struct trale_future_ops *ops;
    intptr_t output; /* valid once READY; a negative errno value on failure */
};

/*
 * Waits until the future is ready, drops it, and returns its output. In a fiber it suspends the
 * fiber; on a plain thread it blocks the thread. In the poll of a future it aborts.
 *   -ECANCELED, -ETIMEDOUT: the future was dropped before it was ready; a task that has been
 *                           cancelled does not poll it at all.
 *   -ENOMEM: (plain threads, first wait only) no memory for the thread's waker; dropped likewise.
 *   -EINVAL: future is NULL or has no poll.
 * Outputs of the future itself are indistinguishable from these.
 */
TRALE_API intptr_t trale_await(trale_future *future);

/* Polls an inner future, for futures made of futures. Aborts if future or cx is NULL. */
TRALE_API enum trale_poll trale_future_poll(trale_future *future, trale_context *cx);

/* Drops an inner future: calls ops->drop if there is one. NULL does nothing. */
TRALE_API void trale_future_drop(trale_future *future);

/* The waker of the task, or plain thread, that polls. Borrowed: clone it to keep it. */
TRALE_API trale_waker *trale_context_waker(trale_context *cx);

/*
 * Wakers. A clone is a reference of its own and lives until it is dropped, however long its task
 * or runtime has been gone. Any thread may use a waker at any moment. Waking is idempotent: any
 * number of wakes before the next poll cause one poll, a wake during a poll causes one more, a
 * wake after completion does nothing. What was written before a wake is visible to the poll it
 * causes. NULL is ignored (clone returns NULL). None of these can fail or block.
 */
TRALE_API trale_waker *trale_waker_clone(trale_waker *waker);
TRALE_API void trale_waker_wake(trale_waker *waker); /* does not consume the reference */
TRALE_API void trale_waker_drop(trale_waker *waker); /* gives the reference back */

TRALE_END

#endif
