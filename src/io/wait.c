#define _GNU_SOURCE /* POLLRDHUP */
/* Waiting for readiness itself, for programs that make their own system calls on the fd. */
#include <errno.h>
#include <poll.h>

#include "core/io_source.h"
#include "io/ops.h"
#include "task/await.h"

/* What the reactor knows may be old, for the program reads and writes past it; the kernel
 * knows. */
static intptr_t try_poll(const trale_io *io, void *operation, bool *drained)
{
    const trale_wait_future *f = operation;
    struct pollfd p = {.fd = io->fd};
    intptr_t ready = 0;
    int n;

    (void)drained;
    if (f->events & TRALE_READABLE)
        p.events |= POLLIN | POLLRDHUP;
    if (f->events & TRALE_WRITABLE)
        p.events |= POLLOUT;
    do
        n = poll(&p, 1, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (p.revents & (POLLIN | POLLRDHUP))
        ready |= TRALE_READABLE;
    if (p.revents & POLLOUT)
        ready |= TRALE_WRITABLE;
    if (p.revents & (POLLHUP | POLLERR))
        ready |= TRALE_READABLE | TRALE_WRITABLE;
    ready &= (intptr_t)f->events;
    return ready ? ready : -EAGAIN;
}

static enum trale_poll wait_poll(trale_future *self, trale_context *cx)
{
    trale_wait_future *f = container_of(self, trale_wait_future, future);
    const unsigned known = TRALE_READABLE | TRALE_WRITABLE;

    if (!f->io || f->events == 0 || (f->events & ~known) != 0)
        return future_ready(self, -EINVAL);
    return source_poll(&f->waiter, f->io, f->events | SOURCE_APART, try_poll, f, cx,
                       &self->output);
}

static void wait_drop(trale_future *self)
{
    source_forget(&container_of(self, trale_wait_future, future)->waiter);
}

const struct trale_future_ops wait_ops = {wait_poll, wait_drop, "wait"};

void trale_wait_init(trale_wait_future *f, trale_io *io, unsigned events)
{
    *f = (trale_wait_future){.future = {.ops = &wait_ops}, .io = io, .events = events};
}

int trale_wait(trale_io *io, unsigned events)
{
    trale_wait_future f;

    trale_wait_init(&f, io, events);
    return (int)await_call(__func__, &f.future);
}
