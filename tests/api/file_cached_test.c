/*
 * Reads of a file that is in the page cache in part, or cannot be: nothing is lost, nothing is
 * made up, and the executor never waits for a disk. The library's looks into the cache pass by
 * here.
 */
#define _GNU_SOURCE
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <trale.h>
#include <unistd.h>

#include "files.h"
#include "gate.h"
#include "settle.h"
#include "syscalls.h"
#include "system.h"

ENDS_AS_IT_IS

static atomic_int looks;   /* into the cache */
static atomic_bool halved; /* the next finds half of what it looks for, */
static atomic_bool empty;  /* or 0 bytes, as Linux 5.9 and 5.10 may say: readv(2), BUGS */

static bool take(atomic_bool *flag)
{
    return atomic_exchange(flag, false);
}

__attribute__((visibility("default"))) long syscall(long number, ...)
{
    struct iovec iov;
    long a[6];

    TAKE_ARGUMENTS(a, number);
    if (number == SYS_preadv2) {
        atomic_fetch_add(&looks, 1);
        iov = *(const struct iovec *)(uintptr_t)a[1];
        if (take(&empty))
            return 0;
        if (take(&halved)) {
            iov.iov_len /= 2;
            a[1] = (long)&iov;
            a[2] = 1;
            a[5] = 0;
        }
    }
    return real_syscall(number, a);
}

static char contents[] = "contents";

static struct gate begun = GATE, go = GATE;

static intptr_t block(void *arg)
{
    (void)arg;
    gate_open(&begun);
    gate_wait(&go);
    return 0;
}

static char in[16];

static intptr_t read_it(void *io)
{
    return trale_pread(io, in, 8, 0);
}

START_TEST(cancelled_before_the_rest_began_a_read_says_what_it_has)
{
    trale_io *io = open_filled(contents);
    trale_task *blocker, *reader;
    trale_blocking_future f;

    ck_assert_int_eq(trale_blocking_limit(1), 0);
    trale_blocking_init(&f, block, NULL);
    ck_assert_int_eq(trale_spawn_future(&blocker, &f.future, sizeof f), 0);
    gate_wait(&begun);
    atomic_store(&halved, true);
    ck_assert_int_eq(trale_spawn(&reader, read_it, io), 0);
    settle();
    trale_cancel(reader);
    ck_assert_int_eq(join(reader), 4);
    ck_assert_mem_eq(in, "cont", 4);
    gate_open(&go);
    join(blocker);
    trale_close(io);
    free_default_runtime();
}
END_TEST

static void read_without_threads(void *arg)
{
    trale_io *io = open_filled(contents);

    (void)arg;
    deny_call(SYS_clone, EAGAIN);
#ifdef SYS_clone3
    deny_call(SYS_clone3, EAGAIN);
#endif
    atomic_store(&halved, true);
    MUST(trale_pread(io, in, 8, 0) == 4 && memcmp(in, "cont", 4) == 0);
    trale_close(io);
}

START_TEST(without_a_thread_for_the_rest_it_does_so_too)
{
    passes_in_child(read_without_threads, NULL);
}
END_TEST

START_TEST(a_cache_that_says_nothing_is_no_end_of_file)
{
    trale_io *io = open_filled(contents);

    atomic_store(&empty, true);
    ck_assert_int_eq(trale_pread(io, in, 8, 0), 8);
    atomic_store(&empty, true);
    ck_assert_int_eq(trale_read(io, in, 16), 8);
    atomic_store(&empty, true);
    ck_assert_int_eq(trale_read(io, in, 16), 0);
    trale_close(io);
}
END_TEST

#define BLOCK ((size_t)4096)

/* NULL: this file system has no such files. */
static trale_io *open_direct(void)
{
    char path[] = "/tmp/trale-file-XXXXXX";
    int plain = mkstemp(path), fd = open(path, O_RDWR | O_DIRECT);
    trale_io *io = NULL;

    ck_assert_int_ge(plain, 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(ftruncate(plain, 4 * (off_t)BLOCK), 0);
    close(plain);
    if (fd >= 0)
        ck_assert_int_eq(trale_io_open(&io, fd), 0);
    return io;
}

static intptr_t join_future(trale_future *future, size_t size)
{
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn_future(&task, future, size), 0);
    return join(task);
}

