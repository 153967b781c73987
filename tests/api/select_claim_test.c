/* Selects at channels without capacity: another party completes an arm, exactly one. */
#include "suite.h"

#include <errno.h>

#include "channels.h"
#include "settle.h"
#include "waiters.h"

struct selection {
    trale_future *futures[4];
    size_t count;
};

static intptr_t select_in_task(void *selection)
{
    struct selection *s = selection;

    return trale_select(s->futures, s->count);
}

START_TEST(a_send_is_taken_from_a_select)
{
    struct send_call f[3];
    struct line line = LINE;

    open_channel(0);
    struct selection s = {
        {sending(&f[0], channel, 1), sending(&f[1], channel, 2), sending(&f[2], channel, 3)}, 3};
    line_add(&line, NULL, select_in_task, &s);
    ck_assert_int_eq(try_receive(), 1);
    line_join(&line, 0);
    ck_assert_int_eq(try_receive(), -EAGAIN);
    ck_assert_int_eq(f[0].f.future.output, 0);
    ck_assert_int_eq(f[1].f.future.output, -ECANCELED);
    ck_assert_int_eq(f[2].f.future.output, -ECANCELED);
}
END_TEST

START_TEST(a_select_receives_one)
{
    trale_channel *other = new_channel(0);
    struct receive_call f[2];
    struct line line = LINE;
    struct hold h = HOLD;

    open_channel(0);
    struct selection s = {{receiving(&f[0], channel), receiving(&f[1], other)}, 2};
    line_add(&line, NULL, select_in_task, &s);
    hold_executor(&h);
    ck_assert_int_eq(try_send_to(other, 7), 0);
    ck_assert_int_eq(try_send(6), -EAGAIN);
    ck_assert_int_eq(try_send_to(other, 8), -EAGAIN);
    release_executor(&h);
    line_join(&line, 1);
    ck_assert_int_eq(f[0].item, 0);
    ck_assert_int_eq(f[1].item, 7);
    trale_channel_free(other);
}
END_TEST

/* Arm 1 was completed; that arm 0 is ready too, and the task cancelled, comes too late. */
START_TEST(what_comes_later_is_too_late)
{
    trale_event_wait_future wait;
    trale_event event = {0};

    open_channel(0);
    for (int stackless = 0; stackless < 2; stackless++) {
        trale_select_future select;
        struct send_call send;
        struct hold h = HOLD;
        trale_task *task;

        trale_event_wait_init(&wait, &event);
        struct selection s = {{&wait.future, sending(&send, channel, 4)}, 2};
        trale_select_init(&select, s.futures, 2);
        if (stackless)
            ck_assert_int_eq(trale_spawn_future(&task, &select.future, sizeof select), 0);
        else
            task = spawn_on(NULL, select_in_task, &s);
        settle();
        hold_executor(&h);
        ck_assert_int_eq(try_receive(), 4);
        ck_assert_int_eq(trale_event_notify(&event), 0);
        trale_cancel(task);
        release_executor(&h);
        ck_assert_int_eq(join(task), 1);
        ck_assert_int_eq(trale_event_try_wait(&event), 0);
        ck_assert_int_eq(wait.future.output, -ECANCELED);
    }
}
END_TEST

/* Both directions on one channel: it waits for somebody else, whichever side he is on. */
START_TEST(a_select_does_not_meet_itself)
{
    for (int order = 0; order < 2; order++)
        for (int nested = 0; nested < 2; nested++)
            for (int other_sends = 0; other_sends < 2; other_sends++) {
                struct receive_call receive;
                struct send_call send;
                struct line line = LINE;
                trale_select_future inner;
                trale_future *sole[1];

                open_channel(0);
                struct selection s = {{NULL}, 2};
                s.futures[order] = sending(&send, channel, 1);
                s.futures[!order] = receiving(&receive, channel);
                if (nested) {
                    sole[0] = s.futures[0];
                    trale_select_init(&inner, sole, 1);
                    s.futures[0] = &inner.future;
                }
                line_add(&line, NULL, select_in_task, &s);
                ck_assert_int_eq(line_through(&line), 0);
                if (other_sends)
                    ck_assert_int_eq(try_send(2), 0);
                else
                    ck_assert_int_eq(try_receive(), 1);
                line_join(&line, other_sends ? !order : order);
                ck_assert_int_eq(receive.item, other_sends ? 2 : 0);
                ck_assert_int_eq(try_receive(), -EAGAIN);
                ck_assert_int_eq(try_send(3), -EAGAIN);
                close_channel();
            }
}
END_TEST

/* A newcomer is not held up by an arm of the same kind that waits before him but cannot. */
START_TEST(who_comes_meets_a_select_that_cannot_meet_itself)
{
    struct receive_call receive;
    struct send_call send;
    struct line line = LINE;

    open_channel(0);
    struct selection s = {{sending(&send, channel, 1), receiving(&receive, channel)}, 2};
    line_add(&line, NULL, select_in_task, &s);
    line_add(&line, NULL, receive_number, NULL);
    ck_assert_int_eq(line_take(&line.waiters[1]), 1);
    line_join(&line, 0);
}
END_TEST

/* Two selects that offer both, on two executors; what one sends the other receives. */
struct offer {
    int own, met[2]; /* how often it sent, received */
    long rounds;
};

static intptr_t offer_both(void *offer)
{
    struct offer *o = offer;

    for (long i = 0; i < o->rounds; i++) {
        struct receive_call receive;
        struct send_call send;
        int which = TRALE_SELECT(sending(&send, channel, o->own), receiving(&receive, channel));
        if (which < 0 || (which == 1 && receive.item == o->own) ||
            (which == 0 && receive.item != 0))
            return -1;
        o->met[which]++;
    }
    return 0;
}

