/* All of several futures, alone and as an arm of a select. */
#include "suite.h"

#include <errno.h>

#include "channels.h"
#include "probe.h"
#include "settle.h"
#include "waiters.h"

struct several {
    trale_future *futures[4];
    size_t count;
};

static intptr_t join_in_task(void *several)
{
    struct several *s = several;

    return trale_join_all(s->futures, s->count);
}

static intptr_t select_in_task(void *several)
{
    struct several *s = several;

    return trale_select(s->futures, s->count);
}

START_TEST(all_are_waited_for_whatever_their_outputs)
{
    struct probe p[3] = {PROBE, PROBE, PROBE};
    struct probe_future f[3] = {probe_future(&p[0]), probe_future(&p[1]), probe_future(&p[2])};
    struct several s = {{&f[0].future, &f[1].future, &f[2].future}, 3};
    trale_task *task = spawn_on(NULL, join_in_task, &s);

    probe_wait_polled(&p[2], 1);
    probe_finish(&p[1], -5);
    probe_wait_dropped(&p[1]);
    probe_finish(&p[0], 7);
    probe_wait_dropped(&p[0]);
    ck_assert_int_eq(probe_drops(&p[2]), 0);
    probe_finish(&p[2], 9);
    ck_assert_int_eq(join(task), 0);
    ck_assert_int_eq(f[0].future.output, 7);
    ck_assert_int_eq(f[1].future.output, -5);
    ck_assert_int_eq(f[2].future.output, 9);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(probe_drops(&p[i]), 1);
        ck_assert_int_eq(probe_faults(&p[i]), 0);
    }
}
END_TEST

START_TEST(arguments_are_checked)
{
    struct probe p = PROBE;
    struct probe_future f = probe_future(&p);
    trale_future *futures[2] = {&f.future, NULL};
    trale_join_all_future all;

    ck_assert_int_eq(trale_join_all(NULL, 0), 0);
    ck_assert_int_eq(trale_join_all(futures, 0), 0);
    ck_assert_int_eq(trale_join_all(NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_join_all(futures, 2), -EINVAL);
    ck_assert_int_eq(trale_join_all(futures, SIZE_MAX), -EINVAL);
    trale_join_all_init(&all, futures, 2);
    ck_assert_int_eq(trale_await(&all.future), -EINVAL);
    ck_assert_int_eq(probe_polls(&p), 0);
    ck_assert_int_eq(probe_drops(&p), 0);
}
END_TEST

START_TEST(a_cancel_drops_those_that_are_left)
{
    struct probe p[2] = {PROBE, PROBE};
    struct probe_future f[2] = {probe_future(&p[0]), probe_future(&p[1])};
    trale_future *futures[2] = {&f[0].future, &f[1].future};
    trale_join_all_future all;
    trale_task *task;

    trale_join_all_init(&all, futures, 2);
    ck_assert_int_eq(trale_spawn_future(&task, &all.future, sizeof all), 0);
    probe_wait_polled(&p[1], 1);
    probe_finish(&p[0], 3);
    probe_wait_dropped(&p[0]);
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    ck_assert_int_eq(f[0].future.output, 3);
    ck_assert_int_eq(f[1].future.output, -ECANCELED);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(probe_drops(&p[i]), 1);
        ck_assert_int_eq(probe_faults(&p[i]), 0);
    }
}
END_TEST

/* The first thing that it receives decides for it: the timer beside it does no more. */
START_TEST(its_first_effect_decides_a_select)
{
    trale_channel *other = new_channel(1);
    struct receive_call a, b;
    trale_join_all_future all;
    struct probe stop = PROBE;
    struct probe_future f = probe_future(&stop);
    struct line line = LINE;

    open_channel(1);
    trale_future *both[2] = {receiving(&a, channel), receiving(&b, other)};
    trale_join_all_init(&all, both, 2);
    struct several s = {{&all.future, &f.future}, 2};
    line_add(&line, NULL, select_in_task, &s);
    ck_assert_int_eq(try_send(1), 0);
    settle();
    ck_assert_int_eq(probe_drops(&stop), 1);
    ck_assert_int_eq(line_through(&line), 0);
    ck_assert_int_eq(try_send_to(other, 2), 0);
    line_join(&line, 0);
    ck_assert_int_eq(a.item + 10 * b.item, 21);
    ck_assert_int_eq(probe_faults(&stop), 0);
    trale_channel_free(other);
}
END_TEST

START_TEST(what_has_no_effect_does_not)
{
    trale_channel *closed = new_channel(1);
    struct receive_call a, b;
    trale_join_all_future all;
    struct probe stop = PROBE;
    struct probe_future f = probe_future(&stop);
    struct line line = LINE;

    open_channel(1);
    ck_assert_int_eq(trale_channel_close(closed), 0);
    trale_future *both[2] = {receiving(&a, channel), receiving(&b, closed)};
    trale_join_all_init(&all, both, 2);
    struct several s = {{&all.future, &f.future}, 2};
    line_add(&line, NULL, select_in_task, &s);
    probe_finish(&stop, 0);
    line_join(&line, 1);
    ck_assert_int_eq(a.f.future.output, -ECANCELED);
    ck_assert_int_eq(b.f.future.output, -EPIPE);
    trale_channel_free(closed);
}
END_TEST

