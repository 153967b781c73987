/* One connection: requests one after the other, until somebody has had enough. */
#ifndef WEB_SERVER_CONNECTION_H
#define WEB_SERVER_CONNECTION_H

#include <trale.h>

#include "reply.h"
#include "request.h"

struct server {
    int root;        /* the folder that is served */
    int64_t timeout; /* how long a client may take for the head of a request, for its body, and
                        to take something of the response; and be idle between two requests */
};

/* How much of a file is in memory at once. */
#define CHUNK (32 * 1024)

struct connection {
    const struct server *server;
    trale_io *io;
    size_t have; /* bytes in in: a request, or its beginning, and maybe more requests */
    char in[REQUEST_HEAD_MAX];
    char out[REPLY_MAX + CHUNK];
};

/* Serves the connection in a task of its own, and closes it. -errno: it was closed at once. */
int connection_start(const struct server *server, trale_io *io);

/* Sends all. -ETIMEDOUT: for a whole time-out the client took nothing. */
int connection_send(const struct connection *c, const char *bytes, size_t size);

#endif
