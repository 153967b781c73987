/* Joining, from threads and from tasks, before and after the end of what is joined. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <trale.h>

#include "probe.h"
#include "settle.h"

START_TEST(a_join_of_nothing_is_refused)
{
    intptr_t result = 99;

    ck_assert_int_eq(trale_join(NULL, &result), -EINVAL);
    ck_assert_int_eq(trale_join(NULL, NULL), -EINVAL);
    ck_assert_int_eq(result, 99);
}
END_TEST

static intptr_t join_self(void *arg)
{
    intptr_t *result = arg;

    return trale_join(trale_self(), result);
}

START_TEST(a_task_that_joins_itself_is_refused_and_keeps_its_handle)
{
    intptr_t untouched = 99;
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, join_self, &untouched), 0);
    ck_assert_int_eq(join(task), -EDEADLK);
    ck_assert_int_eq(untouched, 99);
}
END_TEST

static intptr_t return_arg(void *arg)
{
    return (intptr_t)arg;
}

START_TEST(a_finished_task_is_joined_at_once)
{
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, return_arg, (void *)-5), 0);
    settle();
    ck_assert_int_eq(join(task), -5);
}
END_TEST

START_TEST(a_result_may_be_ignored)
{
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, return_arg, NULL), 0);
    ck_assert_int_eq(trale_join(task, NULL), 0);
}
END_TEST

START_TEST(a_handle_outlives_its_runtime)
{
    struct probe p = PROBE;
    trale_task *done, *cancelled;
    intptr_t result = 0;

    ck_assert_int_eq(trale_spawn(&done, return_arg, (void *)77), 0);
    cancelled = probe_spawn(&p);
    settle();
    free_default_runtime();
    ck_assert_int_eq(trale_cancel(done), 0);
    ck_assert_int_eq(trale_join(done, &result), 0);
    ck_assert_int_eq(result, 77);
    ck_assert_int_eq(trale_join(cancelled, &result), 0);
    ck_assert_int_eq(result, -ECANCELED);
}
END_TEST

/* What a task found when it joined another. */
struct joining {
    trale_task *of;
    intptr_t result;
    int error;
};

static intptr_t join_other(void *arg)
{
    struct joining *j = arg;

    j->error = trale_join(j->of, &j->result);
    return 0;
}

START_TEST(a_task_joins_another_that_is_pending)
{
    struct probe p = PROBE;
    struct joining j = {probe_spawn(&p), 0, 1};
    trale_task *joiner;

    ck_assert_int_eq(trale_spawn(&joiner, join_other, &j), 0);
    settle();
    probe_finish(&p, INTPTR_MIN);
    join(joiner);
    ck_assert_int_eq(j.error, 0);
    ck_assert_int_eq(j.result, INTPTR_MIN);
}
END_TEST

START_TEST(a_task_joins_another_that_has_finished)
{
    struct joining j = {NULL, 0, 1};
    trale_task *joiner;

    ck_assert_int_eq(trale_spawn(&j.of, return_arg, (void *)6), 0);
    settle();
    ck_assert_int_eq(trale_spawn(&joiner, join_other, &j), 0);
    join(joiner);
    ck_assert_int_eq(j.error, 0);
    ck_assert_int_eq(j.result, 6);
}
END_TEST

START_TEST(a_join_that_is_cancelled_leaves_the_handle_valid)
{
    struct probe p = PROBE;
    struct joining j = {probe_spawn(&p), 99, 1};
    trale_task *joiner;

    ck_assert_int_eq(trale_spawn(&joiner, join_other, &j), 0);
    settle();
    ck_assert_int_eq(trale_cancel(joiner), 0);
    join(joiner);
    ck_assert_int_eq(j.error, -ECANCELED);
    ck_assert_int_eq(j.result, 99);
    ck_assert_int_eq(probe_drops(&p), 0); /* the joined task goes on */
    probe_finish(&p, 4);
    ck_assert_int_eq(join(j.of), 4);
}
END_TEST

static intptr_t cancel_self_and_join(void *arg)
{
    trale_cancel(trale_self());
    return join_other(arg);
}

START_TEST(a_cancelled_task_joins_nothing_not_even_what_has_finished)
{
    struct joining j = {NULL, 99, 1};
    trale_task *joiner;

    ck_assert_int_eq(trale_spawn(&j.of, return_arg, (void *)6), 0);
    settle();
    ck_assert_int_eq(trale_spawn(&joiner, cancel_self_and_join, &j), 0);
    join(joiner);
    ck_assert_int_eq(j.error, -ECANCELED);
    ck_assert_int_eq(j.result, 99);
    ck_assert_int_eq(join(j.of), 6);
}
END_TEST

/* Polls the join future that p->arg is, as one of two tasks that take turns at it. */
static enum trale_poll poll_join(struct probe *p, trale_context *cx)
{
    return trale_future_poll(p->arg, cx);
}

START_TEST(a_join_wakes_whoever_polled_it_last)
{
    struct probe target = PROBE, first = PROBE_STEP(poll_join), second = PROBE_STEP(poll_join);
    trale_task *joined = probe_spawn(&target), *one, *two;
    trale_join_future f;
    intptr_t result = 0;

    trale_join_init(&f, joined, &result);
    first.arg = second.arg = &f;
    one = probe_spawn(&first);
    settle();
    two = probe_spawn(&second);
    settle();
    probe_finish(&target, 11);
    join(two);
    settle();
    ck_assert_int_eq(result, 11);
    ck_assert_int_eq(f.future.output, 0);
    ck_assert_int_eq(probe_polls(&first), 1);
    ck_assert_int_eq(probe_polls(&second), 2);
    trale_future_drop(&f.future);
    trale_cancel(one);
    ck_assert_int_eq(join(one), -ECANCELED);
}
END_TEST

