/* Files: through the pool, or from memory. */
#include "scenarios.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "gate.h"
#include "steps.h"

#define MUCH 70000 /* more than is looked for in the page cache */

/* One user at a time. */
static char got[MUCH + 1], bytes[MUCH];

static void fill(void)
{
    for (size_t i = 0; i < MUCH; i++)
        bytes[i] = (char)(i % 251);
    memset(got, 0, sizeof got);
}

static trale_io *open_file(const char *path, int flags)
{
    trale_io *io = NULL;

    CALL(trale_file_open(&io, path, flags, 0600), !io);
    return io;
}

/* Not every file system moves all at once. */
static void pwrite_all(trale_io *io, size_t size)
{
    for (size_t at = 0; at < size;) {
        intptr_t n = CALL(trale_pwrite(io, bytes + at, size - at, (off_t)at), true);

        EXPECT(n > 0);
        at += (size_t)n;
    }
}

static void pread_all(trale_io *io, size_t size)
{
    memset(got, 0, sizeof got);
    for (size_t at = 0; at < size;) {
        intptr_t n = CALL(trale_pread(io, got + at, size - at, (off_t)at), got[at] == 0);

        EXPECT(n > 0);
        at += (size_t)n;
    }
    EXPECT(memcmp(got, bytes, size) == 0);
}

typedef ssize_t vector_call(trale_io *, const struct iovec *, int);

static void vector_all(vector_call *call, trale_io *io, struct iovec *iov, int count)
{
    while (count > 0) {
        intptr_t n = CALL(call(io, iov, count), true);

        EXPECT(n > 0);
        for (; count > 0 && (size_t)n >= iov->iov_len; iov++, count--)
            n -= (intptr_t)iov->iov_len;
        if (count > 0) {
            iov->iov_base = (char *)iov->iov_base + n;
            iov->iov_len -= (size_t)n;
        }
    }
}

static void expect_end(trale_io *io)
{
    char byte = 0;

    fault_may_hide(true); /* of the question for the size: then the job finds the end */
    EXPECT(CALL(trale_read(io, &byte, 1), byte == 0) == 0);
    fault_may_hide(false);
}

/* The name of a directory, and of what is in it. */
struct place {
    char directory[64], first[80], second[80];
};

/* Only what is asked of a file that is open comes too late to leave none behind. */
static bool is_not_there(const char *path)
{
    if (fault_last_struck() == FAULT_FSTAT)
        return remove(path) == 0;
    return access(path, F_OK) != 0;
}

static trale_io *create_file(const char *path)
{
    trale_io *io = NULL;

    CALL(trale_file_open(&io, path, O_WRONLY | O_CREAT | O_EXCL, 0600),
         !io && is_not_there(path));
    return io;
}

static intptr_t name_things(void *arg)
{
    const struct place *place = arg;
    struct stat status = {0};

    CALL(trale_mkdir(place->directory, 0700), true);
    close_io(create_file(place->first));
    CALL(trale_rename(place->first, place->second), true);
    CALL(trale_stat(place->second, &status), status.st_mode == 0);
    EXPECT(S_ISREG(status.st_mode));
    CALL(trale_unlink(place->second), true);
    EXPECT(remove(place->directory) == 0);
    return 1;
}

static struct place make_place(void)
{
    struct place p;

    snprintf(p.directory, sizeof p.directory, "/tmp/trale-faults-files-%ld", (long)getpid());
    snprintf(p.first, sizeof p.first, "%s/1", p.directory);
    snprintf(p.second, sizeof p.second, "%s/2", p.directory);
    remove(p.first); /* of a process that was killed, and had the same number */
    remove(p.second);
    remove(p.directory);
    return p;
}

void paths(void)
{
    struct place place = make_place();

    have_threads();
    both_ways(name_things, &place, 1);
}

/* A file that has no name any more. */
static trale_io *open_nameless(void)
{
    struct place place = make_place();
    trale_io *io = open_file(place.directory, O_RDWR | O_CREAT);

    EXPECT(remove(place.directory) == 0);
    return io;
}

static intptr_t use_offsets(void *unused)
{
    trale_io *io = open_nameless();

    (void)unused;
    fill();
    pwrite_all(io, MUCH);
    CALL(trale_fsync(io), true);
    pread_all(io, MUCH);
    pread_all(io, 100);   /* is in the page cache */
    fault_may_hide(true); /* of the question for the size: then the job finds the end */
    EXPECT(CALL(trale_pread(io, got, 100, MUCH), true) == 0);
    EXPECT(CALL(trale_pread(io, got, 100, MUCH - 10), true) == 10);
    fault_may_hide(false);
    close_io(io);

    io = open_file("/dev/zero", O_RDWR); /* needs no pool */
    pwrite_all(io, 100);
    EXPECT(CALL(trale_pread(io, got, 1, 0), true) == 1 && got[0] == 0);
    close_io(io);
    return 2;
}

void file_offsets(void)
{
    have_threads();
    both_ways(use_offsets, NULL, 2);
}

static intptr_t use_position(void *unused)
{
    char hello[] = "hello", world[] = "world", one[6] = "", two[6] = "";
    struct iovec out[] = {{hello, 5}, {world, 5}}, in[] = {{one, 5}, {two, 5}};
    trale_io *io = open_nameless();

    (void)unused;
    fill();
    vector_all(trale_writev, io, out, 2);
    EXPECT(CALL(trale_write_all(io, bytes, MUCH), true) == MUCH);
    EXPECT(lseek_raw(trale_io_fd(io), 0) == 0);
    vector_all(trale_readv, io, in, 2);
    EXPECT(strcmp(one, hello) == 0 && strcmp(two, world) == 0);
    EXPECT(CALL(trale_read_full(io, got, MUCH), got[1] == 0) == MUCH);
    EXPECT(memcmp(got, bytes, MUCH) == 0);
    expect_end(io);
    EXPECT(lseek_raw(trale_io_fd(io), MUCH) == MUCH);
    fault_may_hide(true);                                    /* as above */
    EXPECT(CALL(trale_read_full(io, got, 100), true) == 10); /* all that is left */
    fault_may_hide(false);
    close_io(io);
    return 3;
}

