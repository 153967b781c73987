/*
 * Addresses and UDP.
 *
 * An endpoint is text: "127.0.0.1:9998", "[::1]:0", "[fe80::1%eth0]:53", "localhost:ntp".
 * Port 0 lets the system choose; trale_addr_local tells what it chose. Every address of the
 * machine is "0.0.0.0:port", or "[::]:port".
 */
#ifndef TRALE_NET_H
#define TRALE_NET_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <trale/io.h>

TRALE_BEGIN

/* A socket address of any family. Zeroed, it is no address: length is 0. */
typedef struct trale_addr {
    socklen_t length; /* bytes of the member in use */
    union {
        struct sockaddr any;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
        struct sockaddr_un local;
    } as;
} trale_addr;

/* Room for what trale_addr_format writes, with its final 0. Only an abstract Unix name of many
 * unprintable bytes, each of which takes four, may need more. */
#define TRALE_ADDR_TEXT 128

/*
 * Reads "a.b.c.d:port" or "[v6]:port", both numeric; never asks anybody.
 *   -EINVAL: the text is anything else, or an argument is NULL.
 */
TRALE_API int trale_addr_parse(trale_addr *addr, const char *text);

/*
 * Writes the address as trale_addr_parse reads it, 0-terminated; a Unix address as "unix:path",
 * or "unix:@name" for an abstract one. Returns 0.
 *   -ENOSPC: size is too small (nothing was written).
 *   -EAFNOSUPPORT: no such text for this family.      -EINVAL: addr or text is NULL.
 */
TRALE_API int trale_addr_format(const trale_addr *addr, char *text, size_t size);

/* The address io is bound to. Errors as for getsockname(2): -ENOTSOCK; -EINVAL: NULL argument. */
TRALE_API int trale_addr_local(const trale_io *io, trale_addr *addr);

/*
 * Makes a UDP socket bound to the endpoint. A name is looked up on the calling thread
 * (getaddrinfo(3)), every address it has is tried, and the last error is returned.
 *   -EINVAL: io or endpoint is NULL, or endpoint is not HOST:PORT.
 *   -ENOENT: the name or service does not exist.
 *   -EAGAIN, -EIO: the resolver is out of order, for now or for good.
 *   Errors of socket(2) and bind(2): -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EMFILE, ...
 */
TRALE_API int trale_udp_bind(trale_io **io, const char *endpoint);

/*
 * Receives one datagram and returns its length; 0 is a datagram without bytes, not an end. A
 * datagram longer than size is cut, and the return value, its true length, is greater than size
 * (recv(2), MSG_TRUNC). from, if not NULL, receives the sender.
 *   -EINVAL: io is NULL, or buffer is NULL and size is not 0.     -EBADF: closed while waiting.
 *   -ECONNREFUSED: (connected sockets) an earlier datagram met nobody.
 *   -ENOTSOCK: io is no socket.  Others as for recvfrom(2).
 *   -ENOMEM, -ENOSPC: as for trale_wait.      -ECANCELED, -ETIMEDOUT: nothing was received.
 */
TRALE_API ssize_t trale_recvfrom(trale_io *io, void *buffer, size_t size, trale_addr *from);

/*
 * Sends one datagram and returns its length; waits while the socket's buffer is full. to NULL
 * sends to the address the socket is connected to. Never raises SIGPIPE. buffer and *to must
 * stay as they are until the call returns or the future is dropped.
 *   -EINVAL: io is NULL, or buffer is NULL and size is not 0.     -EBADF: closed while waiting.
 *   -EMSGSIZE: longer than a datagram can be.   -EDESTADDRREQ: to is NULL, not connected.
 *   -ECONNREFUSED, -ENETUNREACH, -EHOSTUNREACH, -EACCES, ...: as for sendto(2).
 *   -ENOMEM, -ENOSPC: as for trale_wait.      -ECANCELED, -ETIMEDOUT: nothing was sent.
 */
TRALE_API ssize_t trale_sendto(trale_io *io, const void *buffer, size_t size,
                               const trale_addr *to);

typedef struct trale_recvfrom_future {
    trale_future future;
    trale_io *io;
    void *buffer;
    size_t size;
    trale_addr *from;
    struct trale_io_waiter waiter; /* private */
} trale_recvfrom_future;

TRALE_API void trale_recvfrom_init(trale_recvfrom_future *f, trale_io *io, void *buffer,
                                   size_t size, trale_addr *from);

typedef struct trale_sendto_future {
    trale_future future;
    trale_io *io;
    const void *buffer;
    size_t size;
    const trale_addr *to;
    struct trale_io_waiter waiter; /* private */
} trale_sendto_future;

TRALE_API void trale_sendto_init(trale_sendto_future *f, trale_io *io, const void *buffer,
                                 size_t size, const trale_addr *to);

TRALE_END

#endif
