#define _GNU_SOURCE /* preadv */
#include "io/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/pool.h"
#include "task/await.h"

#define CACHED_MAX ((size_t)64 << 10) /* more is not copied on an executor */
#define BOUNCE_MAX ((size_t)1 << 20)  /* what a future moves at most */

#define DIRECT_ALIGN ((uintptr_t)4096) /* enough for O_DIRECT, open(2) */

/* From <linux/fs.h>, which is not there for every libc. */
#define NO_WAIT 0x8 /* RWF_NOWAIT, Linux 4.14 */

struct job {
    struct trale_job job;
    trale_io *io;
    struct transfer transfer;
    size_t moved; /* before the job began */
    char *bounce; /* stands in for the caller's buffers; NULL: it is those that are used */
    struct iovec iov[];
};

size_t transfer_size(const struct transfer *t)
{
    size_t size = 0;

    for (int i = 0; i < t->count; i++)
        size += t->iov[i].iov_len;
    return size;
}

static ssize_t move(int fd, const struct transfer *t)
{
    if (t->offset == TRANSFER_AT_POSITION)
        return t->write ? writev(fd, t->iov, t->count) : readv(fd, t->iov, t->count);
    return t->write ? pwritev(fd, t->iov, t->count, t->offset)
                    : preadv(fd, t->iov, t->count, t->offset);
}

static intptr_t job_run(struct trale_job *base)
{
    struct job *job = container_of(base, struct job, job);
    ssize_t n;

    do
        n = source_is_closed(job->io) ? (errno = EBADF, -1) : move(job->io->fd, &job->transfer);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static void job_free(struct trale_job *base)
{
    struct job *job = container_of(base, struct job, job);

    source_return(job->io);
    free(job);
}

/* Between the bounce buffer and the caller's, as far as bytes goes. */
static void bounce(char *buffer, const struct transfer *t, size_t bytes, bool to_caller)
{
    for (int i = 0; i < t->count && bytes > 0; i++) {
        size_t part = t->iov[i].iov_len < bytes ? t->iov[i].iov_len : bytes;

        if (to_caller && part > 0)
            memcpy(t->iov[i].iov_base, buffer, part);
        else if (part > 0)
            memcpy(buffer, t->iov[i].iov_base, part);
        buffer += part;
        bytes -= part;
    }
}

/* The caller's buffers, but for what has been moved. */
static void aim(struct job *job, const struct transfer *t)
{
    size_t skip = job->moved;
    int count = 0;

    for (int i = 0; i < t->count; i++) {
        size_t part = t->iov[i].iov_len < skip ? t->iov[i].iov_len : skip;

        skip -= part;
        if (part < t->iov[i].iov_len)
            job->iov[count++] =
                (struct iovec){(char *)t->iov[i].iov_base + part, t->iov[i].iov_len - part};
    }
    job->transfer.count = count;
}

/* A buffer of the job's own, for a caller who may go away; aligned for files that ask for it. */
static void aim_beside(struct job *job, const struct transfer *t, size_t size)
{
    uintptr_t start = (uintptr_t)(job->iov + 1);

    job->bounce =
        (char *)(job->iov + 1) + (job->io->kind.direct ? -start & (DIRECT_ALIGN - 1) : 0);
    if (t->write)
        bounce(job->bounce, t, size, false);
    job->iov[0] = (struct iovec){job->bounce, size};
    job->transfer.count = 1;
}

/* A job for what has not been moved, with the io lent to it. */
static int prepare(struct job **made, const struct trale_io_waiter *waiter, trale_io *io,
                   const struct transfer *t, size_t moved)
{
    size_t size = transfer_size(t) < BOUNCE_MAX ? transfer_size(t) : BOUNCE_MAX;
    struct job *job = malloc(sizeof *job + (size_t)t->count * sizeof *job->iov +
                             (waiter->to_end ? 0 : sizeof *job->iov + size) +
                             (io->kind.direct ? DIRECT_ALIGN : 0));
    int error = job ? source_lend(io) : -ENOMEM;

    if (error != 0) {
        free(job);
        return error;
    }
    *job = (struct job){
        .job = {.run = job_run, .free = job_free}, .io = io, .transfer = *t, .moved = moved};
    job->transfer.iov = job->iov;
    if (t->offset != TRANSFER_AT_POSITION)
        job->transfer.offset = t->offset + (off_t)moved;
    if (waiter->to_end)
        aim(job, t);
    else
        aim_beside(job, t, size);
    *made = job;
    return 0;
}

static ssize_t read_cached(int fd, const struct iovec *iov, int count, off_t offset)
{
    return syscall(SYS_preadv2, fd, iov, count, offset, 0, NO_WAIT);
}

/* Of the files whose cache can be asked, none waits here. The cache itself does not say: in Linux
 * 5.9 and 5.10 it may have 0 bytes anywhere, readv(2). */
static bool is_end(int fd, off_t offset)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && offset >= status.st_size;
}

