/* Waiting for a future: a fiber is suspended between polls, a plain thread is blocked. */
#include <errno.h>
#include <sched.h>

#include "base/misuse.h"
#include "task/await_fiber.h"
#include "task/ops.h"
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

static inline int verdict(void)
{
    trale_scope *scope = scope_current();
    int error = scope_verdict(scope, this_thread.task);

    return error == 0 ? 0 : scope_carry_out(scope, error);
}

int await_verdict(void)
{
    return verdict();
}

void await_timed_out(void)
{
    scope_carry_out(scope_current(), -ETIMEDOUT);
}

static bool never(trale_future *future)
{
    (void)future;
    return false;
}

/* A plain thread waits, as await_fiber does. */
static intptr_t await_on_thread(trale_future *future, bool (*may_withdraw)(trale_future *))
{
    trale_scope *scope = scope_current();
    trale_waker *waker = thread_waker();
    bool shielded = false;
    int error;

    if (!waker)
        return await_end(NULL, future, future->ops->drop, -ENOMEM);
    for (;;) {
        error = shielded ? 0 : scope_verdict(scope, NULL);
        if (error != 0 && may_withdraw(future))
            return await_end(scope, future, future->ops->drop, error);
        shielded = shielded || error != 0;
        if (await_poll(future, future->ops->poll, waker) != TRALE_PENDING)
            return await_drop(future, future->ops->drop, true);
        thread_waker_park(shielded ? TRALE_NEVER : scope_deadline(scope));
    }
}

void await_check(const char *function)
{
    if (this_thread.polling)
        misuse(function, "the poll of a future must not wait: poll the inner future with "
                         "trale_future_poll and return TRALE_PENDING instead");
}

void await_turn(trale_task *task)
{
    fiber_suspend(task_future(task), true);
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

static intptr_t wait(trale_future *future, bool (*may_withdraw)(trale_future *))
{
    trale_task *task = this_thread.task;

    return task ? await_fiber(task, future, future->ops->poll, future->ops->drop, true,
                              may_withdraw)
                : await_on_thread(future, may_withdraw);
}

intptr_t await_call(const char *function, trale_future *future)
{
    await_check(function);
    return wait(future, await_withdraws);
}

intptr_t await_call_to_end(const char *function, trale_future *future,
                           bool (*may_withdraw)(trale_future *))
{
    await_check(function);
    return wait(future, may_withdraw);
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
    return wait(future, never);
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
    fiber_suspend(task_future(task), true);
    return verdict();
}
