/*
 * Every call of net.h that waits, and is not to wait any longer. Names are looked up by our own
 * getaddrinfo, which does not answer before it is told to.
 */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "suite.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gate.h"
#include "held_call.h"
#include "settle.h"
#include "streams.h"
#include "wait_task.h"

static trale_io *ends[2];
static char buffer[64];

/* Datagrams. */

static trale_addr here;

static void new_udp(void)
{
    ck_assert_int_eq(trale_udp_bind(&ends[0], "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_addr_local(ends[0], &here), 0);
}

static intptr_t do_recvfrom(void)
{
    trale_addr from = {.length = 1};
    ssize_t n = trale_recvfrom(ends[0], buffer, sizeof buffer, &from);

    return from.length == 1 ? n : -1000;
}

static intptr_t do_recv(void)
{
    return trale_recv(ends[0], buffer, sizeof buffer);
}

static intptr_t do_recv_many(void)
{
    trale_datagram list[2] = {{.buffer = buffer, .size = 8}, {.buffer = buffer, .size = 8}};

    return trale_recv_many(ends[0], list, 2);
}

static void nothing_was_received(void)
{
    ck_assert_int_eq(trale_sendto(ends[0], "x", 1, &here), 1);
    ck_assert_int_eq(trale_recvfrom(ends[0], buffer, sizeof buffer, NULL), 1);
    ck_assert_int_eq(buffer[0], 'x');
    ck_assert_int_eq(trale_close(ends[0]), 0);
}

/* Connections. */

static trale_io *listener;
static char endpoint[TRALE_ADDR_TEXT];

static void new_listener(void)
{
    listener = listen_any(endpoint);
}

static intptr_t do_accept(void)
{
    trale_io *io = NULL;
    int error = trale_accept(listener, &io, NULL);

    return io ? -1000 : error;
}

static void listener_works(void)
{
    ck_assert_int_eq(trale_tcp_connect(&ends[0], endpoint), 0);
    ck_assert_int_eq(trale_accept(listener, &ends[1], NULL), 0);
    close_with_reset(ends[0]);
    ck_assert_int_eq(trale_close(ends[1]), 0);
    ck_assert_int_eq(trale_close(listener), 0);
}

/* Its backlog takes one or two, and then the kernel answers nobody. */
enum { CROWD = 8 };
static int crowd[CROWD];

static void connect_crowd(const struct sockaddr *addr, socklen_t length)
{
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        ck_assert_int_ge(crowd[i], 0);
        (void)connect(crowd[i], addr, length);
    }
}

static void new_full_listener(void)
{
    trale_addr addr;

    new_listener();
    ck_assert_int_eq(listen(trale_io_fd(listener), 0), 0);
    ck_assert_int_eq(trale_addr_local(listener, &addr), 0);
    connect_crowd(&addr.as.any, addr.length);
}

static void new_full_unix_listener(void)
{
    trale_addr addr;

    snprintf(endpoint, sizeof endpoint, "@trale-deadline-%ld", (long)getpid());
    ck_assert_int_eq(trale_unix_listen(&listener, endpoint), 0);
    ck_assert_int_eq(listen(trale_io_fd(listener), 0), 0);
    ck_assert_int_eq(trale_addr_local(listener, &addr), 0);
    connect_crowd(&addr.as.any, addr.length);
}

static intptr_t do_tcp_connect(void)
{
    trale_io *io = NULL;
    int error = trale_tcp_connect(&io, endpoint);

    return io ? -1000 : error;
}

static intptr_t do_unix_connect(void)
{
    trale_io *io = NULL;
    int error = trale_unix_connect(&io, endpoint);

    return io ? -1000 : error;
}

/* Nobody but the crowd is in the backlog. */
static void disperse(void)
{
    int fd, inside = 0;

    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
    while ((fd = accept(trale_io_fd(listener), NULL, NULL)) >= 0) {
        inside++;
        close(fd);
    }
    ck_assert_int_le(inside, CROWD);
    ck_assert_int_eq(listen(trale_io_fd(listener), 16), 0);
}

static void listener_has_room_again(void)
{
    disperse();
    listener_works();
}

static void unix_listener_has_room_again(void)
{
    disperse();
    ck_assert_int_eq(trale_unix_connect(&ends[0], endpoint), 0);
    ck_assert_int_eq(trale_accept(listener, &ends[1], NULL), 0);
    close_both(ends);
    ck_assert_int_eq(trale_close(listener), 0);
}

/* Names. Who asks for one in the n-th row of the table is answered when that row is over. */

static struct gate asked = GATE, answers = GATE;
static long row;
static char name[64];

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    lookup *real = (lookup *)(uintptr_t)dlsym(RTLD_NEXT, "getaddrinfo");
    long number;

    if (host && sscanf(host, "slow-%ld.test", &number) == 1) {
        if (number > 0)
            gate_open(&asked);
        gate_wait_for(&answers, number);
        host = "127.0.0.1";
    }
    return real(host, service, hints, found);
}

static void new_name(void)
{
    snprintf(name, sizeof name, "slow-%ld.test:0", ++row);
}

static void is_asked(void)
{
    gate_wait_for(&asked, row);
}

static intptr_t ask(int (*fn)(trale_io **, const char *))
{
    trale_io *io = NULL;
    int error = fn(&io, name);

    return io ? -1000 : error;
}

static intptr_t do_udp_bind(void)
{
    return ask(trale_udp_bind);
}

static intptr_t do_udp_connect(void)
{
    return ask(trale_udp_connect);
}

static intptr_t do_tcp_listen(void)
{
    return ask(trale_tcp_listen);
}

static intptr_t do_tcp_connect_by_name(void)
{
    return ask(trale_tcp_connect);
}

static void names_work(void)
{
    trale_io *io;

    gate_open(&answers);
    ck_assert_int_eq(trale_udp_bind(&io, "slow-0.test:0"), 0);
    ck_assert_int_eq(trale_close(io), 0);
}

#define CALL(what, before, after) \
    { \
        .name = #what, .prepare = (before), .call = do_##what, .finish = (after) \
    }

#define BY_NAME(what) \
    { \
        .name = #what, .prepare = new_name, .call = do_##what, .begun = is_asked, \
        .finish = names_work \
    }

static const struct held_call calls[] = {
    CALL(recvfrom, new_udp, nothing_was_received),
    CALL(recv, new_udp, nothing_was_received),
    CALL(recv_many, new_udp, nothing_was_received),
    CALL(accept, new_listener, listener_works),
    CALL(tcp_connect, new_full_listener, listener_has_room_again),
    CALL(unix_connect, new_full_unix_listener, unix_listener_has_room_again),
    BY_NAME(udp_bind),
    BY_NAME(udp_connect),
    BY_NAME(tcp_listen),
    BY_NAME(tcp_connect_by_name),
};

START_TEST(a_deadline_ends_it)
{
    HELD_EACH(calls, held_until_deadline);
}
END_TEST

START_TEST(a_deadline_ends_it_on_a_thread)
{
    HELD_EACH(calls, held_until_deadline_on_thread);
}
END_TEST

START_TEST(a_deadline_that_has_passed_does_not_let_it_begin)
{
    HELD_EACH(calls, held_too_late);
}
END_TEST

START_TEST(a_cancel_ends_it)
{
    HELD_EACH(calls, held_until_cancelled);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "deadline_net", a_deadline_ends_it,
               a_deadline_ends_it_on_a_thread, a_deadline_that_has_passed_does_not_let_it_begin,
               a_cancel_ends_it)
