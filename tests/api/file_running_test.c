/*
 * What becomes of a file operation that has begun, or waits to begin, when its task is cancelled,
 * its future dropped, its io closed. The library's own reads and writes stop at gates here.
 */
#define _GNU_SOURCE
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <trale.h>
#include <unistd.h>

#include "gate.h"
#include "settle.h"
#include "system.h"
#include "wait_task.h"

static struct gate begun = GATE, go = GATE;
static atomic_bool held;

static void pass_gates(void)
{
    if (!atomic_load(&held))
        return;
    gate_open(&begun);
    gate_wait(&go);
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    pass_gates();
    return syscall(SYS_pwritev, fd, iov, count, offset, 0);
}

ssize_t preadv(int fd, const struct iovec *iov, int count, off_t offset)
{
    pass_gates();
    return syscall(SYS_preadv, fd, iov, count, offset, 0);
}

#define SIZE ((size_t)128 << 10) /* more than is looked for in the page cache */

static char out[SIZE], in[SIZE];

static trale_io *open_filled(void)
{
    char path[] = "/tmp/trale-file-XXXXXX";
    trale_io *io = NULL;
    int fd = mkstemp(path);

    memset(out, 'x', SIZE);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(write(fd, out, SIZE), (ssize_t)SIZE);
    ck_assert_int_eq(trale_io_open(&io, fd), 0);
    atomic_store(&held, true);
    return io;
}

static intptr_t write_it(void *io)
{
    return trale_pwrite(io, "changed", 7, 0);
}

static intptr_t read_it(void *io)
{
    return trale_pread(io, in, SIZE, 0);
}

static trale_task *spawn(trale_fn *fn, trale_io *io)
{
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn(&task, fn, io), 0);
    return task;
}

START_TEST(a_cancelled_write_that_runs_says_what_it_wrote)
{
    trale_io *io = open_filled();
    trale_task *task = spawn(write_it, io);
    char start[7];

    gate_wait(&begun);
    trale_cancel(task);
    settle();
    gate_open(&go);
    ck_assert_int_eq(join(task), 7);
    ck_assert_int_eq(pread(trale_io_fd(io), start, 7, 0), 7);
    ck_assert_mem_eq(start, "changed", 7);
    trale_close(io);
}
END_TEST

START_TEST(a_dropped_read_leaves_the_callers_buffer_alone)
{
    trale_io *io = open_filled();
    trale_pread_future f;
    trale_task *task;

    memset(in, '.', SIZE);
    trale_pread_init(&f, io, in, SIZE, 0);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    gate_wait(&begun);
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    gate_open(&go);
    atomic_store(&held, false);
    ck_assert_int_eq(trale_fsync(io), 0);
    for (size_t i = 0; i < SIZE; i++)
        ck_assert_int_eq(in[i], '.');
    trale_close(io);
}
END_TEST

START_TEST(a_close_lets_what_runs_end_and_the_descriptor_with_it)
{
    trale_io *io = open_filled();
    trale_task *task = spawn(read_it, io);
    int fds = count_fds(), fd = trale_io_fd(io);

    gate_wait(&begun);
    ck_assert_int_eq(trale_close(io), 0);
    ck_assert_int_ne(fcntl(fd, F_GETFD), -1);
    gate_open(&go);
    ck_assert_int_eq(join(task), (intptr_t)SIZE);
    ck_assert_mem_eq(in, out, SIZE);
    ck_assert_int_eq(count_fds(), fds - 1);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

START_TEST(a_close_ends_what_has_not_begun)
{
    trale_io *first = open_filled(), *second = open_filled();
    trale_task *one, *two;

    ck_assert_int_eq(trale_blocking_limit(1), 0);
    one = spawn(write_it, first);
    gate_wait(&begun);
    two = spawn(write_it, second);
    settle();
    ck_assert_int_eq(trale_close(second), 0);
    gate_open(&go);
    ck_assert_int_eq(join(one), 7);
    ck_assert_int_eq(join(two), -EBADF);
    trale_close(first);
}
END_TEST

START_TEST(a_cancelled_write_that_has_not_begun_writes_nothing)
{
    trale_io *first = open_filled(), *second = open_filled();
    trale_task *one, *two;
    char start[7];

    ck_assert_int_eq(trale_blocking_limit(1), 0);
    one = spawn(write_it, first);
    gate_wait(&begun);
    two = spawn(write_it, second);
    settle();
    trale_cancel(two);
    ck_assert_int_eq(join(two), -ECANCELED);
    gate_open(&go);
    ck_assert_int_eq(join(one), 7);
    ck_assert_int_eq(pread(trale_io_fd(second), start, 7, 0), 7);
    ck_assert_mem_eq(start, out, 7);
    trale_close(first);
    trale_close(second);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "file_running",
               a_cancelled_write_that_runs_says_what_it_wrote,
               a_dropped_read_leaves_the_callers_buffer_alone,
               a_close_lets_what_runs_end_and_the_descriptor_with_it,
               a_close_ends_what_has_not_begun,
               a_cancelled_write_that_has_not_begun_writes_nothing)
