/* Waiting for a future: a fiber is suspended between polls, a plain thread is blocked. */
#include <errno.h>
#include <sched.h>

#include "base/misuse.h"
#include "task/await.h"
#include "task/fiber.h"
#include "task/ops.h"
#include "task/scope.h"
#include "task/task.h"
#include "task/thread.h"
#include "task/thread_waker.h"

enum trale_poll trale_future_poll(trale_future *future, trale_context *cx)
{
    if (!future || !future->ops || !future->ops->poll || !cx)
        misuse("trale_future_poll", "give it a future with a poll function, and your context");
    return future->ops->poll(future, cx);
}

void trale_future_drop(trale_future *future)
{
    if (future && future->ops && future->ops->drop)
        future->ops->drop(future);
}

/* What is called from here belongs to a future, and must not wait. */
static enum trale_poll poll_inside(trale_future *future, trale_waker *waker)
{
    trale_context cx = {.waker = waker};
    enum trale_poll result;

    this_thread.polling = true;
    result = future->ops->poll(future, &cx);
    this_thread.polling = false;
    return result;
}

static void drop_inside(trale_future *future)
{
    this_thread.polling = true;
    trale_future_drop(future);
    this_thread.polling = false;
}

static intptr_t finish(trale_future *future)
{
    intptr_t output = future->output;

    drop_inside(future);
    return output;
}

/* The drop may find that the operation took effect, and say so in the output. */
static intptr_t withdraw(trale_future *future, int error)
{
    future->output = error;
    drop_inside(future);
    return future->output;
}

/* Operations on an io have been counted; other awaits count one. */
static void share(trale_task *task, unsigned spent_before)
{
    if (this_thread.spent == spent_before)
        this_thread.spent++;
    if (this_thread.spent < POLL_BUDGET)
        return;
    this_thread.yielded = true;
    fiber_suspend(task->future);
}

int await_verdict(void)
{
    trale_scope *scope = scope_current();

    return scope_carry_out(scope, scope_verdict(scope, this_thread.task));
}

void await_timed_out(void)
{
    scope_carry_out(scope_current(), -ETIMEDOUT);
}

static bool always(trale_future *future)
{
    (void)future;
    return true;
}

static bool never(trale_future *future)
{
    (void)future;
    return false;
}

/* What took effect after all was not ended. */
static intptr_t end(trale_scope *scope, trale_future *future, int error)
{
    intptr_t output = withdraw(future, error);

    return output == error ? scope_carry_out(scope, error) : output;
}

/* The wait of a task, or of a plain thread (NULL), whose waker that is. may_withdraw is asked when
 * it has been cancelled or its time is over, until it says no. */
static intptr_t await_with(trale_waker *waker, trale_task *task, trale_future *future,
                           bool (*may_withdraw)(trale_future *))
{
    trale_scope *scope = scope_current();
    bool shielded = false;
    int error;

    for (;;) {
        error = shielded ? 0 : scope_verdict(scope, task);
        if (error != 0 && may_withdraw(future))
            return end(scope, future, error);
        shielded = shielded || error != 0;
        if (poll_inside(future, waker) != TRALE_PENDING)
            return finish(future);
        if (!task) {
            thread_waker_park(shielded ? TRALE_NEVER : scope_deadline(scope));
            continue;
        }
        if (scope && !shielded)
            scope_arm(scope, task);
        fiber_note_wait(task->future, future);
        fiber_suspend(task->future);
    }
}

static intptr_t await_in_fiber(trale_task *task, trale_future *future,
                               bool (*may_withdraw)(trale_future *))
{
    unsigned spent = this_thread.spent;
    intptr_t output = await_with(&task->waker, task, future, may_withdraw);

    share(task, spent);
    return output;
}

static intptr_t await_on_thread(trale_future *future, bool (*may_withdraw)(trale_future *))
{
    trale_waker *waker = thread_waker();

    return waker ? await_with(waker, NULL, future, may_withdraw) : withdraw(future, -ENOMEM);
}

void await_check(const char *function)
{
    if (this_thread.polling)
        misuse(function, "the poll of a future must not wait: poll the inner future with "
                         "trale_future_poll and return TRALE_PENDING instead");
}

bool await_at_once(const char *function)
{
    await_check(function);
    if (scope_verdict(scope_current(), this_thread.task) != 0 ||
        (this_thread.task && this_thread.spent >= POLL_BUDGET))
        return false;
    this_thread.spent++;
    return true;
}

bool await_budget_is_spent(trale_waker *waker)
{
    if (!this_thread.task || this_thread.spent++ < POLL_BUDGET)
        return false;
    trale_waker_wake(waker);
    return true;
}

intptr_t await_call(const char *function, trale_future *future)
{
    return await_call_to_end(function, future, always);
}

intptr_t await_call_to_end(const char *function, trale_future *future,
                           bool (*may_withdraw)(trale_future *))
{
    await_check(function);
    return this_thread.task ? await_in_fiber(this_thread.task, future, may_withdraw)
                            : await_on_thread(future, may_withdraw);
}

intptr_t trale_await(trale_future *future)
{
    await_check(__func__);
    if (!future || !future->ops || !future->ops->poll)
        return -EINVAL;
    return await_call(__func__, future);
}

intptr_t await_shielded(trale_future *future)
{
    return this_thread.task ? await_in_fiber(this_thread.task, future, never)
                            : await_on_thread(future, never);
}

static enum trale_poll yield_poll(trale_future *self, trale_context *cx)
{
    trale_yield_future *f = container_of(self, trale_yield_future, future);

    if (f->yielded)
        return TRALE_READY;
    f->yielded = true;
    trale_waker_wake(trale_context_waker(cx));
    return TRALE_PENDING;
}

const struct trale_future_ops yield_ops = {yield_poll, NULL, "yield"};

void trale_yield_init(trale_yield_future *f)
{
    *f = (trale_yield_future){.future = {.ops = &yield_ops}};
}

/*
 * What awaiting a trale_yield_future would do, without a wake of the task by itself: the executor
 * is told to put it back on the run queue. A switch is all that is left of the cost.
 */
int trale_yield(void)
{
    trale_task *task = this_thread.task;

    await_check(__func__);
    if (!task) {
        sched_yield();
        return await_verdict();
    }
    this_thread.yielded = true;
    fiber_suspend(task->future);
    return await_verdict();
}
