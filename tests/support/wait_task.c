#define _GNU_SOURCE /* pipe2 */
#include "wait_task.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite.h"

trale_task *spawn_wait_on(trale_runtime *runtime, trale_io *io, unsigned events)
{
    trale_spawn_options options = {.runtime = runtime};
    trale_wait_future f;
    trale_task *task = NULL;
    trale_wait_init(&f, io, events);
    ck_assert_int_eq(trale_spawn_future_with(&task, &options, &f.future, sizeof f), 0);
    return task;
}

trale_task *spawn_wait(trale_io *io, unsigned events)
{
    return spawn_wait_on(NULL, io, events);
}

trale_io *open_io(int fd)
{
    trale_io *io = NULL;
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(trale_io_open(&io, fd), 0);
    return io;
}

void make_pipe(int ends[2])
{
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
}

void make_sockets(int ends[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
}

/*
 * Will a stream that has no room have none until somebody reads? On TCP that is so when the other
 * side's window is 0, or the kernel has tried in vain to send into what is left of it; before
 * that, acknowledgements and the kernel's timers make room once more, even after 200 ms.
 */
static bool stays_full(int fd)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return true;
    return info.tcpi_snd_wnd == 0 || info.tcpi_backoff > 0;
}

/* False: it is not full, but broken. */
static bool write_what_there_is_room_for(int fd)
{
    static const char bytes[4096];
    while (write(fd, bytes, sizeof bytes) > 0)
        ;
    while (write(fd, bytes, 1) > 0)
        ;
    return errno == EAGAIN;
}

void fill(int fd)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    bool stays = false;
    while (write_what_there_is_room_for(fd) && !stays) {
        stays = stays_full(fd); /* and then what has become room before that is filled */
        if (!stays)
            poll(&room, 1, 1);
    }
}

void drain(int fd)
{
    char bytes[4096];
    while (read(fd, bytes, sizeof bytes) > 0)
        ;
}

void write_byte(int fd)
{
    ck_assert_int_eq(write(fd, "x", 1), 1);
}

void write_count(int eventfd)
{
    uint64_t one = 1;
    ck_assert_int_eq(write(eventfd, &one, sizeof one), sizeof one);
}
