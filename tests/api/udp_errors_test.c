/* What UDP calls say when the world, or the caller, is wrong; and that nothing changed then. */
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "settle.h"
#include "streams.h"
#include "system.h"
#include "wait_task.h"

static trale_io *bind_any(trale_addr *local)
{
    trale_io *io = NULL;
    ck_assert_int_eq(trale_udp_bind(&io, "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_addr_local(io, local), 0);
    return io;
}

static void refused(const char *endpoint, int error)
{
    trale_io *io = (trale_io *)&io;
    int fds = count_fds(), got = trale_udp_bind(&io, endpoint);
    ck_assert_msg(got == error, "\"%s\": %d", endpoint ? endpoint : "NULL", got);
    ck_assert_ptr_eq(io, (trale_io *)&io);
    ck_assert_int_eq(count_fds(), fds);
}

START_TEST(bad_endpoints_are_refused)
{
    static const char *const endpoints[] = {"",
                                            ":",
                                            "127.0.0.1",
                                            "127.0.0.1:",
                                            "127.0.0.1:65536",
                                            ":80",
                                            "[::1]",
                                            "[::1]80",
                                            "[::1:80",
                                            "127.0.0.1:-1",
                                            "127.0.0.1:1 2",
                                            "1.2.3:80",
                                            "[1.2.3.4]:80",
                                            "::1:80",
                                            "256.1.1.1:80",
                                            "127.0.0.1:80:80",
                                            "local host:80"};
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
        refused(endpoints[i], -EINVAL);
    refused(NULL, -EINVAL);
    ck_assert_int_eq(trale_udp_bind(NULL, "127.0.0.1:0"), -EINVAL);
    ck_assert_int_eq(trale_udp_bind(NULL, NULL), -EINVAL);
    refused("127.0.0.1:no-such-service", -ENOENT);
}
END_TEST

START_TEST(an_address_that_is_not_ours_is_refused)
{
    refused("192.0.2.1:0", -EADDRNOTAVAIL); /* reserved for documents */
}
END_TEST

START_TEST(a_port_in_use_is_refused)
{
    trale_addr local;
    char text[TRALE_ADDR_TEXT];
    trale_io *io = bind_any(&local);
    ck_assert_int_eq(trale_addr_format(&local, text, sizeof text), 0);
    refused(text, -EADDRINUSE);
    trale_close(io);
    ck_assert_int_eq(trale_udp_bind(&io, text), 0); /* now it is free */
    trale_close(io);
}
END_TEST

START_TEST(without_descriptors_nothing_is_bound)
{
    trale_io *io = (trale_io *)&io;
    int fds = count_fds();
    forbid_fds();
    int error = trale_udp_bind(&io, "127.0.0.1:0");
    allow_fds();
    ck_assert_int_eq(error, -EMFILE);
    ck_assert_ptr_eq(io, (trale_io *)&io);
    ck_assert_int_eq(count_fds(), fds);
    ck_assert_int_eq(trale_udp_bind(&io, "127.0.0.1:0"), 0);
    trale_close(io);
}
END_TEST

START_TEST(null_arguments_are_refused)
{
    trale_addr local;
    char byte = 'x';
    trale_io *io = bind_any(&local);
    ck_assert_int_eq(trale_recvfrom(NULL, &byte, 1, NULL), -EINVAL);
    ck_assert_int_eq(trale_recvfrom(io, NULL, 1, NULL), -EINVAL);
    ck_assert_int_eq(trale_sendto(NULL, &byte, 1, &local), -EINVAL);
    ck_assert_int_eq(trale_sendto(io, NULL, 1, &local), -EINVAL);
    ck_assert_int_eq(trale_addr_local(NULL, &local), -EINVAL);
    ck_assert_int_eq(trale_addr_local(io, NULL), -EINVAL);

    trale_udp_bind_future bind;
    trale_recvfrom_future receive;
    trale_sendto_future send;
    trale_task *task;
    trale_udp_bind_init(&bind, NULL, "127.0.0.1:0");
    ck_assert_int_eq(trale_spawn_future(&task, &bind.future, sizeof bind), 0);
    ck_assert_int_eq(join(task), -EINVAL);
    trale_recvfrom_init(&receive, NULL, &byte, 1, NULL);
    ck_assert_int_eq(trale_spawn_future(&task, &receive.future, sizeof receive), 0);
    ck_assert_int_eq(join(task), -EINVAL);
    trale_sendto_init(&send, io, NULL, 1, &local);
    ck_assert_int_eq(trale_spawn_future(&task, &send.future, sizeof send), 0);
    ck_assert_int_eq(join(task), -EINVAL);
    trale_close(io);
}
END_TEST

START_TEST(an_address_that_is_none_is_refused)
{
    trale_addr local, bad;
    trale_io *io = bind_any(&local);
    bad = local;
    bad.length = sizeof bad.as + 1;
    ck_assert_int_eq(trale_sendto(io, "x", 1, &bad), -EINVAL);
    bad.length = 0;
    ck_assert_int_lt(trale_sendto(io, "x", 1, &bad), 0);
    bad.length = 3;
    ck_assert_int_lt(trale_sendto(io, "x", 1, &bad), 0);
    trale_close(io);
}
END_TEST

START_TEST(without_a_destination_it_must_be_connected)
{
    trale_addr local;
    trale_io *io = bind_any(&local);
    ck_assert_int_eq(trale_sendto(io, "x", 1, NULL), -EDESTADDRREQ);
    trale_close(io);
}
END_TEST

/* A socket that is connected to a port where nobody is. */
static trale_io *connected_to_nobody(void)
{
    trale_addr nobody;
    trale_close(bind_any(&nobody));
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, &nobody.as.any, nobody.length), 0);
    return open_io(fd);
}

