/* Sockets of an echo server at a port of the system's choice, which is printed for load.c. */
#ifndef PEERS_SOCKETS_H
#define PEERS_SOCKETS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../measure.h"

#define BUFFER 4096

static inline void print_port(int fd)
{
    struct sockaddr_in at;
    socklen_t length = sizeof at;

    check(getsockname(fd, (struct sockaddr *)&at, &length) == 0 ? 0 : -errno, "getsockname");
    printf(" port %d\n", ntohs(at.sin_port));
    fflush(stdout);
}

/* Of the type SOCK_STREAM, SOCK_DGRAM and flags of socket(2). */
static inline int server_socket(int type)
{
    struct sockaddr_in at = {};
    int fd = socket(AF_INET, type, 0);

    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0)
        check(-errno, "bind");
    if (!(type & SOCK_DGRAM) && listen(fd, 1024) != 0)
        check(-errno, "listen");
    print_port(fd);
    return fd;
}

/* What is there to read is sent back. False at the end of the connection. */
static inline int echo_once(int fd)
{
    char buffer[BUFFER];
    ssize_t n = read(fd, buffer, sizeof buffer);

    if (n < 0 && errno == EAGAIN)
        return 1;
    return n > 0 && write(fd, buffer, (size_t)n) == n;
}

static inline void echo_datagram(int fd)
{
    char buffer[BUFFER];
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t n = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &length);

    if (n >= 0)
        n = sendto(fd, buffer, (size_t)n, 0, (struct sockaddr *)&from, length);
    if (n < 0 && errno != EAGAIN)
        check(-errno, "datagram");
}

#endif
