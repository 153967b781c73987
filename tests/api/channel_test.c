/* Channels that hold items: what goes in comes out, in order, and so do those who wait. */
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "channels.h"
#include "settle.h"
#include "system.h"
#include "waiters.h"

enum { SIZES = 4 };
static const size_t sizes[SIZES] = {0, 1, 7, 300};

START_TEST(arguments_are_checked)
{
    trale_channel_send_future send;
    trale_channel_recv_future recv;
    trale_channel *ch = NULL;
    int n;

    ck_assert_int_eq(trale_channel_new(NULL, 4, 1), -EINVAL);
    ck_assert_int_eq(trale_channel_new(&ch, SIZE_MAX, 2), -EINVAL);
    ck_assert_int_eq(trale_channel_new(&ch, 2, SIZE_MAX), -EINVAL);
    ck_assert_int_eq(trale_channel_new(&ch, SIZE_MAX / 8, 8), -EINVAL);
    ck_assert_ptr_null(ch);
    ck_assert_int_eq(trale_channel_send(NULL, &n), -EINVAL);
    ck_assert_int_eq(trale_channel_recv(NULL, &n), -EINVAL);
    ck_assert_int_eq(trale_channel_try_send(NULL, &n), -EINVAL);
    ck_assert_int_eq(trale_channel_try_recv(NULL, &n), -EINVAL);
    ck_assert_int_eq(trale_channel_close(NULL), -EINVAL);
    trale_channel_free(NULL);
    open_channel(1);
    ck_assert_int_eq(trale_channel_send(channel, NULL), -EINVAL);
    ck_assert_int_eq(trale_channel_recv(channel, NULL), -EINVAL);
    ck_assert_int_eq(trale_channel_try_send(channel, NULL), -EINVAL);
    ck_assert_int_eq(trale_channel_try_recv(channel, NULL), -EINVAL);
    trale_channel_send_init(&send, channel, NULL);
    ck_assert_int_eq(trale_await(&send.future), -EINVAL);
    trale_channel_recv_init(&recv, NULL, &n);
    ck_assert_int_eq(trale_await(&recv.future), -EINVAL);
}
END_TEST

START_TEST(there_may_be_no_memory)
{
    trale_channel *ch = NULL;

    if (UNDER_ASAN || UNDER_TSAN || under_valgrind())
        return;
    ck_assert_int_eq(trale_channel_new(&ch, SIZE_MAX / 4, 1), -ENOMEM);
    ck_assert_ptr_null(ch);
}
END_TEST

/* Round and round the ring, for every size and small capacity. */
static void round_the_ring(size_t size, size_t capacity)
{
    unsigned char in[300], out[300];
    trale_channel *ch;

    ck_assert_int_eq(trale_channel_new(&ch, size, capacity), 0);
    for (unsigned start = 0; start < 3 * capacity; start++) {
        for (unsigned i = 0; i < capacity; i++) {
            memset(in, (int)(start + i), sizeof in);
            ck_assert_int_eq(trale_channel_send(ch, in), 0);
        }
        ck_assert_int_eq(trale_channel_try_send(ch, in), -EAGAIN);
        for (unsigned i = 0; i < capacity; i++) {
            memset(in, (int)(start + i), sizeof in);
            memset(out, 255, sizeof out);
            ck_assert_int_eq(trale_channel_recv(ch, out), 0);
            ck_assert_int_eq(memcmp(in, out, size), 0);
            ck_assert_int_eq(out[size < 300 ? size : 0], size < 300 ? 255 : in[0]);
        }
        ck_assert_int_eq(trale_channel_try_recv(ch, out), -EAGAIN);
        ck_assert_int_eq(trale_channel_try_send(ch, in), 0); /* and begin one further on */
        ck_assert_int_eq(trale_channel_try_recv(ch, out), 0);
    }
    trale_channel_free(ch);
}

START_TEST(items_come_out_as_they_went_in)
{
    for (int i = 0; i < SIZES; i++)
        for (size_t capacity = 1; capacity < 6; capacity++)
            round_the_ring(sizes[i], capacity);
}
END_TEST

START_TEST(an_item_of_no_size_needs_no_memory)
{
    ck_assert_int_eq(trale_channel_new(&channel, 0, SIZE_MAX), 0);
    ck_assert_int_eq(trale_channel_send(channel, NULL), 0);
    ck_assert_int_eq(trale_channel_try_send(channel, NULL), 0);
    ck_assert_int_eq(trale_channel_recv(channel, NULL), 0);
    ck_assert_int_eq(trale_channel_try_recv(channel, NULL), 0);
    ck_assert_int_eq(trale_channel_try_recv(channel, NULL), -EAGAIN);
}
END_TEST

