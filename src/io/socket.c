#include "io/socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "core/io_source.h"
#include "core/pool.h"
#include "io/addr.h"
#include "io/resolve.h"
#include "task/await.h"

#define BACKLOG 1024 /* the kernel takes less if it must: listen(2) */

int socket_new(trale_io **io, const trale_addr *addr, int type, socket_step *step)
{
    const int family = addr->as.any.sa_family;
    trale_io *new = source_alloc();
    int fd, error;

    if (!new)
        return -ENOMEM;
    fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error = -errno;
        source_release(new);
        return error;
    }
    source_take(new, fd,
                (struct source_kind){.socket = true,
                                     .stream = type == SOCK_STREAM,
                                     .tcp = type == SOCK_STREAM && family != AF_UNIX});
    error = step(fd, addr, type);
    if (error == 0)
        *io = new;
    else
        trale_close(new);
    return error;
}

/* Whoever tries again must not find the path taken by a socket that is no more. */
static int take_back(const trale_addr *addr, int error)
{
    if (addr->as.any.sa_family == AF_UNIX && addr->as.local.sun_path[0] != '\0')
        unlink(addr->as.local.sun_path);
    return error;
}

int socket_bind(int fd, const trale_addr *addr, int type)
{
    const int on = 1;

    if (type == SOCK_STREAM && addr->as.any.sa_family != AF_UNIX &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return -errno;
    if (bind(fd, &addr->as.any, addr->length) != 0)
        return -errno;
    return type != SOCK_STREAM || listen(fd, BACKLOG) == 0 ? 0 : take_back(addr, -errno);
}

static int open_first(trale_io **io, const trale_addr *list, int count, int type,
                      socket_step *step)
{
    int error = count < 0 ? count : -EINVAL;

    for (int i = 0; i < count && error != 0; i++)
        error = socket_new(io, &list[i], type, step);
    return error;
}

enum trale_poll socket_open_poll(trale_udp_bind_future *f, int type, socket_step *step,
                                 trale_context *cx)
{
    trale_addr list[RESOLVE_MAX];
    int count;

    if (!f->io || !f->endpoint)
        return future_ready(&f->future, -EINVAL);
    if (resolve_poll(&f->job, list, &count, f->endpoint, type, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    return future_ready(&f->future, open_first(f->io, list, count, type, step));
}

void socket_open_drop(trale_future *self)
{
    pool_leave(container_of(self, trale_udp_bind_future, future)->job);
}

int socket_open(const char *function, trale_udp_bind_future *f, int type, socket_step *step)
{
    trale_addr list[RESOLVE_MAX];
    int count = f->io ? endpoint_known(list, f->endpoint) : -EINVAL;

    if (count != 0)
        return open_first(f->io, list, count, type, step);
    return (int)await_call(function, &f->future);
}

int trale_addr_local(const trale_io *io, trale_addr *addr)
{
    trale_addr local = {.length = sizeof local.as};
    trale_io *pinned =
        (trale_io *)(uintptr_t)io; /* const to the caller: nothing he sees changes */
    int error = io && addr ? source_use(pinned) : -EINVAL;

    if (error != 0)
        return error;
    if (getsockname(io->fd, &local.as.any, &local.length) != 0)
        error = -errno;
    source_unuse(pinned);
    if (error != 0)
        return error;
    addr_clamp(&local);
    *addr = local;
    return 0;
}

int trale_shutdown(trale_io *io, int how)
{
    int error = io ? source_use(io) : -EINVAL;

    if (error != 0)
        return error;
    if (shutdown(io->fd, how) != 0)
        error = -errno;
    source_unuse(io);
    return error;
}

int trale_tcp_nodelay(trale_io *io, bool on)
{
    const int value = on;
    int error = io ? source_use(io) : -EINVAL;

    if (error != 0)
        return error;
    if (setsockopt(io->fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value) != 0)
        error = errno == ENOPROTOOPT ? -EOPNOTSUPP : -errno;
    source_unuse(io);
    return error;
}
