/* The program's own blocking work. */
#include <errno.h>
#include <stdlib.h>

#include "core/ops.h"
#include "core/pool.h"
#include "task/await.h"

struct call {
    struct trale_job job;
    trale_fn *fn;
    void *arg;
};

static intptr_t call_run(struct trale_job *job)
{
    const struct call *call = container_of(job, struct call, job);

    return call->fn(call->arg);
}

static void call_free(struct trale_job *job)
{
    free(container_of(job, struct call, job));
}

static int submit(trale_blocking_future *f)
{
    struct call *call = malloc(sizeof *call);

    if (!call)
        return -ENOMEM;
    *call =
        (struct call){.job = {.run = call_run, .free = call_free}, .fn = f->fn, .arg = f->arg};
    return pool_begin(&f->job, &call->job, POOL_WORK);
}

static enum trale_poll blocking_poll(trale_future *self, trale_context *cx)
{
    trale_blocking_future *f = container_of(self, trale_blocking_future, future);
    int error = 0;

    if (!f->fn)
        return future_ready(self, -EINVAL);
    if (!f->job)
        error = submit(f);
    if (error != 0)
        return future_ready(self, error);
    if (pool_poll(f->job, trale_context_waker(cx)) == TRALE_PENDING)
        return TRALE_PENDING;
    return future_ready(self, f->job->result);
}

static void blocking_drop(trale_future *self)
{
    pool_leave(container_of(self, trale_blocking_future, future)->job);
}

const struct trale_future_ops blocking_ops = {blocking_poll, blocking_drop, "blocking"};

void trale_blocking_init(trale_blocking_future *f, trale_fn *fn, void *arg)
{
    *f = (trale_blocking_future){.future = {.ops = &blocking_ops}, .fn = fn, .arg = arg};
}

static bool blocking_withdraw(trale_future *self)
{
    return pool_withdraw(container_of(self, trale_blocking_future, future)->job);
}

intptr_t trale_blocking(trale_fn *fn, void *arg)
{
    trale_blocking_future f;

    trale_blocking_init(&f, fn, arg);
    return await_call_to_end(__func__, &f.future, blocking_withdraw);
}
