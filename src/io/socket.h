/* Making sockets, and what is common to all of them. */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include <trale/net.h>

/* What is to be done with a new socket, for it to be of use: 0 or -errno. */
typedef int socket_step(int fd, const trale_addr *addr, int type);

/*
 * A new socket of that type for the address, and the step made with it. The memory comes first,
 * before anybody hears of the socket: a connection, or a path, could not be taken back. 0 or
 * -errno.
 */
int socket_new(trale_io **io, const trale_addr *addr, int type, socket_step *step);

/* Bound, and listening if it is of type SOCK_STREAM. */
socket_step socket_bind;

/* The poll, and the straight-line call, of a socket for the first address of an endpoint with which
 * the step works; on failure the last error. Numeric endpoints are opened without waiting. */
enum trale_poll socket_open_poll(trale_udp_bind_future *f, int type, socket_step *step,
                                 trale_context *cx);
int socket_open(const char *function, trale_udp_bind_future *f, int type, socket_step *step);
void socket_open_drop(trale_future *self);

#endif
