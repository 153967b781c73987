/* Making sockets, and what is common to all of them. */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include <trale/net.h>

/* A new socket of that family and type. The memory comes with it, before anybody hears of it: a
 * connection that was made, or a file, could not be taken back. 0 or -errno. */
int socket_new(trale_io **io, int family, int type);

/* Opens a socket for an address and takes it over. */
typedef int socket_opener(trale_io **io, const trale_addr *addr, int type);

/* Bound, and listening if it is of type SOCK_STREAM. */
socket_opener socket_bind;

/* The poll, and the straight-line call, of whatever opens the first address of an endpoint that
 * works; on failure the last error. Numeric endpoints are opened without waiting. */
enum trale_poll socket_open_poll(trale_udp_bind_future *f, int type, socket_opener *open,
                                 trale_context *cx);
int socket_open(const char *function, trale_udp_bind_future *f, int type, socket_opener *open);
void socket_open_drop(trale_future *self);

#endif
