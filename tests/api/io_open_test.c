/* Taking descriptors over: what is refused, what is left alone, and files that are always ready. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "settle.h"
#include "wait_task.h"

#define BOTH (TRALE_READABLE | TRALE_WRITABLE)

START_TEST(a_descriptor_becomes_non_blocking)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
    trale_io *io = open_io(ends[0]);
    ck_assert_int_eq(trale_io_fd(io), ends[0]);
    ck_assert_int_eq(fcntl(ends[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    ck_assert_int_eq(trale_close(io), 0);
    ck_assert_int_eq(fcntl(ends[0], F_GETFD), -1);
    close(ends[1]);
}
END_TEST

START_TEST(other_flags_stay)
{
    int ends[2];
    make_pipe(ends);
    ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_ASYNC), 0);
    trale_io *io = open_io(ends[1]);
    ck_assert_int_eq(fcntl(ends[1], F_GETFL), O_WRONLY | O_ASYNC | O_NONBLOCK);
    trale_close(io);
    close(ends[0]);
}
END_TEST

START_TEST(what_is_not_open_is_refused)
{
    int ends[2];
    trale_io *io = (trale_io *)&ends;
    make_pipe(ends);
    close(ends[0]);
    close(ends[1]);
    ck_assert_int_eq(trale_io_open(&io, ends[0]), -EBADF);
    ck_assert_int_eq(trale_io_open(&io, -1), -EBADF);
    ck_assert_int_eq(trale_io_open(&io, INT32_MAX), -EBADF);
    ck_assert_ptr_eq(io, (trale_io *)&ends);
}
END_TEST

START_TEST(null_is_refused_and_the_descriptor_left_alone)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    int flags = fcntl(ends[0], F_GETFL);
    ck_assert_int_eq(trale_io_open(NULL, ends[0]), -EINVAL);
    ck_assert_int_eq(fcntl(ends[0], F_GETFL), flags);
    ck_assert_int_eq(trale_io_fd(NULL), -EINVAL);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

static void is_always_ready(trale_io *io)
{
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(trale_wait(io, TRALE_READABLE), TRALE_READABLE);
        ck_assert_int_eq(trale_wait(io, BOTH), BOTH);
        ck_assert_int_eq(join(spawn_wait(io, TRALE_WRITABLE)), TRALE_WRITABLE);
        ck_assert_int_eq(join(spawn_wait(io, BOTH)), BOTH);
    }
    ck_assert_int_eq(trale_close(io), 0);
}

START_TEST(a_regular_file_is_always_ready)
{
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    is_always_ready(open_io(dup(fileno(file))));
    fclose(file);
}
END_TEST

START_TEST(the_null_device_is_always_ready)
{
    is_always_ready(open_io(open("/dev/null", O_RDWR | O_CLOEXEC)));
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "io_open", a_descriptor_becomes_non_blocking,
               other_flags_stay, what_is_not_open_is_refused,
               null_is_refused_and_the_descriptor_left_alone, a_regular_file_is_always_ready,
               the_null_device_is_always_ready)
