/* TCP: listening, accepting, connecting. */
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "settle.h"
#include "streams.h"
#include "system.h"
#include "wait_task.h"

struct acceptor {
    trale_io *listener, *connection;
    trale_addr peer;
};

static intptr_t accept_here(void *arg)
{
    struct acceptor *a = arg;
    return trale_accept(a->listener, &a->connection, &a->peer);
}

static trale_task *spawn_accept(struct acceptor *a, bool fiber)
{
    trale_accept_future f;
    trale_task *task = NULL;
    trale_accept_init(&f, a->listener, &a->connection, &a->peer);
    ck_assert_int_eq(fiber ? trale_spawn(&task, accept_here, a)
                           : trale_spawn_future(&task, &f.future, sizeof f),
                     0);
    return task;
}

static trale_task *spawn_connect(trale_io **io, const char *endpoint)
{
    trale_tcp_connect_future f;
    trale_task *task = NULL;
    trale_tcp_connect_init(&f, io, endpoint);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    return task;
}

static void same_port(const trale_addr *one, const trale_addr *two)
{
    ck_assert_int_eq(one->as.any.sa_family, two->as.any.sa_family);
    ck_assert_uint_eq(one->length, two->length);
    ck_assert_uint_eq(one->as.in4.sin_port, two->as.in4.sin_port);
}

START_TEST(port_0_lets_the_system_choose_and_both_sides_know_each_other)
{
    char endpoint[TRALE_ADDR_TEXT];
    trale_addr at, peer = {0}, local, accepted;
    trale_io *listener = listen_any(endpoint), *client, *server;
    ck_assert_int_eq(trale_addr_local(listener, &at), 0);
    ck_assert_uint_ne(at.as.in4.sin_port, 0);
    ck_assert_int_eq(trale_tcp_connect(&client, endpoint), 0);
    ck_assert_int_eq(trale_accept(listener, &server, &peer), 0);
    ck_assert_int_eq(trale_addr_local(client, &local), 0);
    ck_assert_int_eq(trale_addr_local(server, &accepted), 0);
    same_port(&peer, &local);
    same_port(&accepted, &at);
    ck_assert_uint_eq(ntohl(peer.as.in4.sin_addr.s_addr), INADDR_LOOPBACK);
    trale_close(client);
    trale_close(server);
    trale_close(listener);
}
END_TEST

START_TEST(tasks_and_plain_threads_accept_and_connect)
{
    char endpoint[TRALE_ADDR_TEXT], buffer[8];
    trale_io *listener = listen_any(endpoint);
    for (int i = 0; i < 40; i++) {
        struct acceptor a = {.listener = listener};
        trale_io *client;
        trale_task *task = spawn_accept(&a, i % 2);
        if (i % 3)
            settle();
        if (i % 4 < 2)
            ck_assert_int_eq(trale_tcp_connect(&client, endpoint), 0);
        else
            ck_assert_int_eq(join(spawn_connect(&client, endpoint)), 0);
        ck_assert_int_eq(join(task), 0);
        ck_assert_int_eq(trale_write(client, "hello", 5), 5);
        ck_assert_int_eq(trale_read(a.connection, buffer, sizeof buffer), 5);
        trale_close(client);
        trale_close(a.connection);
    }
    trale_close(listener);
}
END_TEST

START_TEST(several_acceptors_share_one_listener)
{
    enum { COUNT = 20 };
    char endpoint[TRALE_ADDR_TEXT];
    trale_io *listener = listen_any(endpoint);
    for (int round = 0; round < 20; round++) {
        struct acceptor a[COUNT];
        trale_task *tasks[COUNT];
        trale_io *clients[COUNT];
        for (int i = 0; i < COUNT; i++) {
            a[i] = (struct acceptor){.listener = listener};
            tasks[i] = spawn_accept(&a[i], i % 2);
        }
        settle();
        trale_cancel(tasks[round]);
        ck_assert_int_eq(join(tasks[round]), -ECANCELED);
        for (int i = 0; i < COUNT - 1; i++)
            ck_assert_int_eq(trale_tcp_connect(&clients[i], endpoint), 0);
        for (int i = 0; i < COUNT; i++) {
            if (i == round)
                continue;
            ck_assert_int_eq(join(tasks[i]), 0);
            trale_close(a[i].connection);
        }
        for (int i = 0; i < COUNT - 1; i++)
            trale_close(clients[i]);
    }
    trale_close(listener);
}
END_TEST

