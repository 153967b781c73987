/* Streams: what one call has learned of an io must not mislead another. */
#include "suite.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "settle.h"
#include "streams.h"
#include "wait_task.h"

/* Until poll(2) sees no room, as it does when a good part of a Unix socket's buffer is taken. */
static void write_until_poll_sees_no_room(int fd)
{
    static const char bytes[4096];
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    while (poll(&room, 1, 0) > 0)
        ck_assert_int_eq(write(fd, bytes, sizeof bytes), sizeof bytes);
}

START_TEST(a_wait_that_sees_no_room_hides_none_from_a_write)
{
    for (int i = 0; i < 4; i++) {
        trale_io *ends[2];
        open_sockets(ends);
        int fd = trale_io_fd(ends[0]);
        write_until_poll_sees_no_room(fd);
        trale_task *wait = spawn_wait(ends[0], TRALE_WRITABLE);
        settle();
        ck_assert_int_eq(write(fd, "x", 1), 1); /* there is room */
        trale_task *task =
            i % 2 ? spawn_write_all(ends[0], "xy", 2) : spawn_write(ends[0], "x", 1);
        settle();
        trale_cancel(task); /* it has ended, or waits in vain */
        ck_assert_int_eq(join(task), 1 + i % 2);
        if (i >= 2) { /* and the wait still hears of room that it sees too */
            drain(trale_io_fd(ends[1]));
            ck_assert_int_eq(join(wait), TRALE_WRITABLE);
        } else {
            trale_cancel(wait);
            join(wait);
        }
        close_both(ends);
    }
}
END_TEST

struct empty_writes {
    trale_io *io;
    long count, failed;
    atomic_bool done;
};

static void *write_nothing(void *arg)
{
    struct empty_writes *e = arg;
    for (long i = 0; i < e->count; i++)
        e->failed += trale_write(e->io, "", 0) != 0;
    atomic_store(&e->done, true);
    return NULL;
}

/* Others try at the same time, find no room, and say so. */
START_TEST(moving_nothing_waits_for_no_room_beside_others)
{
    trale_io *ends[2];
    pthread_t thread;
    open_sockets(ends);
    fill(trale_io_fd(ends[0]));
    struct empty_writes e = {.io = ends[0], .count = test_scale(3000000)};
    ck_assert_int_eq(pthread_create(&thread, NULL, write_nothing, &e), 0);
    while (!atomic_load(&e.done)) {
        trale_task *task = spawn_write(ends[0], "x", 1);
        settle();
        trale_cancel(task);
        join(task);
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(e.failed, 0);
    close_both(ends);
}
END_TEST

/* A read that a thread polls first, and then a task: from there on nothing knows the thread. */
struct passed_on {
    trale_read_future read;
    trale_write_future empty; /* to spend a poll's share on */
    trale_io *other;
    int polls;
    struct gate polled, passed, go_on;
    trale_waker *first;
};

struct part {
    trale_future future;
    struct passed_on *p;
};

static enum trale_poll first_poll(trale_future *self, trale_context *cx)
{
    struct passed_on *p = ((struct part *)self)->p;
    if (p->first)
        return TRALE_READY;
    self->output = trale_future_poll(&p->read.future, cx);
    p->first = trale_waker_clone(trale_context_waker(cx));
    gate_open(&p->polled);
    return TRALE_PENDING;
}

static enum trale_poll second_poll(trale_future *self, trale_context *cx)
{
    struct passed_on *p = ((struct part *)self)->p;
    if (++p->polls == 1) {
        do {
            trale_future_drop(&p->empty.future);
            trale_write_init(&p->empty, p->other, "", 0);
        } while (trale_future_poll(&p->empty.future, cx) == TRALE_READY);
        if (trale_future_poll(&p->read.future, cx) == TRALE_READY)
            return TRALE_READY;
        gate_open(&p->passed);
        gate_wait(&p->go_on);
        return TRALE_PENDING;
    }
    if (trale_future_poll(&p->read.future, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    self->output = p->read.future.output;
    return TRALE_READY;
}

static void second_drop(trale_future *self)
{
    struct passed_on *p = ((struct part *)self)->p;
    trale_future_drop(&p->read.future);
    trale_future_drop(&p->empty.future);
}

static void *await_first(void *arg)
{
    static const struct trale_future_ops ops = {first_poll, NULL, "first"};
    struct part part = {.future = {.ops = &ops}, .p = arg};
    return (void *)trale_await(&part.future);
}

START_TEST(a_poll_that_only_makes_room_takes_the_read_over_all_the_same)
{
    static const struct trale_future_ops ops = {second_poll, second_drop, "second"};
    trale_io *ends[2], *others[2];
    trale_task *task;
    pthread_t thread;
    void *result;
    char byte = 0;
    open_sockets(ends);
    open_sockets(others);
    struct passed_on p = {.other = others[0], .polled = GATE, .passed = GATE, .go_on = GATE};
    struct part part = {.future = {.ops = &ops}, .p = &p};
    trale_read_init(&p.read, ends[0], &byte, 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, await_first, &p), 0);
    gate_wait(&p.polled);
    ck_assert_int_eq(trale_spawn_future(&task, &part.future, sizeof part), 0);
    gate_wait(&p.passed);
    trale_waker_wake(p.first);
    trale_waker_drop(p.first);
    ck_assert_int_eq(pthread_join(thread, &result), 0); /* its waker is gone with it */
    ck_assert_int_eq((intptr_t)result, TRALE_PENDING);
    ck_assert_int_eq(trale_write(ends[1], "x", 1), 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(trale_sleep(1), 0); /* the reactor has reported it before that */
    gate_open(&p.go_on);
    ck_assert_int_eq(join(task), 1);
    ck_assert_int_eq(byte, 'x');
    close_both(ends);
    close_both(others);
}
END_TEST

static ssize_t call_read(trale_io *io, void *buffer, size_t size)
{
    return trale_read(io, buffer, size);
}

/* Who finds it after some bytes tells of the bytes, and leaves it to who comes next; that one has
 * waited, and holds the io no longer than it is on it: leak checkers know. */
START_TEST(an_error_after_some_bytes_ends_another_ones_wait)
{
    for (int i = 0; i < 2; i++) {
        trale_io *ends[2];
        char bytes[4], byte;
        struct transfer t = {call_read, NULL, &byte, 1};
        open_sockets(ends);
        t.io = ends[0];
        trale_task *full = spawn_read_full(ends[0], bytes, sizeof bytes);
        trale_task *one = i ? spawn_transfer(&t) : spawn_read(ends[0], &byte, 1);
        settle();
        ck_assert_int_eq(trale_write(ends[0], "unread", 6), 6); /* its close is a reset then */
        ck_assert_int_eq(trale_write(ends[1], "x", 1), 1);
        ck_assert_int_eq(trale_close(ends[1]), 0);
        intptr_t first = join(full), second = join(one); /* who is the quicker has the byte */
        ck_assert_int_eq(first > 0 ? first : second, 1);
        ck_assert_int_eq(first > 0 ? second : first, -ECONNRESET);
        ck_assert_int_eq(trale_close(ends[0]), 0);
    }
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "stream_shared",
               a_wait_that_sees_no_room_hides_none_from_a_write,
               moving_nothing_waits_for_no_room_beside_others,
               an_error_after_some_bytes_ends_another_ones_wait,
               ON_THREAD(a_poll_that_only_makes_room_takes_the_read_over_all_the_same,
                         "it stops a poll and goes on meanwhile"))
