/* The dump: operations on descriptors, and work on the pool. */
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <trale.h>
#include <unistd.h>

#include "dumped.h"
#include "gate.h"
#include "settle.h"

/* Descriptors: a pair of sockets, on one of which nothing comes. */

static intptr_t read_byte(void *io)
{
    char byte;

    return trale_read(io, &byte, 1);
}

static intptr_t read_bytes(void *io)
{
    char bytes[2];

    return trale_read_full(io, bytes, sizeof bytes);
}

static intptr_t receive(void *io)
{
    char byte;

    return trale_recvfrom(io, &byte, 1, NULL);
}

static intptr_t wait_readable(void *io)
{
    return trale_wait(io, TRALE_READABLE);
}

static intptr_t wait_writable(void *io)
{
    return trale_wait(io, TRALE_WRITABLE);
}

static intptr_t accept_one(void *io)
{
    trale_io *connection;

    return trale_accept(io, &connection, NULL);
}

static intptr_t fill(void *io)
{
    static const char bytes[1 << 20];
    ssize_t n;

    do
        n = trale_write_all(io, bytes, sizeof bytes);
    while (n == (ssize_t)sizeof bytes);
    return n < 0 ? n : -ECANCELED;
}

static void expect_fd(trale_fn *fn, trale_io *io, const char *words)
{
    trale_task *task = spawn_waiting(fn, io);
    char expected[64];

    snprintf(expected, sizeof expected, words, trale_io_fd(io));
    expect_doing(task, "waiting: %s", expected);
    end_task(task, -ECANCELED);
}

START_TEST(operations_tell_their_descriptor)
{
    int ends[2];
    trale_io *io, *udp, *tcp;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ck_assert_int_eq(trale_io_open(&io, ends[0]), 0);
    ck_assert_int_eq(trale_udp_bind(&udp, "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_tcp_listen(&tcp, "127.0.0.1:0"), 0);
    expect_fd(read_byte, io, "read fd %d");
    expect_fd(read_bytes, io, "read_full fd %d");
    expect_fd(wait_readable, io, "wait fd %d, readable");
    expect_fd(fill, io, "write_all fd %d");
    expect_fd(wait_writable, io, "wait fd %d, writable");
    expect_fd(receive, udp, "recvfrom fd %d");
    expect_fd(accept_one, tcp, "accept fd %d");
    trale_close(io);
    trale_close(udp);
    trale_close(tcp);
    close(ends[1]);
}
END_TEST

static struct gate begun = GATE, over = GATE;

static intptr_t hold_thread(void *arg)
{
    (void)arg;
    gate_open(&begun);
    gate_wait(&over);
    return 0;
}

static intptr_t block(void *arg)
{
    return trale_blocking(hold_thread, arg);
}

/* A file whose thread is not to be had: the pool has one, and it is held up. */
static intptr_t write_file(void *io)
{
    return trale_pwrite(io, "x", 1, 0);
}

static intptr_t sync_file(void *io)
{
    return trale_fsync(io);
}

START_TEST(work_on_the_pool)
{
    trale_io *file;
    trale_task *blocking, *writing, *syncing;
    int fd = fileno(tmpfile());

    ck_assert_int_eq(trale_blocking_limit(1), 0);
    ck_assert_int_eq(trale_io_open(&file, dup(fd)), 0);
    blocking = spawn_waiting(block, NULL);
    gate_wait(&begun);
    expect_doing(blocking, "waiting: blocking");
    writing = spawn_waiting(write_file, file);
    expect_doing(writing, "waiting: pwrite fd %d", trale_io_fd(file));
    syncing = spawn_waiting(sync_file, file);
    expect_doing(syncing, "waiting: fsync fd %d", trale_io_fd(file));
    gate_open(&over);
    ck_assert_int_eq(join(syncing), 0);
    ck_assert_int_eq(join(blocking), 0);
    ck_assert_int_eq(join(writing), 1);
    trale_close(file);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "dump_io", operations_tell_their_descriptor,
               work_on_the_pool)