START_TEST(two_selects_face_each_other)
{
    trale_runtime *other = new_runtime();
    struct offer offers[2] = {{.own = 1, .rounds = test_scale(20000)},
                              {.own = 2, .rounds = test_scale(20000)}};

    open_channel(0);
    trale_task *a = spawn_on(NULL, offer_both, &offers[0]);
    trale_task *b = spawn_on(other, offer_both, &offers[1]);
    ck_assert_int_eq(join(a), 0);
    ck_assert_int_eq(join(b), 0);
    ck_assert_int_eq(offers[0].met[0], offers[1].met[1]);
    ck_assert_int_eq(offers[0].met[1], offers[1].met[0]);
    free_runtime(other);
}
END_TEST

START_TEST(two_selects_of_one_executor_face_each_other)
{
    struct offer offers[2] = {{.own = 1, .rounds = 100}, {.own = 2, .rounds = 100}};

    open_channel(0);
    trale_task *a = spawn_on(NULL, offer_both, &offers[0]);
    trale_task *b = spawn_on(NULL, offer_both, &offers[1]);
    ck_assert_int_eq(join(a), 0);
    ck_assert_int_eq(join(b), 0);
    ck_assert_int_eq(offers[0].met[0], offers[1].met[1]);
}
END_TEST

/* Who sits in a select as an arm of a select: the innermost reports it, and all around it. */
START_TEST(an_arm_of_a_nested_select_is_taken)
{
    trale_channel *others[2] = {new_channel(0), new_channel(0)};
    struct send_call f[3];
    trale_select_future inner;
    struct line line = LINE;

    open_channel(0);
    trale_future *arms[2] = {sending(&f[0], others[0], 1), sending(&f[1], channel, 2)};
    trale_select_init(&inner, arms, 2);
    struct selection s = {{sending(&f[2], others[1], 3), &inner.future}, 2};
    line_add(&line, NULL, select_in_task, &s);
    ck_assert_int_eq(try_receive(), 2);
    ck_assert_int_eq(try_receive_from(others[0]), -EAGAIN);
    ck_assert_int_eq(try_receive_from(others[1]), -EAGAIN);
    line_join(&line, 1);
    ck_assert_int_eq(inner.future.output, 1);
    ck_assert_int_eq(f[0].f.future.output, -ECANCELED);
    ck_assert_int_eq(f[1].f.future.output, 0);
    trale_channel_free(others[0]);
    trale_channel_free(others[1]);
}
END_TEST

/* An arm that only tries, again and again, at a channel at which the select waits itself. */
struct trier {
    trale_future future;
    int polls;
};

static enum trale_poll try_poll(trale_future *self, trale_context *cx)
{
    struct trier *t = (struct trier *)self;

    t->polls++;
    self->output = try_receive();
    if (t->polls == 1)
        trale_waker_wake(trale_context_waker(cx));
    return self->output == -EAGAIN ? TRALE_PENDING : TRALE_READY;
}

START_TEST(who_only_tries_is_not_waited_for)
{
    static const struct trale_future_ops ops = {try_poll, NULL, "trier"};
    struct trier trier = {.future = {&ops, 0}};
    struct send_call send;
    struct line line = LINE;

    open_channel(0);
    struct selection s = {{sending(&send, channel, 1), &trier.future}, 2};
    line_add(&line, NULL, select_in_task, &s);
    settle(); /* it was polled again */
    ck_assert_int_eq(try_receive(), 1);
    line_join(&line, 0);
    ck_assert_int_eq(trier.polls, 2);
}
END_TEST

START_TEST(a_plain_thread_selects)
{
    struct receive_call receive;
    struct send_call send;
    struct line line = LINE;

    open_channel(0);
    line_add(&line, NULL, receive_number, NULL);
    ck_assert_int_eq(TRALE_SELECT(receiving(&receive, channel), sending(&send, channel, 5)), 1);
    line_join(&line, 5);
    struct selection s = {{sending(&send, channel, 6), NULL}, 1};
    line_add(&line, NULL, select_in_task, &s);
    ck_assert_int_eq(TRALE_SELECT(receiving(&receive, channel)), 0);
    ck_assert_int_eq(receive.item, 6);
    ck_assert_int_eq(line_take(&line.waiters[1]), 0);
}
END_TEST

START_TEST(a_close_ends_a_select)
{
    struct receive_call receive;
    struct send_call send;
    struct line line = LINE;

    open_channel(0);
    struct selection s = {{sending(&send, channel, 1), receiving(&receive, channel)}, 2};
    line_add(&line, NULL, select_in_task, &s);
    ck_assert_int_eq(trale_channel_close(channel), 0);
    line_join(&line, 0);
    ck_assert_int_eq(send.f.future.output, -EPIPE);
    ck_assert_int_eq(receive.f.future.output, -ECANCELED);
}
END_TEST

static void clean_up(void)
{
    free_default_runtime();
    close_channel();
}

TEST_MAIN_WITH(NULL, clean_up, "select_claim", a_send_is_taken_from_a_select,
               a_select_receives_one, what_comes_later_is_too_late, a_select_does_not_meet_itself,
               who_comes_meets_a_select_that_cannot_meet_itself, two_selects_face_each_other,
               two_selects_of_one_executor_face_each_other, an_arm_of_a_nested_select_is_taken,
               who_only_tries_is_not_waited_for, a_plain_thread_selects, a_close_ends_a_select)
