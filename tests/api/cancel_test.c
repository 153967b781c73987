/* Cancelling fibers: what their waits return, and what their result is. */
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <trale.h>

#include "gate.h"
#include "probe.h"
#include "settle.h"

static trale_task *spawn(trale_fn *fn, void *arg)
{
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn(&task, fn, arg), 0);
    return task;
}

static intptr_t sleep_for_ever(void *started)
{
    gate_open(started);
    return trale_sleep(TRALE_NEVER);
}

START_TEST(a_sleeping_fiber_gets_ecanceled)
{
    struct gate started = GATE;
    trale_task *task = spawn(sleep_for_ever, &started);

    gate_wait(&started);
    settle();
    ck_assert_int_eq(trale_cancel(task), 0);
    ck_assert_int_eq(join(task), -ECANCELED);
}
END_TEST

static intptr_t sleep_for_an_hour(void *started)
{
    gate_open(started);
    return trale_sleep(3600 * TRALE_SEC);
}

START_TEST(a_fiber_with_a_timer_gets_ecanceled)
{
    struct gate started = GATE;
    trale_task *task = spawn(sleep_for_an_hour, &started);

    gate_wait(&started);
    settle();
    ck_assert_int_eq(trale_cancel(task), 0);
    ck_assert_int_eq(join(task), -ECANCELED);
}
END_TEST

static intptr_t return_three(void *arg)
{
    (void)arg;
    return 3;
}

struct waits {
    struct gate started;
    struct probe before, after;
    trale_task *other;
    intptr_t awaited[2], slept, slept_zero, slept_until, yielded, joined, awaited_yield;
    bool cancelled_before, cancelled_after;
};

/* Is cancelled in the first await; then tries every other wait. */
static intptr_t wait_in_every_way(void *arg)
{
    struct waits *w = arg;
    struct probe_future before = probe_future(&w->before), after = probe_future(&w->after);
    trale_yield_future yield;

    w->cancelled_before = trale_cancelled();
    gate_open(&w->started);
    w->awaited[0] = trale_await(&before.future);
    w->cancelled_after = trale_cancelled();
    w->awaited[1] = trale_await(&after.future);
    w->slept = trale_sleep(TRALE_NEVER);
    w->slept_zero = trale_sleep(0);
    w->slept_until = trale_sleep_until(1);
    w->yielded = trale_yield();
    trale_yield_init(&yield);
    w->awaited_yield = trale_await(&yield.future);
    w->joined = trale_join(w->other, NULL);
    return 1234;
}

START_TEST(every_wait_after_a_cancel_fails)
{
    struct waits w = {.started = GATE, .before = PROBE, .after = PROBE};
    trale_task *task;

    w.other = spawn(return_three, NULL);
    task = spawn(wait_in_every_way, &w);
    gate_wait(&w.started);
    settle();
    trale_cancel(task);
    ck_assert_int_eq(join(task), 1234); /* the fiber unwound by itself: the result is its own */
    ck_assert(!w.cancelled_before && w.cancelled_after);
    ck_assert_int_eq(w.awaited[0], -ECANCELED);
    ck_assert_int_eq(w.awaited[1], -ECANCELED);
    ck_assert_int_eq(w.slept, -ECANCELED);
    ck_assert_int_eq(w.slept_zero, -ECANCELED);
    ck_assert_int_eq(w.slept_until, -ECANCELED);
    ck_assert_int_eq(w.yielded, -ECANCELED);
    ck_assert_int_eq(w.awaited_yield, -ECANCELED);
    ck_assert_int_eq(w.joined, -ECANCELED);
    ck_assert_int_eq(join(w.other), 3);
    ck_assert_int_eq(probe_polls(&w.before), 1);
    ck_assert_int_eq(probe_drops(&w.before), 1);
    ck_assert_int_eq(w.before.output_at_drop, -ECANCELED);
    ck_assert_int_eq(probe_polls(&w.after), 0);
    ck_assert_int_eq(probe_drops(&w.after), 1);
    ck_assert_int_eq(probe_faults(&w.before) + probe_faults(&w.after), 0);
}
END_TEST

