/*
 * What runs on the pool, and is not to wait any longer: it does not begin, or, once it has begun,
 * comes to its end. The library's own reads and writes stop at a gate here.
 */
#define _GNU_SOURCE
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gate.h"
#include "held_call.h"
#include "settle.h"
#include "waiters.h"

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

static char out[SIZE], in[SIZE], path[64], new_path[80];
static trale_io *io;

static void new_file(void)
{
    int fd;

    strcpy(path, "/tmp/trale-deadline-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    snprintf(new_path, sizeof new_path, "%s.new", path);
    memset(out, 'x', SIZE);
    memset(in, '.', SIZE);
    ck_assert_int_eq(write(fd, out, SIZE), (ssize_t)SIZE);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    ck_assert_int_eq(trale_io_open(&io, fd), 0);
}

static void remove_file(void)
{
    ck_assert_int_eq(trale_close(io), 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_ne(access(new_path, F_OK), 0);
}

static intptr_t do_pread(void)
{
    return trale_pread(io, in, SIZE, 0);
}

static intptr_t do_pwrite(void)
{
    return trale_pwrite(io, "changed", 7, 0);
}

static intptr_t do_fsync(void)
{
    return trale_fsync(io);
}

static intptr_t do_read(void)
{
    return trale_read(io, in, SIZE);
}

static intptr_t do_readv(void)
{
    struct iovec iov[2] = {{in, SIZE / 2}, {in + SIZE / 2, SIZE / 2}};

    return trale_readv(io, iov, 2);
}

static intptr_t do_read_full(void)
{
    return trale_read_full(io, in, SIZE);
}

static intptr_t do_write(void)
{
    return trale_write(io, "changed", 7);
}

static intptr_t do_writev(void)
{
    struct iovec iov[2] = {{"chan", 4}, {"ged", 3}};

    return trale_writev(io, iov, 2);
}

static intptr_t do_write_all(void)
{
    return trale_write_all(io, "changed", 7);
}

static intptr_t do_file_open(void)
{
    trale_io *opened = NULL;
    int error = trale_file_open(&opened, new_path, O_RDWR | O_CREAT, 0600);

    return opened ? -1000 : error;
}

static intptr_t do_mkdir(void)
{
    return trale_mkdir(new_path, 0700);
}

static intptr_t do_unlink(void)
{
    return trale_unlink(path);
}

static intptr_t do_rename(void)
{
    return trale_rename(path, new_path);
}

static intptr_t do_stat(void)
{
    struct stat status = {.st_size = -1};
    int error = trale_stat(path, &status);

    return status.st_size == -1 ? error : -1000;
}

static atomic_int worked;

static intptr_t work(void *arg)
{
    atomic_fetch_add(&worked, 1);
    return (intptr_t)arg;
}

static intptr_t do_blocking(void)
{
    return trale_blocking(work, (void *)5);
}

/* The only thread of the pool is busy. */
static trale_task *busy;

static intptr_t be_busy(void *arg)
{
    gate_open(&begun);
    gate_wait(&go);
    return (intptr_t)arg;
}

static intptr_t occupy(void *arg)
{
    return trale_blocking(be_busy, arg);
}

static void new_file_and_busy_pool(void)
{
    new_file();
    begun = go = (struct gate)GATE;
    atomic_store(&worked, 0);
    ck_assert_int_eq(trale_blocking_limit(1), 0);
    busy = spawn_on(NULL, occupy, NULL);
    gate_wait(&begun);
}

/* What was withdrawn does not come after all, when the pool has time for it. */
static void nothing_happened(void)
{
    char start[7];

    gate_open(&go);
    ck_assert_int_eq(join(busy), 0);
    ck_assert_int_eq(do_blocking(), 5);
    ck_assert_int_eq(atomic_load(&worked), 1);
    ck_assert_int_eq(lseek(trale_io_fd(io), 0, SEEK_CUR), 0);
    ck_assert_int_eq(pread(trale_io_fd(io), start, 7, 0), 7);
    ck_assert_mem_eq(start, out, 7);
    for (size_t i = 0; i < SIZE; i++)
        ck_assert_int_eq(in[i], '.');
    ck_assert_int_eq(trale_pwrite(io, "changed", 7, 0), 7);
    ck_assert_int_eq(trale_pread(io, in, SIZE, 0), (ssize_t)SIZE);
    ck_assert_mem_eq(in, "changedx", 8);
    remove_file();
}

#define NOT_BEGUN(what) \
    { \
        .name = #what, .prepare = new_file_and_busy_pool, .call = do_##what, \
        .finish = nothing_happened \
    }

static const struct held_call not_begun[] = {
    NOT_BEGUN(blocking), NOT_BEGUN(pread),     NOT_BEGUN(pwrite),    NOT_BEGUN(fsync),
    NOT_BEGUN(read),     NOT_BEGUN(readv),     NOT_BEGUN(read_full), NOT_BEGUN(write),
    NOT_BEGUN(writev),   NOT_BEGUN(write_all), NOT_BEGUN(file_open), NOT_BEGUN(mkdir),
    NOT_BEGUN(unlink),   NOT_BEGUN(rename),    NOT_BEGUN(stat),
};

START_TEST(a_deadline_keeps_it_from_beginning)
{
    HELD_EACH(not_begun, held_until_deadline);
}
END_TEST

START_TEST(a_deadline_keeps_it_from_beginning_on_a_thread)
{
    HELD_EACH(not_begun, held_until_deadline_on_thread);
}
END_TEST

START_TEST(a_deadline_that_has_passed_keeps_it_from_beginning)
{
    HELD_EACH(not_begun, held_too_late);
}
END_TEST

START_TEST(a_cancel_keeps_it_from_beginning)
{
    HELD_EACH(not_begun, held_until_cancelled);
}
END_TEST

/* What has begun. */

static void new_file_and_gate(void)
{
    new_file();
    begun = go = (struct gate)GATE;
    atomic_store(&held, true);
}

static void wait_begun(void)
{
    gate_wait(&begun);
}

static void let_go(void)
{
    atomic_store(&held, false);
    gate_open(&go);
}

static intptr_t do_be_busy(void)
{
    return trale_blocking(be_busy, (void *)5);
}

static void it_was_written(void)
{
    ck_assert_int_eq(trale_pread(io, in, SIZE, 0), (ssize_t)SIZE);
    ck_assert_mem_eq(in, "changedx", 8);
    remove_file();
}

static void it_was_read(void)
{
    ck_assert_mem_eq(in, out, SIZE);
    remove_file();
}

static const struct held_call running[] = {
    {.name = "blocking",
     .prepare = new_file_and_gate,
     .call = do_be_busy,
     .begun = wait_begun,
     .release = let_go,
     .too_late = remove_file,
     .finish = remove_file,
     .outcome = 5},
    {.name = "pwrite",
     .prepare = new_file_and_gate,
     .call = do_pwrite,
     .begun = wait_begun,
     .release = let_go,
     .too_late = remove_file,
     .finish = it_was_written,
     .outcome = 7},
    {.name = "pread",
     .prepare = new_file_and_gate,
     .call = do_pread,
     .begun = wait_begun,
     .release = let_go,
     .too_late = remove_file,
     .finish = it_was_read,
     .outcome = (intptr_t)SIZE},
};

START_TEST(past_the_deadline_what_has_begun_comes_to_its_end)
{
    HELD_EACH(running, held_until_deadline);
}
END_TEST

START_TEST(past_the_deadline_what_has_begun_comes_to_its_end_on_a_thread)
{
    HELD_EACH(running, held_until_deadline_on_thread);
}
END_TEST

START_TEST(cancelled_what_has_begun_comes_to_its_end)
{
    HELD_EACH(running, held_until_cancelled);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "deadline_pool", a_deadline_keeps_it_from_beginning,
               a_deadline_keeps_it_from_beginning_on_a_thread,
               a_deadline_that_has_passed_keeps_it_from_beginning,
               a_cancel_keeps_it_from_beginning,
               past_the_deadline_what_has_begun_comes_to_its_end,
               past_the_deadline_what_has_begun_comes_to_its_end_on_a_thread,
               cancelled_what_has_begun_comes_to_its_end)
