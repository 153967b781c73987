/*
 * Endpoints as text, taken apart: what trale_addr_parse and the resolver share. Nothing
 * here asks anybody, waits or allocates.
 */
#ifndef IO_ADDR_H
#define IO_ADDR_H

#include <trale/net.h>

/* Longer than every DNS name and every numeric address with its scope. */
#define ENDPOINT_HOST 256

/* "HOST:PORT" or "[HOST]:PORT". */
struct endpoint {
    char host[ENDPOINT_HOST]; /* without brackets; not empty */
    bool bracketed;
    const char *port; /* the rest of the text that was split; may be empty */
};

/* false, and *endpoint undefined: the text has another form, or the host is too long. */
bool endpoint_split(struct endpoint *endpoint, const char *text);

/*
 * The numeric address a host stands for, with port 0: IPv6 if v6 is set, else IPv4.
 * false: it is none, and *addr is undefined.
 */
bool addr_from_host(trale_addr *addr, const char *host, bool v6);

/* A decimal port. false: it is none, and *port is untouched. */
bool port_from_text(uint16_t *port, const char *text);

/* Sets the port of an IPv4 or IPv6 address; does nothing to others. */
void addr_set_port(trale_addr *addr, uint16_t port);

/* A Unix address: a path, or "@name" for an abstract one. -EINVAL: empty. -ENAMETOOLONG. */
int addr_from_path(trale_addr *addr, const char *path);

/* What the kernel has filled in. It counts a final 0 beyond the longest path (unix(7)); we do not.
 * Where it knows no address, it writes none. */
void addr_clamp(trale_addr *addr);

#endif
