#define _GNU_SOURCE /* accept4 */
#include "records.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MANY = RECORDS_AT_ONCE };

long fill_with_records(int fd, uint64_t tag, size_t at_once)
{
    uint64_t records[MANY];
    long filled = 0;
    for (int i = 0; i < MANY; i++)
        records[i] = tag;
    for (ssize_t n; (n = write(fd, records, at_once * RECORD)) > 0;)
        filled += n / RECORD;
    return filled;
}

long drain_records(int fd, uint64_t tag)
{
    uint64_t records[MANY];
    long drained = 0;
    for (ssize_t n; (n = read(fd, records, sizeof records)) > 0; drained += n / RECORD) {
        if (n % RECORD != 0)
            return -1;
        for (ssize_t i = 0; i < n / RECORD; i++)
            if (records[i] != tag)
                return -1;
    }
    return drained;
}

static int listen_anywhere(struct sockaddr_in *at)
{
    socklen_t length = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listen(fd, 1) == 0 && getsockname(fd, (struct sockaddr *)at, &length) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Both go on after a signal. A connect goes on by itself then: it is over when the socket is writable. */
static int connect_to(int fd, const struct sockaddr_in *at)
{
    struct pollfd connected = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t length = sizeof error;
    if (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0)
        return 0;
    if (errno != EINTR)
        return -1;
    while (poll(&connected, 1, -1) < 0)
        ;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0 ? 0 : -1;
}

static int accept_from(int listener)
{
    int fd;
    do
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int connect_tcp(int ends[2])
{
    const struct linger at_once = {.l_onoff = 1};
    struct sockaddr_in at;
    int listener = listen_anywhere(&at), error;
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    error = connect_to(ends[0], &at);
    ends[1] = error == 0 ? accept_from(listener) : -1;
    for (int i = 0; i < 2; i++) {
        error |= setsockopt(ends[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        error |= fcntl(ends[i], F_SETFL, O_NONBLOCK);
    }
    close(listener);
    return error;
}

int move_fd(int fd, int number)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, number);
    close(fd);
    return moved;
}
