/* trale_metrics_read, trale_executor_metrics_read: what was done is counted. */
#include "suite.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <trale.h>

#include "gate.h"
#include "settle.h"

static trale_runtime *runtime;

static void setup(void)
{
    ck_assert_int_eq(trale_runtime_new(&runtime, &(trale_config){.executors = 2}), 0);
}

static void teardown(void)
{
    ck_assert_int_eq(trale_runtime_free(runtime, TRALE_NEVER), 0);
}

static trale_metrics all(void)
{
    trale_metrics m;

    ck_assert_int_eq(trale_metrics_read(runtime, &m), 0);
    return m;
}

static trale_executor_metrics of(unsigned executor)
{
    trale_executor_metrics m;

    ck_assert_int_eq(trale_executor_metrics_read(runtime, executor, &m), 0);
    return m;
}

static trale_task *spawn_on(unsigned executor, trale_fn *fn, void *arg)
{
    trale_spawn_options options = {.runtime = runtime, .executor = executor};
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn_with(&task, &options, fn, arg), 0);
    return task;
}

START_TEST(bad_arguments_are_refused_and_change_nothing)
{
    trale_executor_metrics one, before;
    trale_metrics m, none;

    memset(&m, 5, sizeof m);
    memset(&one, 5, sizeof one);
    none = m;
    before = one;
    ck_assert_int_eq(trale_metrics_read(NULL, &m), -EINVAL);
    ck_assert_int_eq(trale_metrics_read(runtime, NULL), -EINVAL);
    ck_assert_int_eq(trale_executor_metrics_read(NULL, 1, &one), -EINVAL);
    ck_assert_int_eq(trale_executor_metrics_read(runtime, 1, NULL), -EINVAL);
    ck_assert_int_eq(trale_executor_metrics_read(runtime, 0, &one), -EINVAL);
    ck_assert_int_eq(trale_executor_metrics_read(runtime, 3, &one), -EINVAL);
    ck_assert_mem_eq(&m, &none, sizeof m);
    ck_assert_mem_eq(&one, &before, sizeof one);
}
END_TEST

static intptr_t yield_so_often(void *arg)
{
    for (intptr_t i = (intptr_t)arg; i > 0; i--)
        trale_yield();
    return 0;
}

/* Both have looked around since what they did before was counted. */
static void settle_both(void)
{
    for (unsigned executor = 1; executor <= 2; executor++)
        for (int i = 0; i < 3; i++)
            join(spawn_on(executor, yield_so_often, NULL));
}

START_TEST(polls_are_counted_for_the_executor_that_makes_them)
{
    uint64_t one, two;

    settle_both();
    one = of(1).polls;
    two = of(2).polls;
    join(spawn_on(2, yield_so_often, (void *)1000));
    settle_both();
    ck_assert_uint_ge(of(2).polls, two + 1001);
    ck_assert_uint_lt(of(1).polls, one + 1000);
}
END_TEST

struct waits {
    struct gate begun;
    trale_event event;
    trale_io *io;
};

static intptr_t wait_for_event(void *arg)
{
    struct waits *w = arg;

    gate_open(&w->begun);
    return trale_event_wait(&w->event);
}

START_TEST(tasks_that_wait_are_counted_and_so_is_how_they_are_woken)
{
    struct waits w = {.begun = GATE};
    trale_executor_metrics before;
    trale_task *task;

    ck_assert_uint_eq(all().executors, 2);
    ck_assert_uint_eq(all().tasks, 0);
    task = spawn_on(1, wait_for_event, &w);
    gate_wait(&w.begun);
    ck_assert_uint_eq(all().tasks, 1);
    before = of(1);
    ck_assert_int_eq(trale_event_notify(&w.event), 0);
    join(task);
    settle_both();
    ck_assert_uint_eq(all().tasks, 0);
    ck_assert_uint_gt(of(1).woken_outside, before.woken_outside);
    ck_assert_uint_gt(of(1).batches, before.batches);
}
END_TEST

