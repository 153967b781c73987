/* Writing to streams, for what writes more than once. */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io_try.h"
#include "io/sigpipe.h"
#include "task/await_fiber.h"

/* Moving nothing never waits, though some files have EAGAIN for it: inotify. */
static inline intptr_t stream_result(ssize_t n, size_t size)
{
    if (n >= 0)
        return n;
    if (errno != EAGAIN) /* on Linux EWOULDBLOCK is the same */
        return -errno;
    return size > 0 ? -EAGAIN : 0;
}

static inline ssize_t write_quietly(const trale_io *io, const void *buffer, size_t size)
{
    struct sigpipe guard;
    ssize_t n;

    if (io->kind.socket)
        return send(io->fd, buffer, size, MSG_NOSIGNAL);
    sigpipe_hold(&guard, io);
    n = write(io->fd, buffer, size);
    sigpipe_release(&guard, n);
    return n;
}

/* One system call; for a source_try. */
static inline intptr_t stream_write(const trale_io *io, const void *buffer, size_t size,
                                    bool *drained)
{
    ssize_t n;

    do
        n = write_quietly(io, buffer, size);
    while (n < 0 && errno == EINTR);
    *drained = n >= 0 && (size_t)n < size;
    return stream_result(n, size);
}

/* May a call that could wait use source_try_now? What moves nothing never waits; what is wrong, and
 * files, are left to the future. */
static inline bool stream_may_try_now(const char *function, const trale_io *io,
                                      const void *buffer, size_t size)
{
    return io && buffer && size > 0 && !io->kind.file && await_fiber_at_once(function);
}

#endif