static intptr_t receive(void *io)
{
    char byte;
    return trale_recvfrom(io, &byte, 1, NULL);
}

START_TEST(a_connected_socket_learns_that_nobody_is_there)
{
    trale_io *io = connected_to_nobody();
    for (int i = 0; i < 10; i++) {
        intptr_t result = 0;
        ck_assert_int_eq(trale_sendto(io, "x", 1, NULL), 1);
        ck_assert_int_eq(trale_block_on(receive, io, &result), 0);
        ck_assert_int_eq(result, -ECONNREFUSED);
    }
    trale_close(io);
}
END_TEST

START_TEST(a_receiver_that_waits_learns_that_nobody_is_there)
{
    trale_io *io = connected_to_nobody();
    trale_task *task;
    ck_assert_int_eq(trale_spawn(&task, receive, io), 0);
    settle();
    ck_assert_int_eq(trale_sendto(io, "x", 1, NULL), 1);
    ck_assert_int_eq(join(task), -ECONNREFUSED);
    trale_close(io);
}
END_TEST

START_TEST(a_sender_learns_that_nobody_is_there)
{
    trale_io *io = connected_to_nobody();
    ck_assert_int_eq(trale_sendto(io, "x", 1, NULL), 1);
    /* The loopback answers at once, so the next call is the one that hears of it. */
    ck_assert_int_eq(trale_sendto(io, "x", 1, NULL), -ECONNREFUSED);
    trale_close(io);
}
END_TEST

START_TEST(a_socket_that_is_not_connected_does_not_learn_it)
{
    trale_addr nobody, here, there;
    trale_close(bind_any(&nobody));
    trale_io *io = bind_any(&here), *other = bind_any(&there);
    for (int i = 0; i < 10; i++) {
        trale_task *task;
        char byte = 0;
        if (i % 2) { /* one that waits already */
            ck_assert_int_eq(trale_spawn(&task, receive, io), 0);
            settle();
        }
        ck_assert_int_eq(trale_sendto(io, "x", 1, &nobody), 1);
        ck_assert_int_eq(trale_sendto(io, "y", 1, &there), 1);
        ck_assert_int_eq(trale_recvfrom(other, &byte, 1, NULL), 1);
        ck_assert_int_eq(byte, 'y');
        ck_assert_int_eq(trale_sendto(other, "z", 1, &here), 1);
        ck_assert_int_eq(i % 2 ? join(task) : receive(io), 1);
    }
    trale_close(io);
    trale_close(other);
}
END_TEST

