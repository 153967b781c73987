#include "steps.h"

#include <sched.h>

#include "base/list.h"
#include "fault.h"

void join_for(trale_task *task, intptr_t expected)
{
    intptr_t result = INTPTR_MIN;

    CALL(trale_join(task, &result), result == INTPTR_MIN);
    EXPECT(result == expected);
}

void close_io(trale_io *io)
{
    int error = trale_close(io);

    if (error != 0)
        call_failed(error, "trale_close");
}

void both_ways(trale_fn *fn, void *arg, intptr_t expected)
{
    trale_task *task = NULL;

    CALL(trale_spawn(&task, fn, arg), !task);
    join_for(task, expected);
    EXPECT(fn(arg) == expected);
}

void local_endpoint(trale_io *io, char text[TRALE_ADDR_TEXT])
{
    trale_addr local = {0};

    CALL(trale_addr_local(io, &local), local.length == 0);
    EXPECT(trale_addr_format(&local, text, TRALE_ADDR_TEXT) == 0);
}

struct announced {
    trale_future future, *inner;
    atomic_bool *pending;
};

static enum trale_poll announced_poll(trale_future *self, trale_context *cx)
{
    struct announced *a = container_of(self, struct announced, future);
    enum trale_poll poll = trale_future_poll(a->inner, cx);

    self->output = a->inner->output;
    if (poll == TRALE_PENDING)
        atomic_store(a->pending, true);
    return poll;
}

static void announced_drop(trale_future *self)
{
    struct announced *a = container_of(self, struct announced, future);

    trale_future_drop(a->inner);
}

intptr_t await_announced(trale_future *future, atomic_bool *pending)
{
    static const struct trale_future_ops ops = {announced_poll, announced_drop, "announced"};
    struct announced a = {.future = {.ops = &ops}, .inner = future, .pending = pending};

    return trale_await(&a.future);
}

struct brief {
    trale_future future, *inner;
    const atomic_bool *begun;
};

static enum trale_poll brief_poll(trale_future *self, trale_context *cx)
{
    struct brief *b = container_of(self, struct brief, future);

    self->output = 0;
    if (trale_future_poll(b->inner, cx) == TRALE_READY)
        self->output = b->inner->output;
    else if (b->begun)
        wait_until(b->begun);
    return TRALE_READY;
}

static void brief_drop(trale_future *self)
{
    trale_future_drop(container_of(self, struct brief, future)->inner);
}

intptr_t poll_and_drop(trale_future *future, const atomic_bool *begun)
{
    static const struct trale_future_ops ops = {brief_poll, brief_drop, "brief"};
    struct brief b = {.future = {.ops = &ops}, .inner = future, .begun = begun};

    return trale_await(&b.future);
}

void wait_until(const atomic_bool *flag)
{
    while (!atomic_load(flag))
        sched_yield();
}

static intptr_t nothing(void *unused)
{
    (void)unused;
    return 0;
}

void have_threads(void)
{
    CALL(trale_sleep(1), true);
    CALL(trale_blocking(nothing, NULL), true);
    fault_may_hide_at(FAULT_THREAD);
}
