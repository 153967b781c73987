/* Connected UDP sockets, and many datagrams at once. */
#include "suite.h"

#include <errno.h>
#include <string.h>
#include <trale.h>

#include "settle.h"

/* Bound to the loopback, with its address as text. */
static trale_io *bind_any(char text[TRALE_ADDR_TEXT])
{
    trale_io *io = NULL;
    trale_addr local;

    ck_assert_int_eq(trale_udp_bind(&io, "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_addr_local(io, &local), 0);
    ck_assert_int_eq(trale_addr_format(&local, text, TRALE_ADDR_TEXT), 0);
    return io;
}

static trale_io *connect_to(const char *text)
{
    trale_io *io = NULL;

    ck_assert_int_eq(trale_udp_connect(&io, text), 0);
    return io;
}

START_TEST(what_is_sent_goes_to_the_peer_and_back)
{
    char text[TRALE_ADDR_TEXT], buffer[8];
    trale_io *server = bind_any(text), *client = connect_to(text);
    trale_addr from;

    ck_assert_int_eq(trale_send(client, "ask", 3), 3);
    ck_assert_int_eq(trale_recvfrom(server, buffer, 8, &from), 3);
    ck_assert_int_eq(trale_sendto(server, "tell", 4, &from), 4);
    ck_assert_int_eq(trale_recv(client, buffer, 8), 4);
    ck_assert_mem_eq(buffer, "tell", 4);
    ck_assert_int_eq(trale_send(client, NULL, 0), 0);
    ck_assert_int_eq(trale_recv(server, buffer, 8), 0);
    trale_close(client);
    trale_close(server);
}
END_TEST

START_TEST(datagrams_of_others_are_not_received)
{
    char text[TRALE_ADDR_TEXT], elsewhere[TRALE_ADDR_TEXT], buffer[8];
    trale_io *server = bind_any(text), *other = bind_any(elsewhere), *client = connect_to(text);
    trale_addr to;

    ck_assert_int_eq(trale_addr_local(client, &to), 0);
    ck_assert_int_eq(trale_sendto(other, "no", 2, &to), 2);
    ck_assert_int_eq(trale_sendto(server, "yes", 3, &to), 3);
    ck_assert_int_eq(trale_recv(client, buffer, 8), 3);
    trale_close(client);
    trale_close(other);
    trale_close(server);
}
END_TEST

START_TEST(nobody_there_is_econnrefused)
{
    char text[TRALE_ADDR_TEXT], buffer[8];
    trale_io *server = bind_any(text), *client = connect_to(text);

    trale_close(server);
    ck_assert_int_eq(trale_send(client, "x", 1), 1);
    ck_assert_int_eq(trale_recv(client, buffer, 8), -ECONNREFUSED);
    trale_close(client);
}
END_TEST

START_TEST(a_stackless_task_receives)
{
    char text[TRALE_ADDR_TEXT], buffer[8];
    trale_io *server = bind_any(text), *client = connect_to(text);
    trale_recv_future f;
    trale_task *task;

    trale_recv_init(&f, server, buffer, 8);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    settle();
    ck_assert_int_eq(trale_send(client, "late", 4), 4);
    ck_assert_int_eq(join(task), 4);
    trale_close(client);
    trale_close(server);
}
END_TEST

START_TEST(a_stackless_task_sends)
{
    char text[TRALE_ADDR_TEXT], buffer[8];
    trale_io *server = bind_any(text), *client = connect_to(text);
    trale_send_future f;
    trale_task *task;

    trale_send_init(&f, client, "early", 5);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    ck_assert_int_eq(trale_recv(server, buffer, 8), 5);
    ck_assert_int_eq(join(task), 5);
    trale_close(client);
    trale_close(server);
}
END_TEST

#define MANY (TRALE_DATAGRAMS_MAX + 8)

START_TEST(many_go_in_one_call_and_come_in_order)
{
    char text[TRALE_ADDR_TEXT], out[MANY][MANY], in[MANY][MANY];
    trale_datagram sent[MANY] = {0}, received[MANY];
    trale_io *server = bind_any(text), *client = connect_to(text);
    trale_addr from;

    memset(received, 0x55, sizeof received);
    for (size_t i = 0; i < MANY; i++) {
        memset(out[i], (int)i, MANY);
        sent[i].buffer = out[i], sent[i].size = i;
        received[i].buffer = in[i], received[i].size = i % 2 ? MANY : 4;
    }
    ck_assert_int_eq(trale_addr_local(client, &from), 0);
    ck_assert_int_eq(trale_send_many(client, sent, MANY), TRALE_DATAGRAMS_MAX);
    ck_assert_int_eq(trale_recv_many(server, received, MANY), TRALE_DATAGRAMS_MAX);
    for (size_t i = 0; i < TRALE_DATAGRAMS_MAX; i++) {
        ck_assert_uint_eq(received[i].received, i);
        ck_assert_mem_eq(in[i], out[i], i < received[i].size ? i : received[i].size);
        ck_assert_uint_eq(received[i].addr.as.in4.sin_port, from.as.in4.sin_port);
    }
    ck_assert_uint_eq(received[TRALE_DATAGRAMS_MAX].received, (size_t)0x5555555555555555);
    trale_close(client);
    trale_close(server);
}
END_TEST

START_TEST(as_many_as_there_are_come)
{
    char text[TRALE_ADDR_TEXT], in[4][8];
    trale_io *server = bind_any(text), *client = connect_to(text);
    trale_datagram received[4];

    for (int i = 0; i < 4; i++)
        received[i] = (trale_datagram){.buffer = in[i], .size = 8};
    ck_assert_int_eq(trale_send(client, "1", 1), 1);
    ck_assert_int_eq(trale_send(client, "22", 2), 2);
    ck_assert_int_eq(trale_recv_many(server, received, 4), 2);
    ck_assert_uint_eq(received[1].received, 2);
    trale_close(client);
    trale_close(server);
}
END_TEST

START_TEST(each_can_have_an_address_of_its_own)
{
    char one[TRALE_ADDR_TEXT], two[TRALE_ADDR_TEXT], three[TRALE_ADDR_TEXT], buffer[8];
    trale_io *first = bind_any(one), *second = bind_any(two), *sender = bind_any(three);
    trale_datagram sent[] = {{.buffer = "a", .size = 1}, {.buffer = "bb", .size = 2}};

    ck_assert_int_eq(trale_addr_local(first, &sent[0].addr), 0);
    ck_assert_int_eq(trale_addr_local(second, &sent[1].addr), 0);
    ck_assert_int_eq(trale_send_many(sender, sent, 2), 2);
    ck_assert_int_eq(trale_recv(first, buffer, 8), 1);
    ck_assert_int_eq(trale_recv(second, buffer, 8), 2);
    trale_close(sender);
    trale_close(second);
    trale_close(first);
}
END_TEST

START_TEST(after_an_error_the_count_comes_first)
{
    static char huge[70000];
    char text[TRALE_ADDR_TEXT];
    trale_io *server = bind_any(text), *client = connect_to(text);
    trale_datagram sent[] = {{.buffer = huge, .size = 10}, {.buffer = huge, .size = sizeof huge}};

    ck_assert_int_eq(trale_send_many(client, sent, 2), 1);
    ck_assert_int_eq(trale_send_many(client, sent + 1, 1), -EMSGSIZE);
    trale_close(client);
    trale_close(server);
}
END_TEST

START_TEST(bad_arguments_are_einval)
{
    char text[TRALE_ADDR_TEXT];
    trale_io *server = bind_any(text), *untouched = server;
    trale_datagram no_buffer = {.size = 1}, no_address = {.addr.length = 4000};

    ck_assert_int_eq(trale_udp_connect(NULL, text), -EINVAL);
    ck_assert_int_eq(trale_udp_connect(&untouched, NULL), -EINVAL);
    ck_assert_int_eq(trale_udp_connect(&untouched, "here"), -EINVAL);
    ck_assert_ptr_eq(untouched, server);
    ck_assert_int_eq(trale_recv(NULL, text, 1), -EINVAL);
    ck_assert_int_eq(trale_send(server, NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_recv_many(server, NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_recv_many(server, &no_buffer, 0), -EINVAL);
    ck_assert_int_eq(trale_recv_many(server, &no_buffer, 1), -EINVAL);
    ck_assert_int_eq(trale_send_many(NULL, &no_buffer, 1), -EINVAL);
    ck_assert_int_eq(trale_send_many(server, &no_address, 1), -EINVAL);
    ck_assert_int_eq(trale_send(server, "x", 1), -EDESTADDRREQ);
    trale_close(server);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "udp_connected",
               what_is_sent_goes_to_the_peer_and_back, datagrams_of_others_are_not_received,
               nobody_there_is_econnrefused, a_stackless_task_receives, a_stackless_task_sends,
               many_go_in_one_call_and_come_in_order, as_many_as_there_are_come,
               each_can_have_an_address_of_its_own, after_an_error_the_count_comes_first,
               bad_arguments_are_einval)
