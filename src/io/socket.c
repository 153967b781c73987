#include "io/socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "core/io_source.h"
#include "io/addr.h"
#include "io/resolve.h"

#define BACKLOG 1024 /* the kernel takes less if it must: listen(2) */

int socket_new(int family, int type)
{
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return fd >= 0 ? fd : -errno;
}

int socket_to_io(trale_io **io, int fd, int family, int type)
{
    trale_io *new = source_alloc();

    if (!new) {
        close(fd);
        return -ENOMEM;
    }
    source_take(new, fd, true, type == SOCK_STREAM && family != AF_UNIX);
    *io = new;
    return 0;
}

static int bind_and_listen(int fd, const trale_addr *addr, int type)
{
    const int on = 1;

    if (type == SOCK_STREAM && addr->as.any.sa_family != AF_UNIX &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return -errno;
    if (bind(fd, &addr->as.any, addr->length) != 0)
        return -errno;
    return type != SOCK_STREAM || listen(fd, BACKLOG) == 0 ? 0 : -errno;
}

int socket_bind_to(trale_io **io, const trale_addr *addr, int type)
{
    int error, fd = socket_new(addr->as.any.sa_family, type);

    if (fd < 0)
        return fd;
    error = bind_and_listen(fd, addr, type);
    if (error == 0)
        return socket_to_io(io, fd, addr->as.any.sa_family, type);
    close(fd);
    return error;
}

int socket_bind(trale_io **io, const char *endpoint, int type)
{
    trale_addr list[RESOLVE_MAX];
    int count, error = -EINVAL;

    if (!io || !endpoint)
        return -EINVAL;
    count = endpoint_resolve(list, endpoint, type);
    if (count < 0)
        return count;
    for (int i = 0; i < count && error != 0; i++)
        error = socket_bind_to(io, &list[i], type);
    return error;
}

int trale_addr_local(const trale_io *io, trale_addr *addr)
{
    trale_addr local = {.length = sizeof local.as};

    if (!io || !addr)
        return -EINVAL;
    if (getsockname(io->fd, &local.as.any, &local.length) != 0)
        return -errno;
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