static intptr_t notify(void *arg)
{
    struct waits *w = arg;

    return trale_event_notify(&w->event);
}

START_TEST(a_wake_by_a_neighbour_is_one_at_home)
{
    struct waits w = {.begun = GATE};
    trale_task *task = spawn_on(2, wait_for_event, &w);
    uint64_t before;

    gate_wait(&w.begun);
    settle_both();
    before = of(2).woken_here;
    join(spawn_on(2, notify, &w));
    join(task);
    ck_assert_uint_gt(of(2).woken_here, before);
}
END_TEST

static intptr_t sleep_for_ever(void *arg)
{
    gate_open(arg);
    return trale_sleep_until(trale_now() + 3600 * TRALE_SEC);
}

START_TEST(timers_that_are_armed_are_counted)
{
    struct gate begun = GATE;
    trale_task *tasks[3];

    for (int i = 0; i < 3; i++)
        tasks[i] = spawn_on(1, sleep_for_ever, &begun);
    gate_wait_for(&begun, 3);
    settle_both();
    ck_assert_uint_eq(all().timers, 3);
    for (int i = 0; i < 3; i++) {
        trale_cancel(tasks[i]);
        ck_assert_int_eq(join(tasks[i]), -ECANCELED);
    }
    ck_assert_uint_eq(all().timers, 0);
}
END_TEST

static intptr_t receive(void *arg)
{
    struct waits *w = arg;
    char byte;

    gate_open(&w->begun);
    return trale_recvfrom(w->io, &byte, 1, NULL);
}

START_TEST(descriptors_and_their_events_are_counted)
{
    struct waits w = {.begun = GATE};
    trale_metrics before;
    trale_addr there;
    trale_task *task;

    ck_assert_int_eq(trale_udp_bind(&w.io, "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_addr_local(w.io, &there), 0);
    task = spawn_on(1, receive, &w);
    gate_wait(&w.begun);
    settle_both();
    before = all();
    ck_assert_uint_eq(before.fds, 1);
    ck_assert_int_eq(trale_sendto(w.io, "x", 1, &there), 1);
    ck_assert_int_eq(join(task), 1);
    settle_both();
    ck_assert_uint_gt(all().events, before.events);
    ck_assert_uint_gt(all().waits, before.waits);
    while (all().turns == before.turns) /* a turn ends after it has woken */
        sched_yield();
    ck_assert_int_eq(trale_close(w.io), 0);
    ck_assert_uint_eq(all().fds, 0);
}
END_TEST

START_TEST(newcomers_are_counted_by_who_takes_them)
{
    uint64_t before = of(1).newcomers + of(2).newcomers;

    for (int i = 0; i < 10; i++)
        join(spawn_on(0, yield_so_often, NULL));
    settle_both();
    ck_assert_uint_eq(of(1).newcomers + of(2).newcomers, before + 10);
}
END_TEST

static intptr_t hold_up(void *arg)
{
    int64_t end = trale_now() + (intptr_t)arg;

    while (trale_now() < end)
        ;
    return 0;
}

START_TEST(a_long_poll_is_known)
{
    join(spawn_on(1, hold_up, (void *)(intptr_t)(20 * TRALE_MS)));
    settle_both();
    ck_assert_int_ge(of(1).longest, 20 * TRALE_MS);
}
END_TEST

TEST_MAIN_WITH(setup, teardown, "metrics", bad_arguments_are_refused_and_change_nothing,
               polls_are_counted_for_the_executor_that_makes_them,
               tasks_that_wait_are_counted_and_so_is_how_they_are_woken,
               a_wake_by_a_neighbour_is_one_at_home, timers_that_are_armed_are_counted,
               descriptors_and_their_events_are_counted, newcomers_are_counted_by_who_takes_them,
               a_long_poll_is_known)
