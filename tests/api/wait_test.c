/* Waiting for readiness: who is woken, by what, and who is not. */
#include "suite.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "settle.h"
#include "wait_task.h"

#define BOTH (TRALE_READABLE | TRALE_WRITABLE)

/* A fiber that waits, and tells when it no longer does. */
struct waiter {
    trale_io *io;
    unsigned events;
    struct gate done;
};

static intptr_t wait_in_fiber(void *arg)
{
    struct waiter *w = arg;
    int ready = trale_wait(w->io, w->events);
    gate_open(&w->done);
    return ready;
}

#define WAITER(io, events) \
    { \
        (io), (events), GATE \
    }

static trale_task *spawn_waiter(struct waiter *w)
{
    trale_task *task = NULL;
    ck_assert_int_eq(trale_spawn(&task, wait_in_fiber, w), 0);
    return task;
}

static void pending(struct waiter *w)
{
    settle();
    ck_assert_int_eq(gate_opened(&w->done), 0);
}

/* Somebody waits, then it becomes ready; then a wait finds it ready at once. */
static void becomes_readable(int fd, int other, void (*make_ready)(int fd))
{
    trale_io *io = open_io(fd);
    struct waiter w = WAITER(io, TRALE_READABLE);
    trale_task *task = spawn_waiter(&w);
    pending(&w);
    make_ready(other);
    ck_assert_int_eq(join(task), TRALE_READABLE);
    ck_assert_int_eq(trale_wait(io, TRALE_READABLE), TRALE_READABLE);
    ck_assert_int_eq(trale_close(io), 0);
}

START_TEST(a_pipe_becomes_readable)
{
    int ends[2];
    make_pipe(ends);
    becomes_readable(ends[0], ends[1], write_byte);
    close(ends[1]);
}
END_TEST

START_TEST(an_eventfd_becomes_readable)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    becomes_readable(fd, fd, write_count);
}
END_TEST

START_TEST(a_socket_becomes_readable)
{
    int ends[2];
    make_sockets(ends);
    becomes_readable(ends[0], ends[1], write_byte);
    close(ends[1]);
}
END_TEST

static void becomes_writable(int fd, int other)
{
    trale_io *io = open_io(fd);
    struct waiter w = WAITER(io, TRALE_WRITABLE);
    fill(fd);
    trale_task *task = spawn_waiter(&w);
    pending(&w);
    drain(other);
    ck_assert_int_eq(join(task), TRALE_WRITABLE);
    ck_assert_int_eq(trale_wait(io, TRALE_WRITABLE), TRALE_WRITABLE);
    ck_assert_int_eq(trale_close(io), 0);
    close(other);
}

START_TEST(a_full_pipe_becomes_writable)
{
    int ends[2];
    make_pipe(ends);
    becomes_writable(ends[1], ends[0]);
}
END_TEST

START_TEST(a_full_socket_becomes_writable)
{
    int ends[2];
    make_sockets(ends);
    becomes_writable(ends[0], ends[1]);
}
END_TEST

START_TEST(a_wait_for_either_tells_which)
{
    int ends[2];
    make_sockets(ends);
    trale_io *io = open_io(ends[0]);
    ck_assert_int_eq(trale_wait(io, BOTH), TRALE_WRITABLE);
    write_byte(ends[1]);
    ck_assert_int_eq(trale_wait(io, BOTH), BOTH);
    fill(ends[0]);
    ck_assert_int_eq(trale_wait(io, BOTH), TRALE_READABLE);
    drain(ends[0]);

    struct waiter first = WAITER(io, BOTH), second = WAITER(io, BOTH);
    trale_task *task = spawn_waiter(&first);
    pending(&first);
    write_byte(ends[1]);
    ck_assert_int_eq(join(task), TRALE_READABLE);
    drain(ends[0]);
    task = spawn_waiter(&second);
    pending(&second);
    drain(ends[1]);
    ck_assert_int_eq(join(task), TRALE_WRITABLE);
    trale_close(io);
    close(ends[1]);
}
END_TEST

START_TEST(readiness_that_came_and_went_wakes_nobody_for_good)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    trale_io *io = open_io(fd);
    struct waiter w = WAITER(io, TRALE_READABLE);
    trale_task *task = spawn_waiter(&w);
    struct hold hold = HOLD;
    pending(&w);
    hold_executor(&hold);
    write_count(fd);
    drain(fd);
    release_executor(&hold);
    pending(&w);
    write_count(fd);
    ck_assert_int_eq(join(task), TRALE_READABLE);
    trale_close(io);
}
END_TEST

