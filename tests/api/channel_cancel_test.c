/* Who waits at a channel and is cancelled, at every moment: nothing is lost, nothing is doubled. */
#include "suite.h"

#include <errno.h>

#include "channels.h"
#include "settle.h"
#include "waiters.h"

START_TEST(a_cancelled_sender_sends_nothing)
{
    for (int capacity = 0; capacity < 3; capacity++) {
        struct line line = LINE;

        open_channel((size_t)capacity);
        for (int i = 1; i <= capacity; i++)
            ck_assert_int_eq(try_send(i), 0);
        for (int i = 0; i < 3; i++)
            line_add(&line, NULL, send_number, number(10 + i));
        trale_cancel(line.waiters[1].task);
        ck_assert_int_eq(line_take(&line.waiters[1]), -ECANCELED);
        for (int i = 1; i <= capacity; i++)
            ck_assert_int_eq(receive_number(NULL), i);
        ck_assert_int_eq(receive_number(NULL), 10);
        ck_assert_int_eq(receive_number(NULL), 12);
        ck_assert_int_eq(try_receive(), -EAGAIN);
        line_join(&line, 0);
        close_channel();
    }
}
END_TEST

START_TEST(a_cancelled_receiver_takes_nothing)
{
    for (int capacity = 0; capacity < 3; capacity++) {
        struct line line = LINE;

        open_channel((size_t)capacity);
        for (int i = 0; i < 3; i++)
            line_add(&line, NULL, receive_number, NULL);
        trale_cancel(line.waiters[0].task);
        ck_assert_int_eq(line_take(&line.waiters[0]), -ECANCELED);
        ck_assert_int_eq(send_number(number(1)), 0);
        ck_assert_int_eq(send_number(number(2)), 0);
        ck_assert_int_eq(line_take(&line.waiters[1]), 1);
        ck_assert_int_eq(line_take(&line.waiters[2]), 2);
        ck_assert_int_eq(try_receive(), -EAGAIN);
        close_channel();
    }
}
END_TEST

/* Called for an item, and cancelled before he comes: the next one has it. */
START_TEST(an_item_goes_to_the_next)
{
    trale_runtime *other = new_runtime();
    struct receive_call on_thread;
    struct line line = LINE;
    struct hold h = HOLD;

    open_channel(4);
    line_add(&line, NULL, receive_number, NULL);
    line_add(&line, NULL, receive_number, NULL);
    line_add(&line, other, receive_number, NULL);
    line_add_thread(&line, receiving(&on_thread, channel));
    hold_executor(&h);
    ck_assert_int_eq(try_send(1), 0);
    ck_assert_int_eq(try_send(2), 0);
    trale_cancel(line.waiters[0].task);
    trale_cancel(line.waiters[1].task);
    release_executor(&h);
    ck_assert_int_eq(line_take(&line.waiters[0]), -ECANCELED);
    ck_assert_int_eq(line_take(&line.waiters[1]), -ECANCELED);
    intptr_t third = line_take(&line.waiters[2]);
    ck_assert_int_eq(line_take(&line.waiters[3]), 0);
    ck_assert_int_eq(third + on_thread.item, 3);
    ck_assert_int_eq(try_receive(), -EAGAIN);
    free_runtime(other);
}
END_TEST

START_TEST(room_goes_to_the_next)
{
    struct line line = LINE;
    struct hold h = HOLD;

    open_channel(1);
    ck_assert_int_eq(try_send(1), 0);
    for (int i = 0; i < 3; i++)
        line_add(&line, NULL, send_number, number(2 + i));
    hold_executor(&h);
    ck_assert_int_eq(try_receive(), 1);
    trale_cancel(line.waiters[0].task);
    release_executor(&h);
    ck_assert_int_eq(line_take(&line.waiters[0]), -ECANCELED);
    ck_assert_int_eq(line_take(&line.waiters[1]), 0);
    ck_assert_int_eq(receive_number(NULL), 3);
    ck_assert_int_eq(receive_number(NULL), 4);
    line_join(&line, 0);
}
END_TEST

START_TEST(what_nobody_wants_stays)
{
    struct line line = LINE;
    struct hold h = HOLD;

    open_channel(3);
    for (int i = 0; i < 4; i++)
        line_add(&line, NULL, receive_number, NULL);
    hold_executor(&h);
    for (int i = 1; i <= 3; i++)
        ck_assert_int_eq(try_send(i), 0);
    ck_assert_int_eq(try_send(4), -EAGAIN);
    for (int i = 0; i < 4; i++)
        trale_cancel(line.waiters[i].task);
    release_executor(&h);
    line_join(&line, -ECANCELED);
    for (int i = 1; i <= 3; i++)
        ck_assert_int_eq(try_receive(), i);
    ck_assert_int_eq(try_receive(), -EAGAIN);
}
END_TEST

/* What took effect is reported, the cancel comes too late for it. */
START_TEST(a_sender_who_was_served_says_so)
{
    struct line line = LINE;
    struct hold h = HOLD;

    open_channel(0);
    line_add(&line, NULL, send_number, number(5));
    hold_executor(&h);
    ck_assert_int_eq(try_receive(), 5);
    trale_cancel(line.waiters[0].task);
    ck_assert_int_eq(try_receive(), -EAGAIN);
    release_executor(&h);
    line_join(&line, 0);
}
END_TEST

