/* Every call of task.h, time.h, runtime.h and io.h that waits, and is not to wait any longer. */
#define _GNU_SOURCE /* F_SETPIPE_SZ */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "held_call.h"
#include "probe.h"
#include "settle.h"
#include "streams.h"
#include "wait_task.h"
#include "waiters.h"

#define HOUR (3600 * TRALE_SEC)

static trale_event event;
static trale_task *helper;
static trale_runtime *other;
static struct probe probe;

static intptr_t wait_event(void *arg)
{
    (void)arg;
    return trale_event_wait(&event);
}

/* Tasks, time, runtimes. */

static intptr_t do_yield(void)
{
    int error;

    do
        error = trale_yield();
    while (error == 0);
    return error;
}

static intptr_t do_sleep(void)
{
    return trale_sleep(HOUR);
}

static intptr_t do_sleep_until(void)
{
    return trale_sleep_until(TRALE_NEVER);
}

static trale_interval interval;
static int64_t tick;

static void start_interval(void)
{
    trale_interval_start(&interval, HOUR);
    tick = interval.next;
}

static intptr_t do_interval_wait(void)
{
    return trale_interval_wait(&interval);
}

static void no_tick_was_taken(void)
{
    ck_assert_int_eq(interval.next, tick);
}

static void spawn_helper(void)
{
    helper = spawn_on(NULL, wait_event, NULL);
}

static intptr_t do_join(void)
{
    intptr_t result = -1000;
    int error = trale_join(helper, &result);

    return result == -1000 ? error : -1000;
}

static void helper_can_be_joined(void)
{
    ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(join(helper), 0);
}

/* It cancels the task, waits for it, and has its result. */
static intptr_t do_block_on(void)
{
    intptr_t result = -1000;
    int error = trale_block_on(wait_event, NULL, &result);

    return error == 0 ? result : error;
}

static void event_is_as_it_was(void)
{
    ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(trale_event_try_wait(&event), 0);
}

static intptr_t do_await(void)
{
    struct probe_future f = probe_future(&probe);

    return trale_await(&f.future);
}

static void new_probe(void)
{
    probe = (struct probe)PROBE;
}

static void probe_was_dropped_once(void)
{
    ck_assert_int_eq(probe_drops(&probe), 1);
    ck_assert_int_eq(probe_faults(&probe), 0);
    ck_assert_int_lt(probe.output_at_drop, 0);
}

static intptr_t wait_shielded(void *arg)
{
    trale_scope shield;
    int error;

    (void)arg;
    trale_scope_enter_shielded(&shield, TRALE_NEVER);
    error = trale_event_wait(&event);
    trale_scope_leave(&shield);
    return error;
}

/* With a task in it that ends when it wants to. */
static void new_other(void)
{
    other = new_runtime();
    helper = spawn_on(other, wait_shielded, NULL);
    settle_on(other);
}

static intptr_t do_runtime_wait(void)
{
    return trale_runtime_wait(other);
}

static intptr_t do_runtime_free(void)
{
    return trale_runtime_free(other, TRALE_NEVER);
}

static void other_still_stands(void)
{
    settle_on(other);
    helper_can_be_joined();
    ck_assert_int_eq(trale_runtime_wait(other), 0);
    free_runtime(other);
}

/* Streams. */

static trale_io *ends[2];
static char buffer[64];

static void new_pipe(void)
{
    open_pipe(ends);
}

static void close_ends(void)
{
    close_both(ends);
}

static void wait_once_for_both(void)
{
    ck_assert_int_eq(trale_wait(ends[1], TRALE_WRITABLE), TRALE_WRITABLE);
}

static intptr_t do_wait(void)
{
    return trale_wait(ends[0], TRALE_READABLE);
}

static intptr_t do_read(void)
{
    return trale_read(ends[0], buffer, sizeof buffer);
}

static intptr_t do_readv(void)
{
    struct iovec iov[2] = {{buffer, 4}, {buffer + 4, 4}};

    return trale_readv(ends[0], iov, 2);
}

static intptr_t do_read_full(void)
{
    return trale_read_full(ends[0], buffer, 10);
}

static void nothing_was_read(void)
{
    ck_assert_int_eq(trale_write(ends[1], "x", 1), 1);
    ck_assert_int_eq(trale_read(ends[0], buffer, sizeof buffer), 1);
    ck_assert_int_eq(buffer[0], 'x');
    close_both(ends);
}

static void new_pipe_with_three_bytes(void)
{
    new_pipe();
    wait_once_for_both();
    ck_assert_int_eq(trale_write(ends[1], "abc", 3), 3);
}

static int filled;

static int waiting_bytes(void)
{
    int bytes = -1;

    ck_assert_int_eq(ioctl(trale_io_fd(ends[0]), FIONREAD, &bytes), 0);
    return bytes;
}

static void new_full_pipe(void)
{
    new_pipe();
    fill(trale_io_fd(ends[1]));
    filled = waiting_bytes();
}

