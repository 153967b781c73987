/* UDP: datagrams go out and come in whole, whatever their size. */
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <trale.h>

#include "seed.h"
#include "settle.h"
#include "system.h"

/* Bound to the loopback, with its address. */
static trale_io *bind_any(trale_addr *local)
{
    trale_io *io = NULL;
    ck_assert_int_eq(trale_udp_bind(&io, "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_addr_local(io, local), 0);
    return io;
}

START_TEST(port_0_lets_the_system_choose)
{
    trale_addr one, two;
    trale_io *first = bind_any(&one), *second = bind_any(&two);
    ck_assert_int_eq(one.as.in4.sin_family, AF_INET);
    ck_assert_uint_eq(one.length, sizeof one.as.in4);
    ck_assert_uint_eq(ntohl(one.as.in4.sin_addr.s_addr), INADDR_LOOPBACK);
    ck_assert_uint_ne(ntohs(one.as.in4.sin_port), 0);
    ck_assert_uint_ne(one.as.in4.sin_port, two.as.in4.sin_port);
    trale_close(first);
    trale_close(second);
}
END_TEST

START_TEST(a_plain_thread_sends_and_receives)
{
    trale_addr one, two, from = {0};
    char buffer[16];
    trale_io *first = bind_any(&one), *second = bind_any(&two);
    ck_assert_int_eq(trale_sendto(first, "hello", 5, &two), 5);
    ck_assert_int_eq(trale_recvfrom(second, buffer, sizeof buffer, &from), 5);
    ck_assert_mem_eq(buffer, "hello", 5);
    ck_assert_uint_eq(from.length, one.length);
    ck_assert_mem_eq(&from.as.in4, &one.as.in4, sizeof one.as.in4);
    ck_assert_int_eq(trale_sendto(second, "you", 3, &from), 3);
    ck_assert_int_eq(trale_recvfrom(first, buffer, sizeof buffer, NULL), 3);
    ck_assert_mem_eq(buffer, "you", 3);
    trale_close(first);
    trale_close(second);
}
END_TEST

START_TEST(a_datagram_without_bytes_is_no_end)
{
    trale_addr local, from = {0};
    char buffer[4] = "abc";
    trale_io *io = bind_any(&local);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(trale_sendto(io, i ? "" : NULL, 0, &local), 0);
        ck_assert_int_eq(trale_recvfrom(io, buffer, sizeof buffer, &from), 0);
        ck_assert_uint_eq(from.as.in4.sin_port, local.as.in4.sin_port);
        ck_assert_str_eq(buffer, "abc");
    }
    ck_assert_int_eq(trale_sendto(io, "x", 1, &local), 1);
    ck_assert_int_eq(trale_recvfrom(io, buffer, sizeof buffer, NULL), 1);
    ck_assert_int_eq(buffer[0], 'x');
    trale_close(io);
}
END_TEST

START_TEST(a_datagram_that_is_too_long_is_cut_and_its_length_told)
{
    trale_addr local;
    char sent[1000], buffer[110];
    trale_io *io = bind_any(&local);
    memset(sent, 's', sizeof sent);
    memset(buffer, '#', sizeof buffer);
    ck_assert_int_eq(trale_sendto(io, sent, sizeof sent, &local), sizeof sent);
    ck_assert_int_eq(trale_recvfrom(io, buffer, 100, NULL), sizeof sent);
    ck_assert_mem_eq(buffer, sent, 100);
    ck_assert_mem_eq(buffer + 100, "##########", 10);
    ck_assert_int_eq(trale_sendto(io, "next", 4, &local), 4); /* the rest of the first is gone */
    ck_assert_int_eq(trale_recvfrom(io, buffer, 100, NULL), 4);
    ck_assert_int_eq(trale_sendto(io, "abc", 3, &local), 3);
    ck_assert_int_eq(trale_recvfrom(io, NULL, 0, NULL), 3);
    trale_close(io);
}
END_TEST

START_TEST(the_longest_datagram_goes_through_and_a_longer_one_does_not)
{
    static char sent[70000], received[70000];
    trale_addr local;
    uint64_t seed = test_seed();
    trale_io *io = bind_any(&local);
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)random_below(&seed, 256);
    ck_assert_int_eq(trale_sendto(io, sent, 65507, &local), 65507);
    ck_assert_int_eq(trale_recvfrom(io, received, sizeof received, NULL), 65507);
    ck_assert_mem_eq(sent, received, 65507);
    ck_assert_int_eq(trale_sendto(io, sent, 65508, &local), -EMSGSIZE);
    ck_assert_int_eq(trale_sendto(io, sent, 70000, &local), -EMSGSIZE);
    ck_assert_int_eq(trale_sendto(io, "x", 1, &local), 1); /* and nothing is broken */
    ck_assert_int_eq(trale_recvfrom(io, received, sizeof received, NULL), 1);
    trale_close(io);
}
END_TEST

