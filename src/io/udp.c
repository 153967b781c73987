#include <errno.h>
#include <unistd.h>

#include <trale/net.h>

#include "core/io_source.h"
#include "io/resolve.h"
#include "task/await.h"

/* MSG_TRUNC: the result is the datagram's true length, also when the buffer is shorter. */
static intptr_t try_recvfrom(int fd, void *operation)
{
    const trale_recvfrom_future *f = operation;
    trale_addr from = {.length = sizeof from.as};
    ssize_t n;

    do
        n = recvfrom(fd, f->buffer, f->size, MSG_DONTWAIT | MSG_TRUNC, &from.as.any,
                     &from.length);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    if (f->from)
        *f->from = from;
    return n;
}

static enum trale_poll recvfrom_poll(trale_future *self, trale_context *cx)
{
    trale_recvfrom_future *f = container_of(self, trale_recvfrom_future, future);

    if (!f->io || (!f->buffer && f->size))
        return future_ready(self, -EINVAL);
    return source_poll(&f->waiter, f->io, TRALE_READABLE, try_recvfrom, f, cx, &self->output);
}

static void recvfrom_drop(trale_future *self)
{
    source_forget(&container_of(self, trale_recvfrom_future, future)->waiter);
}

void trale_recvfrom_init(trale_recvfrom_future *f, trale_io *io, void *buffer, size_t size,
                         trale_addr *from)
{
    static const struct trale_future_ops ops = {recvfrom_poll, recvfrom_drop, "recvfrom"};

    *f = (trale_recvfrom_future){
        .future = {.ops = &ops}, .io = io, .buffer = buffer, .size = size, .from = from};
}

ssize_t trale_recvfrom(trale_io *io, void *buffer, size_t size, trale_addr *from)
{
    trale_recvfrom_future f;

    trale_recvfrom_init(&f, io, buffer, size, from);
    return await_call(__func__, &f.future);
}

static intptr_t try_sendto(int fd, void *operation)
{
    const trale_sendto_future *f = operation;
    ssize_t n;

    do
        n = sendto(fd, f->buffer, f->size, MSG_DONTWAIT | MSG_NOSIGNAL,
                   f->to ? &f->to->as.any : NULL, f->to ? f->to->length : 0);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static enum trale_poll sendto_poll(trale_future *self, trale_context *cx)
{
    trale_sendto_future *f = container_of(self, trale_sendto_future, future);

    if (!f->io || (!f->buffer && f->size) || (f->to && f->to->length > sizeof f->to->as))
        return future_ready(self, -EINVAL);
    return source_poll(&f->waiter, f->io, TRALE_WRITABLE, try_sendto, f, cx, &self->output);
}

static void sendto_drop(trale_future *self)
{
    source_forget(&container_of(self, trale_sendto_future, future)->waiter);
}

void trale_sendto_init(trale_sendto_future *f, trale_io *io, const void *buffer, size_t size,
                       const trale_addr *to)
{
    static const struct trale_future_ops ops = {sendto_poll, sendto_drop, "sendto"};

    *f = (trale_sendto_future){
        .future = {.ops = &ops}, .io = io, .buffer = buffer, .size = size, .to = to};
}

ssize_t trale_sendto(trale_io *io, const void *buffer, size_t size, const trale_addr *to)
{
    trale_sendto_future f;

    trale_sendto_init(&f, io, buffer, size, to);
    return await_call(__func__, &f.future);
}

int trale_addr_local(const trale_io *io, trale_addr *addr)
{
    trale_addr local = {.length = sizeof local.as};

    if (!io || !addr)
        return -EINVAL;
    if (getsockname(io->fd, &local.as.any, &local.length) != 0)
        return -errno;
    *addr = local;
    return 0;
}

static int bind_to(trale_io **io, const trale_addr *addr)
{
    int fd = socket(addr->as.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = 0;

    if (fd < 0)
        return -errno;
    if (bind(fd, &addr->as.any, addr->length) != 0)
        error = -errno;
    if (error == 0)
        error = trale_io_open(io, fd);
    if (error != 0)
        close(fd);
    return error;
}

int trale_udp_bind(trale_io **io, const char *endpoint)
{
    trale_addr list[RESOLVE_MAX];
    int count, error = -EINVAL;

    if (!io || !endpoint)
        return -EINVAL;
    count = endpoint_resolve(list, endpoint, SOCK_DGRAM);
    if (count < 0)
        return count;
    for (int i = 0; i < count && error != 0; i++)
        error = bind_to(io, &list[i]);
    return error;
}