START_TEST(a_join_that_is_polled_again_wakes_its_task_once)
{
    struct probe target = PROBE, joiner = PROBE_STEP(poll_join);
    trale_task *joined = probe_spawn(&target), *task;
    trale_join_future f;

    trale_join_init(&f, joined, NULL);
    joiner.arg = &f;
    task = probe_spawn(&joiner);
    for (int i = 1; i <= 3; i++) {
        settle();
        ck_assert_int_eq(probe_polls(&joiner), i);
        probe_wake(&joiner); /* for nothing: it must stay pending */
    }
    settle();
    probe_finish(&target, 0);
    join(task);
    ck_assert_int_eq(probe_polls(&joiner), 5);
    trale_future_drop(&f.future);
}
END_TEST

/* Polls the join once, drops it, and stays pending. */
static enum trale_poll poll_and_drop_join(struct probe *p, trale_context *cx)
{
    if (p->polls == 1) {
        p->output = trale_future_poll(p->arg, cx);
        trale_future_drop(p->arg);
    }
    return probe_finished(p) ? TRALE_READY : TRALE_PENDING;
}

START_TEST(a_join_that_was_dropped_before_it_was_ready_can_be_made_again)
{
    enum { LOOKERS = 3 };
    struct probe target = PROBE, lookers[LOOKERS];
    trale_task *joined = probe_spawn(&target), *tasks[LOOKERS];
    trale_join_future f;

    for (int i = 0; i < LOOKERS; i++) {
        lookers[i] = (struct probe)PROBE_STEP(poll_and_drop_join);
        lookers[i].arg = &f;
        trale_join_init(&f, joined, NULL);
        tasks[i] = probe_spawn(&lookers[i]);
        settle();
        ck_assert_int_eq(lookers[i].output, TRALE_PENDING);
    }
    probe_finish(&target, 8);
    settle();
    settle();
    for (int i = 0; i < LOOKERS; i++) {
        ck_assert_int_eq(probe_polls(&lookers[i]), 1); /* nobody wakes who dropped */
        probe_finish(&lookers[i], 0);
        join(tasks[i]);
    }
    ck_assert_int_eq(join(joined), 8);
}
END_TEST

START_TEST(a_join_that_was_never_polled_leaves_the_handle_valid)
{
    trale_join_future f;
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, return_arg, (void *)2), 0);
    trale_join_init(&f, task, NULL);
    trale_future_drop(&f.future);
    ck_assert_int_eq(join(task), 2);
}
END_TEST

static void drop_slowly(struct probe *p, trale_future *future)
{
    (void)future;
    for (int i = 0; i < 20; i++)
        sched_yield();
    *(int *)p->arg += 1; /* plain: the join must carry it over */
}

START_TEST(the_drop_has_run_before_the_join_returns)
{
    for (long i = 0, rounds = test_scale(200); i < rounds; i++) {
        struct probe p = PROBE;
        int dropped = 0;
        p.dropping = drop_slowly;
        p.arg = &dropped;
        trale_task *task = probe_spawn(&p);
        if (i % 2)
            probe_finish(&p, 1);
        else
            trale_cancel(task);
        ck_assert_int_eq(join(task), i % 2 ? 1 : -ECANCELED);
        ck_assert_int_eq(dropped, 1);
    }
}
END_TEST

static void *join_in_thread(void *arg)
{
    join_other(arg);
    return NULL;
}

START_TEST(threads_join_tasks_that_end_in_another_order)
{
    enum { JOINERS = 8 };
    struct probe probes[JOINERS];
    struct joining joinings[JOINERS];
    pthread_t threads[JOINERS];

    for (int i = 0; i < JOINERS; i++) {
        probes[i] = (struct probe)PROBE;
        joinings[i] = (struct joining){probe_spawn(&probes[i]), 0, 1};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, join_in_thread, &joinings[i]), 0);
    }
    for (int i = JOINERS - 1; i >= 0; i--) {
        probe_finish(&probes[i], i);
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(joinings[i].error, 0);
        ck_assert_int_eq(joinings[i].result, i);
    }
}
END_TEST

START_TEST(a_join_meets_the_end_of_the_task_at_any_moment)
{
    for (intptr_t i = 0, rounds = test_scale(3000); i < rounds; i++) {
        trale_task *task;
        ck_assert_int_eq(trale_spawn(&task, return_arg, (void *)i), 0);
        for (int n = (int)i % 7; n > 0; n--)
            sched_yield();
        ck_assert_int_eq(join(task), i);
    }
}
END_TEST

TEST_MAIN_WITH(
    NULL, free_default_runtime, "join", a_join_of_nothing_is_refused,
    a_task_that_joins_itself_is_refused_and_keeps_its_handle, a_finished_task_is_joined_at_once,
    a_result_may_be_ignored,
    ON_THREAD(a_handle_outlives_its_runtime, "it ends the runtime that its tasks are in"),
    a_task_joins_another_that_is_pending, a_task_joins_another_that_has_finished,
    a_join_that_is_cancelled_leaves_the_handle_valid,
    a_cancelled_task_joins_nothing_not_even_what_has_finished,
    a_join_wakes_whoever_polled_it_last, a_join_that_is_polled_again_wakes_its_task_once,
    a_join_that_was_dropped_before_it_was_ready_can_be_made_again,
    a_join_that_was_never_polled_leaves_the_handle_valid,
    the_drop_has_run_before_the_join_returns, threads_join_tasks_that_end_in_another_order,
    a_join_meets_the_end_of_the_task_at_any_moment)