/* Tasks of two runtimes and plain threads, in the order in which they came. */
START_TEST(senders_are_served_in_order)
{
    trale_runtime *other = new_runtime();
    struct send_call threads[3];
    struct line line = LINE;

    open_channel(1);
    ck_assert_int_eq(try_send(100), 0);
    for (int i = 0; i < 3; i++) {
        line_add(&line, NULL, send_number, number(3 * i + 1));
        line_add_thread(&line, sending(&threads[i], channel, 3 * i + 2));
        line_add(&line, other, send_number, number(3 * i + 3));
    }
    ck_assert_int_eq(try_receive(), 100);
    for (int i = 0; i < 9; i++) {
        line_expect(&line, i);
        ck_assert_int_eq(try_send(50), -EAGAIN);
        ck_assert_int_eq(try_receive(), i + 1);
    }
    line_join(&line, 0);
    ck_assert_int_eq(try_receive(), -EAGAIN);
    free_runtime(other);
}
END_TEST

START_TEST(receivers_are_served_in_order)
{
    trale_runtime *other = new_runtime();
    struct receive_call threads[3];
    struct line line = LINE;

    open_channel(2);
    for (int i = 0; i < 3; i++) {
        line_add(&line, NULL, receive_number, NULL);
        line_add_thread(&line, receiving(&threads[i], channel));
        line_add(&line, other, receive_number, NULL);
    }
    for (int i = 0; i < 9; i++) {
        ck_assert_int_eq(try_receive(), -EAGAIN);
        ck_assert_int_eq(try_send(i + 1), 0);
        line_expect(&line, i);
    }
    for (int i = 0; i < 9; i++)
        ck_assert_int_eq(line_take(&line.waiters[i]), i % 3 == 1 ? 0 : i + 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(threads[i].item, 3 * i + 2);
    free_runtime(other);
}
END_TEST

/* Who was called and has not come yet: what he was called for is his. */
START_TEST(nobody_overtakes_a_receiver)
{
    struct line line = LINE;
    struct hold h = HOLD;

    open_channel(3);
    line_add(&line, NULL, receive_number, NULL);
    hold_executor(&h);
    ck_assert_int_eq(try_send(1), 0);
    ck_assert_int_eq(try_receive(), -EAGAIN);
    ck_assert_int_eq(try_send(2), 0);
    ck_assert_int_eq(try_receive(), 1); /* who comes first, has the first */
    release_executor(&h);
    line_join(&line, 2);
}
END_TEST

START_TEST(nobody_overtakes_a_sender)
{
    struct line line = LINE;
    struct hold h = HOLD;

    open_channel(2);
    ck_assert_int_eq(try_send(1), 0);
    ck_assert_int_eq(try_send(2), 0);
    line_add(&line, NULL, send_number, number(3));
    hold_executor(&h);
    ck_assert_int_eq(try_receive(), 1);
    ck_assert_int_eq(try_send(4), -EAGAIN);
    ck_assert_int_eq(try_receive(), 2);
    ck_assert_int_eq(try_send(4), 0);
    ck_assert_int_eq(try_send(5), -EAGAIN);
    release_executor(&h);
    line_join(&line, 0);
    ck_assert_int_eq(try_receive(), 4);
    ck_assert_int_eq(try_receive(), 3);
    ck_assert_int_eq(try_receive(), -EAGAIN);
}
END_TEST

START_TEST(stackless_tasks_send_and_receive)
{
    struct receive_call receives[2];
    struct send_call sends[3];
    trale_task *tasks[5];
    const trale_spawn_options first = {.executor = 1}; /* they come in their order */

    open_channel(1);
    for (int i = 0; i < 3; i++) {
        trale_future *f = sending(&sends[i], channel, i + 1);
        ck_assert_int_eq(trale_spawn_future_with(&tasks[i], &first, f, sizeof sends[i].f), 0);
    }
    settle();
    for (int i = 0; i < 2; i++) {
        trale_future *f = receiving(&receives[i], channel);
        ck_assert_int_eq(trale_spawn_future_with(&tasks[3 + i], &first, f, sizeof receives[i].f),
                         0);
    }
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(join(tasks[i]), 0);
    ck_assert_int_eq(receives[0].item, 1);
    ck_assert_int_eq(receives[1].item, 2);
    ck_assert_int_eq(try_receive(), 3);
}
END_TEST

static intptr_t send_many(void *count)
{
    for (int i = 1; i <= (int)(uintptr_t)count; i++)
        if (trale_channel_send(channel, &i) != 0)
            return -1;
    return trale_channel_close(channel);
}

static intptr_t receive_many(void *count)
{
    int expected = 0, n, error;

    while ((error = trale_channel_recv(channel, &n)) == 0)
        if (n != ++expected)
            return -1;
    return expected == (int)(uintptr_t)count ? error : -2;
}

/* Every capacity, in tasks that take turns, and across runtimes. */
START_TEST(one_sends_and_one_receives)
{
    trale_runtime *other = new_runtime();
    void *count = number((int)test_scale(5000));

    for (int i = 0; i < 14; i++) {
        open_channel((size_t)(i / 2));
        trale_task *receiver = spawn_on(i % 2 ? other : NULL, receive_many, count);
        trale_task *sender = spawn_on(NULL, send_many, count);
        ck_assert_int_eq(join(sender), 0);
        ck_assert_int_eq(join(receiver), -EPIPE);
        close_channel();
    }
    free_runtime(other);
}
END_TEST

/* A task that always finds something makes room for the others. */
static intptr_t send_and_receive_for_ever(void *rounds)
{
    int n = 1;

    while (!trale_cancelled()) {
        ++*(long *)rounds;
        if (trale_channel_send(channel, &n) != 0 || trale_channel_recv(channel, &n) != 0)
            return n;
    }
    return n;
}

START_TEST(who_never_waits_is_not_alone)
{
    trale_task *task;
    long rounds = 0;

    open_channel(1);
    ck_assert_int_eq(trale_spawn(&task, send_and_receive_for_ever, &rounds), 0);
    settle();
    settle();
    trale_cancel(task);
    ck_assert_int_eq(join(task), 1);
    ck_assert_int_gt(rounds, 0);
}
END_TEST

/* The deadline of a scope; the item stays outside. */
START_TEST(a_deadline_ends_the_wait)
{
    trale_scope scope;
    int n = 1;

    open_channel(1);
    trale_scope_enter(&scope, trale_now());
    ck_assert_int_eq(trale_channel_recv(channel, &n), -ETIMEDOUT);
    ck_assert_int_eq(trale_channel_send(channel, &n), -ETIMEDOUT);
    ck_assert_int_eq(trale_scope_leave(&scope), -ETIMEDOUT);
    trale_scope_enter(&scope, trale_now() + TRALE_MS);
    ck_assert_int_eq(trale_channel_recv(channel, &n), -ETIMEDOUT);
    ck_assert_int_eq(trale_scope_leave(&scope), -ETIMEDOUT);
    ck_assert_int_eq(try_send(1), 0);
    trale_scope_enter(&scope, trale_now() + TRALE_MS);
    ck_assert_int_eq(trale_channel_send(channel, &n), -ETIMEDOUT);
    ck_assert_int_eq(trale_scope_leave(&scope), -ETIMEDOUT);
    ck_assert_int_eq(try_receive(), 1);
    ck_assert_int_eq(try_receive(), -EAGAIN);
}
END_TEST

static void free_while_somebody_waits(void *call)
{
    struct line line = LINE;

    open_channel(0);
    if (call == number(3)) { /* called, and has not come */
        struct hold h = HOLD;
        close_channel();
        open_channel(1);
        line_add(&line, NULL, receive_number, NULL);
        hold_executor(&h);
        try_send(1);
    } else if (call == number(4)) { /* served, likewise */
        struct hold h = HOLD;
        line_add(&line, NULL, send_number, number(1));
        hold_executor(&h);
        try_receive();
    } else {
        line_add(&line, NULL, call == number(1) ? send_number : receive_number, number(1));
    }
    close_channel();
}

START_TEST(it_is_not_freed_while_somebody_waits)
{
    for (int i = 1; i <= 4; i++) {
        char output[500];
        int status = test_in_child(free_while_somebody_waits, number(i), output, sizeof output);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        ck_assert_ptr_nonnull(strstr(output, "trale_channel_free"));
    }
}
END_TEST

START_TEST(it_is_freed_with_the_items_in_it)
{
    open_channel(3);
    ck_assert_int_eq(try_send(1), 0);
    ck_assert_int_eq(try_send(2), 0);
}
END_TEST

static void clean_up(void)
{
    free_default_runtime();
    close_channel();
}

TEST_MAIN_WITH(NULL, clean_up, "channel", arguments_are_checked, there_may_be_no_memory,
               items_come_out_as_they_went_in, an_item_of_no_size_needs_no_memory,
               senders_are_served_in_order, receivers_are_served_in_order,
               nobody_overtakes_a_receiver, nobody_overtakes_a_sender,
               stackless_tasks_send_and_receive, one_sends_and_one_receives,
               who_never_waits_is_not_alone, a_deadline_ends_the_wait,
               it_is_not_freed_while_somebody_waits, it_is_freed_with_the_items_in_it)