START_TEST(a_cancelled_acceptor_takes_no_connection)
{
    char endpoint[TRALE_ADDR_TEXT];
    trale_io *listener = listen_any(endpoint), *client;
    int before = 0;
    for (int i = 0; i < 200; i++) {
        struct acceptor a = {.listener = listener};
        trale_task *task = spawn_accept(&a, i % 2);
        if (i % 3)
            settle();
        ck_assert_int_eq(trale_tcp_connect(&client, endpoint), 0);
        trale_cancel(task);
        intptr_t result = join(task);
        ck_assert(result == 0 || result == -ECANCELED);
        if (result == -ECANCELED) {
            ck_assert_ptr_null(a.connection);
            ck_assert_int_eq(trale_accept(listener, &a.connection, NULL), 0);
        }
        trale_close(a.connection);
        trale_close(client);
        if (i == 100)
            before = count_fds();
    }
    ck_assert_int_eq(count_fds(), before);
    trale_close(listener);
}
END_TEST

START_TEST(a_port_is_listened_at_again_at_once)
{
    char endpoint[TRALE_ADDR_TEXT], byte;
    for (int i = 0; i < 10; i++) {
        trale_io *listener = listen_any(endpoint), *client, *server;
        ck_assert_int_eq(trale_tcp_connect(&client, endpoint), 0);
        ck_assert_int_eq(trale_accept(listener, &server, NULL), 0);
        trale_close(server); /* first: the port's side is the one in TIME_WAIT */
        ck_assert_int_eq(trale_read(client, &byte, 1), 0);
        trale_close(client);
        trale_close(listener);
        ck_assert_int_eq(trale_tcp_listen(&listener, endpoint), 0);
        ck_assert_int_eq(trale_tcp_connect(&client, endpoint), 0);
        ck_assert_int_eq(trale_accept(listener, &server, NULL), 0);
        trale_close(server);
        trale_close(client);
        trale_close(listener);
    }
}
END_TEST

/* A listener whose queue is full: loopback connections to it stay pending. */
static void fill_backlog(char endpoint[TRALE_ADDR_TEXT], trale_io **listener, int *fds, int count)
{
    trale_addr local;
    *listener = listen_any(endpoint);
    ck_assert_int_eq(listen(trale_io_fd(*listener), 0), 0);
    ck_assert_int_eq(trale_addr_local(*listener, &local), 0);
    for (int i = 0; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        ck_assert_int_ge(fds[i], 0);
        connect(fds[i], &local.as.any, local.length);
    }
}

START_TEST(a_connect_that_is_pending_is_cancelled)
{
    enum { COUNT = 4 };
    char endpoint[TRALE_ADDR_TEXT];
    trale_io *listener, *io = NULL;
    int fds[COUNT];
    fill_backlog(endpoint, &listener, fds, COUNT);
    settle();
    int before = count_fds();
    for (int i = 0; i < 20; i++) {
        trale_task *task = spawn_connect(&io, endpoint);
        settle();
        ck_assert_int_eq(count_fds(), before + 1);
        trale_cancel(task);
        ck_assert_int_eq(join(task), -ECANCELED);
        ck_assert_ptr_null(io);
        ck_assert_int_eq(count_fds(), before);
    }
    trale_task *task = spawn_connect(&io, endpoint); /* and is gone before it began */
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    ck_assert_int_eq(count_fds(), before);
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    trale_close(listener);
}
END_TEST

struct echo {
    const char *endpoint;
    trale_io *listener;
    int number;
};

static intptr_t echo_one(void *arg)
{
    trale_io *io = arg;
    char buffer[256];
    ssize_t n;
    while ((n = trale_read(io, buffer, sizeof buffer)) > 0)
        if (trale_write_all(io, buffer, (size_t)n) != n)
            break;
    return trale_close(io);
}

static intptr_t serve(void *arg)
{
    const struct echo *e = arg;
    for (int i = 0; i < e->number; i++) {
        trale_io *io;
        int error = trale_accept(e->listener, &io, NULL);
        if (error == 0)
            error = trale_spawn(NULL, echo_one, io);
        if (error)
            return error;
    }
    return 0;
}

static intptr_t be_client(void *arg)
{
    const struct echo *e = arg;
    char sent[100], got[100];
    trale_io *io;
    int error = trale_tcp_connect(&io, e->endpoint);
    if (error)
        return error;
    for (int i = 0; i < 10 && !error; i++) {
        int n = snprintf(sent, sizeof sent, "message %d of client %d", i, e->number);
        if (trale_write_all(io, sent, (size_t)n) != n ||
            trale_read_full(io, got, (size_t)n) != n || memcmp(sent, got, (size_t)n) != 0)
            error = -EIO;
        if (i == 4)
            trale_yield();
    }
    if (!error && (trale_shutdown(io, SHUT_WR) != 0 || trale_read(io, got, 1) != 0))
        error = -EPROTO;
    trale_close(io);
    return error;
}

