/* Close at every moment: before, while somebody waits, while somebody was called and has not come. */
#include "suite.h"

#include <errno.h>

#include "channels.h"
#include "settle.h"
#include "waiters.h"

START_TEST(what_was_sent_is_received)
{
    for (int capacity = 0; capacity < 4; capacity++) {
        open_channel((size_t)capacity);
        for (int i = 1; i <= capacity; i++)
            ck_assert_int_eq(try_send(i), 0);
        ck_assert_int_eq(trale_channel_close(channel), 0);
        ck_assert_int_eq(trale_channel_close(channel), 0);
        ck_assert_int_eq(try_send(9), -EPIPE);
        ck_assert_int_eq(send_number(number(9)), -EPIPE);
        for (int i = 1; i <= capacity; i++)
            ck_assert_int_eq(i % 2 ? try_receive() : receive_number(NULL), i);
        ck_assert_int_eq(try_receive(), -EPIPE);
        ck_assert_int_eq(receive_number(NULL), -EPIPE);
        close_channel();
    }
}
END_TEST

static void everybody_learns_of_it(size_t capacity, intptr_t (*call)(void *),
                                   trale_future *on_thread)
{
    trale_runtime *other = new_runtime();
    struct line line = LINE;

    for (size_t i = 1; i <= capacity && call == send_number; i++)
        ck_assert_int_eq(try_send((int)i), 0);
    for (int i = 0; i < 3; i++) {
        line_add(&line, NULL, call, number(7));
        line_add(&line, other, call, number(8));
    }
    line_add_thread(&line, on_thread);
    ck_assert_int_eq(trale_channel_close(channel), 0);
    line_join(&line, -EPIPE);
    for (size_t i = 1; i <= capacity && call == send_number; i++)
        ck_assert_int_eq(try_receive(), (int)i);
    ck_assert_int_eq(try_receive(), -EPIPE);
    free_runtime(other);
}

START_TEST(senders_who_wait_are_told)
{
    struct send_call f;

    for (size_t capacity = 0; capacity < 3; capacity++) {
        open_channel(capacity);
        everybody_learns_of_it(capacity, send_number, sending(&f, channel, 7));
        close_channel();
    }
}
END_TEST

START_TEST(receivers_who_wait_are_told)
{
    struct receive_call f;

    for (size_t capacity = 0; capacity < 3; capacity++) {
        open_channel(capacity);
        everybody_learns_of_it(capacity, receive_number, receiving(&f, channel));
        close_channel();
    }
}
END_TEST

/* He was called for an item, and nobody gets it before him because the channel is closed. */
START_TEST(a_receiver_keeps_his_place)
{
    struct line line = LINE;
    struct hold h = HOLD;

    open_channel(2);
    line_add(&line, NULL, receive_number, NULL);
    hold_executor(&h);
    ck_assert_int_eq(try_send(1), 0);
    ck_assert_int_eq(trale_channel_close(channel), 0);
    ck_assert_int_eq(try_receive(), -EAGAIN);
    release_executor(&h);
    line_join(&line, 1);
    ck_assert_int_eq(try_receive(), -EPIPE);
}
END_TEST

/* If he does not come, it is there for those who wait behind him, closed or not. */
START_TEST(his_item_goes_to_the_next)
{
    trale_runtime *other = new_runtime();
    struct line line = LINE;
    struct hold h = HOLD;

    open_channel(2);
    line_add(&line, NULL, receive_number, NULL);
    hold_executor(&h);
    ck_assert_int_eq(try_send(1), 0);
    ck_assert_int_eq(trale_channel_close(channel), 0);
    line_add(&line, other, receive_number, NULL);
    line_add(&line, other, receive_number, NULL);
    ck_assert_int_eq(line_through(&line), 0);
    trale_cancel(line.waiters[0].task);
    release_executor(&h);
    ck_assert_int_eq(line_take(&line.waiters[0]), -ECANCELED);
    ck_assert_int_eq(line_take(&line.waiters[1]), 1);
    ck_assert_int_eq(line_take(&line.waiters[2]), -EPIPE);
    free_runtime(other);
}
END_TEST

/* A sender who was called for room and finds the channel closed. */
START_TEST(a_called_sender_is_told)
{
    struct line line = LINE;
    struct hold h = HOLD;

    open_channel(1);
    ck_assert_int_eq(try_send(1), 0);
    line_add(&line, NULL, send_number, number(2));
    hold_executor(&h);
    ck_assert_int_eq(try_receive(), 1);
    ck_assert_int_eq(trale_channel_close(channel), 0);
    release_executor(&h);
    line_join(&line, -EPIPE);
    ck_assert_int_eq(try_receive(), -EPIPE);
}
END_TEST

/* Without capacity: who was served before the close was. */
START_TEST(who_was_served_before_was_served)
{
    struct line line = LINE;
    struct hold h = HOLD;

    open_channel(0);
    line_add(&line, NULL, send_number, number(5));
    hold_executor(&h);
    ck_assert_int_eq(try_receive(), 5);
    ck_assert_int_eq(trale_channel_close(channel), 0);
    release_executor(&h);
    line_join(&line, 0);
    close_channel();

    struct line receivers = LINE;
    struct hold again = HOLD;
    open_channel(0);
    line_add(&receivers, NULL, receive_number, NULL);
    hold_executor(&again);
    ck_assert_int_eq(try_send(6), 0);
    ck_assert_int_eq(trale_channel_close(channel), 0);
    release_executor(&again);
    line_join(&receivers, 6);
}
END_TEST

static void clean_up(void)
{
    free_default_runtime();
    close_channel();
}

TEST_MAIN_WITH(NULL, clean_up, "channel_close", what_was_sent_is_received,
               senders_who_wait_are_told, receivers_who_wait_are_told, a_receiver_keeps_his_place,
               ON_THREAD(his_item_goes_to_the_next, "others go on while its executor is held up"),
               a_called_sender_is_told, who_was_served_before_was_served)
