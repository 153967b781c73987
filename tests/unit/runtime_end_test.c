/* The end of a runtime waits for those who still have a foot in it. */
#define _GNU_SOURCE
#include "suite.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/io_source.h"
#include "core/runtime.h"
#include "probe.h"
#include "settle.h"
#include "task/task.h"
#include "task/waker.h"
#include "wait_task.h"

/* What the end does while it waits. */
static void (*meanwhile)(void);

__attribute__((visibility("default"))) int sched_yield(void)
{
    void (*now)(void) = meanwhile;

    meanwhile = NULL;
    if (now)
        now();
    return (int)syscall(SYS_sched_yield);
}

static trale_io *io;
static trale_runtime *runtime;

static void unlock(void)
{
    lock_give(&io->lock);
}

static void leave(void)
{
    pushers_leave(&runtime->executors[0].queue.pushers);
}

static enum trale_poll register_io(struct probe *p, trale_context *cx)
{
    trale_wait_future f;

    trale_wait_init(&f, io, TRALE_READABLE);
    p->output = trale_future_poll(&f.future, cx) == TRALE_PENDING;
    trale_future_drop(&f.future);
    return TRALE_READY;
}

/* Somebody who closes it, or begins to wait for it, has its lock. */
START_TEST(an_io_that_is_being_used_is_waited_for)
{
    struct probe p = PROBE_STEP(register_io);
    struct probe_future f = probe_future(&p);
    trale_spawn_options options = {0};
    trale_task *task;
    int ends[2];

    make_pipe(ends); /* nothing happens to it: the reactor will not come for the lock */
    io = open_io(ends[0]);
    ck_assert_int_eq(trale_runtime_new(&runtime, NULL), 0);
    options.runtime = runtime;
    ck_assert_int_eq(trale_spawn_future_with(&task, &options, &f.future, sizeof f), 0);
    ck_assert_int_eq(join(task), 1);
    lock_take(&io->lock);
    meanwhile = unlock;
    ck_assert_int_eq(trale_runtime_free(runtime, TRALE_NEVER), 0);
    ck_assert_ptr_null(meanwhile);
    ck_assert_int_eq(trale_close(io), 0);
    close(ends[1]);
}
END_TEST

static intptr_t push_late(void *arg)
{
    (void)arg;
    runtime = executor_current()->runtime;
    pushers_enter(&runtime->executors[0].queue.pushers);
    meanwhile = leave;
    return 5;
}

/* Its waker has pushed the task that the end waited for, and is on its way out. */
START_TEST(who_pushes_a_task_is_waited_for)
{
    intptr_t result = 0;

    ck_assert_int_eq(trale_run(push_late, NULL, &result), 0);
    ck_assert_int_eq(result, 5);
    ck_assert_ptr_null(meanwhile);
}
END_TEST

static struct gate polled = GATE, woken = GATE;

static enum trale_poll end_once_woken(struct probe *p, trale_context *cx)
{
    p->arg = trale_waker_clone(trale_context_waker(cx));
    gate_open(&polled);
    gate_wait(&woken);
    return TRALE_READY;
}

static void *free_on_thread(void *arg)
{
    return trale_runtime_free(arg, TRALE_NEVER) == 0 ? arg : NULL;
}

/* The task has ended, and is yet to come through the inbox. */
START_TEST(a_waker_that_has_not_pushed_yet_is_waited_for)
{
    struct probe p = PROBE_STEP(end_once_woken);
    struct probe_future f = probe_future(&p);
    struct wake_batch batch = {0};
    trale_spawn_options options = {0};
    struct executor *ex;
    pthread_t thread;
    void *freed;

    ck_assert_int_eq(trale_runtime_new(&runtime, NULL), 0);
    options.runtime = runtime;
    ck_assert_int_eq(trale_spawn_future_with(NULL, &options, &f.future, sizeof f), 0);
    gate_wait(&polled);
    waker_claim(p.arg, &batch);
    gate_open(&woken);
    probe_wait_dropped(&p);
    ck_assert_int_eq(pthread_create(&thread, NULL, free_on_thread, runtime), 0);
    ex = container_of(container_of((trale_waker *)p.arg, trale_task, waker)->home,
                      struct executor, queue);
    while (!atomic_load(&ex->stop_wanted) || !inbox_parked(&ex->queue.inbox))
        sched_yield();
    wake_batch_deliver(&batch);
    pthread_join(thread, &freed);
    ck_assert_ptr_nonnull(freed);
    trale_waker_drop(p.arg);
}
END_TEST

TEST_MAIN("runtime_end", a_waker_that_has_not_pushed_yet_is_waited_for,
          an_io_that_is_being_used_is_waited_for, who_pushes_a_task_is_waited_for)
