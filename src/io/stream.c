/* Reading and writing, once: what a stream has, or has room for. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <trale/io.h>

#include "core/io_source.h"
#include "io/ops.h"
#include "io/sigpipe.h"
#include "io/stream.h"
#include "io/transfer.h"
#include "task/await_fiber.h"

/* Moving nothing never waits, and says nothing of what there is, or has room. */
static unsigned interest(unsigned direction, size_t size)
{
    return size == 0 ? direction | SOURCE_APART : direction;
}

/* The same on a file. */
static enum trale_poll file_poll(trale_future *self, struct trale_io_waiter *waiter, trale_io *io,
                                 bool write, const struct iovec *iov, int count,
                                 trale_context *cx)
{
    const struct transfer t = {write, TRANSFER_AT_POSITION, iov, count};
    int owed = waiter->job ? 0 : source_owed(io, write ? TRALE_WRITABLE : TRALE_READABLE);

    if (owed != 0)
        return future_ready(self, owed);
    return transfer_poll(waiter, io, &t, cx, &self->output);
}

/* Of a socket by recv: the kernel's way through the file is longer. But to read nothing from one of
 * messages would take one. */
static inline ssize_t read_once(int fd, void *buffer, size_t size, bool socket)
{
    return socket && size > 0 ? recv(fd, buffer, size, 0) : read(fd, buffer, size);
}

static intptr_t try_read(const trale_io *io, void *operation, bool *drained)
{
    const trale_read_future *f = operation;
    ssize_t n;

    do
        n = read_once(io->fd, f->buffer, f->size, io->kind.socket);
    while (n < 0 && errno == EINTR);
    *drained = n > 0 && (size_t)n < f->size;
    return stream_result(n, f->size);
}

static inline enum trale_poll read_poll(trale_future *self, trale_context *cx)
{
    trale_read_future *f = container_of(self, trale_read_future, future);

    if (!f->io || (!f->buffer && f->size))
        return future_ready(self, -EINVAL);
    if (f->io->kind.file)
        return file_poll(self, &f->waiter, f->io, false, &(struct iovec){f->buffer, f->size}, 1,
                         cx);
    return source_poll_known(&f->waiter, f->io, interest(TRALE_READABLE, f->size), try_read, f,
                             cx, &self->output);
}

static void read_drop(trale_future *self)
{
    source_forget(&container_of(self, trale_read_future, future)->waiter);
}

const struct trale_future_ops read_ops = {read_poll, read_drop, "read"};

void trale_read_init(trale_read_future *f, trale_io *io, void *buffer, size_t size)
{
    *f = (trale_read_future){
        .future = {.ops = &read_ops}, .io = io, .buffer = buffer, .size = size};
}

static bool read_withdraw(trale_future *self)
{
    return transfer_withdraw(&container_of(self, trale_read_future, future)->waiter);
}

ssize_t trale_read(trale_io *io, void *buffer, size_t size)
{
    trale_read_future f;

    trale_read_init(&f, io, buffer, size);
    f.waiter.to_end = true;
    return await_known_to_end(__func__, &f.future, read_poll, read_drop, read_withdraw);
}

static intptr_t try_write(const trale_io *io, void *operation, bool *drained)
{
    const trale_write_future *f = operation;

    return stream_write(io, f->buffer, f->size, drained);
}

static enum trale_poll write_poll(trale_future *self, trale_context *cx)
{
    trale_write_future *f = container_of(self, trale_write_future, future);

    if (!f->io || (!f->buffer && f->size))
        return future_ready(self, -EINVAL);
    if (f->io->kind.file)
        return file_poll(self, &f->waiter, f->io, true,
                         &(struct iovec){(void *)(uintptr_t)f->buffer, f->size}, 1, cx);
    return source_poll(&f->waiter, f->io, interest(TRALE_WRITABLE, f->size), try_write, f, cx,
                       &self->output);
}

static void write_drop(trale_future *self)
{
    source_forget(&container_of(self, trale_write_future, future)->waiter);
}

const struct trale_future_ops write_ops = {write_poll, write_drop, "write"};

void trale_write_init(trale_write_future *f, trale_io *io, const void *buffer, size_t size)
{
    *f = (trale_write_future){
        .future = {.ops = &write_ops}, .io = io, .buffer = buffer, .size = size};
}

static bool write_withdraw(trale_future *self)
{
    return transfer_withdraw(&container_of(self, trale_write_future, future)->waiter);
}

static intptr_t try_write_now(const trale_io *io, void *operation, bool *drained)
{
    const struct iovec *all = operation;

    return stream_write(io, all->iov_base, all->iov_len, drained);
}