/* One of its sends was taken; the others of the select are not in anybody's way any more. */
START_TEST(the_losers_of_a_select_leave_at_once)
{
    trale_channel *meets[2] = {new_channel(0), new_channel(0)};
    struct send_call a, b;
    struct receive_call loser;
    trale_join_all_future all;
    struct line line = LINE;

    open_channel(1);
    trale_future *both[2] = {sending(&a, meets[0], 1), sending(&b, meets[1], 2)};
    trale_join_all_init(&all, both, 2);
    struct several s = {{&all.future, receiving(&loser, channel)}, 2};
    line_add(&line, NULL, select_in_task, &s);
    ck_assert_int_eq(try_receive_from(meets[0]), 1);
    ck_assert_int_eq(try_send(7), 0);
    settle();
    ck_assert_int_eq(try_receive(), 7);
    ck_assert_int_eq(line_through(&line), 0);
    ck_assert_int_eq(try_receive_from(meets[1]), 2);
    line_join(&line, 0);
    ck_assert_int_eq(loser.f.future.output, -ECANCELED);
    trale_channel_free(meets[0]);
    trale_channel_free(meets[1]);
}
END_TEST

/* Part of it took effect, then comes the cancel: the select says which arm it was. */
START_TEST(a_cancel_does_not_undo_what_took_effect)
{
    trale_channel *other = new_channel(0);
    struct send_call a, b;
    trale_join_all_future all;
    struct line line = LINE;

    open_channel(0);
    trale_future *both[2] = {sending(&a, channel, 1), sending(&b, other, 2)};
    trale_join_all_init(&all, both, 2);
    struct several s = {{&all.future}, 1};
    line_add(&line, NULL, select_in_task, &s);
    ck_assert_int_eq(try_receive(), 1);
    settle();
    trale_cancel(line.waiters[0].task);
    line_join(&line, 0);
    ck_assert_int_eq(all.future.output, -ECANCELED);
    ck_assert_int_eq(a.f.future.output, 0);
    ck_assert_int_eq(b.f.future.output, -ECANCELED);
    trale_channel_free(other);
}
END_TEST

START_TEST(all_that_took_effect_is_not_cancelled)
{
    struct receive_call a, b;
    trale_join_all_future all;
    struct hold h = HOLD;
    trale_task *task;

    open_channel(0);
    trale_future *both[2] = {receiving(&a, channel), receiving(&b, channel)};
    trale_join_all_init(&all, both, 2);
    ck_assert_int_eq(trale_spawn_future(&task, &all.future, sizeof all), 0);
    settle();
    hold_executor(&h);
    ck_assert_int_eq(try_send(1), 0);
    ck_assert_int_eq(try_send(2), 0);
    trale_cancel(task);
    release_executor(&h);
    ck_assert_int_eq(join(task), 0);
    ck_assert_int_eq(a.item + 10 * b.item, 21);
}
END_TEST

/* A select in a join_all in a select: once the outer one is decided, the inner ones can be. */
static void an_inner_select_is_claimed(bool in_a_poll)
{
    trale_channel *first = new_channel(in_a_poll ? 1 : 0), *third = new_channel(0);
    struct receive_call decides;
    struct send_call a, b, never;
    trale_select_future inner;
    trale_join_all_future all;
    struct line line = LINE;

    open_channel(0);
    trale_future *arms[2] = {sending(&a, channel, 1), sending(&b, third, 2)};
    trale_select_init(&inner, arms, 2);
    trale_future *both[2] = {&inner.future, receiving(&decides, first)};
    trale_join_all_init(&all, both, 2);
    struct several s = {{sending(&never, third, 3), &all.future}, 2};
    line_add(&line, NULL, select_in_task, &s);
    ck_assert_int_eq(try_send_to(first, 9), 0);
    settle();
    ck_assert_int_eq(line_through(&line), 0);
    ck_assert_int_eq(try_receive_from(third), 2);
    ck_assert_int_eq(try_receive(), -EAGAIN);
    line_join(&line, 1);
    ck_assert_int_eq(inner.future.output, 1);
    ck_assert_int_eq(decides.item, 9);
    ck_assert_int_eq(a.f.future.output, -ECANCELED);
    ck_assert_int_eq(never.f.future.output, -ECANCELED);
    trale_channel_free(first);
    trale_channel_free(third);
    close_channel();
}

START_TEST(a_select_within_is_claimed_by_itself)
{
    an_inner_select_is_claimed(false);
    an_inner_select_is_claimed(true);
}
END_TEST

/* What is awaited together within an arm may meet itself, also through selects of its own. */
START_TEST(within_an_arm_it_meets_itself)
{
    for (int order = 0; order < 2; order++)
        for (int nested = 0; nested < 2; nested++) {
            struct receive_call receive, never;
            struct send_call send;
            trale_select_future inner[2];
            trale_join_all_future all;
            trale_channel *silent = new_channel(0);

            open_channel(0);
            trale_future *both[2];
            both[order] = sending(&send, channel, 1);
            both[!order] = receiving(&receive, channel);
            trale_future *sole[2][1] = {{both[0]}, {both[1]}};
            for (int i = 0; nested && i < 2; i++) {
                trale_select_init(&inner[i], sole[i], 1);
                both[i] = &inner[i].future;
            }
            trale_join_all_init(&all, both, 2);
            ck_assert_int_eq(TRALE_SELECT(receiving(&never, silent), &all.future), 1);
            ck_assert_int_eq(receive.item, 1);
            ck_assert_int_eq(send.f.future.output, 0);
            ck_assert_int_eq(try_receive(), -EAGAIN);
            close_channel();
            trale_channel_free(silent);
        }
}
END_TEST

static void clean_up(void)
{
    free_default_runtime();
    close_channel();
}

TEST_MAIN_WITH(NULL, clean_up, "join_all", all_are_waited_for_whatever_their_outputs,
               arguments_are_checked, a_cancel_drops_those_that_are_left,
               its_first_effect_decides_a_select, what_has_no_effect_does_not,
               the_losers_of_a_select_leave_at_once, a_cancel_does_not_undo_what_took_effect,
               all_that_took_effect_is_not_cancelled, a_select_within_is_claimed_by_itself,
               within_an_arm_it_meets_itself)
