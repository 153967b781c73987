/* From an endpoint to the addresses it stands for. */
#ifndef IO_RESOLVE_H
#define IO_RESOLVE_H

#include <trale/net.h>

/* More addresses of one name are not looked at. */
#define RESOLVE_MAX 16

/*
 * Fills list with the addresses of "HOST:PORT", in the order in which to try them, and
 * returns their number, at least 1. HOST is an IPv4 address, an IPv6 address in brackets,
 * or a name; PORT is a number or a service. socktype is that of socket(2). What is numeric
 * asks nobody; names block the thread in getaddrinfo(3). On failure *list is undefined.
 *   -EINVAL: endpoint is NULL or not HOST:PORT.
 *   -ENOENT: the name or the service does not exist.
 *   -EAGAIN: the resolver is out of order now.      -ENOMEM, -EMFILE, ...
 */
int endpoint_resolve(trale_addr list[RESOLVE_MAX], const char *endpoint, int socktype);

/* The same, but 0 if somebody would have to be asked. */
int endpoint_known(trale_addr list[RESOLVE_MAX], const char *endpoint);

/*
 * The same as a poll: asks on the pool, with a copy of the text. READY: *count is the number or
 * -errno. *job, NULL at first, is for pool_leave, which is the drop.
 */
enum trale_poll resolve_poll(struct trale_job **job, trale_addr list[RESOLVE_MAX], int *count,
                             const char *endpoint, int socktype, trale_context *cx);

#endif
