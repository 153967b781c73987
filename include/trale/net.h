/*
 * Addresses, UDP, TCP and Unix stream sockets.
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
    socklen_t length; /* bytes of the member in use; those beyond are not specified */
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

/* The address io is bound to. Never waits. Errors as for getsockname(2): -ENOTSOCK; -EINVAL: NULL
 * argument; -EBADF: closed meanwhile. */
TRALE_API int trale_addr_local(const trale_io *io, trale_addr *addr);

/*
 * Makes a UDP socket bound to the endpoint. A name is looked up (getaddrinfo(3)) on a pool of
 * threads for that purpose, the call waits for it, every address it has is tried, and the last
 * error is returned. What is numeric never waits, and may be called inside a poll.
 *   -EINVAL: io or endpoint is NULL, or endpoint is not HOST:PORT.
 *   -ENOENT: the name or service does not exist.
 *   -EAGAIN, -EIO: the resolver is out of order, for now or for good; or no thread for it.
 *   -ESHUTDOWN: the process exits.      -ENOMEM.      -ECANCELED, -ETIMEDOUT: at once.
 *   Errors of socket(2) and bind(2): -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EMFILE, ...
 */
TRALE_API int trale_udp_bind(trale_io **io, const char *endpoint);

/* Makes a UDP socket that sends to the endpoint and receives from nobody else: connect(2). Names
 * and errors as above. */
TRALE_API int trale_udp_connect(trale_io **io, const char *endpoint);

/*
 * Receives one datagram and returns its length; 0 is a datagram without bytes, not an end. A
 * datagram longer than size is cut, and the return value, its true length, is greater than size
 * (recv(2), MSG_TRUNC). from, if not NULL, receives the sender. On a stream it reads.
 *   -EINVAL: io is NULL, or buffer is NULL and size is not 0.     -EBADF: closed while waiting.
 *   -ECONNREFUSED: (connected sockets) an earlier datagram met nobody.
 *   -ENOTSOCK: io is no socket.  Others as for recvfrom(2).
 *   -ENOMEM, -ENOSPC: as for trale_wait.      -ECANCELED, -ETIMEDOUT: nothing was received.
 */
TRALE_API ssize_t trale_recvfrom(trale_io *io, void *buffer, size_t size, trale_addr *from);

/*
 * Sends one datagram and returns its length; waits while the socket's buffer is full. to NULL
 * sends to the address the socket is connected to. Never raises SIGPIPE. buffer and *to must
 * stay as they are until the call returns or the future is dropped. A Unix datagram socket that is
 * not connected hears nothing of its receivers' room (unix(7)), and tries again and again while
 * the one it sends to is full: connect it.
 *   -EINVAL: io is NULL, or buffer is NULL and size is not 0.     -EBADF: closed while waiting.
 *   -EMSGSIZE: longer than a datagram can be.   -EDESTADDRREQ: to is NULL, not connected.
 *   -ECONNREFUSED, -ENETUNREACH, -EHOSTUNREACH, -EACCES, ...: as for sendto(2).
 *   -ENOMEM, -ENOSPC: as for trale_wait.      -ECANCELED, -ETIMEDOUT: nothing was sent.
 */
TRALE_API ssize_t trale_sendto(trale_io *io, const void *buffer, size_t size,
                               const trale_addr *to);

/* The same on a connected socket. */
TRALE_API ssize_t trale_recv(trale_io *io, void *buffer, size_t size);
TRALE_API ssize_t trale_send(trale_io *io, const void *buffer, size_t size);

/* One datagram of several. */
typedef struct trale_datagram {
    void *buffer;
    size_t size;     /* of the buffer; to send: bytes to send */
    size_t received; /* the datagram's true length, see trale_recvfrom */
    trale_addr
        addr; /* who sent it; to send: to whom, or zeroed: to whom the socket is connected */
} trale_datagram;

/* How many one call moves at most. */
#define TRALE_DATAGRAMS_MAX 32

/*
 * Receives what datagrams are there, up to count, in one system call (recvmmsg(2)); waits while
 * there is none. Returns how many. Errors as for trale_recvfrom; -EINVAL also if list is NULL,
 * count is 0 or a buffer is NULL and its size is not 0.
 */
TRALE_API int trale_recv_many(trale_io *io, trale_datagram *list, unsigned count);

/*
 * Sends datagrams in their order, in one system call (sendmmsg(2)); waits while there is no room
 * for one. Returns how many were sent, which may be less than count: after an error of a later
 * one the count, and the next call meets the error. Errors as for trale_sendto.
 */
TRALE_API int trale_send_many(trale_io *io, const trale_datagram *list, unsigned count);

/*
 * Makes a TCP socket that listens at the endpoint, with SO_REUSEADDR and a backlog of 1024 or the
 * system's maximum. Names and errors as for trale_udp_bind, and those of listen(2).
 */
TRALE_API int trale_tcp_listen(trale_io **io, const char *endpoint);