ssize_t trale_write(trale_io *io, const void *buffer, size_t size)
{
    trale_write_future f;

    if (stream_may_try_now(__func__, io, buffer, size)) {
        struct iovec all = {(void *)(uintptr_t)buffer, size};
        intptr_t n = source_try_now(io, TRALE_WRITABLE, try_write_now, &all);

        if (n != -EAGAIN)
            return n;
    }
    trale_write_init(&f, io, buffer, size);
    f.waiter.to_end = true;
    return await_known_to_end(__func__, &f.future, write_poll, write_drop, write_withdraw);
}

/* Several buffers. */

static bool well_formed(const trale_readv_future *f)
{
    return f->io && f->count >= 0 && f->count <= BUFFERS_MAX && (f->iov || f->count == 0);
}

static size_t total(const trale_readv_future *f)
{
    size_t size = 0;

    for (int i = 0; i < f->count; i++)
        size += f->iov[i].iov_len;
    return size;
}

static intptr_t try_readv(const trale_io *io, void *operation, bool *drained)
{
    const trale_readv_future *f = operation;
    size_t size = total(f);
    ssize_t n;

    do
        n = readv(io->fd, f->iov, f->count);
    while (n < 0 && errno == EINTR);
    *drained = n > 0 && (size_t)n < size;
    return stream_result(n, size);
}

static intptr_t try_writev(const trale_io *io, void *operation, bool *drained)
{
    const trale_writev_future *f = operation;
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)f->iov};
    size_t size = total(f);
    struct sigpipe guard;
    ssize_t n;

    message.msg_iovlen = (__typeof__(message.msg_iovlen))f->count;
    sigpipe_hold(&guard, io);
    do
        n = io->kind.socket ? sendmsg(io->fd, &message, MSG_NOSIGNAL)
                            : writev(io->fd, f->iov, f->count);
    while (n < 0 && errno == EINTR);
    sigpipe_release(&guard, n);
    *drained = n >= 0 && (size_t)n < size;
    return stream_result(n, size);
}

static enum trale_poll readv_poll(trale_future *self, trale_context *cx)
{
    trale_readv_future *f = container_of(self, trale_readv_future, future);

    if (!well_formed(f))
        return future_ready(self, -EINVAL);
    if (f->io->kind.file)
        return file_poll(self, &f->waiter, f->io, false, f->iov, f->count, cx);
    return source_poll(&f->waiter, f->io, interest(TRALE_READABLE, total(f)), try_readv, f, cx,
                       &self->output);
}

static enum trale_poll writev_poll(trale_future *self, trale_context *cx)
{
    trale_writev_future *f = container_of(self, trale_writev_future, future);

    if (!well_formed(f))
        return future_ready(self, -EINVAL);
    if (f->io->kind.file)
        return file_poll(self, &f->waiter, f->io, true, f->iov, f->count, cx);
    return source_poll(&f->waiter, f->io, interest(TRALE_WRITABLE, total(f)), try_writev, f, cx,
                       &self->output);
}

static void vector_drop(trale_future *self)
{
    source_forget(&container_of(self, trale_readv_future, future)->waiter);
}

const struct trale_future_ops readv_ops = {readv_poll, vector_drop, "readv"};

void trale_readv_init(trale_readv_future *f, trale_io *io, const struct iovec *iov, int count)
{
    *f =
        (trale_readv_future){.future = {.ops = &readv_ops}, .io = io, .iov = iov, .count = count};
}

const struct trale_future_ops writev_ops = {writev_poll, vector_drop, "writev"};

void trale_writev_init(trale_writev_future *f, trale_io *io, const struct iovec *iov, int count)
{
    *f = (trale_writev_future){
        .future = {.ops = &writev_ops}, .io = io, .iov = iov, .count = count};
}

static bool vector_withdraw(trale_future *self)
{
    return transfer_withdraw(&container_of(self, trale_readv_future, future)->waiter);
}

ssize_t trale_readv(trale_io *io, const struct iovec *iov, int count)
{
    trale_readv_future f;

    trale_readv_init(&f, io, iov, count);
    f.waiter.to_end = true;
    return await_call_to_end(__func__, &f.future, vector_withdraw);
}

ssize_t trale_writev(trale_io *io, const struct iovec *iov, int count)
{
    trale_writev_future f;

    trale_writev_init(&f, io, iov, count);
    f.waiter.to_end = true;
    return await_call_to_end(__func__, &f.future, vector_withdraw);
}
