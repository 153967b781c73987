/*
 * A fiber waits for a future. Inline, up to the public call where that is worth it: after a switch
 * the processor guesses wrong, one after the other, where the functions above return to; and a poll
 * that is known can be inlined in turn.
 */
#ifndef TASK_AWAIT_FIBER_H
#define TASK_AWAIT_FIBER_H

#include "task/await.h"
#include "task/hand_over.h"
#include "task/scope.h"

typedef enum trale_poll poll_function(trale_future *self, trale_context *cx);
typedef void drop_function(trale_future *self);

/* What is called from here belongs to a future, and must not wait. */
ALWAYS_INLINE enum trale_poll await_poll(trale_future *future, poll_function *poll,
                                         trale_waker *waker)
{
    trale_context cx = {.waker = waker};
    enum trale_poll result;

    this_thread.polling = true;
    result = poll(future, &cx);
    this_thread.polling = false;
    return result;
}

/* Likewise. The drop of what was not ready may find that it took effect, and say so in output. */
ALWAYS_INLINE intptr_t await_drop(trale_future *future, drop_function *drop, bool ready)
{
    intptr_t output = future->output;

    if (!drop)
        return output;
    this_thread.polling = true;
    drop(future);
    this_thread.polling = false;
    return ready ? output : future->output;
}

/* What took effect after all was not ended. */
ALWAYS_INLINE intptr_t await_end(trale_scope *scope, trale_future *future, drop_function *drop,
                                 int error)
{
    intptr_t output;

    future->output = error;
    output = await_drop(future, drop, false);
    return output == error ? scope_carry_out(scope, error) : output;
}

/* Operations on an io have been counted; other awaits count one. */
ALWAYS_INLINE void await_share(trale_task *task, unsigned spent_before)
{
    if (this_thread.spent == spent_before)
        this_thread.spent++;
    if (this_thread.spent >= POLL_BUDGET)
        await_turn(task);
}

/* poll and drop are the future's; drop_after_ready: the drop may have something to do then.
 * may_withdraw is asked when the task has been cancelled or its time is over, until it says no. */
ALWAYS_INLINE intptr_t await_fiber(trale_task *task, trale_future *future, poll_function *poll,
                                   drop_function *drop, bool drop_after_ready,
                                   bool (*may_withdraw)(trale_future *))
{
    trale_scope *scope = scope_current();
    unsigned spent = this_thread.spent;
    bool shielded = false;
    intptr_t output;
    int error;

    for (;;) {
        error = shielded ? 0 : scope_verdict(scope, task);
        if (error != 0 && may_withdraw(future)) {
            output = await_end(scope, future, drop, error);
            break;
        }
        shielded = shielded || error != 0;
        if (await_poll(future, poll, &task->waker) != TRALE_PENDING) {
            output = drop_after_ready ? await_drop(future, drop, true) : future->output;
            break;
        }
        if (scope && !shielded)
            scope_arm(scope, task);
        fiber_note_wait(task_future(task), future);
        fiber_suspend(task_future(task), false);
    }
    await_share(task, spent);
    return output;
}

/* Is await_at_once sure to say yes? For a fiber that is in no scope. Whoever does without a future
 * then counts it in this_thread.spent. */
ALWAYS_INLINE bool await_fiber_may_at_once(void)
{
    const trale_task *task = this_thread.task;

    return task && !this_thread.polling && !scope_current() &&
           !state_is_cancelled(&task->waker.state) && this_thread.spent < POLL_BUDGET;
}

/* await_at_once, without a call if it is sure. */
ALWAYS_INLINE bool await_fiber_at_once(const char *function)
{
    if (!await_fiber_may_at_once())
        return await_at_once(function);
    this_thread.spent++;
    return true;
}

/* For a fiber that may at once, and a future that waits already with its waker, as if it had been
 * polled. */
ALWAYS_INLINE intptr_t await_fiber_waiting(trale_task *task, trale_future *future,
                                           poll_function *poll, drop_function *drop)
{
    for (;;) {
        fiber_note_wait(task_future(task), future);
        fiber_suspend(task_future(task), false);
        this_thread.spent++;
        if (state_is_cancelled(&task->waker.state))
            return await_end(NULL, future, drop, -ECANCELED);
        if (await_poll(future, poll, &task->waker) != TRALE_PENDING)
            return future->output;
    }
}

static inline bool await_withdraws(trale_future *future)
{
    (void)future;
    return true;
}

/* await_call_to_end of a future with that poll, and that drop, which has nothing to do once it was
 * ready. */
ALWAYS_INLINE intptr_t await_known_to_end(const char *function, trale_future *future,
                                          poll_function *poll, drop_function *drop,
                                          bool (*may_withdraw)(trale_future *))
{
    trale_task *task = this_thread.task;

    if (!task || this_thread.polling)
        return await_call_to_end(function, future, may_withdraw);
    return await_fiber(task, future, poll, drop, false, may_withdraw);
}

/* The same for await_call. */
ALWAYS_INLINE intptr_t await_known(const char *function, trale_future *future,
                                   poll_function *poll, drop_function *drop)
{
    return await_known_to_end(function, future, poll, drop, await_withdraws);
}

#endif
