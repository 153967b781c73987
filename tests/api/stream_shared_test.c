/* Streams: what one call has learned of an io must not mislead another. */
#include "suite.h"

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

TEST_MAIN_WITH(NULL, free_default_runtime, "stream_shared",
               a_wait_that_sees_no_room_hides_none_from_a_write,
               moving_nothing_waits_for_no_room_beside_others)
