/* TCP: what goes wrong, and what lives on. */
#include "suite.h"

#include <errno.h>
#include <sys/socket.h>

#include "settle.h"
#include "streams.h"
#include "system.h"
#include "wait_task.h"

static trale_task *spawn_connect(trale_io **io, const char *endpoint)
{
    trale_tcp_connect_future f;
    trale_task *task = NULL;
    trale_tcp_connect_init(&f, io, endpoint);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    return task;
}

START_TEST(nobody_listens)
{
    char endpoint[TRALE_ADDR_TEXT];
    trale_io *io = NULL;
    trale_close(listen_any(endpoint));
    settle();
    ck_assert_int_eq(trale_tcp_connect(&io, endpoint), -ECONNREFUSED);
    int before = count_fds();
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(trale_tcp_connect(&io, endpoint), -ECONNREFUSED);
        ck_assert_int_eq(join(spawn_connect(&io, endpoint)), -ECONNREFUSED);
    }
    ck_assert_ptr_null(io);
    ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(bad_endpoints_are_refused)
{
    static const char *const bad[] = {
        "",          "127.0.0.1",       ":80",          "127.0.0.1:", "[::1]", "[::1:80",
        "localhost", "127.0.0.1:70000", "127.0.0.1:-1", "::1:x:y"};
    trale_io *io = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int listening = trale_tcp_listen(&io, bad[i]),
            connecting = trale_tcp_connect(&io, bad[i]);
        ck_assert_msg(listening == -EINVAL || listening == -ENOENT, "%s: %d", bad[i], listening);
        ck_assert_int_eq(connecting, listening);
    }
    ck_assert_int_eq(trale_tcp_listen(&io, NULL), -EINVAL);
    ck_assert_int_eq(trale_tcp_listen(NULL, "127.0.0.1:0"), -EINVAL);
    ck_assert_int_eq(trale_tcp_connect(&io, NULL), -EINVAL);
    ck_assert_int_eq(trale_tcp_connect(NULL, "127.0.0.1:1"), -EINVAL);
    ck_assert_int_eq(trale_accept(NULL, &io, NULL), -EINVAL);
    ck_assert_ptr_null(io);
    char endpoint[TRALE_ADDR_TEXT];
    trale_io *listener = listen_any(endpoint);
    ck_assert_int_eq(trale_accept(listener, NULL, NULL), -EINVAL);
    trale_close(listener);
    ck_assert_int_eq(trale_tcp_listen(&io, "192.0.2.1:0"), -EADDRNOTAVAIL);
}
END_TEST

START_TEST(a_port_in_use_is_refused)
{
    char endpoint[TRALE_ADDR_TEXT];
    trale_io *listener = listen_any(endpoint), *second = NULL, *client;
    ck_assert_int_eq(trale_tcp_listen(&second, endpoint), -EADDRINUSE);
    ck_assert_ptr_null(second);
    ck_assert_int_eq(trale_tcp_connect(&client, endpoint), 0); /* the first one still listens */
    trale_close(client);
    trale_close(listener);
}
END_TEST

