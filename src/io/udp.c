/* UDP, and whatever else sends datagrams. */
#include <errno.h>

#include <trale/net.h>

#include "core/io_try.h"
#include "io/addr.h"
#include "io/ops.h"
#include "io/socket.h"
#include "task/await_fiber.h"

/* MSG_TRUNC: the result is the datagram's true length, also when the buffer is shorter. On a
 * stream it would throw bytes away (tcp(7)). */
static intptr_t try_recvfrom(const trale_io *io, void *operation, bool *drained)
{
    const trale_recvfrom_future *f = operation;
    const int flags = MSG_DONTWAIT | (io->kind.stream ? 0 : MSG_TRUNC);
    socklen_t length = sizeof f->from->as;
    ssize_t n;

    (void)drained; /* a datagram's length says nothing of the next one */
    do
        n = recvfrom(io->fd, f->buffer, f->size, flags, f->from ? &f->from->as.any : NULL,
                     f->from ? &length : NULL);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    if (f->from) {
        f->from->length = length;
        addr_clamp(f->from);
    }
    source_found(io);
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

const struct trale_future_ops recvfrom_ops = {recvfrom_poll, recvfrom_drop, "recvfrom"};

void trale_recvfrom_init(trale_recvfrom_future *f, trale_io *io, void *buffer, size_t size,
                         trale_addr *from)
{
    *f = (trale_recvfrom_future){
        .future = {.ops = &recvfrom_ops}, .io = io, .buffer = buffer, .size = size, .from = from};
}

ssize_t trale_recvfrom(trale_io *io, void *buffer, size_t size, trale_addr *from)
{
    trale_recvfrom_future f;
    intptr_t n;

    if (io && buffer && await_fiber_at_once(__func__)) {
        f.buffer = buffer; /* all that the try looks at */
        f.size = size;
        f.from = from;
        n = source_try_now(io, TRALE_READABLE, try_recvfrom, &f);
        if (n != -EAGAIN)
            return n;
    }
    trale_recvfrom_init(&f, io, buffer, size, from);
    return await_known(__func__, &f.future, recvfrom_poll, recvfrom_drop);
}

/* NULL: the socket is connected. */
static bool is_address(const trale_addr *to)
{
    return !to || to->length <= sizeof to->as;
}

static intptr_t try_sendto(const trale_io *io, void *operation, bool *drained)
{
    const trale_sendto_future *f = operation;
    ssize_t n;

    (void)drained;
    do
        n = sendto(io->fd, f->buffer, f->size, MSG_DONTWAIT | MSG_NOSIGNAL,
                   f->to ? &f->to->as.any : NULL, f->to ? f->to->length : 0);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static enum trale_poll sendto_poll(trale_future *self, trale_context *cx)
{
    trale_sendto_future *f = container_of(self, trale_sendto_future, future);

    if (!f->io || (!f->buffer && f->size) || !is_address(f->to))
        return future_ready(self, -EINVAL);
    return source_poll(&f->waiter, f->io, TRALE_WRITABLE, try_sendto, f, cx, &self->output);
}

static void sendto_drop(trale_future *self)
{
    source_forget(&container_of(self, trale_sendto_future, future)->waiter);
}

const struct trale_future_ops sendto_ops = {sendto_poll, sendto_drop, "sendto"};

void trale_sendto_init(trale_sendto_future *f, trale_io *io, const void *buffer, size_t size,
                       const trale_addr *to)
{
    *f = (trale_sendto_future){
        .future = {.ops = &sendto_ops}, .io = io, .buffer = buffer, .size = size, .to = to};
}

ssize_t trale_sendto(trale_io *io, const void *buffer, size_t size, const trale_addr *to)
{
    trale_sendto_future f;
    intptr_t n;

    if (io && buffer && is_address(to) && await_fiber_at_once(__func__)) {
        f.buffer = buffer; /* all that the try looks at */
        f.size = size;
        f.to = to;
        n = source_try_now(io, TRALE_WRITABLE, try_sendto, &f);
        if (n != -EAGAIN)
            return n;
    }
    trale_sendto_init(&f, io, buffer, size, to);
    return await_known(__func__, &f.future, sendto_poll, sendto_drop);
}

/* On a connected socket: the same without addresses. */

void trale_recv_init(trale_recv_future *f, trale_io *io, void *buffer, size_t size)
{
    trale_recvfrom_init(f, io, buffer, size, NULL);
}

void trale_send_init(trale_send_future *f, trale_io *io, const void *buffer, size_t size)
{
    trale_sendto_init(f, io, buffer, size, NULL);
}

ssize_t trale_recv(trale_io *io, void *buffer, size_t size)
{
    return trale_recvfrom(io, buffer, size, NULL);
}

ssize_t trale_send(trale_io *io, const void *buffer, size_t size)
{
    return trale_sendto(io, buffer, size, NULL);
}

/* Sockets. */

static enum trale_poll bind_poll(trale_future *self, trale_context *cx)
{
    trale_udp_bind_future *f = container_of(self, trale_udp_bind_future, future);

    return socket_open_poll(f, SOCK_DGRAM, socket_bind, cx);
}

const struct trale_future_ops udp_bind_ops = {bind_poll, socket_open_drop, "udp_bind"};

void trale_udp_bind_init(trale_udp_bind_future *f, trale_io **io, const char *endpoint)
{
    *f =
        (trale_udp_bind_future){.future = {.ops = &udp_bind_ops}, .io = io, .endpoint = endpoint};
}

int trale_udp_bind(trale_io **io, const char *endpoint)
{
    trale_udp_bind_future f;

    trale_udp_bind_init(&f, io, endpoint);
    return socket_open(__func__, &f, SOCK_DGRAM, socket_bind);
}

/* connect(2) of a datagram socket only notes the address. */
static int note_peer(int fd, const trale_addr *addr, int type)
{
    (void)type;
    return connect(fd, &addr->as.any, addr->length) == 0 ? 0 : -errno;
}

static enum trale_poll connect_poll(trale_future *self, trale_context *cx)
{
    trale_udp_connect_future *f = container_of(self, trale_udp_connect_future, future);

    return socket_open_poll(f, SOCK_DGRAM, note_peer, cx);
}

const struct trale_future_ops udp_connect_ops = {connect_poll, socket_open_drop, "udp_connect"};

void trale_udp_connect_init(trale_udp_connect_future *f, trale_io **io, const char *endpoint)
{
    *f = (trale_udp_connect_future){
        .future = {.ops = &udp_connect_ops}, .io = io, .endpoint = endpoint};
}

int trale_udp_connect(trale_io **io, const char *endpoint)
{
    trale_udp_connect_future f;

    trale_udp_connect_init(&f, io, endpoint);
    return socket_open(__func__, &f, SOCK_DGRAM, note_peer);
}
