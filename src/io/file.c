#define _GNU_SOURCE /* preadv */
/* Files at an offset, and as a whole. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <trale/file.h>

#include "core/pool.h"
#include "io/ops.h"
#include "io/transfer.h"
#include "task/await.h"

/* What epoll watches, or never blocks, is asked here and now; most such files have no offsets. */
static intptr_t move_now(trale_io *io, const struct transfer *t)
{
    intptr_t n = source_use(io);

    if (n != 0)
        return n; /* race: a close at the same time */
    do
        n = t->write ? pwritev(io->fd, t->iov, t->count, t->offset)
                     : preadv(io->fd, t->iov, t->count, t->offset);
    while (n < 0 && errno == EINTR);
    n = n < 0 ? -errno : n;
    source_unuse(io);
    return n;
}

static enum trale_poll positioned_poll(trale_pread_future *f, bool write, trale_context *cx)
{
    const struct iovec iov = {f->buffer, f->size};
    const struct transfer t = {write, f->offset, &iov, 1};

    if (!f->io || (!f->buffer && f->size) || f->offset < 0)
        return future_ready(&f->future, -EINVAL);
    if (!f->io->kind.file)
        return future_ready(&f->future, move_now(f->io, &t));
    return transfer_poll(&f->waiter, f->io, &t, cx, &f->future.output);
}

static enum trale_poll pread_poll(trale_future *self, trale_context *cx)
{
    return positioned_poll(container_of(self, trale_pread_future, future), false, cx);
}

static enum trale_poll pwrite_poll(trale_future *self, trale_context *cx)
{
    return positioned_poll(container_of(self, trale_pread_future, future), true, cx);
}

static void positioned_drop(trale_future *self)
{
    source_forget(&container_of(self, trale_pread_future, future)->waiter);
}

static bool positioned_withdraw(trale_future *self)
{
    return transfer_withdraw(&container_of(self, trale_pread_future, future)->waiter);
}

const struct trale_future_ops pread_ops = {pread_poll, positioned_drop, "pread"};

void trale_pread_init(trale_pread_future *f, trale_io *io, void *buffer, size_t size,
                      off_t offset)
{
    *f = (trale_pread_future){.future = {.ops = &pread_ops},
                              .io = io,
                              .buffer = buffer,
                              .size = size,
                              .offset = offset};
}

const struct trale_future_ops pwrite_ops = {pwrite_poll, positioned_drop, "pwrite"};

void trale_pwrite_init(trale_pwrite_future *f, trale_io *io, const void *buffer, size_t size,
                       off_t offset)
{
    trale_pread_init(f, io, (void *)(uintptr_t)buffer, size, offset);
    f->future.ops = &pwrite_ops;
}

ssize_t trale_pread(trale_io *io, void *buffer, size_t size, off_t offset)
{
    trale_pread_future f;

    trale_pread_init(&f, io, buffer, size, offset);
    f.waiter.to_end = true;
    return await_call_to_end(__func__, &f.future, positioned_withdraw);
}

ssize_t trale_pwrite(trale_io *io, const void *buffer, size_t size, off_t offset)
{
    trale_pwrite_future f;

    trale_pwrite_init(&f, io, buffer, size, offset);
    f.waiter.to_end = true;
    return await_call_to_end(__func__, &f.future, positioned_withdraw);
}

struct fsync_job {
    struct trale_job job;
    trale_io *io;
};

static intptr_t fsync_run(struct trale_job *job)
{
    const trale_io *io = container_of(job, struct fsync_job, job)->io;
    int result;

    do
        result = source_is_closed(io) ? (errno = EBADF, -1) : fsync(io->fd);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

static void fsync_free(struct trale_job *base)
{
    struct fsync_job *job = container_of(base, struct fsync_job, job);

    source_return(job->io);
    free(job);
}

static int fsync_submit(trale_fsync_future *f)
{
    struct fsync_job *job = malloc(sizeof *job);
    int error = job ? source_lend(f->io) : -ENOMEM;

    if (error != 0) {
        free(job);
        return error;
    }
    *job = (struct fsync_job){{.run = fsync_run, .free = fsync_free}, f->io};
    return pool_begin(&f->job, &job->job, POOL_WORK);
}

static enum trale_poll fsync_poll(trale_future *self, trale_context *cx)
{
    trale_fsync_future *f = container_of(self, trale_fsync_future, future);
    int error = f->io ? 0 : -EINVAL;

    if (error == 0 && !f->job)
        error = fsync_submit(f);
    if (error != 0)
        return future_ready(self, error);
    if (pool_poll(f->job, trale_context_waker(cx)) == TRALE_PENDING)
        return TRALE_PENDING;
    return future_ready(self, f->job->result);
}

static void fsync_drop(trale_future *self)
{
    pool_leave(container_of(self, trale_fsync_future, future)->job);
}

static bool fsync_withdraw(trale_future *self)
{
    return pool_withdraw(container_of(self, trale_fsync_future, future)->job);
}

const struct trale_future_ops fsync_ops = {fsync_poll, fsync_drop, "fsync"};

void trale_fsync_init(trale_fsync_future *f, trale_io *io)
{
    *f = (trale_fsync_future){.future = {.ops = &fsync_ops}, .io = io};
}

int trale_fsync(trale_io *io)
{
    trale_fsync_future f;

    trale_fsync_init(&f, io);
    return (int)await_call_to_end(__func__, &f.future, fsync_withdraw);
}