/*
 * May the cache be asked without waiting? Not by a look that would be the read itself (O_DIRECT),
 * nor at the file offset, whose lock another call may hold while it waits for the disk.
 */
static bool may_look(trale_io *io, const struct transfer *t, size_t size)
{
    return !t->write && size <= CACHED_MAX && !io->kind.direct &&
           (t->offset != TRANSFER_AT_POSITION || !source_is_lent(io));
}

/*
 * What is in the page cache needs no disk and no job. Returns what was moved, and if that is all
 * there is. Errors are left to the job.
 */
static size_t try_cached(trale_io *io, const struct transfer *t, bool *all)
{
    size_t size = transfer_size(t);
    off_t offset = t->offset;
    ssize_t n;

    *all = false;
    if (!may_look(io, t, size))
        return 0;
    n = read_cached(io->fd, t->iov, t->count, offset);
    if (n < 0)
        return 0;
    /* At the file offset the rest would not follow: another call may read there first. */
    *all = (size_t)n == size || (n > 0 && offset == TRANSFER_AT_POSITION);
    if (!*all)
        *all = is_end(io->fd,
                      offset == TRANSFER_AT_POSITION ? lseek(io->fd, 0, SEEK_CUR) : offset + n);
    return (size_t)n;
}

/* An error of the rest, or a cancel before it, leaves what has been moved. */
static intptr_t outcome(size_t moved, intptr_t rest)
{
    if (moved == 0)
        return rest;
    return (intptr_t)moved + (rest > 0 ? rest : 0);
}

/* READY: it was possible at once, or not possible at all. Pinned until the job has the io: a close
 * that comes between would leave nothing of it. */
static enum trale_poll begin(struct trale_io_waiter *waiter, trale_io *io,
                             const struct transfer *t, trale_waker *waker, intptr_t *output)
{
    struct job *job = NULL;
    size_t moved;
    bool all;

    if (await_budget_is_spent(waker)) {
        source_hold(waiter, io);
        return TRALE_PENDING;
    }
    *output = source_use(io);
    if (*output != 0)
        return TRALE_READY;
    moved = try_cached(io, t, &all);
    all = all || (moved > 0 && !waiter->to_end); /* the bounce buffer has no part in these */
    *output = all ? 0 : prepare(&job, waiter, io, t, moved);
    source_unuse(io);
    if (job)
        *output = pool_begin(&waiter->job, &job->job, POOL_WORK);
    *output = outcome(moved, *output);
    return waiter->job ? TRALE_PENDING : TRALE_READY;
}

/* The job's outcome; what was read into its own buffer goes to the caller's. */
static enum trale_poll finish(const struct trale_io_waiter *waiter, const struct transfer *t,
                              trale_waker *waker, intptr_t *output)
{
    const struct job *job = container_of(waiter->job, struct job, job);

    if (pool_poll(waiter->job, waker) == TRALE_PENDING)
        return TRALE_PENDING;
    if (job->bounce && !t->write && job->job.result > 0)
        bounce(job->bounce, t, (size_t)job->job.result, true);
    *output = outcome(job->moved, job->job.result);
    return TRALE_READY;
}

enum trale_poll transfer_poll(struct trale_io_waiter *waiter, trale_io *io,
                              const struct transfer *t, trale_context *cx, intptr_t *output)
{
    trale_waker *waker = trale_context_waker(cx);
    enum trale_poll result = TRALE_PENDING;

    if (!waiter->job)
        result = begin(waiter, io, t, waker, output);
    if (waiter->job)
        result = finish(waiter, t, waker, output);
    if (result == TRALE_READY)
        source_forget(waiter);
    return result;
}

bool transfer_withdraw(struct trale_io_waiter *waiter)
{
    if (!pool_withdraw(waiter->job))
        return false;
    return !waiter->job || container_of(waiter->job, struct job, job)->moved == 0;
}
