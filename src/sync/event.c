/* Event: as many permits as notifications that nobody has taken. */
#include <errno.h>

#include "sync/ops.h"
#include "sync/permits.h"
#include "task/await.h"

static const struct permits kind = {0, TRALE_COUNT_MAX};

static enum trale_poll wait_poll(trale_future *self, trale_context *cx)
{
    trale_event_wait_future *f = container_of(self, trale_event_wait_future, future);

    if (!f->event)
        return future_ready(self, -EINVAL);
    return permits_poll(&f->event->list, &kind, &f->waiter, 1, cx, &self->output);
}

static void wait_drop(trale_future *self)
{
    permits_drop(&kind, &container_of(self, trale_event_wait_future, future)->waiter);
}

const struct trale_future_ops event_wait_ops = {wait_poll, wait_drop, "event_wait"};

void trale_event_wait_init(trale_event_wait_future *f, trale_event *event)
{
    *f = (trale_event_wait_future){.future = {.ops = &event_wait_ops}, .event = event};
}

int trale_event_wait(trale_event *event)
{
    trale_event_wait_future f;

    if (event && permits_try_at_once(__func__, &event->list, &kind, 1))
        return 0;
    trale_event_wait_init(&f, event);
    return (int)await_call(__func__, &f.future);
}

int trale_event_try_wait(trale_event *event)
{
    if (!event)
        return -EINVAL;
    return permits_try(&event->list, &kind, 1) ? 0 : -EAGAIN;
}

int trale_event_notify(trale_event *event)
{
    return event ? permits_put(&event->list, &kind, 1) : -EINVAL;
}
