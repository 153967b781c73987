/* Giving a handle back, before, while and after its task runs. */
#include "suite.h"

#include <trale.h>

#include "gate.h"
#include "probe.h"
#include "settle.h"

START_TEST(a_task_detached_before_it_started_runs)
{
    struct hold h = HOLD;
    struct gate ran = GATE;
    trale_task *task;

    hold_executor(&h);
    ck_assert_int_eq(trale_spawn(&task, gate_open_in_task, &ran), 0);
    trale_detach(task);
    release_executor(&h);
    gate_wait(&ran);
}
END_TEST

static enum trale_poll stop_in_poll(struct probe *p, trale_context *cx)
{
    (void)cx;
    gate_wait(p->arg);
    return probe_finished(p) ? TRALE_READY : TRALE_PENDING;
}

START_TEST(a_task_detached_while_it_is_polled_goes_on)
{
    struct gate go_on = GATE;
    struct probe p = PROBE_STEP(stop_in_poll);
    trale_task *task;

    p.arg = &go_on;
    task = probe_spawn(&p);
    probe_wait_polled(&p, 1);
    trale_detach(task);
    gate_open(&go_on);
    settle();
    ck_assert_int_eq(probe_drops(&p), 0);
    probe_finish(&p, 0);
    probe_wait_dropped(&p);
    ck_assert_int_eq(probe_polls(&p), 2);
    ck_assert_int_eq(probe_faults(&p), 0);
}
END_TEST

START_TEST(a_task_detached_while_it_waits_goes_on)
{
    struct probe p = PROBE;
    trale_task *task = probe_spawn(&p);

    settle();
    trale_detach(task);
    settle();
    ck_assert_int_eq(probe_drops(&p), 0);
    probe_finish(&p, 0);
    probe_wait_dropped(&p);
    ck_assert_int_eq(probe_polls(&p), 2);
    ck_assert_int_eq(probe_faults(&p), 0);
}
END_TEST

START_TEST(a_task_that_has_ended_may_be_detached)
{
    struct probe p = PROBE;
    trale_task *task;

    probe_finish(&p, 0);
    task = probe_spawn(&p);
    settle();
    ck_assert_int_eq(probe_drops(&p), 1);
    trale_detach(task);
    settle();
    ck_assert_int_eq(probe_drops(&p), 1);
}
END_TEST

START_TEST(a_detach_meets_the_end_of_the_task_at_any_moment)
{
    const int rounds = (int)test_scale(3000);
    struct gate ran = GATE;
    trale_task *task;

    for (int i = 0; i < rounds; i++) {
        ck_assert_int_eq(trale_spawn(&task, gate_open_in_task, &ran), 0);
        for (int n = i % 7; n > 0; n--)
            sched_yield();
        trale_detach(task);
    }
    gate_wait_for(&ran, rounds);
    settle();
    ck_assert_int_eq(gate_opened(&ran), rounds);
}
END_TEST

static intptr_t detach_self(void *ran)
{
    trale_detach(trale_self());
    if (trale_yield() == 0)
        gate_open(ran);
    return 0;
}

START_TEST(a_task_may_detach_itself)
{
    struct gate ran = GATE;
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, detach_self, &ran), 0);
    gate_wait(&ran);
}
END_TEST

START_TEST(a_task_that_was_cancelled_may_be_detached)
{
    struct probe p = PROBE;
    trale_task *task = probe_spawn(&p);

    settle();
    trale_cancel(task);
    trale_detach(task);
    probe_wait_dropped(&p);
    settle();
    ck_assert_int_eq(probe_drops(&p), 1);
    ck_assert_int_eq(probe_polls(&p), 1);
}
END_TEST

START_TEST(detaching_nothing_does_nothing)
{
    trale_detach(NULL);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "detach", a_task_detached_before_it_started_runs,
               ON_THREAD(a_task_detached_while_it_is_polled_goes_on,
                         "it stops a poll and goes on meanwhile"),
               a_task_detached_while_it_waits_goes_on, a_task_that_has_ended_may_be_detached,
               a_detach_meets_the_end_of_the_task_at_any_moment, a_task_may_detach_itself,
               a_task_that_was_cancelled_may_be_detached, detaching_nothing_does_nothing)
