/* Closing while calls wait: each gets -EBADF, once, and the number is free at once. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "probe.h"
#include "settle.h"
#include "wait_task.h"

#define BOTH (TRALE_READABLE | TRALE_WRITABLE)

START_TEST(every_waiter_gets_an_error)
{
    enum { COUNT = 30 };
    static const unsigned events[] = {TRALE_READABLE, TRALE_WRITABLE, BOTH};
    int ends[2];
    trale_task *tasks[COUNT];
    make_sockets(ends);
    fill(ends[0]);
    trale_io *io = open_io(ends[0]);
    for (int i = 0; i < COUNT; i++)
        tasks[i] = spawn_wait(io, events[i % 3]);
    settle();
    ck_assert_int_eq(trale_close(io), 0);
    ck_assert_int_eq(fcntl(ends[0], F_GETFD), -1);
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(join(tasks[i]), -EBADF);
    close(ends[1]);
}
END_TEST

/* Waits until a poll has come back. */
static void probe_wait_pending(struct probe *p)
{
    bool polled = false;
    probe_wait_polled(p, 1);
    while (!polled) {
        pthread_mutex_lock(&p->lock);
        polled = !p->polling;
        pthread_mutex_unlock(&p->lock);
        sched_yield();
    }
}

static enum trale_poll poll_inner(struct probe *p, trale_context *cx)
{
    trale_future *inner = p->arg;
    if (trale_future_poll(inner, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    p->output = inner->output;
    return TRALE_READY;
}

static void drop_inner(struct probe *p, trale_future *future)
{
    (void)future;
    trale_future_drop(p->arg);
}

START_TEST(every_waiter_is_woken_once)
{
    enum { COUNT = 10 };
    static trale_wait_future waits[COUNT];
    static struct probe probes[COUNT];
    trale_task *tasks[COUNT];
    int ends[2];
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    for (int i = 0; i < COUNT; i++) {
        trale_wait_init(&waits[i], io, TRALE_READABLE);
        probes[i] = (struct probe)PROBE_STEP(poll_inner);
        probes[i].arg = &waits[i].future;
        probes[i].dropping = drop_inner;
        tasks[i] = probe_spawn(&probes[i]);
    }
    settle();
    trale_close(io);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(join(tasks[i]), -EBADF);
        ck_assert_int_eq(probe_polls(&probes[i]), 2);
        ck_assert_int_eq(probe_faults(&probes[i]), 0);
    }
    close(ends[1]);
}
END_TEST

static intptr_t receive(void *io)
{
    char byte;
    return trale_recvfrom(io, &byte, 1, NULL);
}

START_TEST(a_receiver_gets_an_error)
{
    trale_io *io;
    trale_task *tasks[3];
    ck_assert_int_eq(trale_udp_bind(&io, "127.0.0.1:0"), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(trale_spawn(&tasks[i], receive, io), 0);
    settle();
    ck_assert_int_eq(trale_close(io), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(join(tasks[i]), -EBADF);
}
END_TEST

/* A probe that a plain thread awaits: its first poll tells that the thread waits. */
static void *await_probe(void *probe)
{
    struct probe_future f = probe_future(probe);
    return (void *)trale_await(&f.future);
}

START_TEST(a_plain_thread_gets_an_error)
{
    for (int i = 0; i < 100; i++) {
        struct probe probe = PROBE_STEP(poll_inner);
        trale_wait_future wait;
        pthread_t thread;
        void *result;
        int ends[2];
        make_pipe(ends);
        trale_io *io = open_io(ends[0]);
        trale_wait_init(&wait, io, TRALE_READABLE);
        probe.arg = &wait.future;
        probe.dropping = drop_inner;
        ck_assert_int_eq(pthread_create(&thread, NULL, await_probe, &probe), 0);
        probe_wait_pending(&probe);
        ck_assert_int_eq(trale_close(io), 0);
        pthread_join(thread, &result);
        ck_assert_int_eq((intptr_t)result, -EBADF);
        close(ends[1]);
    }
}
END_TEST

static intptr_t close_in_task(void *io)
{
    return trale_close(io);
}

START_TEST(a_task_closes_what_another_waits_for)
{
    int ends[2];
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    trale_task *task = spawn_wait(io, TRALE_READABLE);
    intptr_t result = -1;
    settle();
    ck_assert_int_eq(trale_block_on(close_in_task, io, &result), 0);
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(join(task), -EBADF);
    close(ends[1]);
}
END_TEST

START_TEST(a_waiter_that_was_cancelled_does_not_touch_what_is_closed)
{
    int ends[2];
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    trale_task *task = spawn_wait(io, TRALE_READABLE);
    struct hold hold = HOLD;
    settle();
    hold_executor(&hold);
    trale_cancel(task);
    trale_close(io);
    release_executor(&hold);
    ck_assert_int_eq(join(task), -ECANCELED);
    close(ends[1]);
}
END_TEST

START_TEST(the_number_is_used_again_at_once)
{
    int ends[2];
    make_pipe(ends);
    int number = ends[0];
    for (int i = 0; i < 1000; i++) {
        trale_io *old = open_io(number);
        trale_task *first = spawn_wait(old, TRALE_READABLE);
        settle(); /* no call may begin on what is closed */
        if (i % 3 == 0)
            write_byte(ends[1]);
        ck_assert_int_eq(trale_close(old), 0);
        close(ends[1]);
        intptr_t result = join(first);
        ck_assert(result == -EBADF || (i % 3 == 0 && result == TRALE_READABLE));

        make_pipe(ends);
        ck_assert(ends[0] == number || ends[1] == number);
        trale_io *new = open_io(ends[0]);
        trale_task *second = spawn_wait(new, TRALE_READABLE);
        write_byte(ends[1]);
        ck_assert_int_eq(join(second), TRALE_READABLE);
        trale_close(new);
        close(ends[1]);
        make_pipe(ends);
        number = ends[0];
    }
}
END_TEST

/* The open file lives on in a duplicate, and its events must not reach anybody here. */
START_TEST(a_duplicate_of_what_was_closed_wakes_nobody)
{
    int ends[2];
    make_pipe(ends);
    int number = ends[0], kept = dup(number);
    trale_io *io = open_io(number);
    trale_task *task = spawn_wait(io, TRALE_READABLE);
    settle();
    trale_close(io);
    ck_assert_int_eq(join(task), -EBADF);

    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ck_assert_int_eq(fd, number);
    static trale_wait_future wait;
    static struct probe probe = PROBE_STEP(poll_inner);
    io = open_io(fd);
    trale_wait_init(&wait, io, TRALE_READABLE);
    probe.arg = &wait.future;
    probe.dropping = drop_inner;
    task = probe_spawn(&probe);
    settle();
    for (int i = 0; i < 100; i++) {
        write_byte(ends[1]);
        drain(kept);
        trale_sleep(1);
    }
    settle();
    ck_assert_int_eq(probe_polls(&probe), 1);
    write_count(fd);
    ck_assert_int_eq(join(task), TRALE_READABLE);
    trale_close(io);
    close(kept);
    close(ends[1]);
}
END_TEST

START_TEST(null_is_refused)
{
    ck_assert_int_eq(trale_close(NULL), -EINVAL);
}
END_TEST

START_TEST(what_nobody_waited_for_is_closed_without_a_runtime)
{
    int ends[2];
    make_pipe(ends);
    ck_assert_int_eq(trale_close(open_io(ends[0])), 0);
    ck_assert_int_eq(trale_close(open_io(ends[1])), 0);
    ck_assert_int_eq(fcntl(ends[0], F_GETFD), -1);
    ck_assert_int_eq(fcntl(ends[1], F_GETFD), -1);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "close", every_waiter_gets_an_error,
               every_waiter_is_woken_once, a_receiver_gets_an_error, a_plain_thread_gets_an_error,
               a_task_closes_what_another_waits_for,
               a_waiter_that_was_cancelled_does_not_touch_what_is_closed,
               the_number_is_used_again_at_once, a_duplicate_of_what_was_closed_wakes_nobody,
               null_is_refused, what_nobody_waited_for_is_closed_without_a_runtime)
