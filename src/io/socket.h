/* Making sockets, and what is common to all of them. */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include <trale/net.h>

/* A descriptor of a new socket of that family and type, non-blocking; or -errno. */
int socket_new(int family, int type);

/* Takes a new socket over, or closes it and says why not. */
int socket_to_io(trale_io **io, int fd, int family, int type);

/*
 * A socket of that type bound to the endpoint, the first address of it that works; one of type
 * SOCK_STREAM listens. On failure the last error.
 */
int socket_bind(trale_io **io, const char *endpoint, int type);

/* The same for one address. */
int socket_bind_to(trale_io **io, const trale_addr *addr, int type);

#endif
