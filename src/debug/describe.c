/*
 * The task is suspended, and its executor frozen, so its futures stay as its last poll left them,
 * and alive; others may change only what they share with it: of that, the owner of a mutex is read.
 * An operation of the library is known by its table; of any other future only the name is told.
 */
#include "debug/describe.h"

#include <trale.h>

#include "core/io_source.h"
#include "core/ops.h"
#include "io/ops.h"
#include "sync/ops.h"
#include "task/fiber.h"
#include "task/ops.h"

#define DEPTH_MAX 4 /* of futures in futures */
#define ARMS_MAX 8

static void describe(const struct describing *d, const trale_future *f, int depth);

/* How to tell more than the name: two places in the future's struct, and what they hold. */
struct kind {
    const struct trale_future_ops *ops;
    void (*tell)(const struct describing *d, const struct kind *kind, const char *f, int depth);
    size_t first, second;
};

static void tell_time(const struct describing *d, const struct kind *kind, const char *f,
                      int depth)
{
    int64_t deadline = *(const int64_t *)(const void *)(f + kind->first);

    (void)depth;
    if (deadline == TRALE_NEVER) {
        text_add(d->text, ", for ever");
        return;
    }
    text_add(d->text, ", ");
    text_add_time(d->text, deadline - d->now, 3);
    text_add(d->text, " left");
}

static const void *pointer_at(const char *f, size_t offset)
{
    return *(const void *const *)(const void *)(f + offset);
}

static void tell_object(const struct describing *d, const struct kind *kind, const char *f,
                        int depth)
{
    (void)depth;
    text_add(d->text, " %p", pointer_at(f, kind->first));
}

/* The waiter has a reference to the io, or its job has. */
static void tell_fd(const struct describing *d, const struct kind *kind, const char *f, int depth)
{
    const struct trale_io_waiter *waiter = (const void *)(f + kind->second);
    const trale_io *io = waiter->io;

    (void)depth;
    if (!io && waiter->job)
        io = pointer_at(f, kind->first);
    if (io)
        text_add(d->text, " fd %d", io->fd);
}

static void tell_fsync(const struct describing *d, const struct kind *kind, const char *f,
                       int depth)
{
    const trale_fsync_future *fsync = (const void *)f;

    (void)kind, (void)depth;
    if (fsync->job)
        text_add(d->text, " fd %d", fsync->io->fd);
}

static void tell_wait(const struct describing *d, const struct kind *kind, const char *f,
                      int depth)
{
    const trale_wait_future *wait = (const void *)f;

    tell_fd(d, kind, f, depth);
    text_add(d->text, ",%s%s", wait->events & TRALE_READABLE ? " readable" : "",
             wait->events & TRALE_WRITABLE ? " writable" : "");
}

/* The handle keeps the task; its name may be gone once it has ended. */
static void tell_task(const struct describing *d, const struct kind *kind, const char *f,
                      int depth)
{
    const trale_task *task = pointer_at(f, kind->first);

    (void)depth;
    text_add(d->text, " of ");
    if (!task || state_is_done(&task->waker.state))
        text_add(d->text, "%p, which has ended", (const void *)task); /* race: just now */
    else
        text_add_task(d->text, task);
}

/* The owner may be a task that is gone, or a thread: what it points to is looked at only if it is
 * one of the tasks that there are. */
static void tell_mutex(const struct describing *d, const struct kind *kind, const char *f,
                       int depth)
{
    const trale_mutex *mutex = pointer_at(f, kind->first);
    uintptr_t owner = __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED);

    (void)depth;
    text_add(d->text, " %p, ", (const void *)mutex);
    if (owner == 0) {
        text_add(d->text, "which is being handed over");
    } else if (found_has(d->found, owner)) {
        text_add(d->text, "held by ");
        text_add_task(d->text, (const trale_task *)owner);
    } else {
        text_add(d->text, "held by a plain thread, or a task that has ended");
    }
}

/* While the mutex is locked again, the condition variable may be gone. */
static void tell_cond(const struct describing *d, const struct kind *kind, const char *f,
                      int depth)
{
    const trale_cond_wait_future *wait = (const void *)f;

    tell_object(d, kind, f, depth);
    if (!wait->lock.waiter.list)
        return;
    text_add(d->text, ", signalled: ");
    describe(d, &wait->lock.future, depth + 1);
}

