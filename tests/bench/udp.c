/*
 * udp_thread: a fiber echoes datagrams to a plain thread that uses blocking system calls.
 * udp_task: a fiber echoes datagrams to a fiber of the same runtime.
 */
#include <unistd.h>

#include "bench.h"

static intptr_t echo(void *arg)
{
    char message[MESSAGE];
    trale_addr from;
    ssize_t size;

    while ((size = trale_recvfrom(arg, message, sizeof message, &from)) > 0)
        check((int)trale_sendto(arg, message, (size_t)size, &from), "sendto");
    return size; /* an empty datagram ends it */
}

struct client {
    long count;
    trale_addr server;
    trale_io *io; /* of the client that is a task */
    int fd;       /* of the client that is a thread */
    int64_t *times;
};

static void exchange_as_thread(const struct client *c)
{
    char message[MESSAGE] = {0};

    if (send(c->fd, message, sizeof message, 0) != MESSAGE ||
        recv(c->fd, message, sizeof message, 0) != MESSAGE)
        check(-errno, "send, recv");
}

static void exchange_as_task(const struct client *c)
{
    char message[MESSAGE] = {0};

    check((int)trale_sendto(c->io, message, sizeof message, &c->server), "sendto");
    check((int)trale_recvfrom(c->io, message, sizeof message, NULL), "recvfrom");
}

static void run_client(const struct client *c, void (*exchange)(const struct client *))
{
    struct span start;

    for (int i = 0; i < 100; i++)
        exchange(c);
    start = span_start();
    for (long i = 0; i < c->count; i++) {
        c->times[i] = trale_now();
        exchange(c);
        c->times[i] = trale_now() - c->times[i];
    }
    start = span_since(start);
    report_times(c->times, c->count);
    report("wall", (double)start.wall / (double)c->count / 1000, "us");
    report("cpu", (double)start.cpu / (double)c->count / 1000, "us");
}

static void thread_client(struct client *c)
{
    c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, &c->server.as.any, c->server.length) != 0)
        check(-errno, "connect");
    run_client(c, exchange_as_thread);
    if (send(c->fd, "", 0, 0) != 0)
        check(-errno, "send");
    close(c->fd);
}

static intptr_t task_client(void *arg)
{
    struct client *c = arg;

    check(trale_udp_bind(&c->io, "127.0.0.1:0"), "udp_bind");
    run_client(c, exchange_as_task);
    check((int)trale_sendto(c->io, "", 0, &c->server), "sendto");
    return trale_close(c->io);
}

static void serve(long count, bool to_thread)
{
    struct client client = {.count = count, .times = array(count, sizeof *client.times)};
    trale_task *server;
    trale_io *io;

    check(trale_udp_bind(&io, "127.0.0.1:0"), "udp_bind");
    check(trale_addr_local(io, &client.server), "addr_local");
    check(trale_spawn(&server, echo, io), "spawn");
    if (to_thread)
        thread_client(&client);
    else
        check(trale_block_on(task_client, &client, NULL), "block_on");
    check(trale_join(server, NULL), "join");
    trale_close(io);
    free(client.times);
}

static void udp_thread(long count)
{
    serve(count, true);
}

static void udp_task(long count)
{
    serve(count, false);
}

BENCH_MAIN({"udp_thread", udp_thread}, {"udp_task", udp_task})
