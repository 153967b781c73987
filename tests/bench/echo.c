/*
 * Echo servers, for load.c; each prints its port and runs until it is killed:
 *   tcp_fiber, tcp_stackless   a task per connection
 *   tcp_run, tcp_run_stackless the same in trale_run, on the main thread
 *   tcp_run_curt               likewise, with no more than the loops of raw and libev do
 *   udp_fiber, udp_run         one fiber that echoes datagrams
 */
#include "bench.h"

#define BUFFER 4096

static void print_port(const trale_io *io)
{
    trale_addr local;

    check(trale_addr_local(io, &local), "addr_local");
    printf(" port %d\n", ntohs(local.as.in4.sin_port));
    fflush(stdout);
}

static intptr_t echo_fiber(void *arg)
{
    char buffer[BUFFER];
    trale_io *io = arg;
    ssize_t n;

    while ((n = trale_read(io, buffer, sizeof buffer)) > 0 &&
           trale_write_all(io, buffer, (size_t)n) == n)
        ;
    return trale_close(io);
}

struct echo {
    trale_async async;
    trale_io *io;
    union {
        trale_read_future read;
        trale_write_all_future write;
    } wait;
    char buffer[BUFFER];
};

static void echo_drop(trale_future *self)
{
    trale_async_drop(self);
    trale_close(((struct echo *)self)->io);
}

TRALE_ASYNC_WITH(echo, struct echo, echo_drop)
{
    TRALE_ASYNC_BEGIN;
    for (;;) {
        trale_read_init(&self->wait.read, self->io, self->buffer, sizeof self->buffer);
        TRALE_AWAIT(&self->wait.read.future);
        ssize_t n = self->wait.read.future.output;
        if (n <= 0)
            TRALE_RETURN(n);
        trale_write_all_init(&self->wait.write, self->io, self->buffer, (size_t)n);
        TRALE_AWAIT(&self->wait.write.future);
        if (self->wait.write.future.output < 0)
            TRALE_RETURN(self->wait.write.future.output);
    }
    TRALE_ASYNC_END;
}

/*
 * The same work as that of the loops of raw and libev: one buffer for all, in which nothing stays
 * between two polls, and who does not take an answer at once is cut off.
 */
struct curt {
    trale_future future;
    trale_io *io;
    trale_read_future read;
    bool reads;
};

/* The whole answer, or none. */
static bool answers(trale_io *io, const char *buffer, ssize_t size, trale_context *cx)
{
    trale_write_future write;
    bool done;

    trale_write_init(&write, io, buffer, (size_t)size);
    done = trale_future_poll(&write.future, cx) == TRALE_READY && write.future.output == size;
    trale_future_drop(&write.future);
    return done;
}

static enum trale_poll curt_poll(trale_future *self, trale_context *cx)
{
    struct curt *e = (struct curt *)self;
    static char buffer[BUFFER];

    for (;;) {
        if (!e->reads)
            trale_read_init(&e->read, e->io, buffer, sizeof buffer);
        e->reads = trale_future_poll(&e->read.future, cx) == TRALE_PENDING;
        if (e->reads)
            return TRALE_PENDING;
        trale_future_drop(&e->read.future);
        if (e->read.future.output <= 0 || !answers(e->io, buffer, e->read.future.output, cx))
            return TRALE_READY;
    }
}

static void curt_drop(trale_future *self)
{
    struct curt *e = (struct curt *)self;

    if (e->reads)
        trale_future_drop(&e->read.future);
    trale_close(e->io);
}

static int spawn_curt(trale_io *io)
{
    static const struct trale_future_ops ops = {curt_poll, curt_drop, "curt"};
    struct curt e = {.future = {.ops = &ops}, .io = io};

    return trale_spawn_future(NULL, &e.future, sizeof e);
}

static int spawn_fiber(trale_io *io)
{
    return trale_spawn(NULL, echo_fiber, io);
}

static int spawn_stackless(trale_io *io)
{
    struct echo e = {.async = TRALE_ASYNC_INIT(echo), .io = io};

    return trale_spawn_future(NULL, &e.async.future, sizeof e);
}

static intptr_t serve(void *arg)
{
    int (**spawn)(trale_io *) = arg;
    trale_io *listener, *io;
    int error;

    check(trale_tcp_listen(&listener, "127.0.0.1:0"), "tcp_listen");
    print_port(listener);
    while ((error = trale_accept(listener, &io, NULL)) == 0)
        check((*spawn)(io), "spawn");
    return error;
}

static intptr_t serve_datagrams(void *arg)
{
    char message[BUFFER];
    trale_addr from;
    trale_io *io;
    ssize_t n;

    (void)arg;
    check(trale_udp_bind(&io, "127.0.0.1:0"), "udp_bind");
    print_port(io);
    while ((n = trale_recvfrom(io, message, sizeof message, &from)) >= 0)
        check((int)trale_sendto(io, message, (size_t)n, &from), "sendto");
    return n;
}

static void tcp_fiber(long count)
{
    int (*spawn)(trale_io *) = spawn_fiber;

    (void)count;
    check(trale_block_on(serve, &spawn, NULL), "block_on");
}

static void tcp_stackless(long count)
{
    int (*spawn)(trale_io *) = spawn_stackless;

    (void)count;
    check(trale_block_on(serve, &spawn, NULL), "block_on");
}

static void tcp_run(long count)
{
    int (*spawn)(trale_io *) = spawn_fiber;

    (void)count;
    check(trale_run(serve, &spawn, NULL), "run");
}

static void tcp_run_stackless(long count)
{
    int (*spawn)(trale_io *) = spawn_stackless;

    (void)count;
    check(trale_run(serve, &spawn, NULL), "run");
}

static void udp_fiber(long count)
{
    (void)count;
    check(trale_block_on(serve_datagrams, NULL, NULL), "block_on");
}

static void udp_run(long count)
{
    (void)count;
    check(trale_run(serve_datagrams, NULL, NULL), "run");
}

static void tcp_run_curt(long count)
{
    int (*spawn)(trale_io *) = spawn_curt;

    (void)count;
    check(trale_run(serve, &spawn, NULL), "run");
}

BENCH_MAIN({"tcp_fiber", tcp_fiber}, {"tcp_stackless", tcp_stackless}, {"tcp_run", tcp_run},
           {"tcp_run_stackless", tcp_run_stackless}, {"tcp_run_curt", tcp_run_curt},
           {"udp_fiber", udp_fiber}, {"udp_run", udp_run})