START_TEST(a_connected_socket_sends_without_a_destination)
{
    trale_addr local;
    char byte = 0;
    trale_io *to = bind_any(&local);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, &local.as.any, local.length), 0);
    trale_io *io = open_io(fd);
    ck_assert_int_eq(trale_sendto(io, "y", 1, NULL), 1);
    ck_assert_int_eq(trale_recvfrom(to, &byte, 1, NULL), 1);
    ck_assert_int_eq(byte, 'y');
    trale_close(io);
    trale_close(to);
}
END_TEST

START_TEST(what_is_no_socket_has_no_address)
{
    int ends[2];
    trale_addr addr = {.length = 77};
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    ck_assert_int_eq(trale_addr_local(io, &addr), -ENOTSOCK);
    ck_assert_uint_eq(addr.length, 77);
    ck_assert_int_eq(trale_recvfrom(io, ends, 1, &addr), -ENOTSOCK);
    ck_assert_uint_eq(addr.length, 77);
    ck_assert_int_eq(trale_sendto(io, "x", 1, NULL), -ENOTSOCK);
    trale_close(io);
    close(ends[1]);
}
END_TEST

/* As of a Unix socket that was not bound. */
START_TEST(from_who_has_no_address_none_is_received)
{
    char text[TRALE_ADDR_TEXT], byte;
    trale_datagram d = {.buffer = &byte, .size = 1};
    trale_addr from;
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
    trale_io *io = open_io(fds[0]);
    for (int i = 0; i < 2; i++) {
        from = (trale_addr){.length = 77, .as.in4.sin_family = AF_INET};
        d.addr = from;
        ck_assert_int_eq(write(fds[1], "x", 1), 1);
        if (i == 0)
            ck_assert_int_eq(trale_recvfrom(io, &byte, 1, &from), 1);
        else
            ck_assert_int_eq(trale_recv_many(io, &d, 1), 1);
        from = i == 0 ? from : d.addr;
        ck_assert_uint_eq(from.length, 0);
        ck_assert_int_eq(trale_addr_format(&from, text, sizeof text), -EAFNOSUPPORT);
    }
    trale_close(io);
    close(fds[1]);
}
END_TEST

/* Their lengths are no datagrams', and asking for those would lose the bytes. */
START_TEST(from_streams_the_bytes_are_received)
{
    for (int i = 0; i < 2; i++) {
        char bytes[8] = "-------";
        trale_io *ends[2];
        (i ? open_sockets : open_tcp)(ends);
        ck_assert_int_eq(trale_write(ends[1], "abcdef", 6), 6);
        ck_assert_int_eq(trale_recvfrom(ends[0], bytes, 4, NULL), 4);
        ck_assert_str_eq(bytes, "abcd---");
        ck_assert_int_eq(trale_recvfrom(ends[0], bytes, 4, NULL), 2);
        ck_assert_str_eq(bytes, "efcd---");
        trale_close(ends[1]);
        ck_assert_int_eq(trale_recvfrom(ends[0], bytes, 4, NULL), 0);
        trale_close(ends[0]);
    }
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "udp_errors", bad_endpoints_are_refused,
               an_address_that_is_not_ours_is_refused, a_port_in_use_is_refused,
               without_descriptors_nothing_is_bound, null_arguments_are_refused,
               an_address_that_is_none_is_refused, without_a_destination_it_must_be_connected,
               a_connected_socket_learns_that_nobody_is_there,
               a_receiver_that_waits_learns_that_nobody_is_there,
               a_sender_learns_that_nobody_is_there,
               a_socket_that_is_not_connected_does_not_learn_it,
               a_connected_socket_sends_without_a_destination, what_is_no_socket_has_no_address,
               from_who_has_no_address_none_is_received, from_streams_the_bytes_are_received)
