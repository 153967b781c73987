/* Cancelling stackless tasks: one drop, no further poll, and which result. */
#include "suite.h"

#include <errno.h>
#include <trale.h>

#include "gate.h"
#include "probe.h"
#include "settle.h"

static void check(struct probe *p, int polls)
{
    settle();
    ck_assert_int_eq(probe_polls(p), polls);
    ck_assert_int_eq(probe_drops(p), 1);
    ck_assert_int_eq(probe_faults(p), 0);
}

START_TEST(a_pending_future_is_dropped_without_another_poll)
{
    struct probe p = PROBE;
    trale_task *task = probe_spawn(&p);

    settle();
    ck_assert_int_eq(trale_cancel(task), 0);
    ck_assert_int_eq(join(task), -ECANCELED);
    ck_assert_int_eq(p.output_at_drop, -ECANCELED);
    check(&p, 1);
}
END_TEST

START_TEST(a_future_that_was_never_polled_is_dropped)
{
    struct hold h = HOLD;
    struct probe p = PROBE;
    trale_task *task;

    hold_executor(&h);
    task = probe_spawn(&p);
    trale_cancel(task);
    release_executor(&h);
    ck_assert_int_eq(join(task), -ECANCELED);
    check(&p, 0);
}
END_TEST

START_TEST(a_future_that_was_woken_before_is_not_polled_again)
{
    struct hold h = HOLD;
    struct probe p = PROBE;
    trale_task *task = probe_spawn(&p);

    settle();
    hold_executor(&h);
    probe_finish(&p, 1);
    trale_cancel(task);
    probe_wake(&p);
    release_executor(&h);
    ck_assert_int_eq(join(task), -ECANCELED);
    check(&p, 1);
}
END_TEST

static enum trale_poll stop_in_poll(struct probe *p, trale_context *cx)
{
    (void)cx;
    gate_wait(p->arg);
    return probe_finished(p) ? TRALE_READY : TRALE_PENDING;
}

START_TEST(a_future_cancelled_while_it_is_polled_is_not_polled_again)
{
    struct gate go_on = GATE;
    struct probe p = PROBE_STEP(stop_in_poll);
    trale_task *task;

    p.arg = &go_on;
    task = probe_spawn(&p);
    probe_wait_polled(&p, 1);
    ck_assert_int_eq(trale_cancel(task), 0);
    ck_assert_int_eq(probe_drops(&p), 0);
    gate_open(&go_on);
    ck_assert_int_eq(join(task), -ECANCELED);
    check(&p, 1);
}
END_TEST

START_TEST(a_future_cancelled_in_the_poll_that_is_ready_gives_its_output)
{
    struct gate go_on = GATE;
    struct probe p = PROBE_STEP(stop_in_poll);
    trale_task *task;

    p.arg = &go_on;
    task = probe_spawn(&p);
    probe_wait_polled(&p, 1);
    trale_cancel(task);
    probe_finish(&p, 31);
    gate_open(&go_on);
    ck_assert_int_eq(join(task), 31);
    check(&p, 1);
}
END_TEST

static enum trale_poll cancel_self(struct probe *p, trale_context *cx)
{
    (void)cx;
    trale_cancel(trale_self());
    trale_cancel(trale_self());
    p->output = trale_cancelled();
    return p->arg ? TRALE_READY : TRALE_PENDING;
}

START_TEST(a_future_may_cancel_its_own_task)
{
    struct probe pending = PROBE_STEP(cancel_self), ready = PROBE_STEP(cancel_self);

    ready.arg = &ready;
    ck_assert_int_eq(join(probe_spawn(&pending)), -ECANCELED);
    check(&pending, 1);
    ck_assert_int_eq(pending.output, 1);
    ck_assert_int_eq(join(probe_spawn(&ready)), 1);
    check(&ready, 1);
}
END_TEST

static enum trale_poll wake_self(struct probe *p, trale_context *cx)
{
    (void)p;
    trale_waker_wake(trale_context_waker(cx));
    return TRALE_PENDING;
}

START_TEST(a_future_that_always_wakes_itself_can_be_cancelled)
{
    struct probe p = PROBE_STEP(wake_self);
    trale_task *task = probe_spawn(&p);
    int polls;

    probe_wait_polled(&p, 10);
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    polls = probe_polls(&p);
    check(&p, polls);
}
END_TEST

