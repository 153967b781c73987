#include "streams.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include "suite.h"
#include "wait_task.h"

static void open_ends(trale_io *ends[2], const int fds[2])
{
    ends[0] = open_io(fds[0]);
    ends[1] = open_io(fds[1]);
}

void open_pipe(trale_io *ends[2])
{
    int fds[2];
    make_pipe(fds);
    open_ends(ends, fds);
}

void open_sockets(trale_io *ends[2])
{
    int fds[2];
    make_sockets(fds);
    open_ends(ends, fds);
}

trale_io *listen_any(char endpoint[TRALE_ADDR_TEXT])
{
    trale_io *listener = NULL;
    trale_addr local;
    ck_assert_int_eq(trale_tcp_listen(&listener, "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_addr_local(listener, &local), 0);
    ck_assert_int_eq(trale_addr_format(&local, endpoint, TRALE_ADDR_TEXT), 0);
    return listener;
}

/* With segments nearly as large as the buffers, the last one that fits waits for a timer. */
static void use_small_segments(int fd)
{
    const int size = 16384;
    ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &size, sizeof size), 0);
}

/* The kernel would enlarge the buffers while a test counts on their being full. */
static void fix_buffers(int fd)
{
    const int size = 64 << 10;
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
}

void open_tcp(trale_io *ends[2])
{
    char endpoint[TRALE_ADDR_TEXT];
    trale_io *listener = listen_any(endpoint);
    use_small_segments(trale_io_fd(listener));
    ck_assert_int_eq(trale_tcp_connect(&ends[0], endpoint), 0);
    ck_assert_int_eq(trale_accept(listener, &ends[1], NULL), 0);
    ck_assert_int_eq(trale_close(listener), 0);
    fix_buffers(trale_io_fd(ends[0]));
    fix_buffers(trale_io_fd(ends[1]));
}

void close_both(trale_io *ends[2])
{
    ck_assert_int_eq(trale_close(ends[0]), 0);
    ck_assert_int_eq(trale_close(ends[1]), 0);
}

void close_with_reset(trale_io *io)
{
    const struct linger at_once = {.l_onoff = 1};
    ck_assert_int_eq(setsockopt(trale_io_fd(io), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once),
                     0);
    ck_assert_int_eq(trale_close(io), 0);
}

static trale_task *spawn(const trale_future *future, size_t size)
{
    trale_task *task = NULL;
    ck_assert_int_eq(trale_spawn_future(&task, future, size), 0);
    return task;
}

trale_task *spawn_read(trale_io *io, void *buffer, size_t size)
{
    trale_read_future f;
    trale_read_init(&f, io, buffer, size);
    return spawn(&f.future, sizeof f);
}

trale_task *spawn_write(trale_io *io, const void *buffer, size_t size)
{
    trale_write_future f;
    trale_write_init(&f, io, buffer, size);
    return spawn(&f.future, sizeof f);
}

trale_task *spawn_read_full(trale_io *io, void *buffer, size_t size)
{
    trale_read_full_future f;
    trale_read_full_init(&f, io, buffer, size);
    return spawn(&f.future, sizeof f);
}

trale_task *spawn_write_all(trale_io *io, const void *buffer, size_t size)
{
    trale_write_all_future f;
    trale_write_all_init(&f, io, buffer, size);
    return spawn(&f.future, sizeof f);
}

static intptr_t transfer(void *arg)
{
    const struct transfer *t = arg;
    return t->call(t->io, t->buffer, t->size);
}

trale_task *spawn_transfer(const struct transfer *t)
{
    trale_task *task = NULL;
    ck_assert_int_eq(trale_spawn_copy(&task, transfer, t, sizeof *t), 0);
    return task;
}

ssize_t call_write(trale_io *io, void *buffer, size_t size)
{
    return trale_write(io, buffer, size);
}

ssize_t call_write_all(trale_io *io, void *buffer, size_t size)
{
    return trale_write_all(io, buffer, size);
}
