/* Connecting: one address after the other, until one answers. */
#include <errno.h>
#include <stdlib.h>

#include <trale/net.h>
#include <trale/time.h>

#include "core/io_source.h"
#include "core/pool.h"
#include "io/addr.h"
#include "io/ops.h"
#include "io/resolve.h"
#include "io/socket.h"
#include "task/await.h"

#define RETRY_NS (1 * TRALE_MS) /* a Unix listener whose backlog is full tells nobody of room */

struct trale_connecting {
    struct trale_job *question;
    trale_addr list[RESOLVE_MAX];
    int count, next;               /* 0: not known yet */
    int error;                     /* of the last address */
    trale_io *io;                  /* on its way; NULL: none */
    struct trale_io_waiter waiter; /* for io */
    trale_sleep_future pause;
    bool pausing;
};

/* Has the connection been made, or refused? */
static intptr_t try_connected(const trale_io *io, void *operation, bool *drained)
{
    trale_addr peer = {.length = sizeof peer.as};
    int error = 0;
    socklen_t length = sizeof error;

    (void)operation, (void)drained;
    if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return -errno;
    if (error != 0)
        return -error;
    if (getpeername(io->fd, &peer.as.any, &peer.length) == 0)
        return 0;
    return errno == ENOTCONN ? -EAGAIN : -errno;
}

/* EINTR: it goes on all the same (connect(2)). */
static int send_request(int fd, const trale_addr *addr, int type)
{
    (void)type;
    if (connect(fd, &addr->as.any, addr->length) == 0 || errno == EINPROGRESS || errno == EINTR)
        return 0;
    return -errno;
}

/* Sends the next address its request. 0: c->io is on its way. -EAGAIN: ask it again later. */
static int start(struct trale_connecting *c)
{
    return socket_new(&c->io, &c->list[c->next], SOCK_STREAM, send_request);
}

/* A Unix listener has no room (connect(2)); for TCP the same error is final. */
static bool is_full(const struct trale_connecting *c)
{
    return c->error == -EAGAIN && c->list[c->next].as.any.sa_family == AF_UNIX;
}

static void give_up(struct trale_connecting *c)
{
    source_forget(&c->waiter);
    if (c->io)
        trale_close(c->io);
    c->io = NULL;
}

static enum trale_poll pause_over(struct trale_connecting *c, trale_context *cx)
{
    if (!c->pausing)
        trale_sleep_init(&c->pause, RETRY_NS);
    c->pausing = true;
    if (trale_future_poll(&c->pause.future, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    trale_future_drop(&c->pause.future);
    c->pausing = false;
    c->error = (int)c->pause.future.output;
    return TRALE_READY;
}

/* READY: this address has connected (c->error is 0) or failed. */
static enum trale_poll try_address(struct trale_connecting *c, trale_context *cx)
{
    intptr_t output;

    while (!c->io) {
        if (!c->pausing)
            c->error = start(c);
        if (c->pausing || is_full(c)) {
            if (pause_over(c, cx) == TRALE_PENDING)
                return TRALE_PENDING;
        }
        if (c->error != 0) /* refused, or the pause failed */
            return TRALE_READY;
    }
    if (source_poll(&c->waiter, c->io, TRALE_WRITABLE, try_connected, NULL, cx, &output) ==
        TRALE_PENDING)
        return TRALE_PENDING;
    c->error = (int)output;
    if (c->error != 0)
        give_up(c);
    return TRALE_READY;
}

/* Sets c->count, to -errno on failure. */
typedef enum trale_poll look_up(struct trale_connecting *c, const char *text, trale_context *cx);

static enum trale_poll connect_poll(trale_future *self, trale_context *cx, look_up *look)
{
    trale_tcp_connect_future *f = container_of(self, trale_tcp_connect_future, future);
    struct trale_connecting *c = f->connecting;

    if (!f->io || !f->text)
        return future_ready(self, -EINVAL);
    if (!c)
        c = f->connecting = calloc(1, sizeof *c);
    if (!c)
        return future_ready(self, -ENOMEM);
    if (c->count == 0 && look(c, f->text, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    if (c->count < 0)
        return future_ready(self, c->count);
    for (; c->next < c->count; c->next++) {
        if (try_address(c, cx) == TRALE_PENDING)
            return TRALE_PENDING;
        if (c->error == 0)
            break;
    }
    if (c->error == 0) {
        *f->io = c->io;
        c->io = NULL;
    }
    return future_ready(self, c->error);
}

static void connect_drop(trale_future *self)
{
    trale_tcp_connect_future *f = container_of(self, trale_tcp_connect_future, future);

    if (!f->connecting)
        return;
    pool_leave(f->connecting->question);
    give_up(f->connecting);
    if (f->connecting->pausing)
        trale_future_drop(&f->connecting->pause.future);
    free(f->connecting);
}

static enum trale_poll tcp_addresses(struct trale_connecting *c, const char *endpoint,
                                     trale_context *cx)
{
    return resolve_poll(&c->question, c->list, &c->count, endpoint, SOCK_STREAM, cx);
}

static enum trale_poll tcp_connect_poll(trale_future *self, trale_context *cx)
{
    return connect_poll(self, cx, tcp_addresses);
}

const struct trale_future_ops tcp_connect_ops = {tcp_connect_poll, connect_drop, "tcp_connect"};

void trale_tcp_connect_init(trale_tcp_connect_future *f, trale_io **io, const char *endpoint)
{
    *f = (trale_tcp_connect_future){
        .future = {.ops = &tcp_connect_ops}, .io = io, .text = endpoint};
}

int trale_tcp_connect(trale_io **io, const char *endpoint)
{
    trale_tcp_connect_future f;

    trale_tcp_connect_init(&f, io, endpoint);
    return (int)await_call(__func__, &f.future);
}

static enum trale_poll unix_address(struct trale_connecting *c, const char *path,
                                    trale_context *cx)
{
    int error = addr_from_path(c->list, path);

    (void)cx;
    c->count = error == 0 ? 1 : error;
    return TRALE_READY;
}

static enum trale_poll unix_connect_poll(trale_future *self, trale_context *cx)
{
    return connect_poll(self, cx, unix_address);
}

const struct trale_future_ops unix_connect_ops = {unix_connect_poll, connect_drop,
                                                  "unix_connect"};

void trale_unix_connect_init(trale_unix_connect_future *f, trale_io **io, const char *path)
{
    *f =
        (trale_unix_connect_future){.future = {.ops = &unix_connect_ops}, .io = io, .text = path};
}

int trale_unix_connect(trale_io **io, const char *path)
{
    trale_unix_connect_future f;

    trale_unix_connect_init(&f, io, path);
    return (int)await_call(__func__, &f.future);
}