START_TEST(a_receiver_who_was_served_says_so)
{
    struct line line = LINE;
    struct hold h = HOLD;

    open_channel(0);
    line_add(&line, NULL, receive_number, NULL);
    hold_executor(&h);
    ck_assert_int_eq(try_send(5), 0);
    ck_assert_int_eq(try_send(6), -EAGAIN); /* handed over, never kept */
    trale_cancel(line.waiters[0].task);
    release_executor(&h);
    line_join(&line, 5);
    ck_assert_int_eq(try_receive(), -EAGAIN);
}
END_TEST

/* The executor is the first to come to it, and no thread after: see sync/owned_lock.h. */
static intptr_t try_in_task(void *unused)
{
    int item;

    (void)unused;
    return trale_channel_try_recv(channel, &item);
}

static intptr_t receive_and_cancel(void *sender)
{
    int item = 0;
    int error = trale_channel_try_recv(channel, &item);

    trale_cancel(sender);
    return error < 0 ? error : item;
}

static intptr_t send_and_cancel(void *receiver)
{
    int item = 5;
    int error = trale_channel_try_send(channel, &item);

    trale_cancel(receiver);
    return error;
}

static intptr_t in_task(trale_fn *fn, void *arg)
{
    intptr_t result = 0;

    ck_assert_int_eq(trale_block_on(fn, arg, &result), 0);
    return result;
}

START_TEST(so_they_do_where_the_executor_owns_the_channel)
{
    struct line senders = LINE, receivers = LINE;

    open_channel(0);
    ck_assert_int_eq(in_task(try_in_task, NULL), -EAGAIN);
    line_add(&senders, NULL, send_number, number(5));
    ck_assert_int_eq(in_task(receive_and_cancel, senders.waiters[0].task), 5);
    line_join(&senders, 0);
    line_add(&receivers, NULL, receive_number, NULL);
    ck_assert_int_eq(in_task(send_and_cancel, receivers.waiters[0].task), 0);
    line_join(&receivers, 5);
    ck_assert_int_eq(try_receive(), -EAGAIN);
}
END_TEST

START_TEST(so_do_stackless_tasks)
{
    struct receive_call receive;
    struct send_call send;
    struct hold h = HOLD;
    trale_task *tasks[2];

    open_channel(0);
    ck_assert_int_eq(trale_spawn_future(&tasks[0], sending(&send, channel, 5), sizeof send.f), 0);
    settle();
    hold_executor(&h);
    ck_assert_int_eq(try_receive(), 5);
    trale_cancel(tasks[0]);
    release_executor(&h);
    ck_assert_int_eq(join(tasks[0]), 0);
    h = (struct hold)HOLD;
    ck_assert_int_eq(
        trale_spawn_future(&tasks[1], receiving(&receive, channel), sizeof receive.f), 0);
    settle();
    hold_executor(&h);
    ck_assert_int_eq(try_send(6), 0);
    trale_cancel(tasks[1]);
    release_executor(&h);
    ck_assert_int_eq(join(tasks[1]), 0);
    ck_assert_int_eq(receive.item, 6);
}
END_TEST

START_TEST(dropped_stackless_tasks_leave_nothing)
{
    for (size_t capacity = 0; capacity < 2; capacity++) {
        struct receive_call receive;
        struct hold h = HOLD;
        trale_task *task;

        open_channel(capacity);
        trale_future *f = receiving(&receive, channel);
        ck_assert_int_eq(trale_spawn_future(&task, f, sizeof receive.f), 0);
        settle();
        hold_executor(&h);
        if (capacity > 0)
            ck_assert_int_eq(try_send(7), 0);
        trale_cancel(task);
        release_executor(&h);
        ck_assert_int_eq(join(task), -ECANCELED);
        ck_assert_int_eq(receive.item, 0);
        ck_assert_int_eq(try_receive(), capacity > 0 ? 7 : -EAGAIN);
        close_channel();
    }
}
END_TEST

/* Cancelled before the call: it does not even begin, whatever is there. */
static intptr_t all_calls_fail(void *arg)
{
    int n = 1;

    gate_open(arg);
    while (!trale_cancelled())
        trale_yield();
    return trale_channel_send(channel, &n) == -ECANCELED &&
           trale_channel_recv(channel, &n) == -ECANCELED &&
           trale_channel_try_send(channel, &n) == 0 && trale_channel_try_recv(channel, &n) == 0;
}

START_TEST(who_is_cancelled_does_not_begin)
{
    struct gate started = GATE;
    trale_task *task;

    open_channel(1);
    ck_assert_int_eq(trale_spawn(&task, all_calls_fail, &started), 0);
    gate_wait(&started);
    trale_cancel(task);
    ck_assert_int_eq(join(task), 1);
}
END_TEST

static void clean_up(void)
{
    free_default_runtime();
    close_channel();
}

TEST_MAIN_WITH(NULL, clean_up, "channel_cancel", a_cancelled_sender_sends_nothing,
               a_cancelled_receiver_takes_nothing, an_item_goes_to_the_next,
               room_goes_to_the_next, what_nobody_wants_stays, a_sender_who_was_served_says_so,
               a_receiver_who_was_served_says_so, so_they_do_where_the_executor_owns_the_channel,
               so_do_stackless_tasks, dropped_stackless_tasks_leave_nothing,
               who_is_cancelled_does_not_begin)