START_TEST(a_fiber_that_never_started_does_not_start)
{
    struct hold h = HOLD;
    struct gate ran = GATE;
    trale_task *task;

    hold_executor(&h);
    task = spawn(gate_open_in_task, &ran);
    ck_assert_int_eq(trale_cancel(task), 0);
    release_executor(&h);
    ck_assert_int_eq(join(task), -ECANCELED);
    ck_assert_int_eq(gate_opened(&ran), 0);
}
END_TEST

static intptr_t await_probe(void *probe)
{
    struct probe_future f = probe_future(probe);

    return trale_await(&f.future);
}

START_TEST(a_fiber_that_was_woken_before_is_not_polled_again)
{
    struct hold h = HOLD;
    struct probe p = PROBE;
    trale_task *task = spawn(await_probe, &p);

    settle();
    hold_executor(&h);
    probe_finish(&p, 1); /* now it stands in the queue, and its future would be ready */
    trale_cancel(task);
    release_executor(&h);
    ck_assert_int_eq(join(task), -ECANCELED);
    ck_assert_int_eq(probe_polls(&p), 1);
    ck_assert_int_eq(probe_drops(&p), 1);
    ck_assert_int_eq(probe_faults(&p), 0);
}
END_TEST

static intptr_t yield_until_error(void *yields)
{
    int error;

    while ((error = trale_yield()) == 0)
        gate_open(yields);
    return error;
}

START_TEST(a_fiber_that_yields_gets_ecanceled)
{
    struct gate yields = GATE;
    trale_task *task = spawn(yield_until_error, &yields);

    gate_wait_for(&yields, 10);
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
}
END_TEST

START_TEST(a_finished_task_keeps_its_result)
{
    trale_task *task = spawn(return_three, NULL);

    settle();
    ck_assert_int_eq(trale_cancel(task), 0);
    ck_assert_int_eq(trale_cancel(task), 0);
    settle();
    ck_assert_int_eq(join(task), 3);
}
END_TEST

START_TEST(a_second_cancel_does_nothing)
{
    struct hold h = HOLD;
    struct probe p = PROBE;
    trale_task *task = spawn(await_probe, &p);

    settle();
    hold_executor(&h);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(trale_cancel(task), 0);
    release_executor(&h);
    settle();
    ck_assert_int_eq(trale_cancel(task), 0);
    ck_assert_int_eq(join(task), -ECANCELED);
    ck_assert_int_eq(probe_polls(&p), 1);
    ck_assert_int_eq(probe_drops(&p), 1);
}
END_TEST

START_TEST(a_cancel_of_nothing_is_refused)
{
    ck_assert_int_eq(trale_cancel(NULL), -EINVAL);
}
END_TEST

struct own_cancel {
    int cancel, yield, sleep;
    bool before, after;
};

static intptr_t cancel_self(void *arg)
{
    struct own_cancel *c = arg;

    c->before = trale_cancelled();
    c->cancel = trale_cancel(trale_self());
    c->after = trale_cancelled();
    c->yield = trale_yield();
    c->sleep = trale_sleep(0);
    return 5;
}

START_TEST(a_fiber_may_cancel_itself)
{
    struct own_cancel c;
    trale_task *task = spawn(cancel_self, &c);

    ck_assert_int_eq(join(task), 5);
    ck_assert(!c.before && c.after);
    ck_assert_int_eq(c.cancel, 0);
    ck_assert_int_eq(c.yield, -ECANCELED);
    ck_assert_int_eq(c.sleep, -ECANCELED);
}
END_TEST

static intptr_t cancel_other(void *task)
{
    return trale_cancel(task);
}

START_TEST(a_task_may_cancel_another)
{
    struct probe p = PROBE;
    trale_task *task = spawn(await_probe, &p);

    settle();
    ck_assert_int_eq(join(spawn(cancel_other, task)), 0);
    ck_assert_int_eq(join(task), -ECANCELED);
    ck_assert_int_eq(probe_polls(&p), 1);
    ck_assert_int_eq(probe_drops(&p), 1);
}
END_TEST