static intptr_t do_wait_for_room(void)
{
    return trale_wait(ends[1], TRALE_WRITABLE);
}

static intptr_t do_write(void)
{
    return trale_write(ends[1], "y", 1);
}

static intptr_t do_writev(void)
{
    struct iovec iov[2] = {{"y", 1}, {"z", 1}};

    return trale_writev(ends[1], iov, 2);
}

static intptr_t do_write_all(void)
{
    return trale_write_all(ends[1], "yz", 2);
}

static void nothing_was_written(void)
{
    ck_assert_int_eq(waiting_bytes(), filled);
    drain(trale_io_fd(ends[0]));
    ck_assert_int_eq(trale_write_all(ends[1], "x", 1), 1);
    ck_assert_int_eq(trale_read(ends[0], buffer, sizeof buffer), 1);
    ck_assert_int_eq(buffer[0], 'x');
    close_both(ends);
}

enum { ROOM = 64 << 10, MORE = 100000 };

static void new_pipe_of_known_size(void)
{
    new_pipe();
    ck_assert_int_eq(fcntl(trale_io_fd(ends[1]), F_SETPIPE_SZ, ROOM), ROOM);
    filled = ROOM;
}

static intptr_t do_write_more(void)
{
    static const char more[MORE];

    return trale_write_all(ends[1], more, sizeof more);
}

static void new_full_sockets(void)
{
    open_sockets(ends);
    fill(trale_io_fd(ends[1]));
    filled = waiting_bytes();
}

static intptr_t do_sendto(void)
{
    return trale_sendto(ends[1], "y", 1, NULL);
}

static intptr_t do_send(void)
{
    return trale_send(ends[1], "y", 1);
}

static intptr_t do_send_many(void)
{
    trale_datagram two[2] = {{.buffer = "y", .size = 1}, {.buffer = "z", .size = 1}};

    return trale_send_many(ends[1], two, 2);
}

#define CALL(what, before, after) \
    { \
        .name = #what, .prepare = (before), .call = do_##what, .finish = (after) \
    }

static const struct held_call calls[] = {
    CALL(yield, NULL, NULL),
    CALL(sleep, NULL, NULL),
    CALL(sleep_until, NULL, NULL),
    CALL(interval_wait, start_interval, no_tick_was_taken),
    CALL(await, new_probe, probe_was_dropped_once),
    CALL(join, spawn_helper, helper_can_be_joined),
    CALL(runtime_wait, new_other, other_still_stands),
    CALL(runtime_free, new_other, other_still_stands),
    CALL(wait, new_pipe, nothing_was_read),
    CALL(read, new_pipe, nothing_was_read),
    CALL(readv, new_pipe, nothing_was_read),
    CALL(read_full, new_pipe, nothing_was_read),
    CALL(wait_for_room, new_full_pipe, nothing_was_written),
    CALL(write, new_full_pipe, nothing_was_written),
    CALL(writev, new_full_pipe, nothing_was_written),
    CALL(write_all, new_full_pipe, nothing_was_written),
    CALL(write, new_full_sockets, nothing_was_written),
    CALL(writev, new_full_sockets, nothing_was_written),
    CALL(write_all, new_full_sockets, nothing_was_written),
    CALL(sendto, new_full_sockets, nothing_was_written),
    CALL(send, new_full_sockets, nothing_was_written),
    CALL(send_many, new_full_sockets, nothing_was_written),
    {.name = "read_full that has read",
     .prepare = new_pipe_with_three_bytes,
     .call = do_read_full,
     .outcome = 3,
     .too_late = close_ends,
     .finish = nothing_was_read},
    {.name = "write_all that has written",
     .prepare = new_pipe_of_known_size,
     .call = do_write_more,
     .outcome = ROOM,
     .too_late = close_ends,
     .finish = nothing_was_written},
};

/* It ends its task instead; begun too late, it begins nothing. */
static const struct held_call block_on = {
    .name = "block_on", .call = do_block_on, .finish = event_is_as_it_was, .outcome = -ECANCELED};

START_TEST(a_deadline_ends_it)
{
    HELD_EACH(calls, held_until_deadline);
    held_until_deadline(&block_on);
}
END_TEST

START_TEST(a_deadline_ends_it_on_a_thread)
{
    HELD_EACH(calls, held_until_deadline_on_thread);
    held_until_deadline_on_thread(&block_on);
}
END_TEST

START_TEST(a_deadline_that_has_passed_does_not_let_it_begin)
{
    HELD_EACH(calls, held_too_late);
}
END_TEST

START_TEST(a_cancel_ends_it)
{
    HELD_EACH(calls, held_until_cancelled);
    held_until_cancelled(&block_on);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "deadline_calls", a_deadline_ends_it,
               a_deadline_ends_it_on_a_thread, a_deadline_that_has_passed_does_not_let_it_begin,
               a_cancel_ends_it)
