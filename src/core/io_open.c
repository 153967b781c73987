/* How a descriptor becomes an io: what kind of file it is, and what it is known to be ready for. */
#define _GNU_SOURCE /* O_DIRECT */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/io_source.h"
#include "core/process.h"

_Static_assert(offsetof(struct trale_io, lent) <= 64, "what an operation needs that waits");

trale_io *source_alloc(void)
{
    trale_io *io = malloc(sizeof *io);

    if (!io)
        return NULL;
    *io = (trale_io){.fd = -1, .references = 1, .generation = process_generation()};
    atomic_init(&io->word, SOURCE_READABLE | SOURCE_WRITABLE);
    list_init(&io->waiters);
    return io;
}

void source_take(trale_io *io, int fd, struct source_kind kind)
{
    io->fd = fd;
    io->kind = kind;
}

static int socket_option(int fd, int option)
{
    int value = -1;
    socklen_t length = sizeof value;

    return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

/* What kind of file is it? -errno if fd is none. */
static int look_at(int fd, struct source_kind *kind, int flags)
{
    struct stat status;
    int domain;

    if (fstat(fd, &status) != 0)
        return -errno;
    domain = S_ISSOCK(status.st_mode) ? socket_option(fd, SO_DOMAIN) : -1;
    kind->socket = domain != -1;
    kind->stream = kind->socket && socket_option(fd, SO_TYPE) == SOCK_STREAM;
    kind->tcp = (domain == AF_INET || domain == AF_INET6) &&
                socket_option(fd, SO_PROTOCOL) == IPPROTO_TCP;
    kind->file = S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode);
    kind->direct = kind->file && (flags & O_DIRECT) != 0;
    return 0;
}

static int make_non_blocking(int fd, int flags)
{
    return (flags & O_NONBLOCK) || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

int source_new(trale_io **io)
{
    int error = process_watch();

    if (error == 0 && !(*io = source_alloc()))
        error = -ENOMEM;
    return error;
}

int source_take_over(trale_io *io, int fd, int flags)
{
    struct source_kind kind = {0};
    int error = look_at(fd, &kind, flags);

    if (error == 0 && !kind.file)
        error = make_non_blocking(fd, flags);
    if (error == 0)
        source_take(io, fd, kind);
    return error;
}

int trale_io_open(trale_io **io, int fd)
{
    trale_io *new;
    int flags, error = io ? source_new(&new) : -EINVAL;

    if (error != 0)
        return error;
    flags = fcntl(fd, F_GETFL);
    error = flags < 0 ? -errno : source_take_over(new, fd, flags);
    if (error == 0)
        *io = new;
    else
        source_release(new);
    return error;
}

int trale_io_fd(const trale_io *io)
{
    return io ? io->fd : -EINVAL;
}
