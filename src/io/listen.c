#define _GNU_SOURCE /* accept4 */
/* Listening, and taking connections. */
#include <errno.h>

#include <trale/net.h>

#include "core/io_source.h"
#include "io/addr.h"
#include "io/ops.h"
#include "io/socket.h"
#include "task/await.h"

static enum trale_poll tcp_listen_poll(trale_future *self, trale_context *cx)
{
    trale_tcp_listen_future *f = container_of(self, trale_tcp_listen_future, future);

    return socket_open_poll(f, SOCK_STREAM, socket_bind, cx);
}

const struct trale_future_ops tcp_listen_ops = {tcp_listen_poll, socket_open_drop, "tcp_listen"};

void trale_tcp_listen_init(trale_tcp_listen_future *f, trale_io **io, const char *endpoint)
{
    *f = (trale_tcp_listen_future){
        .future = {.ops = &tcp_listen_ops}, .io = io, .endpoint = endpoint};
}

int trale_tcp_listen(trale_io **io, const char *endpoint)
{
    trale_tcp_listen_future f;

    trale_tcp_listen_init(&f, io, endpoint);
    return socket_open(__func__, &f, SOCK_STREAM, socket_bind);
}

int trale_unix_listen(trale_io **io, const char *path)
{
    trale_addr addr;
    int error = io && path ? addr_from_path(&addr, path) : -EINVAL;

    return error == 0 ? socket_new(io, &addr, SOCK_STREAM, socket_bind) : error;
}

static int accept_error(int error)
{
    if (error == EWOULDBLOCK)
        return -EAGAIN;
    return error == EOPNOTSUPP || error == ENOTSOCK ? -EINVAL : -error; /* it does not listen */
}

/* The memory comes first: a connection that was taken could not be put back. */
static intptr_t try_accept(const trale_io *io, void *operation, bool *drained)
{
    const trale_accept_future *f = operation;
    trale_addr peer = {.length = sizeof peer.as};
    trale_io *new = source_alloc();
    int fd, error;

    (void)drained;
    if (!new)
        return -ENOMEM;
    do {
        peer.length = sizeof peer.as;
        fd = accept4(io->fd, &peer.as.any, &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0) {
        error = accept_error(errno);
        source_release(new);
        return error;
    }
    source_take(new, fd, io->kind);
    addr_clamp(&peer);
    if (f->peer)
        *f->peer = peer;
    *f->connection = new;
    return 0;
}

static enum trale_poll accept_poll(trale_future *self, trale_context *cx)
{
    trale_accept_future *f = container_of(self, trale_accept_future, future);

    if (!f->listener || !f->connection)
        return future_ready(self, -EINVAL);
    return source_poll(&f->waiter, f->listener, TRALE_READABLE, try_accept, f, cx, &self->output);
}

static void accept_drop(trale_future *self)
{
    source_forget(&container_of(self, trale_accept_future, future)->waiter);
}

const struct trale_future_ops accept_ops = {accept_poll, accept_drop, "accept"};

void trale_accept_init(trale_accept_future *f, trale_io *listener, trale_io **connection,
                       trale_addr *peer)
{
    *f = (trale_accept_future){.future = {.ops = &accept_ops},
                               .listener = listener,
                               .connection = connection,
                               .peer = peer};
}

int trale_accept(trale_io *listener, trale_io **connection, trale_addr *peer)
{
    trale_accept_future f;

    trale_accept_init(&f, listener, connection, peer);
    return (int)await_call(__func__, &f.future);
}