/*
 * Takes the next connection; waits while there is none. Any number of tasks may accept on one
 * listener. peer, if not NULL, receives the address of the other side. A connection that was gone
 * before it could be taken is passed over.
 *   -EINVAL: listener or connection is NULL, or it does not listen.      -EBADF: closed
 *   meanwhile.
 *   -EMFILE, -ENFILE, -ENOMEM, -ENOBUFS: nothing was taken, the connection waits, and the
 *   listener
 *       lives: try again when there is room.
 *   -ECANCELED, -ETIMEDOUT: nothing was taken.
 */
TRALE_API int trale_accept(trale_io *listener, trale_io **connection, trale_addr *peer);

/*
 * Connects to the endpoint: every address of a name is tried, the last error is returned. A name
 * is looked up as for trale_udp_bind.
 *   -EINVAL, -ENOENT, -EAGAIN, -EIO, -ENOMEM: as for trale_udp_bind.
 *   -ECONNREFUSED, -ETIMEDOUT, -ENETUNREACH, -EMFILE, ...: as for socket(2) and connect(2).
 *   -ECANCELED, -ETIMEDOUT: nothing is left of the try.
 */
TRALE_API int trale_tcp_connect(trale_io **io, const char *endpoint);

/* Sends small writes at once (on), or gathers them (off, as it is at first). tcp(7) TCP_NODELAY.
 *   -EINVAL: io is NULL.      -ENOTSOCK, -EOPNOTSUPP: not TCP. */
TRALE_API int trale_tcp_nodelay(trale_io *io, bool on);

/*
 * The same for Unix stream sockets. path is a file name, or "@name" for an abstract address. A
 * file that is in the way is -EADDRINUSE; the file that listening makes stays when the io is
 * closed.
 *   -ENAMETOOLONG: over 107 bytes.      -ENOENT, -EACCES, ...: as for bind(2), connect(2).
 */
TRALE_API int trale_unix_listen(trale_io **io, const char *path);
TRALE_API int trale_unix_connect(trale_io **io, const char *path);

/*
 * Ends one direction of a connection, or both: SHUT_RD, SHUT_WR, SHUT_RDWR. Never waits.
 *   -EINVAL: io is NULL, or how is none of these.      -ENOTCONN, -ENOTSOCK.      -EBADF.
 */
TRALE_API int trale_shutdown(trale_io *io, int how);

/* The text must stay as it is until the first poll. */
typedef struct trale_udp_bind_future {
    trale_future future;
    trale_io **io;
    const char *endpoint;
    struct trale_job *job; /* private */
} trale_udp_bind_future;
typedef trale_udp_bind_future trale_udp_connect_future, trale_tcp_listen_future;

TRALE_API void trale_udp_bind_init(trale_udp_bind_future *f, trale_io **io, const char *endpoint);
TRALE_API void trale_udp_connect_init(trale_udp_connect_future *f, trale_io **io,
                                      const char *endpoint);
TRALE_API void trale_tcp_listen_init(trale_tcp_listen_future *f, trale_io **io,
                                     const char *endpoint);

typedef struct trale_accept_future {
    trale_future future;
    trale_io *listener;
    trale_io **connection;
    trale_addr *peer;
    struct trale_io_waiter waiter; /* private */
} trale_accept_future;

TRALE_API void trale_accept_init(trale_accept_future *f, trale_io *listener,
                                 trale_io **connection, trale_addr *peer);

/* The text must stay as it is until the first poll. */
typedef struct trale_tcp_connect_future {
    trale_future future;
    trale_io **io;
    const char *text;
    struct trale_connecting *connecting; /* private */
} trale_tcp_connect_future;
typedef trale_tcp_connect_future trale_unix_connect_future;

TRALE_API void trale_tcp_connect_init(trale_tcp_connect_future *f, trale_io **io,
                                      const char *endpoint);
TRALE_API void trale_unix_connect_init(trale_unix_connect_future *f, trale_io **io,
                                       const char *path);

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

typedef trale_recvfrom_future trale_recv_future;
typedef trale_sendto_future trale_send_future;

TRALE_API void trale_recv_init(trale_recv_future *f, trale_io *io, void *buffer, size_t size);
TRALE_API void trale_send_init(trale_send_future *f, trale_io *io, const void *buffer,
                               size_t size);

typedef struct trale_recv_many_future {
    trale_future future;
    trale_io *io;
    trale_datagram *list; /* trale_send_many_future: only read */
    unsigned count;
    struct trale_io_waiter waiter; /* private */
} trale_recv_many_future;
typedef trale_recv_many_future trale_send_many_future;

TRALE_API void trale_recv_many_init(trale_recv_many_future *f, trale_io *io, trale_datagram *list,
                                    unsigned count);
TRALE_API void trale_send_many_init(trale_send_many_future *f, trale_io *io,
                                    const trale_datagram *list, unsigned count);

TRALE_END

#endif