START_TEST(five_hundred_connections_echo_at_once)
{
    enum { COUNT = 500 };
    static trale_task *tasks[COUNT];
    char endpoint[TRALE_ADDR_TEXT];
    raise_fds();
    struct echo e = {endpoint, listen_any(endpoint), COUNT};
    trale_task *server;
    ck_assert_int_eq(trale_spawn(&server, serve, &e), 0);
    for (int i = 0; i < COUNT; i++) {
        struct echo c = {endpoint, NULL, i};
        ck_assert_int_eq(trale_spawn_copy(&tasks[i], be_client, &c, sizeof c), 0);
    }
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(join(tasks[i]), 0);
    ck_assert_int_eq(join(server), 0);
    ck_assert_int_eq(trale_runtime_wait(trale_runtime_default()), 0);
    trale_close(e.listener);
}
END_TEST

START_TEST(ipv6_works_where_there_is_ipv6)
{
    char endpoint[TRALE_ADDR_TEXT], buffer[4];
    trale_addr local, peer, own;
    trale_io *listener, *client, *server;
    int error = trale_tcp_listen(&listener, "[::1]:0");
    if (error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL) {
        printf("# IPv6: skipped, this machine has none\n");
        return;
    }
    ck_assert_int_eq(error, 0);
    ck_assert_int_eq(trale_addr_local(listener, &local), 0);
    ck_assert_int_eq(trale_addr_format(&local, endpoint, sizeof endpoint), 0);
    ck_assert_int_eq(trale_tcp_connect(&client, endpoint), 0);
    ck_assert_int_eq(trale_accept(listener, &server, &peer), 0);
    ck_assert_int_eq(trale_addr_local(client, &own), 0);
    ck_assert_int_eq(peer.as.in6.sin6_family, AF_INET6);
    ck_assert_mem_eq(&peer.as.in6.sin6_addr, &in6addr_loopback, sizeof in6addr_loopback);
    same_port(&peer, &own);
    ck_assert_int_eq(trale_write(server, "six", 3), 3);
    ck_assert_int_eq(trale_read(client, buffer, sizeof buffer), 3);
    trale_close(client);
    trale_close(server);
    trale_close(listener);
}
END_TEST

/* The listener may have one address of the name only; the next one is tried then. */
START_TEST(every_address_of_a_name_is_tried)
{
    char endpoint[TRALE_ADDR_TEXT], name[64];
    trale_io *client;
    if (!has_localhost()) {
        printf("# localhost: skipped, this system does not know that name\n");
        return;
    }
    trale_io *listener = listen_any(endpoint);
    snprintf(name, sizeof name, "localhost%s", strchr(endpoint, ':'));
    ck_assert_int_eq(trale_tcp_connect(&client, name), 0);
    trale_close(client);
    trale_close(listener);
    ck_assert_int_eq(trale_tcp_connect(&client, name), -ECONNREFUSED);
}
END_TEST

static int nodelay_of(trale_io *io)
{
    int value = -1;
    socklen_t length = sizeof value;
    ck_assert_int_eq(getsockopt(trale_io_fd(io), IPPROTO_TCP, TCP_NODELAY, &value, &length), 0);
    return value != 0;
}

START_TEST(nodelay_is_switched_on_and_off)
{
    trale_io *ends[2];
    open_tcp(ends);
    ck_assert_int_eq(nodelay_of(ends[0]), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(trale_tcp_nodelay(ends[0], true), 0);
        ck_assert_int_eq(nodelay_of(ends[0]), 1);
        ck_assert_int_eq(trale_tcp_nodelay(ends[0], false), 0);
        ck_assert_int_eq(nodelay_of(ends[0]), 0);
    }
    close_both(ends);
    ck_assert_int_eq(trale_tcp_nodelay(NULL, true), -EINVAL);
    open_sockets(ends);
    ck_assert_int_eq(trale_tcp_nodelay(ends[0], true), -EOPNOTSUPP);
    close_both(ends);
    open_pipe(ends);
    ck_assert_int_eq(trale_tcp_nodelay(ends[0], true), -ENOTSOCK);
    close_both(ends);
    ck_assert_int_eq(trale_udp_bind(&ends[0], "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_tcp_nodelay(ends[0], true), -EOPNOTSUPP);
    trale_close(ends[0]);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "tcp",
               port_0_lets_the_system_choose_and_both_sides_know_each_other,
               tasks_and_plain_threads_accept_and_connect, several_acceptors_share_one_listener,
               a_cancelled_acceptor_takes_no_connection, a_port_is_listened_at_again_at_once,
               a_connect_that_is_pending_is_cancelled, five_hundred_connections_echo_at_once,
               ipv6_works_where_there_is_ipv6, every_address_of_a_name_is_tried,
               nodelay_is_switched_on_and_off)