START_TEST(every_waiter_of_a_descriptor_is_woken)
{
    enum { COUNT = 100 };
    int ends[2];
    trale_task *tasks[COUNT];
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < COUNT; i++)
            tasks[i] = spawn_wait(io, TRALE_READABLE);
        settle();
        write_byte(ends[1]);
        for (int i = 0; i < COUNT; i++)
            ck_assert_int_eq(join(tasks[i]), TRALE_READABLE);
        drain(ends[0]);
    }
    trale_close(io);
    close(ends[1]);
}
END_TEST

START_TEST(a_reader_and_a_writer_of_one_descriptor_are_independent)
{
    int ends[2];
    make_sockets(ends);
    trale_io *io = open_io(ends[0]);
    for (int round = 0; round < 10; round++) {
        struct waiter reader = WAITER(io, TRALE_READABLE), writer = WAITER(io, TRALE_WRITABLE);
        fill(ends[0]);
        trale_task *reads = spawn_waiter(&reader), *writes = spawn_waiter(&writer);
        pending(&reader);
        pending(&writer);
        if (round % 2) {
            drain(ends[1]);
            ck_assert_int_eq(join(writes), TRALE_WRITABLE);
            pending(&reader);
            write_byte(ends[1]);
            ck_assert_int_eq(join(reads), TRALE_READABLE);
        } else {
            write_byte(ends[1]);
            ck_assert_int_eq(join(reads), TRALE_READABLE);
            pending(&writer);
            drain(ends[1]);
            ck_assert_int_eq(join(writes), TRALE_WRITABLE);
        }
        drain(ends[0]);
    }
    trale_close(io);
    close(ends[1]);
}
END_TEST

START_TEST(a_cancelled_waiter_leaves_the_others_waiting)
{
    int ends[2];
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    trale_task *gone = spawn_wait(io, TRALE_READABLE), *stays = spawn_wait(io, TRALE_READABLE);
    struct waiter fiber = WAITER(io, TRALE_READABLE);
    trale_task *fiber_gone = spawn_waiter(&fiber);
    settle();
    trale_cancel(gone);
    trale_cancel(fiber_gone);
    ck_assert_int_eq(join(gone), -ECANCELED);
    ck_assert_int_eq(join(fiber_gone), -ECANCELED);
    write_byte(ends[1]);
    ck_assert_int_eq(join(stays), TRALE_READABLE);
    trale_close(io);
    close(ends[1]);
}
END_TEST

static intptr_t write_one(void *fd)
{
    return write(*(int *)fd, "x", 1);
}

START_TEST(a_plain_thread_waits)
{
    int ends[2];
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    for (int i = 0; i < 200; i++) {
        trale_task *task;
        ck_assert_int_eq(trale_spawn(&task, write_one, &ends[1]), 0);
        ck_assert_int_eq(trale_wait(io, TRALE_READABLE), TRALE_READABLE);
        ck_assert_int_eq(join(task), 1);
        drain(ends[0]);
    }
    trale_close(io);
    close(ends[1]);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    int ends[2];
    trale_wait_future f;
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    ck_assert_int_eq(trale_wait(NULL, TRALE_READABLE), -EINVAL);
    ck_assert_int_eq(trale_wait(io, 0), -EINVAL);
    ck_assert_int_eq(trale_wait(io, 4), -EINVAL);
    ck_assert_int_eq(trale_wait(io, BOTH | 8), -EINVAL);
    ck_assert_int_eq(trale_wait(io, ~0u), -EINVAL);
    trale_wait_init(&f, NULL, TRALE_READABLE);
    ck_assert_int_eq(trale_await(&f.future), -EINVAL);
    ck_assert_int_eq(join(spawn_wait(io, 0)), -EINVAL);
    trale_close(io);
    close(ends[1]);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "wait", a_pipe_becomes_readable,
               an_eventfd_becomes_readable, a_socket_becomes_readable,
               a_full_pipe_becomes_writable, a_full_socket_becomes_writable,
               a_wait_for_either_tells_which, readiness_that_came_and_went_wakes_nobody_for_good,
               every_waiter_of_a_descriptor_is_woken,
               a_reader_and_a_writer_of_one_descriptor_are_independent,
               a_cancelled_waiter_leaves_the_others_waiting, a_plain_thread_waits,
               bad_arguments_are_refused)
