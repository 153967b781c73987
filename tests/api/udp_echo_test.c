/* A server task echoes, client tasks check every byte. */
#include "suite.h"

#include <string.h>
#include <trale.h>

#include "seed.h"
#include "settle.h"

enum { SIZE_MAX_SENT = 1400 };

static intptr_t echo(void *io)
{
    char buffer[2048];
    trale_addr from;
    for (;;) {
        ssize_t n = trale_recvfrom(io, buffer, sizeof buffer, &from);
        if (n >= 0)
            n = trale_sendto(io, buffer, (size_t)n, &from);
        if (n < 0)
            return n;
    }
}

struct client {
    trale_io *io;
    const trale_addr *server;
    uint64_t seed;
    long count;
    long wrong; /* replies that are not what was sent, or from elsewhere */
};

/* One datagram there and back; the loopback loses none while only one is on its way. */
static bool exchange(struct client *c)
{
    char sent[SIZE_MAX_SENT], received[2048];
    trale_addr from = {0};
    size_t size = random_below(&c->seed, sizeof sent);
    for (size_t i = 0; i < size; i++)
        sent[i] = (char)random_below(&c->seed, 256);
    if (trale_sendto(c->io, sent, size, c->server) != (ssize_t)size)
        return false;
    return trale_recvfrom(c->io, received, sizeof received, &from) == (ssize_t)size &&
           memcmp(sent, received, size) == 0 &&
           from.as.in4.sin_port == c->server->as.in4.sin_port;
}

static intptr_t be_client(void *arg)
{
    struct client *c = arg;
    for (long i = 0; i < c->count; i++)
        c->wrong += !exchange(c);
    return 0;
}

/* So many clients, each a task or, the last one, the test thread. */
static void clients_are_echoed(int tasks, bool thread, long count)
{
    uint64_t seed = test_seed();
    struct client clients[8];
    trale_task *joined[8], *server;
    trale_io *io;
    trale_addr address;
    ck_assert_int_eq(trale_udp_bind(&io, "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_addr_local(io, &address), 0);
    ck_assert_int_eq(trale_spawn(&server, echo, io), 0);
    for (int i = 0; i < tasks + thread; i++) {
        clients[i] = (struct client){.server = &address,
                                     .seed = random_fork(seed, (unsigned)i),
                                     .count = test_scale(count)};
        ck_assert_int_eq(trale_udp_bind(&clients[i].io, "127.0.0.1:0"), 0);
        if (i < tasks)
            ck_assert_int_eq(trale_spawn(&joined[i], be_client, &clients[i]), 0);
        else
            be_client(&clients[i]);
    }
    for (int i = 0; i < tasks + thread; i++) {
        if (i < tasks)
            join(joined[i]);
        ck_assert_int_eq(clients[i].wrong, 0);
        trale_close(clients[i].io);
    }
    trale_cancel(server);
    join(server);
    trale_close(io);
}

START_TEST(two_tasks_are_echoed_a_thousand_datagrams)
{
    clients_are_echoed(2, false, 1000);
}
END_TEST

START_TEST(a_task_and_a_plain_thread_are_echoed)
{
    clients_are_echoed(1, true, 1000);
}
END_TEST

START_TEST(eight_tasks_are_echoed)
{
    clients_are_echoed(8, false, 500);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "udp_echo", two_tasks_are_echoed_a_thousand_datagrams,
               a_task_and_a_plain_thread_are_echoed, eight_tasks_are_echoed)
