/* Pipes, TCP, Unix sockets: a task at one end, a plain thread at the other. */
#include "scenarios.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "steps.h"

#define MUCH 80000 /* more than a pipe holds */

static char byte_at(size_t place)
{
    return (char)(place % 251);
}

/* What is too large for a task's stack: no thread has more than one task here. */
static _Thread_local char got[MUCH], bytes[MUCH];

/* A short count is followed by the error that made it short. */
static void read_much(trale_io *io)
{
    size_t moved = 0;

    while (moved < MUCH) {
        intptr_t n = CALL(trale_read_full(io, got + moved, MUCH - moved), true);

        EXPECT(n > 0);
        moved += (size_t)n;
    }
    for (size_t i = 0; i < MUCH; i++)
        EXPECT(got[i] == byte_at(i));
}

static void write_much(trale_io *io)
{
    size_t moved = 0;

    for (size_t i = 0; i < MUCH; i++)
        bytes[i] = byte_at(i);
    while (moved < MUCH) {
        intptr_t n = CALL(trale_write_all(io, bytes + moved, MUCH - moved), true);

        EXPECT(n > 0);
        moved += (size_t)n;
    }
}

static void give(trale_io *io)
{
    const struct iovec out[] = {{"ab", 2}, {NULL, 0}, {"cdef", 4}};

    EXPECT(CALL(trale_wait(io, TRALE_WRITABLE), true) == TRALE_WRITABLE);
    EXPECT(CALL(trale_write(io, "x", 1), true) == 1);
    EXPECT(CALL(trale_writev(io, out, 3), true) == 6);
    write_much(io);
}

static void take(trale_io *io)
{
    char first[4] = "", one[3] = "", two[5] = "";
    const struct iovec in[] = {{one, 2}, {two, 4}};

    EXPECT(CALL(trale_read(io, first, 1), first[0] == 0) == 1);
    EXPECT(first[0] == 'x');
    EXPECT(CALL(trale_wait(io, TRALE_READABLE), true) == TRALE_READABLE);
    EXPECT(CALL(trale_readv(io, in, 2), one[0] == 0 && two[0] == 0) == 6);
    EXPECT(strcmp(one, "ab") == 0 && strcmp(two, "cdef") == 0);
    read_much(io);
}

static void take_the_end(trale_io *io)
{
    char byte;

    EXPECT(CALL(trale_read(io, &byte, 1), true) == 0);
}

/* Both ends are somebody's, and closed here. */
static void give_and_take(trale_io *io)
{
    give(io);
    take(io);
    CALL(trale_shutdown(io, SHUT_WR), true);
    take_the_end(io);
    close_io(io);
}

static void take_and_give(trale_io *io)
{
    take(io);
    give(io);
    take_the_end(io);
    CALL(trale_shutdown(io, SHUT_WR), true);
    close_io(io);
}

static intptr_t give_and_close(void *io)
{
    give(io);
    close_io(io);
    return 1;
}

static intptr_t take_and_close(void *io)
{
    take(io);
    take_the_end(io);
    close_io(io);
    return 2;
}

static void open_ends(trale_io *ends[2], const int fds[2])
{
    ends[0] = ends[1] = NULL;
    CALL(trale_io_open(&ends[0], fds[0]), !ends[0]);
    CALL(trale_io_open(&ends[1], fds[1]), !ends[1]);
}

static void open_pipe(trale_io *ends[2])
{
    int fds[2];

    EXPECT(pipe(fds) == 0);
    open_ends(ends, fds);
}

void pipe_streams(void)
{
    trale_task *task = NULL;
    trale_io *ends[2];

    open_pipe(ends);
    CALL(trale_spawn(&task, take_and_close, ends[0]), !task);
    EXPECT(give_and_close(ends[1]) == 1);
    join_for(task, 2);

    task = NULL;
    open_pipe(ends);
    CALL(trale_spawn(&task, give_and_close, ends[1]), !task);
    EXPECT(take_and_close(ends[0]) == 2);
    join_for(task, 1);
}

static bool sigpipe_is_pending(void)
{
    sigset_t set;

    return sigpending(&set) == 0 && sigismember(&set, SIGPIPE);
}

static intptr_t is_broken(intptr_t result)
{
    if (result == -EPIPE)
        return 0;
    return result < 0 ? result : -EIO;
}

static intptr_t write_to_nobody(void *io)
{
    const struct iovec out[] = {{"ab", 2}, {"cdef", 4}};

    CALL(is_broken(trale_write(io, "x", 1)), true);
    CALL(is_broken(trale_writev(io, out, 2)), true);
    CALL(is_broken(trale_write_all(io, "xyz", 3)), true);
    return 3;
}