void file_position(void)
{
    have_threads();
    both_ways(use_position, NULL, 3);
}

/* Whoever closes it: a fault strikes that, too, and nobody hears of it. */
static void await_close(int fd)
{
    while (lseek_raw(fd, 0) >= 0)
        sched_yield();
}

/* They have memory of their own to move through. */
static intptr_t use_futures(void *unused)
{
    trale_io *io = open_nameless();
    int fd = trale_io_fd(io);
    trale_pwrite_future write;
    trale_pread_future read;

    (void)unused;
    fill();
    EXPECT(CALL((trale_pwrite_init(&write, io, bytes, 1, 0), trale_await(&write.future)), true) ==
           1);
    pwrite_all(io, MUCH);
    for (size_t at = 0; at < MUCH;) {
        at += (size_t)CALL((trale_pread_init(&read, io, got + at, MUCH - at, (off_t)at),
                            trale_await(&read.future)),
                           got[at] == 0);
    }
    EXPECT(memcmp(got, bytes, MUCH) == 0);
    CALL((trale_pread_init(&read, io, got, MUCH, 0), poll_and_drop(&read.future, NULL)), true);
    fault_may_hide(true); /* of a read that goes on: then it closes the descriptor, later */
    close_io(io);
    await_close(fd);
    fault_may_hide(false);
    return 4;
}

void file_futures(void)
{
    have_threads();
    both_ways(use_futures, NULL, 4);
}

struct job {
    struct gate go;
    atomic_bool begun;
};

static intptr_t hold(void *arg)
{
    struct job *job = arg;

    atomic_store(&job->begun, true);
    gate_wait(&job->go);
    return 5;
}

static intptr_t be_held(void *job)
{
    return CALL(trale_blocking(hold, job), true);
}

struct reader {
    trale_io *io;
    atomic_bool pending;
};

/* Behind a job that is held; it can fail only before it waits. */
static intptr_t read_until_closed(void *arg)
{
    struct reader *reader = arg;
    trale_pread_future read;
    intptr_t result;

    trale_pread_init(&read, reader->io, got, MUCH, 0);
    result = await_announced(&read.future, &reader->pending);
    if (result != -EBADF) {
        EXPECT(result < 0 && !atomic_load(&reader->pending));
        call_failed(result, "trale_pread until closed");
        trale_pread_init(&read, reader->io, got, MUCH, 0);
        result = await_announced(&read.future, &reader->pending);
    }
    EXPECT(result == -EBADF);
    return 6;
}

/* The descriptor lives until the call that has begun is over, and is closed then. */
static void close_under_read(bool in_task)
{
    struct reader reader = {.io = open_nameless()};
    struct job job = {.go = GATE};
    struct plain holder, thread;
    trale_task *task = NULL;
    int fd = trale_io_fd(reader.io);

    EXPECT(trale_blocking_limit(1) == 0);
    plain_start(&holder, be_held, &job);
    wait_until(&job.begun);
    if (in_task)
        CALL(trale_spawn(&task, read_until_closed, &reader), !task);
    else
        plain_start(&thread, read_until_closed, &reader);
    wait_until(&reader.pending);
    fault_may_hide(true); /* nobody hears what closing says */
    EXPECT(trale_close(reader.io) == 0);
    gate_open(&job.go);
    EXPECT(plain_join(&holder) == 5);
    if (in_task)
        join_for(task, 6);
    else
        EXPECT(plain_join(&thread) == 6);
    await_close(fd);
    fault_may_hide(false);
    EXPECT(trale_blocking_limit(64) == 0);
}

void closed_files(void)
{
    have_threads();
    close_under_read(false);
    close_under_read(true);
}

static trale_io *take_over_hello(void)
{
    char path[] = "/tmp/trale-faults-XXXXXX";
    int fd = mkstemp(path);
    trale_io *io = NULL;

    EXPECT(fd >= 0 && remove(path) == 0);
    for (int i = 0; i < 5; i++)
        write_raw(fd);
    EXPECT(lseek_raw(fd, 0) == 0);
    CALL(trale_io_open(&io, fd), !io);
    return io;
}

/* Of what is not in the page cache but for a byte: the byte has been read, whatever comes of the
 * rest. */
static intptr_t read_cold(void *unused)
{
    trale_io *io = take_over_hello();
    struct iovec in[] = {{got, 2}, {got + 2, 1}};

    (void)unused;
    memset(got, 0, sizeof got);
    fault_may_hide(true);
    vector_all(trale_readv, io, in, 2);
    for (size_t at = 3; at < 5;) {
        intptr_t n = CALL(trale_read(io, got + at, 10), got[at] == 0);

        EXPECT(n > 0);
        at += (size_t)n;
    }
    EXPECT(memcmp(got, "xxxxx", 6) == 0);
    expect_end(io);
    fault_may_hide(false);
    close_io(io);
    return 7;
}

void cold_files(void)
{
    page_cache_is_cold(true);
    EXPECT(read_cold(NULL) == 7);    /* when the pool has no thread */
    fault_may_hide_at(FAULT_THREAD); /* there is one, though it may be busy yet */
    have_threads();
    both_ways(read_cold, NULL, 7);
    page_cache_is_cold(false);
}
