/* What is done to a path: a job with a copy of the text, and one function for each. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <trale/file.h>

#include "base/list.h"
#include "core/io_source.h"
#include "core/pool.h"
#include "io/ops.h"
#include "task/await.h"

struct path_job {
    struct trale_job job;
    int (*call)(struct path_job *); /* -1: errno says why */
    struct trale_path_call args;    /* path and to point to text; io and status are not used */
    struct stat status;
    trale_io *io; /* for what is opened; NULL: nothing is, or it is the caller's */
    int fd;       /* opened, and not yet anybody's; else -1 */
    char text[];
};

static intptr_t path_run(struct trale_job *base)
{
    struct path_job *job = container_of(base, struct path_job, job);
    int result;

    do
        result = job->call(job);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

static void path_free(struct trale_job *base)
{
    struct path_job *job = container_of(base, struct path_job, job);

    if (job->fd >= 0)
        close(job->fd);
    if (job->io)
        source_release(job->io);
    free(job);
}

static int submit(struct trale_path_call *f, int (*call)(struct path_job *))
{
    size_t length = strlen(f->path) + 1, to_length = f->to ? strlen(f->to) + 1 : 0;
    struct path_job *job = malloc(sizeof *job + length + to_length);
    int error = job ? 0 : -ENOMEM;
    trale_io *io = NULL;

    if (error == 0 && f->io) /* the memory comes first: no file is made for want of it */
        error = source_new(&io);
    if (error != 0) {
        free(job);
        return error;
    }
    *job = (struct path_job){.job = {.run = path_run, .free = path_free},
                             .call = call,
                             .args = *f,
                             .io = io,
                             .fd = -1};
    job->args.path = memcpy(job->text, f->path, length);
    if (f->to)
        job->args.to = memcpy(job->text + length, f->to, to_length);
    return pool_begin(&f->job, &job->job, POOL_WORK);
}

/* READY: the output is there, and *job if it was a success; else that is NULL. */
static enum trale_poll path_poll(struct trale_path_call *f, int (*call)(struct path_job *),
                                 trale_context *cx, struct path_job **job)
{
    int error = 0;

    *job = NULL;
    if (!f->path)
        error = -EINVAL;
    else if (!f->job)
        error = submit(f, call);
    if (error != 0)
        return future_ready(&f->future, error);
    if (pool_poll(f->job, trale_context_waker(cx)) == TRALE_PENDING)
        return TRALE_PENDING;
    if (f->job->result == 0)
        *job = container_of(f->job, struct path_job, job);
    return future_ready(&f->future, f->job->result);
}

static struct trale_path_call *as_call(trale_future *self)
{
    return container_of(self, struct trale_path_call, future);
}

static void path_drop(trale_future *self)
{
    pool_leave(as_call(self)->job);
}

static bool path_withdraw(trale_future *self)
{
    return pool_withdraw(as_call(self)->job);
}

/* Opening. */

static int call_open(struct path_job *job)
{
    job->fd = open(job->args.path, job->args.flags | O_CLOEXEC, job->args.mode);
    return job->fd;
}

static enum trale_poll open_poll(trale_future *self, trale_context *cx)
{
    trale_file_open_future *f = as_call(self);
    struct path_job *job;

    if (!f->io)
        return future_ready(self, -EINVAL);
    if (path_poll(f, call_open, cx, &job) == TRALE_PENDING)
        return TRALE_PENDING;
    if (job)
        self->output = source_take_over(job->io, job->fd, f->flags);
    if (job && self->output == 0) {
        *f->io = job->io;
        job->io = NULL;
        job->fd = -1;
    }
    return TRALE_READY;
}

const struct trale_future_ops file_open_ops = {open_poll, path_drop, "file_open"};

void trale_file_open_init(trale_file_open_future *f, trale_io **io, const char *path, int flags,
                          mode_t mode)
{
    *f = (trale_file_open_future){
        .future = {.ops = &file_open_ops}, .path = path, .io = io, .flags = flags, .mode = mode};
}

int trale_file_open(trale_io **io, const char *path, int flags, mode_t mode)
{
    trale_file_open_future f;

    trale_file_open_init(&f, io, path, flags, mode);
    return (int)await_call_to_end(__func__, &f.future, path_withdraw);
}

/* Directories and names. */

static int call_mkdir(struct path_job *job)
{
    return mkdir(job->args.path, job->args.mode);
}

static enum trale_poll mkdir_poll(trale_future *self, trale_context *cx)
{
    struct path_job *job;

    return path_poll(as_call(self), call_mkdir, cx, &job);
}

const struct trale_future_ops mkdir_ops = {mkdir_poll, path_drop, "mkdir"};

void trale_mkdir_init(trale_mkdir_future *f, const char *path, mode_t mode)
{
    *f = (trale_mkdir_future){.future = {.ops = &mkdir_ops}, .path = path, .mode = mode};
}

int trale_mkdir(const char *path, mode_t mode)
{
    trale_mkdir_future f;

    trale_mkdir_init(&f, path, mode);
    return (int)await_call_to_end(__func__, &f.future, path_withdraw);
}

static int call_unlink(struct path_job *job)
{
    return unlink(job->args.path);
}

static enum trale_poll unlink_poll(trale_future *self, trale_context *cx)
{
    struct path_job *job;

    return path_poll(as_call(self), call_unlink, cx, &job);
}

const struct trale_future_ops unlink_ops = {unlink_poll, path_drop, "unlink"};

void trale_unlink_init(trale_unlink_future *f, const char *path)
{
    *f = (trale_unlink_future){.future = {.ops = &unlink_ops}, .path = path};
}

int trale_unlink(const char *path)
{
    trale_unlink_future f;

    trale_unlink_init(&f, path);
    return (int)await_call_to_end(__func__, &f.future, path_withdraw);
}

static int call_rename(struct path_job *job)
{
    return rename(job->args.path, job->args.to);
}

static enum trale_poll rename_poll(trale_future *self, trale_context *cx)
{
    struct path_job *job;

    if (!as_call(self)->to)
        return future_ready(self, -EINVAL);
    return path_poll(as_call(self), call_rename, cx, &job);
}

const struct trale_future_ops rename_ops = {rename_poll, path_drop, "rename"};

void trale_rename_init(trale_rename_future *f, const char *from, const char *to)
{
    *f = (trale_rename_future){.future = {.ops = &rename_ops}, .path = from, .to = to};
}

int trale_rename(const char *from, const char *to)
{
    trale_rename_future f;

    trale_rename_init(&f, from, to);
    return (int)await_call_to_end(__func__, &f.future, path_withdraw);
}

static int call_stat(struct path_job *job)
{
    return stat(job->args.path, &job->status);
}

static enum trale_poll stat_poll(trale_future *self, trale_context *cx)
{
    trale_stat_future *f = as_call(self);
    struct path_job *job;

    if (!f->status)
        return future_ready(self, -EINVAL);
    if (path_poll(f, call_stat, cx, &job) == TRALE_PENDING)
        return TRALE_PENDING;
    if (job)
        *f->status = job->status;
    return TRALE_READY;
}

const struct trale_future_ops stat_ops = {stat_poll, path_drop, "stat"};

void trale_stat_init(trale_stat_future *f, const char *path, struct stat *status)
{
    *f = (trale_stat_future){.future = {.ops = &stat_ops}, .path = path, .status = status};
}

int trale_stat(const char *path, struct stat *status)
{
    trale_stat_future f;

    trale_stat_init(&f, path, status);
    return (int)await_call_to_end(__func__, &f.future, path_withdraw);
}