/* RWF_NOWAIT does not keep it from waiting for the disk. */
START_TEST(a_file_past_the_cache_is_not_looked_for_there)
{
    static _Alignas(4096) char buffer[4096];
    trale_io *io = open_direct();

    if (!io)
        return;
    ck_assert_int_eq(trale_pread(io, buffer, BLOCK, 0), (ssize_t)BLOCK);
    ck_assert_int_eq(trale_read(io, buffer, BLOCK), (ssize_t)BLOCK);
    ck_assert_int_eq(atomic_load(&looks), 0);
    trale_close(io);
}
END_TEST

START_TEST(futures_read_and_write_past_the_cache)
{
    static _Alignas(4096) char buffer[4096], back[4096];
    trale_io *io = open_direct();
    trale_pwrite_future write;
    trale_pread_future read;

    if (!io)
        return;
    memset(buffer, 'x', BLOCK);
    trale_pwrite_init(&write, io, buffer, BLOCK, 4096);
    ck_assert_int_eq(join_future(&write.future, sizeof write), (intptr_t)BLOCK);
    trale_pread_init(&read, io, back, BLOCK, 4096);
    ck_assert_int_eq(join_future(&read.future, sizeof read), (intptr_t)BLOCK);
    ck_assert_mem_eq(back, buffer, BLOCK);
    trale_close(io);
    free_default_runtime();
}
END_TEST

static struct gate reading = GATE, read_on = GATE;
static atomic_bool held;

ssize_t readv(int fd, const struct iovec *iov, int count)
{
    if (atomic_load(&held)) {
        gate_open(&reading);
        gate_wait(&read_on);
    }
    return syscall(SYS_readv, fd, iov, count);
}

/* More than is looked for in the cache. */
static intptr_t read_much(void *io)
{
    static char buffer[128 << 10];

    return trale_read(io, buffer, sizeof buffer);
}

static intptr_t read_some(void *io)
{
    return trale_read(io, in, 8);
}

/* The file offset has a lock, which a read that waits for the disk holds: RWF_NOWAIT waits. */
START_TEST(a_task_does_not_wait_for_the_offset_that_another_call_holds)
{
    trale_io *io = open_filled(contents);
    trale_task *one, *two;

    atomic_store(&held, true);
    ck_assert_int_eq(trale_spawn(&one, read_much, io), 0);
    gate_wait(&reading);
    ck_assert_int_eq(trale_spawn(&two, read_some, io), 0);
    settle();
    ck_assert_int_eq(atomic_load(&looks), 0);
    gate_open(&read_on);
    ck_assert_int_eq(join(one) + join(two), 8);
    trale_close(io);
    free_default_runtime();
}
END_TEST

/* Between the part and a rest, others would read at the offset. */
START_TEST(at_the_offset_a_part_is_all_there_is)
{
    trale_io *io = open_filled(contents);

    atomic_store(&halved, true);
    ck_assert_int_eq(trale_read(io, in, 8), 4);
    ck_assert_mem_eq(in, "cont", 4);
    atomic_store(&halved, true);
    ck_assert_int_eq(trale_read_full(io, in, 8), 4);
    ck_assert_mem_eq(in, "ents", 4);
    trale_close(io);
}
END_TEST

TEST_MAIN("file_cached", cancelled_before_the_rest_began_a_read_says_what_it_has,
          without_a_thread_for_the_rest_it_does_so_too,
          a_cache_that_says_nothing_is_no_end_of_file,
          a_file_past_the_cache_is_not_looked_for_there, futures_read_and_write_past_the_cache,
          a_task_does_not_wait_for_the_offset_that_another_call_holds,
          at_the_offset_a_part_is_all_there_is)
