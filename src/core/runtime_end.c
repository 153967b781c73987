/* Waiting for a runtime's tasks to end, and freeing it. */
#include <errno.h>

#include "base/clock.h"
#include "core/ops.h"
#include "core/process.h"
#include "core/runtime.h"
#include "task/await.h"
#include "task/thread.h"

/* Its own tasks cannot wait until they have ended. */
static int check(const trale_runtime *rt)
{
    if (!rt)
        return -EINVAL;
    return runtime_is_here(rt) ? -EDEADLK : 0;
}

static enum trale_poll wait_poll(trale_future *self, trale_context *cx)
{
    trale_runtime_wait_future *f = container_of(self, trale_runtime_wait_future, future);
    int error = check(f->runtime);

    if (error == 0 && runtime_wait_enlist(f, trale_context_waker(cx))) {
        if (!wait_is_vain())
            return TRALE_PENDING;
        error = -ESHUTDOWN;
    }
    return future_ready(self, error);
}

static void wait_drop(trale_future *self)
{
    runtime_wait_delist(container_of(self, trale_runtime_wait_future, future));
}

const struct trale_future_ops runtime_wait_ops = {wait_poll, wait_drop, "runtime_wait"};

void trale_runtime_wait_init(trale_runtime_wait_future *f, trale_runtime *runtime)
{
    *f = (trale_runtime_wait_future){.future = {.ops = &runtime_wait_ops}, .runtime = runtime};
}

int trale_runtime_wait(trale_runtime *runtime)
{
    trale_runtime_wait_future f;

    trale_runtime_wait_init(&f, runtime);
    return (int)await_call(__func__, &f.future);
}

/*
 * Freeing is a wait for the last task with the gate closed and every task cancelled. Its deadline
 * is a timer of the very reactor that goes away: no other runtime is needed for it.
 */
static enum trale_poll begin(trale_runtime_free_future *f, trale_waker *waker)
{
    trale_runtime *rt = f->wait.runtime;
    int error = check(rt);

    if (error == 0 && !runtime_close(rt, true))
        error = process_exits() ? -ESHUTDOWN : -EBUSY;
    if (error != 0)
        return future_ready(&f->future, error);
    f->begun = true;
    for_each_executor(ex, rt)
        executor_cancel_all(ex);
    f->timer.deadline = f->deadline < 0 ? 0 : f->deadline;
    if (f->deadline != TRALE_NEVER)
        timer_arm(&rt->reactor.timers, &f->timer, waker);
    return TRALE_PENDING;
}

static void end(trale_runtime_free_future *f)
{
    timer_disarm(&f->timer);
    runtime_wait_delist(&f->wait);
    f->begun = false;
}

static enum trale_poll free_poll(trale_future *self, trale_context *cx)
{
    trale_runtime_free_future *f = container_of(self, trale_runtime_free_future, future);
    trale_waker *waker = trale_context_waker(cx);
    trale_runtime *rt = f->wait.runtime;

    if (!f->begun && begin(f, waker) == TRALE_READY)
        return TRALE_READY;
    if (!runtime_wait_enlist(&f->wait, waker)) {
        end(f);
        runtime_destroy(rt);
        return future_ready(self, 0);
    }
    if (wait_is_vain()) {
        end(f);
        return future_ready(self, -ESHUTDOWN);
    }
    if (f->deadline != TRALE_NEVER && clock_now() >= f->deadline) {
        end(f);
        runtime_reopen(rt);
        return future_ready(self, -ETIMEDOUT);
    }
    if (timer_pending(&f->timer))
        timer_change_waker(&f->timer, waker);
    return TRALE_PENDING;
}

static void free_drop(trale_future *self)
{
    trale_runtime_free_future *f = container_of(self, trale_runtime_free_future, future);

    if (!f->begun)
        return;
    end(f);
    runtime_reopen(f->wait.runtime);
}

const struct trale_future_ops runtime_free_ops = {free_poll, free_drop, "runtime_free"};

void trale_runtime_free_init(trale_runtime_free_future *f, trale_runtime *runtime,
                             int64_t deadline)
{
    *f = (trale_runtime_free_future){.future = {.ops = &runtime_free_ops}, .deadline = deadline};
    trale_runtime_wait_init(&f->wait, runtime);
}

int trale_runtime_free(trale_runtime *runtime, int64_t deadline)
{
    trale_runtime_free_future f;

    trale_runtime_free_init(&f, runtime, deadline);
    return (int)await_call(__func__, &f.future);
}