static void tell_arms(const struct describing *d, const struct kind *kind, const char *f,
                      int depth)
{
    trale_future *const *arms = pointer_at(f, kind->first);
    size_t count = *(const size_t *)(const void *)(f + kind->second), told = 0;

    text_add(d->text, " of (");
    for (size_t i = 0; i < count; i++) {
        if (arms[i]->ops == &spent_ops)
            continue;
        if (told == ARMS_MAX) {
            text_add(d->text, "; ...");
            break;
        }
        text_add(d->text, "%s", told++ > 0 ? "; " : "");
        describe(d, arms[i], depth + 1);
    }
    text_add(d->text, ")");
}

static void tell_async(const struct describing *d, const trale_future *f, int depth)
{
    const trale_async *async = container_of(f, const trale_async, future);

    if (!async->awaited)
        return;
    text_add(d->text, ": ");
    describe(d, async->awaited, depth + 1);
}

#define TIME(name, field) \
    { \
        &name##_ops, tell_time, offsetof(trale_##name##_future, field), 0 \
    }
#define OBJECT(name, field) \
    { \
        &name##_ops, tell_object, offsetof(trale_##name##_future, field), 0 \
    }
#define TASK(name, field) \
    { \
        &name##_ops, tell_task, offsetof(trale_##name##_future, field), 0 \
    }
#define ARMS(name) \
    { \
        &name##_ops, tell_arms, offsetof(trale_##name##_future, futures), \
            offsetof(trale_##name##_future, count) \
    }
#define FD_BY(name, tell, io, waiter) \
    { \
        &name##_ops, tell, offsetof(trale_##name##_future, io), \
            offsetof(trale_##name##_future, waiter) \
    }
#define FD(name) FD_BY(name, tell_fd, io, waiter)

static const struct kind kinds[] = {
    TIME(sleep, timer.deadline),
    TIME(interval_wait, sleep.timer.deadline),
    TASK(join, task),
    TASK(block_on, join.task),
    ARMS(select),
    ARMS(join_all),
    {&mutex_lock_ops, tell_mutex, offsetof(trale_mutex_lock_future, mutex), 0},
    {&cond_wait_ops, tell_cond, offsetof(trale_cond_wait_future, cond), 0},
    OBJECT(event_wait, event),
    OBJECT(semaphore_acquire, semaphore),
    OBJECT(rwlock_rdlock, rwlock),
    OBJECT(rwlock_wrlock, rwlock),
    OBJECT(wait_group_wait, group),
    OBJECT(barrier_wait, barrier),
    OBJECT(once_do, once),
    {&once_call_ops, tell_object, offsetof(trale_once_do_future, once), 0},
    OBJECT(channel_send, channel),
    OBJECT(channel_recv, channel),
    OBJECT(group_wait, group),
    OBJECT(runtime_wait, runtime),
    OBJECT(runtime_free, wait.runtime),
    FD_BY(wait, tell_wait, io, waiter),
    FD(recvfrom),
    FD(sendto),
    FD(recv_many),
    FD(send_many),
    FD_BY(accept, tell_fd, listener, waiter),
    FD(read),
    FD(write),
    FD(readv),
    FD(writev),
    FD_BY(read_full, tell_fd, read.io, read.waiter),
    FD_BY(write_all, tell_fd, write.io, write.waiter),
    FD(pread),
    FD(pwrite),
    {&fsync_ops, tell_fsync, 0, 0},
};

static void describe(const struct describing *d, const trale_future *f, int depth)
{
    text_add(d->text, "%s", f->ops->name ? f->ops->name : "a future without a name");
    if (depth == DEPTH_MAX)
        return;
    if (f->ops->drop == trale_async_drop)
        tell_async(d, f, depth);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].ops == f->ops)
            kinds[i].tell(d, &kinds[i], (const char *)f, depth);
}

void describe_wait(const struct describing *d, const trale_task *task)
{
    describe(d, fiber_awaits(task_future(task)), 0);
}