START_TEST(who_does_not_listen_accepts_nothing)
{
    trale_io *ends[2], *io = NULL;
    open_tcp(ends);
    ck_assert_int_eq(trale_accept(ends[0], &io, NULL), -EINVAL);
    close_both(ends);
    ck_assert_int_eq(trale_udp_bind(&ends[0], "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_accept(ends[0], &io, NULL), -EINVAL);
    trale_close(ends[0]);
    open_pipe(ends);
    ck_assert_int_eq(trale_accept(ends[0], &io, NULL), -EINVAL);
    close_both(ends);
    ck_assert_ptr_null(io);
}
END_TEST

START_TEST(shutdown_says_what_is_wrong)
{
    char byte;
    trale_io *ends[2];
    open_tcp(ends);
    ck_assert_int_eq(trale_shutdown(NULL, SHUT_WR), -EINVAL);
    ck_assert_int_eq(trale_shutdown(ends[0], 3), -EINVAL);
    ck_assert_int_eq(trale_shutdown(ends[0], -1), -EINVAL);
    ck_assert_int_eq(trale_shutdown(ends[0], SHUT_RD), 0);
    ck_assert_int_eq(trale_read(ends[0], &byte, 1), 0);
    ck_assert_int_eq(trale_write(ends[0], "x", 1), 1);
    ck_assert_int_eq(trale_shutdown(ends[0], SHUT_RDWR), 0);
    ck_assert_int_eq(trale_write(ends[0], "x", 1), -EPIPE);
    ck_assert_int_eq(trale_read(ends[1], &byte, 1), 1);
    ck_assert_int_eq(trale_read(ends[1], &byte, 1), 0);
    close_both(ends);
    open_pipe(ends);
    ck_assert_int_eq(trale_shutdown(ends[0], SHUT_RD), -ENOTSOCK);
    close_both(ends);
    trale_io *io = open_io(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ck_assert_int_eq(trale_shutdown(io, SHUT_WR), -ENOTCONN);
    trale_close(io);
}
END_TEST

static intptr_t accept_one(void *listener)
{
    trale_io *io = NULL;
    return trale_accept(listener, &io, NULL);
}

START_TEST(a_listener_that_is_shut_down_ends_its_acceptors)
{
    char endpoint[TRALE_ADDR_TEXT];
    trale_task *tasks[3];
    trale_io *listener = listen_any(endpoint);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(trale_spawn(&tasks[i], accept_one, listener), 0);
    settle();
    ck_assert_int_eq(trale_shutdown(listener, SHUT_RD), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(join(tasks[i]), -EINVAL);
    trale_close(listener);
}
END_TEST

/* An accept that counts how often it was polled. */
static int polls; /* of the executor's only, read after the join */

struct counted_accept {
    trale_future future;
    trale_accept_future accept;
};

static enum trale_poll counted_poll(trale_future *self, trale_context *cx)
{
    struct counted_accept *c = (struct counted_accept *)self;
    polls++;
    if (trale_future_poll(&c->accept.future, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    self->output = c->accept.future.output;
    return TRALE_READY;
}

static void counted_drop(trale_future *self)
{
    trale_future_drop(&((struct counted_accept *)self)->accept.future);
}

static trale_task *spawn_counted(trale_io *listener, trale_io **connection, trale_addr *peer)
{
    static const struct trale_future_ops ops = {counted_poll, counted_drop, "accept"};
    struct counted_accept c = {.future = {.ops = &ops}};
    trale_task *task = NULL;
    trale_accept_init(&c.accept, listener, connection, peer);
    ck_assert_int_eq(trale_spawn_future(&task, &c.future, sizeof c), 0);
    return task;
}

START_TEST(without_descriptors_the_connection_waits_and_the_listener_lives)
{
    char endpoint[TRALE_ADDR_TEXT];
    trale_addr peer, local;
    trale_io *listener = listen_any(endpoint), *client, *server = NULL;
    for (int round = 0; round < 20; round++) {
        polls = 0;
        trale_task *task =
            spawn_counted(listener, &server, &peer); /* it waits, then none is left */
        settle();
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(trale_addr_local(listener, &local), 0);
        forbid_fds();
        ck_assert_int_eq(connect(fd, &local.as.any, local.length), 0);
        ck_assert_int_eq(join(task), -EMFILE);
        ck_assert_int_le(polls, 3);
        polls = 0;
        for (int i = 0; i < 10; i++)
            ck_assert_int_eq(join(spawn_counted(listener, &server, &peer)), -EMFILE);
        settle();
        ck_assert_int_eq(polls, 10); /* one each, and none goes on by itself */
        ck_assert_int_eq(trale_accept(listener, &server, &peer), -EMFILE);
        ck_assert_ptr_null(server);
        allow_fds();
        task = spawn_counted(listener, &server, &peer);
        ck_assert_int_eq(join(task), 0);
        client = open_io(fd);
        ck_assert_int_eq(trale_addr_local(client, &local), 0);
        ck_assert_uint_eq(local.as.in4.sin_port, peer.as.in4.sin_port); /* the same one */
        trale_close(client);
        trale_close(server);
        server = NULL;
    }
    trale_close(listener);
}
END_TEST

START_TEST(without_descriptors_nothing_listens_or_connects)
{
    char endpoint[TRALE_ADDR_TEXT];
    trale_io *listener = listen_any(endpoint), *io = NULL;
    settle();
    forbid_fds();
    ck_assert_int_eq(trale_tcp_listen(&io, "127.0.0.1:0"), -EMFILE);
    ck_assert_int_eq(trale_tcp_connect(&io, endpoint), -EMFILE);
    ck_assert_int_eq(join(spawn_connect(&io, endpoint)), -EMFILE);
    allow_fds();
    ck_assert_ptr_null(io);
    ck_assert_int_eq(trale_tcp_connect(&io, endpoint), 0);
    trale_close(io);
    trale_close(listener);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "tcp_errors", nobody_listens,
               bad_endpoints_are_refused, a_port_in_use_is_refused,
               who_does_not_listen_accepts_nothing, shutdown_says_what_is_wrong,
               a_listener_that_is_shut_down_ends_its_acceptors,
               without_descriptors_the_connection_waits_and_the_listener_lives,
               without_descriptors_nothing_listens_or_connects)
