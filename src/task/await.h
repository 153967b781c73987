/* Futures and waiting, for the library's own calls. */
#ifndef TASK_AWAIT_H
#define TASK_AWAIT_H

#include <trale/future.h>

#include "task/thread.h"

static inline enum trale_poll future_ready(trale_future *future, intptr_t output)
{
    future->output = output;
    return TRALE_READY;
}

/* trale_await, for a public call: its name, __func__, is for the message if it must not wait. */
intptr_t await_call(const char *function, trale_future *future);

/*
 * The same for what cannot be stopped once it has begun: a caller that is cancelled waits for its
 * end, unless withdraw says that it had not begun and will not.
 */
intptr_t await_call_to_end(const char *function, trale_future *future,
                           bool (*withdraw)(trale_future *));

/* Is every wait of the caller to end, and why? 0, -ECANCELED or -ETIMEDOUT, which the call then
 * returns. */
int await_verdict(void);

/* For a call that was ended by the deadline and returns something else, because it had some effect
 * before. */
void await_timed_out(void);

/* Aborts if the caller is the poll or the drop of a future. */
void await_check(const char *function);

/*
 * For a call that could wait: may it do without a future, if what it wants is there? Not if the
 * caller is cancelled or has had its share of this poll. Aborts like await_check.
 */
bool await_at_once(const char *function);

/* For polls of operations: true if the task has had its share of this poll. It will be polled
 * again. */
static inline bool await_budget_is_spent(trale_waker *waker)
{
    if (!this_thread.task || this_thread.spent++ < POLL_BUDGET)
        return false;
    trale_waker_wake(waker);
    return true;
}

/* The running fiber has had its share of this poll: the others have their turn. */
void await_turn(trale_task *task);

/* trale_await, but a cancelled fiber waits on. The future is well formed. */
intptr_t await_shielded(trale_future *future);

#endif
