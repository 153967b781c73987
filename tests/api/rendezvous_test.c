/* Channels without capacity: sender and receiver meet, and nothing is ever kept. */
#include "suite.h"

#include <errno.h>
#include <string.h>

#include "channels.h"
#include "settle.h"
#include "waiters.h"

START_TEST(nothing_is_kept)
{
    open_channel(0);
    ck_assert_int_eq(try_send(1), -EAGAIN);
    ck_assert_int_eq(try_receive(), -EAGAIN);
}
END_TEST

START_TEST(a_send_waits_for_its_receiver)
{
    struct line line = LINE;

    open_channel(0);
    line_add(&line, NULL, send_number, number(5));
    ck_assert_int_eq(line_through(&line), 0);
    ck_assert_int_eq(try_send(6), -EAGAIN);
    ck_assert_int_eq(try_receive(), 5);
    line_expect(&line, 0);
    line_join(&line, 0);
    ck_assert_int_eq(try_receive(), -EAGAIN);
}
END_TEST

START_TEST(a_receive_waits_for_its_sender)
{
    struct line line = LINE;

    open_channel(0);
    line_add(&line, NULL, receive_number, NULL);
    ck_assert_int_eq(try_receive(), -EAGAIN);
    ck_assert_int_eq(try_send(5), 0);
    line_join(&line, 5);
    ck_assert_int_eq(try_send(6), -EAGAIN);
}
END_TEST

START_TEST(senders_are_served_in_order)
{
    trale_runtime *other = new_runtime();
    struct send_call threads[3];
    struct line line = LINE;

    open_channel(0);
    for (int i = 0; i < 3; i++) {
        line_add(&line, NULL, send_number, number(3 * i + 1));
        line_add_thread(&line, sending(&threads[i], channel, 3 * i + 2));
        line_add(&line, other, send_number, number(3 * i + 3));
    }
    for (int i = 0; i < 9; i++) {
        ck_assert_int_eq(i % 2 ? try_receive() : receive_number(NULL), i + 1);
        line_expect(&line, i);
    }
    line_join(&line, 0);
    free_runtime(other);
}
END_TEST

START_TEST(receivers_are_served_in_order)
{
    trale_runtime *other = new_runtime();
    struct receive_call threads[3];
    struct line line = LINE;

    open_channel(0);
    for (int i = 0; i < 3; i++) {
        line_add(&line, NULL, receive_number, NULL);
        line_add_thread(&line, receiving(&threads[i], channel));
        line_add(&line, other, receive_number, NULL);
    }
    for (int i = 0; i < 9; i++) {
        ck_assert_int_eq(i % 2 ? try_send(i + 1) : (int)send_number(number(i + 1)), 0);
        line_expect(&line, i);
    }
    for (int i = 0; i < 9; i++)
        ck_assert_int_eq(line_take(&line.waiters[i]), i % 3 == 1 ? 0 : i + 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(threads[i].item, 3 * i + 2);
    free_runtime(other);
}
END_TEST

/* Senders came and went, all while the receivers could not run: their order is what it was. */
START_TEST(who_waited_in_vain_keeps_his_place)
{
    trale_runtime *other = new_runtime();
    struct line receivers = LINE, senders = LINE;
    struct hold h = HOLD;

    open_channel(0);
    for (int i = 0; i < 3; i++)
        line_add(&receivers, NULL, receive_number, NULL);
    hold_executor(&h);
    for (int i = 0; i < 3; i++)
        line_add(&senders, other, send_number, number(i + 1));
    settle_on(other);
    for (int i = 0; i < 3; i++)
        trale_cancel(senders.waiters[i].task);
    int sent = 0;
    for (int i = 0; i < 3; i++)
        sent += line_take(&senders.waiters[i]) == 0;
    release_executor(&h);
    settle();
    for (int i = sent; i < 3; i++) {
        ck_assert_int_eq(send_number(number(i + 1)), 0);
        settle();
    }
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(line_take(&receivers.waiters[i]), i + 1);
    free_runtime(other);
}
END_TEST

/* All that was handed over at once is for him who waited, also if he has not come yet. */
START_TEST(many_meet_while_one_side_cannot_run)
{
    struct line line = LINE;
    struct hold h = HOLD;

    open_channel(0);
    for (int i = 0; i < 5; i++)
        line_add(&line, NULL, receive_number, NULL);
    hold_executor(&h);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(try_send(i + 1), 0);
    ck_assert_int_eq(try_send(6), -EAGAIN);
    release_executor(&h);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(line_take(&line.waiters[i]), i + 1);
}
END_TEST

START_TEST(items_of_any_size_meet)
{
    const size_t sizes[] = {0, 1, 1000};

    for (int i = 0; i < 3; i++) {
        trale_channel_send_future send;
        struct line line = LINE;
        char in[1000], out[1000];

        memset(in, 'i', sizeof in);
        memset(out, 'o', sizeof out);
        ck_assert_int_eq(trale_channel_new(&channel, sizes[i], 0), 0);
        trale_channel_send_init(&send, channel, sizes[i] > 0 ? in : NULL);
        line_add_thread(&line, &send.future);
        ck_assert_int_eq(trale_channel_recv(channel, sizes[i] > 0 ? out : NULL), 0);
        ck_assert_int_eq(memcmp(in, out, sizes[i]), 0);
        ck_assert(sizes[i] == sizeof out || out[sizes[i]] == 'o');
        line_join(&line, 0);
        close_channel();
    }
}
END_TEST

START_TEST(stackless_tasks_meet)
{
    struct receive_call receive;
    struct send_call send;
    trale_task *tasks[2];

    open_channel(0);
    for (int first = 0; first < 2; first++) {
        for (int i = 0; i < 2; i++) {
            bool sends = (i == first);
            trale_future *f = sends ? sending(&send, channel, 8) : receiving(&receive, channel);
            size_t size = sends ? sizeof send.f : sizeof receive.f;
            ck_assert_int_eq(trale_spawn_future(&tasks[i], f, size), 0);
            settle();
        }
        ck_assert_int_eq(join(tasks[0]), 0);
        ck_assert_int_eq(join(tasks[1]), 0);
        ck_assert_int_eq(receive.item, 8);
    }
}
END_TEST

/* A send and a receive that are awaited together meet one another. */
START_TEST(one_task_meets_itself)
{
    struct receive_call receive;
    struct send_call send;

    open_channel(0);
    ck_assert_int_eq(TRALE_JOIN_ALL(sending(&send, channel, 3), receiving(&receive, channel)), 0);
    ck_assert_int_eq(receive.item, 3);
    ck_assert_int_eq(TRALE_JOIN_ALL(receiving(&receive, channel), sending(&send, channel, 4)), 0);
    ck_assert_int_eq(receive.item, 4);
}
END_TEST

static void clean_up(void)
{
    free_default_runtime();
    close_channel();
}

TEST_MAIN_WITH(NULL, clean_up, "rendezvous", nothing_is_kept, a_send_waits_for_its_receiver,
               a_receive_waits_for_its_sender, senders_are_served_in_order,
               receivers_are_served_in_order, who_waited_in_vain_keeps_his_place,
               many_meet_while_one_side_cannot_run, items_of_any_size_meet, stackless_tasks_meet,
               one_task_meets_itself)
