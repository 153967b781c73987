/* Cancelling a task that no executor has taken yet: it never starts, and ends once. */
#include "suite.h"

#include <errno.h>

#include "executors.h"
#include "probe.h"
#include "waiters.h"

enum { EXECUTORS = 2 };

static trale_runtime *runtime;
static struct hold holds[EXECUTORS];

/* All executors are held: what is spawned stays where it is. */
static void hold_all(void)
{
    runtime = new_runtime_with(EXECUTORS);
    for (int i = 0; i < EXECUTORS; i++)
        holds[i] = (struct hold)HOLD;
    hold_executors(holds, runtime, EXECUTORS);
}

static void end(void)
{
    free_runtime(runtime);
    free_default_runtime();
}

static trale_task *spawn_probe(struct probe *p)
{
    struct probe_future f = probe_future(p);
    trale_spawn_options options = {.runtime = runtime};
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn_future_with(&task, &options, &f.future, sizeof f), 0);
    return task;
}

static void expect_never_started(struct probe *p)
{
    ck_assert_int_eq(probe_polls(p), 0);
    ck_assert_int_eq(probe_drops(p), 1);
    ck_assert_int_eq(probe_faults(p), 0);
    ck_assert_int_eq(p->output_at_drop, -ECANCELED);
}

START_TEST(neither_a_fiber_nor_a_stackless_task_starts)
{
    struct gate gate = GATE;
    struct probe p = PROBE;
    trale_task *fiber = spawn_on(runtime, gate_open_in_task, &gate), *stackless = spawn_probe(&p);

    ck_assert_int_eq(trale_cancel(fiber), 0);
    ck_assert_int_eq(trale_cancel(stackless), 0);
    ck_assert_int_eq(probe_drops(&p), 0);
    release_executors(holds, EXECUTORS);
    ck_assert_int_eq(join(fiber), -ECANCELED);
    ck_assert_int_eq(join(stackless), -ECANCELED);
    ck_assert_int_eq(gate_opened(&gate), 0);
    expect_never_started(&p);
}
END_TEST

START_TEST(those_beside_it_start)
{
    struct gate gate = GATE;
    struct probe p = PROBE;
    trale_task *before = spawn_on(runtime, gate_open_in_task, &gate);
    trale_task *cancelled = spawn_probe(&p);
    trale_task *after = spawn_on(runtime, gate_open_in_task, &gate);

    trale_cancel(cancelled);
    release_executors(holds, EXECUTORS);
    ck_assert_int_eq(join(before), 0);
    ck_assert_int_eq(join(after), 0);
    ck_assert_int_eq(join(cancelled), -ECANCELED);
    ck_assert_int_eq(gate_opened(&gate), 2);
    expect_never_started(&p);
}
END_TEST

START_TEST(it_is_cancelled_again_and_again)
{
    struct probe p = PROBE;
    trale_task *task = spawn_probe(&p);

    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(trale_cancel(task), 0);
    release_executors(holds, EXECUTORS);
    ck_assert_int_eq(join(task), -ECANCELED);
    expect_never_started(&p);
}
END_TEST

START_TEST(its_handle_is_given_back)
{
    struct probe p = PROBE;
    trale_task *task = spawn_probe(&p);

    trale_cancel(task);
    trale_detach(task);
    release_executors(holds, EXECUTORS);
    ck_assert_int_eq(trale_runtime_wait(runtime), 0);
    expect_never_started(&p);
}
END_TEST

struct by_holder {
    struct gate held, go;
    struct probe probe;
    struct gate never;
    trale_task *fiber, *stackless;
    int error;
};

static intptr_t spawn_and_cancel(void *arg)
{
    struct by_holder *h = arg;
    struct probe_future f = probe_future(&h->probe);

    gate_open(&h->held);
    gate_wait(&h->go);
    h->error = trale_spawn(&h->fiber, gate_open_in_task, &h->never);
    h->error = h->error ? h->error : trale_spawn_future(&h->stackless, &f.future, sizeof f);
    return h->error ? h->error : trale_cancel(h->fiber) + trale_cancel(h->stackless);
}

START_TEST(the_task_that_spawned_it_cancels_it)
{
    struct by_holder h = {.held = GATE, .go = GATE, .probe = PROBE, .never = GATE};

    release_executor(&holds[0]);
    trale_task *holder = spawn_at(runtime, 1, spawn_and_cancel, &h);
    gate_wait(&h.held);
    gate_open(&h.go);
    ck_assert_int_eq(join(holder), 0);
    ck_assert_int_eq(join(h.fiber), -ECANCELED);
    ck_assert_int_eq(join(h.stackless), -ECANCELED);
    release_executor(&holds[1]);
    ck_assert_int_eq(gate_opened(&h.never), 0);
    expect_never_started(&h.probe);
}
END_TEST

static intptr_t cancel_it(void *task)
{
    return trale_cancel(task);
}

START_TEST(a_task_of_another_runtime_cancels_it)
{
    struct probe p = PROBE;
    trale_task *task = spawn_probe(&p);

    ck_assert_int_eq(join(spawn_on(NULL, cancel_it, task)), 0);
    release_executors(holds, EXECUTORS);
    ck_assert_int_eq(join(task), -ECANCELED);
    expect_never_started(&p);
}
END_TEST

struct grouped {
    struct gate held, go, never;
};

/* Both executors are held while the group is filled and cancelled. */
static intptr_t fill_and_cancel_group(void *arg)
{
    struct grouped *g = arg;
    trale_group group = {0};
    int error = 0;

    gate_open(&g->held);
    gate_wait(&g->go);
    for (int i = 0; i < 5 && error == 0; i++)
        error = trale_group_spawn(&group, gate_open_in_task, &g->never);
    trale_group_cancel(&group);
    return error ? error : trale_group_wait(&group);
}

START_TEST(its_group_is_cancelled)
{
    struct grouped g = {GATE, GATE, GATE};

    release_executor(&holds[0]);
    trale_task *task = spawn_at(runtime, 1, fill_and_cancel_group, &g);
    gate_wait(&g.held);
    gate_open(&g.go);
    ck_assert_int_eq(join(task), -ECANCELED);
    ck_assert_int_eq(gate_opened(&g.never), 0);
    release_executor(&holds[1]);
}
END_TEST

START_TEST(who_joins_it_does_not_wait_for_ever)
{
    struct gate gate = GATE;
    trale_task *task = spawn_on(runtime, gate_open_in_task, &gate);
    trale_scope scope;

    trale_scope_enter(&scope, trale_now() + TRALE_MS);
    ck_assert_int_eq(trale_join(task, NULL), -ETIMEDOUT);
    trale_scope_leave(&scope);
    ck_assert_int_eq(gate_opened(&gate), 0);
    release_executors(holds, EXECUTORS);
    ck_assert_int_eq(join(task), 0);
    ck_assert_int_eq(gate_opened(&gate), 1);
}
END_TEST

TEST_MAIN_WITH(hold_all, end, "executors_cancel", neither_a_fiber_nor_a_stackless_task_starts,
               those_beside_it_start, it_is_cancelled_again_and_again, its_handle_is_given_back,
               the_task_that_spawned_it_cancels_it, a_task_of_another_runtime_cancels_it,
               its_group_is_cancelled, who_joins_it_does_not_wait_for_ever)
