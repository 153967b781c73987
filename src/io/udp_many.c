#define _GNU_SOURCE /* recvmmsg */
/* Several datagrams in one system call. */
#include <errno.h>

#include <trale/net.h>

#include "core/io_source.h"
#include "io/addr.h"
#include "io/ops.h"
#include "task/await.h"

/* What the kernel is told of the datagrams. */
struct many {
    struct mmsghdr messages[TRALE_DATAGRAMS_MAX];
    struct iovec buffers[TRALE_DATAGRAMS_MAX];
    unsigned count;
};

static void describe(struct many *m, const trale_recv_many_future *f, bool receive)
{
    m->count = f->count < TRALE_DATAGRAMS_MAX ? f->count : TRALE_DATAGRAMS_MAX;
    for (unsigned i = 0; i < m->count; i++) {
        trale_datagram *d = &f->list[i];

        m->buffers[i] = (struct iovec){d->buffer, d->size};
        m->messages[i] = (struct mmsghdr){{.msg_iov = &m->buffers[i], .msg_iovlen = 1}, 0};
        if (!receive && d->addr.length == 0)
            continue;
        m->messages[i].msg_hdr.msg_name = &d->addr.as.any;
        m->messages[i].msg_hdr.msg_namelen = receive ? sizeof d->addr.as : d->addr.length;
    }
}

static intptr_t try_recv_many(const trale_io *io, void *operation, bool *drained)
{
    const int flags = MSG_DONTWAIT | (io->kind.stream ? 0 : MSG_TRUNC);
    const trale_recv_many_future *f = operation;
    struct many m;
    int n;

    (void)drained;
    describe(&m, f, true);
    do
        n = recvmmsg(io->fd, m.messages, m.count, flags, NULL);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    for (int i = 0; i < n; i++) {
        f->list[i].received = m.messages[i].msg_len;
        f->list[i].addr.length = m.messages[i].msg_hdr.msg_namelen;
        addr_clamp(&f->list[i].addr);
    }
    source_found(io);
    return n;
}

static intptr_t try_send_many(const trale_io *io, void *operation, bool *drained)
{
    const trale_send_many_future *f = operation;
    struct many m;
    int n;

    (void)drained;
    describe(&m, f, false);
    do
        n = sendmmsg(io->fd, m.messages, m.count, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static bool well_formed(const trale_recv_many_future *f, bool send)
{
    if (!f->io || !f->list || f->count == 0)
        return false;
    for (unsigned i = 0; i < f->count; i++)
        if ((!f->list[i].buffer && f->list[i].size) ||
            (send && f->list[i].addr.length > sizeof f->list[i].addr.as))
            return false;
    return true;
}

static enum trale_poll recv_many_poll(trale_future *self, trale_context *cx)
{
    trale_recv_many_future *f = container_of(self, trale_recv_many_future, future);

    if (!well_formed(f, false))
        return future_ready(self, -EINVAL);
    return source_poll(&f->waiter, f->io, TRALE_READABLE, try_recv_many, f, cx, &self->output);
}

static enum trale_poll send_many_poll(trale_future *self, trale_context *cx)
{
    trale_send_many_future *f = container_of(self, trale_send_many_future, future);

    if (!well_formed(f, true))
        return future_ready(self, -EINVAL);
    return source_poll(&f->waiter, f->io, TRALE_WRITABLE, try_send_many, f, cx, &self->output);
}

static void many_drop(trale_future *self)
{
    source_forget(&container_of(self, trale_recv_many_future, future)->waiter);
}

const struct trale_future_ops recv_many_ops = {recv_many_poll, many_drop, "recv_many"};

void trale_recv_many_init(trale_recv_many_future *f, trale_io *io, trale_datagram *list,
                          unsigned count)
{
    *f = (trale_recv_many_future){
        .future = {.ops = &recv_many_ops}, .io = io, .list = list, .count = count};
}

const struct trale_future_ops send_many_ops = {send_many_poll, many_drop, "send_many"};

void trale_send_many_init(trale_send_many_future *f, trale_io *io, const trale_datagram *list,
                          unsigned count)
{
    trale_recv_many_init(f, io, (trale_datagram *)(uintptr_t)list, count);
    f->future.ops = &send_many_ops;
}

int trale_recv_many(trale_io *io, trale_datagram *list, unsigned count)
{
    trale_recv_many_future f;

    trale_recv_many_init(&f, io, list, count);
    return (int)await_call(__func__, &f.future);
}

int trale_send_many(trale_io *io, const trale_datagram *list, unsigned count)
{
    trale_send_many_future f;

    trale_send_many_init(&f, io, list, count);
    return (int)await_call(__func__, &f.future);
}
