/*
 * Reading requests, and when a connection ends. A client may send requests without waiting for
 * responses: what came too early stays in the buffer, and gets its turn.
 */
#include <errno.h>
#include <stdlib.h>

#include "connection.h"
#include "response.h"
#include "within.h"

#define LINGER (2 * TRALE_SEC)

static ssize_t receive(const struct connection *c, char *buffer, size_t size, int64_t deadline)
{
    trale_read_future read;

    trale_read_init(&read, c->io, buffer, size);
    return within(deadline, &read.future);
}

int connection_send(const struct connection *c, const char *bytes, size_t size)
{
    while (size > 0) {
        trale_write_future write;
        ssize_t n;

        trale_write_init(&write, c->io, bytes, size);
        n = within(trale_now() + c->server->timeout, &write.future);
        if (n < 0)
            return (int)n;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

/*
 * Returns as request_parse does, or -errno if the connection just ends. The time for a request
 * counts from its first byte; slow bytes do not stretch it.
 */
static int receive_head(struct connection *c, struct request *request)
{
    int64_t deadline = trale_now() + c->server->timeout;
    int status;

    while ((status = request_parse(request, c->in, c->have)) == REQUEST_PARTIAL) {
        ssize_t n = receive(c, c->in + c->have, sizeof c->in - c->have, deadline);

        if (n == -ETIMEDOUT && c->have > 0)
            return 408;
        if (n <= 0)
            return n < 0 ? (int)n : -EPIPE;
        if (c->have == 0)
            deadline = trale_now() + c->server->timeout;
        c->have += (size_t)n;
    }
    return status;
}

/*
 * Receives a body, which GET and HEAD have no use for, and forgets it; *size is how much of head
 * and body is in the buffer. Whoever waits to be told to send it, is not: that ends the
 * connection, since the body may or may not come.
 */
static int receive_body(struct connection *c, struct request *request, size_t *size)
{
    int64_t deadline = trale_now() + c->server->timeout;
    uint64_t here = c->have - request->size, left;

    if (here > request->body)
        here = request->body;
    *size = request->size + (size_t)here;
    left = request->body - here;
    if (request->expect && left > 0) {
        request->keep_alive = false;
        return REQUEST_OK;
    }
    while (left > 0) {
        ssize_t n = receive(c, c->out, left < sizeof c->out ? left : sizeof c->out, deadline);

        if (n == -ETIMEDOUT)
            return 408;
        if (n <= 0)
            return n < 0 ? (int)n : -EPIPE;
        left -= (uint64_t)n;
    }
    return REQUEST_OK;
}

/*
 * Somebody who still sends must not be cut off: closing now would send a reset, which can reach
 * him before he has read the response.
 */
static void linger(struct connection *c)
{
    int64_t deadline = trale_now() + LINGER;

    if (trale_shutdown(c->io, SHUT_WR) != 0)
        return;
    while (receive(c, c->out, sizeof c->out, deadline) > 0)
        ;
}

/* One request and its response. True: there may be another one. */
static bool serve(struct connection *c)
{
    struct request request;
    size_t size = 0;
    int status = receive_head(c, &request);

    if (status == REQUEST_OK)
        status = receive_body(c, &request, &size);
    if (status > 0)
        request.keep_alive = false;
    if (status > 0)
        status = response_refuse(c, &request, status);
    else if (status == REQUEST_OK)
        status = response_send(c, &request);
    if (status != 0)
        return false;
    if (!request.keep_alive) {
        linger(c);
        return false;
    }
    c->have -= size;
    memmove(c->in, c->in + size, c->have);
    return true;
}

static intptr_t run(void *arg)
{
    struct connection *c = arg;

    while (serve(c))
        ;
    trale_close(c->io);
    free(c);
    return 0;
}

int connection_start(const struct server *server, trale_io *io)
{
    struct connection *c = malloc(sizeof *c);
    int error = -ENOMEM;

    if (c) {
        c->server = server;
        c->io = io;
        c->have = 0;
        error = trale_spawn_with(NULL, &(trale_spawn_options){.name = "connection"}, run, c);
    }
    if (error != 0) {
        trale_close(io);
        free(c);
    }
    return error;
}