struct receiver {
    trale_io *io;
    char buffer[64];
    trale_addr from;
};

static intptr_t receive(void *arg)
{
    struct receiver *r = arg;
    return trale_recvfrom(r->io, r->buffer, sizeof r->buffer, &r->from);
}

START_TEST(a_cancelled_receiver_takes_no_datagram)
{
    trale_addr local;
    struct receiver r = {.io = bind_any(&local)};
    char buffer[64];
    for (int i = 0; i < 20; i++) {
        trale_task *task;
        memset(r.buffer, '#', sizeof r.buffer);
        ck_assert_int_eq(trale_spawn(&task, receive, &r), 0);
        settle();
        trale_cancel(task);
        if (i % 2)
            ck_assert_int_eq(join(task), -ECANCELED);
        ck_assert_int_eq(trale_sendto(r.io, "later", 5, &local), 5);
        if (i % 2 == 0)
            ck_assert_int_eq(join(task), -ECANCELED);
        ck_assert_int_eq(r.buffer[0], '#');
        ck_assert_int_eq(trale_recvfrom(r.io, buffer, sizeof buffer, NULL), 5);
        ck_assert_mem_eq(buffer, "later", 5);
    }
    trale_close(r.io);
}
END_TEST

/* The datagram and the cancel come at once: it is in the result or it is still there. */
START_TEST(a_datagram_is_never_lost_to_a_cancel)
{
    trale_addr local;
    struct receiver r = {.io = bind_any(&local)};
    char buffer[64];
    for (int i = 0; i < 500; i++) {
        trale_recvfrom_future f;
        trale_task *task;
        trale_recvfrom_init(&f, r.io, r.buffer, sizeof r.buffer, NULL);
        if (i % 2)
            ck_assert_int_eq(trale_spawn(&task, receive, &r), 0);
        else
            ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
        if (i % 3)
            settle();
        ck_assert_int_eq(trale_sendto(r.io, "once", 4, &local), 4);
        trale_cancel(task);
        intptr_t result = join(task);
        ck_assert(result == 4 || result == -ECANCELED);
        if (result != 4)
            ck_assert_int_eq(trale_recvfrom(r.io, buffer, sizeof buffer, NULL), 4);
        ck_assert_int_eq(recv(trale_io_fd(r.io), buffer, 1, MSG_DONTWAIT), -1);
    }
    trale_close(r.io);
}
END_TEST

START_TEST(ipv6_works_where_there_is_ipv6)
{
    trale_io *io;
    trale_addr local, from = {0};
    char buffer[8];
    int error = trale_udp_bind(&io, "[::1]:0");
    if (error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL) {
        printf("# IPv6: skipped, this machine has none\n");
        return;
    }
    ck_assert_int_eq(error, 0);
    ck_assert_int_eq(trale_addr_local(io, &local), 0);
    ck_assert_int_eq(local.as.in6.sin6_family, AF_INET6);
    ck_assert_uint_ne(local.as.in6.sin6_port, 0);
    ck_assert_int_eq(trale_sendto(io, "six", 3, &local), 3);
    ck_assert_int_eq(trale_recvfrom(io, buffer, sizeof buffer, &from), 3);
    ck_assert_mem_eq(&from.as.in6, &local.as.in6, sizeof local.as.in6);
    trale_close(io);
}
END_TEST

START_TEST(a_name_is_bound)
{
    trale_io *io;
    trale_addr local;
    if (!has_localhost()) {
        printf("# localhost: skipped, this system does not know that name\n");
        return;
    }
    ck_assert_int_eq(trale_udp_bind(&io, "localhost:0"), 0);
    ck_assert_int_eq(trale_addr_local(io, &local), 0);
    ck_assert(local.as.any.sa_family == AF_INET || local.as.any.sa_family == AF_INET6);
    trale_close(io);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "udp", port_0_lets_the_system_choose,
               a_plain_thread_sends_and_receives, a_datagram_without_bytes_is_no_end,
               a_datagram_that_is_too_long_is_cut_and_its_length_told,
               the_longest_datagram_goes_through_and_a_longer_one_does_not,
               a_cancelled_receiver_takes_no_datagram, a_datagram_is_never_lost_to_a_cancel,
               ipv6_works_where_there_is_ipv6, a_name_is_bound)