/* The thread has SIGPIPE as it is at first: one that came would end the process. */
void broken_pipes(void)
{
    trale_task *task = NULL;
    trale_io *ends[2];

    open_pipe(ends);
    close_io(ends[0]);
    fault_may_hide(true); /* it may give EPIPE, too */
    EXPECT(write_to_nobody(ends[1]) == 3);
    EXPECT(!sigpipe_is_pending());
    CALL(trale_spawn(&task, write_to_nobody, ends[1]), !task);
    join_for(task, 3);
    fault_may_hide(false);
    close_io(ends[1]);
}

/* A client whose connect failed at last may have been connected: it is gone without a byte. */
static trale_io *accept_who_speaks(trale_io *listener)
{
    trale_addr peer = {0};
    trale_io *io = NULL;
    char byte = 0;

    CALL(trale_accept(listener, &io, &peer), !io && peer.length == 0);
    EXPECT(peer.length > 0);
    while (CALL(trale_read(io, &byte, 1), byte == 0) == 0) {
        close_io(io);
        io = NULL;
        CALL(trale_accept(listener, &io, NULL), !io);
    }
    EXPECT(byte == '!');
    return io;
}

static void speak(trale_io *io)
{
    EXPECT(CALL(trale_write(io, "!", 1), true) == 1);
}

static intptr_t serve_tcp(void *listener)
{
    trale_io *io = accept_who_speaks(listener);

    CALL(trale_tcp_nodelay(io, true), true);
    take_and_give(io);
    return 4;
}

static trale_io *listen_tcp(char endpoint[TRALE_ADDR_TEXT])
{
    trale_io *listener = NULL;

    CALL(trale_tcp_listen(&listener, "127.0.0.1:0"), !listener);
    local_endpoint(listener, endpoint);
    return listener;
}

static intptr_t talk_tcp(void *endpoint)
{
    trale_io *io = NULL;

    CALL(trale_tcp_connect(&io, endpoint), !io);
    CALL(trale_tcp_nodelay(io, true), true);
    speak(io);
    give_and_take(io);
    return 5;
}

void tcp_streams(void)
{
    char endpoint[TRALE_ADDR_TEXT];
    trale_io *listener = listen_tcp(endpoint);
    trale_task *task = NULL;

    CALL(trale_spawn(&task, serve_tcp, listener), !task);
    EXPECT(talk_tcp(endpoint) == 5);
    join_for(task, 4);

    task = NULL;
    CALL(trale_spawn(&task, talk_tcp, endpoint), !task);
    EXPECT(serve_tcp(listener) == 4);
    join_for(task, 5);
    close_io(listener);
}

/* "several" has three addresses (wrap_network.c); somebody listens at the last. */
static intptr_t connect_to_several(void *endpoint)
{
    char text[TRALE_ADDR_TEXT];
    trale_io *io = NULL;

    snprintf(text, sizeof text, "several%s", strchr(endpoint, ':'));
    fault_may_hide(true); /* the next address does */
    CALL(trale_tcp_connect(&io, text), !io);
    fault_may_hide(false);
    speak(io);
    take_the_end(io);
    close_io(io);
    return 6;
}

static intptr_t serve_nothing(void *listener)
{
    close_io(accept_who_speaks(listener));
    return 7;
}

void several_addresses(void)
{
    char endpoint[TRALE_ADDR_TEXT];
    trale_io *listener = listen_tcp(endpoint);
    trale_task *task = NULL;

    CALL(trale_spawn(&task, connect_to_several, endpoint), !task);
    EXPECT(serve_nothing(listener) == 7);
    join_for(task, 6);

    task = NULL;
    CALL(trale_spawn(&task, serve_nothing, listener), !task);
    EXPECT(connect_to_several(endpoint) == 6);
    join_for(task, 7);
    close_io(listener);
}

static intptr_t serve_local(void *listener)
{
    take_and_give(accept_who_speaks(listener));
    return 8;
}

static intptr_t talk_local(void *path)
{
    trale_io *io = NULL;

    CALL(trale_unix_connect(&io, path), !io);
    speak(io);
    give_and_take(io);
    return 9;
}

static intptr_t take_and_give_in_task(void *io)
{
    take_and_give(io);
    return 10;
}

void unix_streams(void)
{
    trale_io *listener = NULL;
    trale_task *task = NULL;
    char path[64];

    snprintf(path, sizeof path, "@trale-faults-%ld", (long)getpid());
    CALL(trale_unix_listen(&listener, path), !listener);
    CALL(trale_spawn(&task, serve_local, listener), !task);
    EXPECT(talk_local(path) == 9);
    join_for(task, 8);

    task = NULL;
    CALL(trale_spawn(&task, talk_local, path), !task);
    EXPECT(serve_local(listener) == 8);
    join_for(task, 9);
    close_io(listener);
}

void socket_pairs(void)
{
    trale_task *task = NULL;
    trale_io *ends[2];
    int fds[2];

    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    open_ends(ends, fds);
    CALL(trale_spawn(&task, take_and_give_in_task, ends[0]), !task);
    give_and_take(ends[1]);
    join_for(task, 10);
}
