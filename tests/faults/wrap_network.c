#define _GNU_SOURCE /* recvmmsg */
/* Sockets and names. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "wrap.h"

#define ADDRESSES 3 /* of the name "several"; the service "none" is port 0 */

WRAP(int, socket, int domain, int type, int protocol)
{
    FAIL_IF_STRUCK(FAULT_SOCKET, -1);
    return __real_socket(domain, type, protocol);
}

WRAP(int, bind, int fd, const struct sockaddr *address, socklen_t length)
{
    FAIL_IF_STRUCK(FAULT_BIND, -1);
    return __real_bind(fd, address, length);
}

WRAP(int, getsockname, int fd, struct sockaddr *address, socklen_t *length)
{
    FAIL_IF_STRUCK(FAULT_GETSOCKNAME, -1);
    return __real_getsockname(fd, address, length);
}

WRAP(ssize_t, recvfrom, int fd, void *buffer, size_t size, int flags, struct sockaddr *from,
     socklen_t *length)
{
    FAIL_IF_STRUCK(FAULT_RECVFROM, -1);
    return __real_recvfrom(fd, buffer, size, flags, from, length);
}

WRAP(ssize_t, sendto, int fd, const void *buffer, size_t size, int flags,
     const struct sockaddr *to, socklen_t length)
{
    FAIL_IF_STRUCK(FAULT_SENDTO, -1);
    return __real_sendto(fd, buffer, size, flags, to, length);
}

WRAP(int, listen, int fd, int backlog)
{
    FAIL_IF_STRUCK(FAULT_LISTEN, -1);
    return __real_listen(fd, backlog);
}

WRAP(int, accept4, int fd, struct sockaddr *peer, socklen_t *length, int flags)
{
    FAIL_IF_STRUCK(FAULT_ACCEPT, -1);
    return __real_accept4(fd, peer, length, flags);
}

WRAP(int, getsockopt, int fd, int level, int option, void *value, socklen_t *length)
{
    FAIL_IF_STRUCK(option == SO_ERROR ? FAULT_SOCKET_ERROR : FAULT_SOCKET_KIND, -1);
    return __real_getsockopt(fd, level, option, value, length);
}

UNINSTRUMENTED static enum fault_point connect_point(int fd, const struct sockaddr *address)
{
    socklen_t length = sizeof(int);
    int type;

    if (address->sa_family == AF_UNIX)
        return FAULT_CONNECT_UNIX;
    if (__real_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_DGRAM)
        return FAULT_CONNECT_UDP;
    return FAULT_CONNECT;
}

/* As POSIX has it: interrupted, it goes on all the same. */
WRAP(int, connect, int fd, const struct sockaddr *address, socklen_t length)
{
    int error = fault_strikes(connect_point(fd, address)), result = -1;

    if (error == 0 || error == EINTR)
        result = __real_connect(fd, address, length);
    if (error == 0)
        return result;
    errno = error;
    return -1;
}

WRAP(int, getpeername, int fd, struct sockaddr *address, socklen_t *length)
{
    FAIL_IF_STRUCK(FAULT_GETPEERNAME, -1);
    return __real_getpeername(fd, address, length);
}

WRAP(int, shutdown, int fd, int how)
{
    FAIL_IF_STRUCK(FAULT_SHUTDOWN, -1);
    return __real_shutdown(fd, how);
}

WRAP(int, setsockopt, int fd, int level, int option, const void *value, socklen_t length)
{
    FAIL_IF_STRUCK(FAULT_SETSOCKOPT, -1);
    return __real_setsockopt(fd, level, option, value, length);
}

/* trale_read, of a socket. */
WRAP(ssize_t, recv, int fd, void *buffer, size_t size, int flags)
{
    FAIL_IF_STRUCK(FAULT_READ, -1);
    return __real_recv(fd, buffer, size, flags);
}

WRAP(ssize_t, send, int fd, const void *buffer, size_t size, int flags)
{
    FAIL_IF_STRUCK(FAULT_SEND, -1);
    return __real_send(fd, buffer, size, flags);
}

WRAP(ssize_t, sendmsg, int fd, const struct msghdr *message, int flags)
{
    FAIL_IF_STRUCK(FAULT_SENDMSG, -1);
    return __real_sendmsg(fd, message, flags);
}

WRAP(int, recvmmsg, int fd, struct mmsghdr *messages, unsigned count, int flags,
     struct timespec *timeout)
{
    int error = fault_strikes(FAULT_RECVMMSG);

    if (error == 0 || error == PARTLY)
        return __real_recvmmsg(fd, messages, error == PARTLY ? 1 : count, flags, timeout);
    errno = error;
    return -1;
}

WRAP(int, sendmmsg, int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    int error = fault_strikes(FAULT_SENDMMSG);

    if (error == 0 || error == PARTLY)
        return __real_sendmmsg(fd, messages, error == PARTLY ? 1 : count, flags);
    errno = error;
    return -1;
}

static int eai(int error)
{
    switch (error) {
    case EAGAIN:
        return EAI_AGAIN;
    case EIO:
        return EAI_FAIL;
    case ENOENT:
        return EAI_NONAME;
    case ENOMEM:
        return EAI_MEMORY;
    case EINVAL: /* what has no errno */
        return EAI_SOCKTYPE;
    default:
        errno = error;
        return EAI_SYSTEM;
    }
}

/* 127.0.0.3, 127.0.0.2, 127.0.0.1: whoever listens at the last one is not met at the others.
 * Looked up by one thread at a time. */
static struct several {
    struct addrinfo info[ADDRESSES];
    struct sockaddr_in address[ADDRESSES];
} several;

static struct addrinfo *several_addresses(void)
{
    for (int i = 0; i < ADDRESSES; i++) {
        struct sockaddr_in *address = &several.address[i];

        address->sin_family = AF_INET;
        address->sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(ADDRESSES - 1 - i));
        several.info[i] =
            (struct addrinfo){.ai_family = AF_INET,
                              .ai_socktype = SOCK_STREAM,
                              .ai_addrlen = sizeof *address,
                              .ai_addr = (struct sockaddr *)address,
                              .ai_next = i + 1 < ADDRESSES ? &several.info[i + 1] : NULL};
    }
    taken_block(1); /* until freeaddrinfo */
    return several.info;
}

WRAP(int, getaddrinfo, const char *node, const char *service, const struct addrinfo *hints,
     struct addrinfo **found)
{
    int error = fault_strikes(FAULT_GETADDRINFO);

    if (error != 0)
        return eai(error);
    if (node ? strcmp(node, "several") != 0 : strcmp(service, "none") != 0)
        return __real_getaddrinfo(node, service, hints, found);
    *found = several_addresses();
    return 0;
}

WRAP(void, freeaddrinfo, struct addrinfo *found)
{
    if (found == several.info)
        taken_block(-1);
    else
        __real_freeaddrinfo(found);
}