START_TEST(a_finished_future_keeps_its_result)
{
    struct probe p = PROBE;
    trale_task *task;

    probe_finish(&p, 12);
    task = probe_spawn(&p);
    settle();
    ck_assert_int_eq(trale_cancel(task), 0);
    ck_assert_int_eq(join(task), 12);
    check(&p, 1);
}
END_TEST

START_TEST(a_second_cancel_does_nothing)
{
    struct probe p = PROBE;
    trale_task *task = probe_spawn(&p);

    settle();
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(trale_cancel(task), 0);
    settle();
    ck_assert_int_eq(trale_cancel(task), 0);
    ck_assert_int_eq(join(task), -ECANCELED);
    check(&p, 1);
}
END_TEST

START_TEST(a_wake_after_the_cancel_does_nothing)
{
    struct probe p = PROBE;
    trale_task *task = probe_spawn(&p);
    trale_waker *waker;

    settle();
    waker = probe_waker(&p);
    trale_cancel(task);
    trale_waker_wake(waker);
    settle();
    trale_waker_wake(waker);
    ck_assert_int_eq(join(task), -ECANCELED);
    trale_waker_wake(waker);
    check(&p, 1);
    trale_waker_drop(waker);
}
END_TEST

static void take_effect(struct probe *p, trale_future *future)
{
    (void)p;
    future->output = 45;
}

START_TEST(a_drop_that_finds_an_effect_gives_the_result)
{
    struct probe p = PROBE;
    trale_task *task;

    p.dropping = take_effect;
    task = probe_spawn(&p);
    settle();
    trale_cancel(task);
    ck_assert_int_eq(join(task), 45);
    ck_assert_int_eq(p.output_at_drop, -ECANCELED);
    check(&p, 1);
}
END_TEST

START_TEST(a_drop_after_ready_does_not_change_the_result)
{
    struct probe p = PROBE;

    p.dropping = take_effect;
    probe_finish(&p, 1);
    ck_assert_int_eq(join(probe_spawn(&p)), 1);
    check(&p, 1);
}
END_TEST

static void cancel_in_drop(struct probe *p, trale_future *future)
{
    (void)future;
    p->arg = trale_self();
    trale_cancel(trale_self());
    trale_waker_wake(p->waker);
}

START_TEST(a_cancel_and_a_wake_in_the_drop_do_nothing)
{
    struct probe p = PROBE;
    trale_task *task;

    p.dropping = cancel_in_drop;
    probe_finish(&p, 6);
    task = probe_spawn(&p);
    ck_assert_int_eq(join(task), 6);
    ck_assert_ptr_eq(p.arg, task);
    check(&p, 1);
}
END_TEST

static enum trale_poll pend_with_an_output(trale_future *self, trale_context *cx)
{
    (void)cx;
    self->output = 1;
    return TRALE_PENDING;
}

START_TEST(a_future_without_a_drop_can_be_cancelled)
{
    static const struct trale_future_ops ops = {pend_with_an_output, NULL, NULL};
    trale_future f = {&ops, 0};
    trale_task *task;

    ck_assert_int_eq(trale_spawn_future(&task, &f, sizeof f), 0);
    settle();
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
}
END_TEST

TEST_MAIN_WITH(
    NULL, free_default_runtime, "cancel_future", a_pending_future_is_dropped_without_another_poll,
    a_future_that_was_never_polled_is_dropped, a_future_that_was_woken_before_is_not_polled_again,
    ON_THREAD(a_future_cancelled_while_it_is_polled_is_not_polled_again,
              "it stops a poll and goes on meanwhile"),
    ON_THREAD(a_future_cancelled_in_the_poll_that_is_ready_gives_its_output,
              "it stops a poll and goes on meanwhile"),
    a_future_may_cancel_its_own_task, a_future_that_always_wakes_itself_can_be_cancelled,
    a_finished_future_keeps_its_result, a_second_cancel_does_nothing,
    a_wake_after_the_cancel_does_nothing, a_drop_that_finds_an_effect_gives_the_result,
    a_drop_after_ready_does_not_change_the_result, a_cancel_and_a_wake_in_the_drop_do_nothing,
    a_future_without_a_drop_can_be_cancelled)
