/* A future made of two: another one, and a sleep. Whichever is ready first ends it. */
#include <errno.h>

#include "within.h"

struct within_future {
    trale_future future;
    trale_future *inner;
    trale_sleep_until_future sleep;
};

/* A drop that finds that the inner future took effect after all says so in its output. */
static void withdraw(struct within_future *f, intptr_t why)
{
    f->inner->output = why;
    trale_future_drop(f->inner);
    f->future.output = f->inner->output;
    f->inner = NULL;
}

static enum trale_poll within_poll(trale_future *self, trale_context *cx)
{
    struct within_future *f = (struct within_future *)self;

    if (trale_future_poll(f->inner, cx) == TRALE_READY) {
        self->output = f->inner->output;
        return TRALE_READY;
    }
    if (trale_future_poll(&f->sleep.future, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    withdraw(f, f->sleep.future.output < 0 ? f->sleep.future.output : -ETIMEDOUT);
    return TRALE_READY;
}

static void within_drop(trale_future *self)
{
    struct within_future *f = (struct within_future *)self;

    if (f->inner)
        withdraw(f, self->output);
    trale_future_drop(&f->sleep.future);
}

intptr_t within(int64_t deadline, trale_future *future)
{
    static const struct trale_future_ops ops = {within_poll, within_drop, "within"};
    struct within_future f = {.future = {.ops = &ops}, .inner = future};

    trale_sleep_until_init(&f.sleep, deadline);
    return trale_await(&f.future);
}
