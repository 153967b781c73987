/* Events that are only a hang-up, or only an error, wake whoever waits, for whatever. */
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "settle.h"
#include "wait_task.h"

#define BOTH (TRALE_READABLE | TRALE_WRITABLE)

START_TEST(a_pipe_whose_writer_closed_is_only_hung_up)
{
    static const unsigned events[] = {TRALE_READABLE, TRALE_WRITABLE, BOTH};
    int ends[2];
    trale_task *tasks[3];
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    for (int i = 0; i < 3; i++)
        tasks[i] = spawn_wait(io, events[i]);
    settle();
    close(ends[1]);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(join(tasks[i]), (intptr_t)events[i]);
        ck_assert_int_eq(trale_wait(io, events[i]), (int)events[i]); /* and stays so */
    }
    trale_close(io);
}
END_TEST

START_TEST(a_full_pipe_whose_reader_closed_is_only_in_error)
{
    static const unsigned events[] = {TRALE_WRITABLE, TRALE_READABLE, BOTH};
    int ends[2];
    trale_task *tasks[3];
    make_pipe(ends);
    trale_io *io = open_io(ends[1]);
    fill(ends[1]);
    for (int i = 0; i < 3; i++)
        tasks[i] = spawn_wait(io, events[i]);
    settle();
    close(ends[0]);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(join(tasks[i]), (intptr_t)events[i]);
        ck_assert_int_eq(trale_wait(io, events[i]), (int)events[i]);
    }
    trale_close(io);
}
END_TEST

START_TEST(a_hang_up_before_the_wait_is_seen)
{
    int ends[2];
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    close(ends[1]);
    ck_assert_int_eq(join(spawn_wait(io, TRALE_READABLE)), TRALE_READABLE);
    trale_close(io);
}
END_TEST

START_TEST(a_socket_that_is_shut_down_is_readable)
{
    int ends[2];
    make_sockets(ends);
    trale_io *io = open_io(ends[0]);
    trale_task *task = spawn_wait(io, TRALE_READABLE);
    settle();
    shutdown(ends[1], SHUT_WR);
    ck_assert_int_eq(join(task), TRALE_READABLE);
    char byte;
    ck_assert_int_eq(read(ends[0], &byte, 1), 0);
    trale_close(io);
    close(ends[1]);
}
END_TEST

START_TEST(a_socket_whose_peer_is_gone_wakes_a_writer)
{
    int ends[2];
    make_sockets(ends);
    trale_io *io = open_io(ends[0]);
    fill(ends[0]);
    trale_task *task = spawn_wait(io, TRALE_WRITABLE);
    settle();
    close(ends[1]);
    ck_assert_int_eq(join(task), TRALE_WRITABLE);
    trale_close(io);
}
END_TEST

START_TEST(a_refused_connection_wakes_whoever_waits_for_it)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t size = sizeof addr;
    int error = 0, closed = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &addr.sin_addr);
    ck_assert_int_eq(bind(closed, (struct sockaddr *)&addr, sizeof addr), 0);
    ck_assert_int_eq(getsockname(closed, (struct sockaddr *)&addr, &size), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    trale_io *io = open_io(fd);
    int connected = connect(fd, (struct sockaddr *)&addr, sizeof addr); /* nobody listens */
    ck_assert(connected == 0 || errno == EINPROGRESS || errno == ECONNREFUSED);
    ck_assert_int_eq(join(spawn_wait(io, TRALE_WRITABLE)), TRALE_WRITABLE);
    size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    ck_assert(error == ECONNREFUSED || errno == ECONNREFUSED);
    trale_close(io);
    close(closed);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "wait_hangup",
               a_pipe_whose_writer_closed_is_only_hung_up,
               a_full_pipe_whose_reader_closed_is_only_in_error,
               a_hang_up_before_the_wait_is_seen, a_socket_that_is_shut_down_is_readable,
               a_socket_whose_peer_is_gone_wakes_a_writer,
               a_refused_connection_wakes_whoever_waits_for_it)