static intptr_t ignore_cancel(void *arg)
{
    struct gate *gates = arg;

    gate_open(&gates[0]);
    gate_wait(&gates[1]);
    return trale_cancelled() ? 7 : -1;
}

START_TEST(a_fiber_that_does_not_wait_is_not_stopped)
{
    struct gate gates[] = {GATE, GATE};
    trale_task *task = spawn(ignore_cancel, gates);

    gate_wait(&gates[0]);
    trale_cancel(task);
    gate_open(&gates[1]);
    ck_assert_int_eq(join(task), 7);
}
END_TEST

static void take_effect(struct probe *p, trale_future *future)
{
    (void)p;
    future->output = 21;
}

START_TEST(a_drop_that_finds_an_effect_gives_the_output_of_the_await)
{
    struct probe p = PROBE;
    trale_task *task;

    p.dropping = take_effect;
    task = spawn(await_probe, &p);
    settle();
    trale_cancel(task);
    ck_assert_int_eq(join(task), 21);
    ck_assert_int_eq(p.output_at_drop, -ECANCELED);
    ck_assert_int_eq(probe_drops(&p), 1);
}
END_TEST

/* Cancelled in one await, it cleans up and still spawns a task that does the rest. */
static intptr_t spawn_when_cancelled(void *probe)
{
    trale_task *task;
    int error;

    if (await_probe(probe) != -ECANCELED)
        return -1;
    error = trale_spawn(&task, return_three, NULL);
    trale_detach(error == 0 ? task : NULL);
    return error;
}

START_TEST(a_cancelled_fiber_may_spawn)
{
    struct probe p = PROBE;
    trale_task *task = spawn(spawn_when_cancelled, &p);

    settle();
    trale_cancel(task);
    ck_assert_int_eq(join(task), 0);
}
END_TEST

static enum trale_poll cancel_own_task(struct probe *p, trale_context *cx)
{
    (void)cx;
    trale_cancel(trale_self());
    return p->arg ? TRALE_READY : TRALE_PENDING;
}

START_TEST(a_fiber_cancelled_by_the_poll_of_its_own_future_is_not_polled_again)
{
    struct probe p = PROBE_STEP(cancel_own_task);

    ck_assert_int_eq(join(spawn(await_probe, &p)), -ECANCELED);
    ck_assert_int_eq(probe_polls(&p), 1);
    ck_assert_int_eq(probe_drops(&p), 1);
}
END_TEST

START_TEST(a_future_that_is_ready_when_the_cancel_comes_gives_its_output)
{
    struct probe p = PROBE_STEP(cancel_own_task);

    p.arg = &p;
    p.output = 17;
    ck_assert_int_eq(join(spawn(await_probe, &p)), 17);
    ck_assert_int_eq(probe_polls(&p), 1);
    ck_assert_int_eq(probe_drops(&p), 1);
}
END_TEST

TEST_MAIN_WITH(
    NULL, free_default_runtime, "cancel", a_sleeping_fiber_gets_ecanceled,
    a_fiber_with_a_timer_gets_ecanceled, every_wait_after_a_cancel_fails,
    a_fiber_that_never_started_does_not_start, a_fiber_that_was_woken_before_is_not_polled_again,
    a_fiber_that_yields_gets_ecanceled, a_finished_task_keeps_its_result,
    a_second_cancel_does_nothing, a_cancel_of_nothing_is_refused, a_fiber_may_cancel_itself,
    a_task_may_cancel_another,
    ON_THREAD(a_fiber_that_does_not_wait_is_not_stopped, "it stops a poll and goes on meanwhile"),
    a_drop_that_finds_an_effect_gives_the_output_of_the_await, a_cancelled_fiber_may_spawn,
    a_fiber_cancelled_by_the_poll_of_its_own_future_is_not_polled_again,
    a_future_that_is_ready_when_the_cancel_comes_gives_its_output)
