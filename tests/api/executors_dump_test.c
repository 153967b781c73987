/* What the dump and the stall watch say of a runtime with several executors. */
#include "suite.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dumped.h"
#include "executors.h"
#include "probe.h"
#include "system.h"
#include "waiters.h"

ENDS_AS_IT_IS

enum { EXECUTORS = 3 };

static trale_runtime *runtime;
static struct hold holds[EXECUTORS];
static trale_event event;

static void begin(void)
{
    runtime = new_runtime_with(EXECUTORS);
    for (int i = 0; i < EXECUTORS; i++)
        holds[i] = (struct hold)HOLD;
}

static void end(void)
{
    free_runtime(runtime);
}

static trale_task *spawn_probe(struct probe *p)
{
    struct probe_future f = probe_future(p);
    trale_spawn_options options = {.runtime = runtime, .name = "stackless"};
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn_future_with(&task, &options, &f.future, sizeof f), 0);
    return task;
}

static void expect_count(int tasks)
{
    char head[64], *text = dump_text();

    snprintf(head, sizeof head, "trale: runtime %p, %d task%s\n", (void *)runtime, tasks,
             tasks == 1 ? "" : "s");
    ck_assert_msg(strstr(text, head), "no %s in %s", head, text);
    free(text);
}

START_TEST(what_no_executor_has_taken_is_new)
{
    struct probe p = PROBE;
    trale_spawn_options options = {.runtime = runtime, .name = "a fiber"};
    trale_task *fiber, *stackless;

    hold_executors(holds, runtime, EXECUTORS);
    expect_count(EXECUTORS);
    ck_assert_int_eq(trale_spawn_with(&fiber, &options, tell_executor, NULL), 0);
    int line = __LINE__ - 1;
    stackless = spawn_probe(&p);
    trale_detach(spawn_on(runtime, tell_executor, NULL));
    expect_doing(fiber, "new");
    expect_doing(stackless, "new");
    expect_count(EXECUTORS + 3);
    char name[256], site[256];
    dump_name(name, fiber);
    snprintf(site, sizeof site, "%p 'a fiber' (%s:%d)", (void *)fiber, __FILE__, line);
    ck_assert_str_eq(name, site);
    trale_cancel(fiber); /* it still stands there */
    expect_doing(fiber, "new");
    release_executors(holds, EXECUTORS);
    join(fiber);
    probe_finish(&p, 0);
    join(stackless);
}
END_TEST

START_TEST(tasks_of_every_executor_are_there)
{
    trale_task *waiting[EXECUTORS], *ready[EXECUTORS];

    for (unsigned i = 0; i < EXECUTORS; i++)
        waiting[i] = spawn_at(runtime, i + 1, wait_for_event, &event);
    hold_executors(holds, runtime, EXECUTORS);
    for (unsigned i = 0; i < EXECUTORS; i++)
        ready[i] = spawn_at(runtime, i + 1, tell_executor, NULL);
    for (int i = 0; i < EXECUTORS; i++) {
        expect_begins(dump_doing(holds[i].task), "running, ");
        expect_begins(dump_doing(waiting[i]), "waiting: event");
        expect_doing(ready[i], "new"); /* in the inbox of its executor */
    }
    expect_count(3 * EXECUTORS);
    release_executors(holds, EXECUTORS);
    for (unsigned i = 0; i < EXECUTORS; i++) {
        ck_assert_int_eq(join(ready[i]), i + 1);
        ck_assert_int_eq(trale_event_notify(&event), 0);
    }
    for (int i = 0; i < EXECUTORS; i++)
        join(waiting[i]);
    expect_count(0);
}
END_TEST

/* A task says of which one it waits for, on whatever executor that is. */
static intptr_t join_it(void *task)
{
    return trale_join(task, NULL);
}

START_TEST(a_task_waits_for_one_that_no_executor_has_taken)
{
    trale_task *new, *joins;
    char name[256];

    hold_executors(holds, runtime, EXECUTORS);
    new = spawn_on(runtime, tell_executor, NULL);
    joins = spawn_on(NULL, join_it, new);
    settle();
    dump_name(name, new);
    expect_doing(joins, "waiting: join of %s", name);
    release_executors(holds, EXECUTORS);
    ck_assert_int_eq(join(joins), 0);
    free_default_runtime();
}
END_TEST

static intptr_t spawn_on_and_on(void *stop)
{
    trale_task *task;

    while (gate_opened(stop) == 0)
        if (trale_spawn(&task, tell_executor, NULL) != 0 || trale_join(task, NULL) != 0)
            return -1;
    return 0;
}

START_TEST(a_dump_disturbs_nobody_who_comes_and_goes)
{
    struct gate stop = GATE;
    trale_task *tasks[2 * EXECUTORS];

    for (unsigned i = 0; i < 2 * EXECUTORS; i++)
        tasks[i] = spawn_at(runtime, i % EXECUTORS + 1, spawn_on_and_on, &stop);
    for (long i = test_scale(300); i > 0; i--)
        free(dump_text());
    gate_open(&stop);
    for (int i = 0; i < 2 * EXECUTORS; i++)
        ck_assert_int_eq(join(tasks[i]), 0);
}
END_TEST

static atomic_long spawned;
static struct gate looked = GATE;

static intptr_t spawn_many(void *count)
{
    int error = 0;

    for (intptr_t i = (intptr_t)count; i > 0 && error == 0; i--) {
        error = trale_spawn(NULL, tell_executor, NULL);
        atomic_fetch_add(&spawned, 1);
    }
    gate_wait(&looked); /* and none of them has ended */
    return error;
}

static long count_in_dump(void)
{
    char head[64], *text = dump_text(), *place;
    long tasks = 0;

    snprintf(head, sizeof head, "trale: runtime %p, ", (void *)runtime);
    place = strstr(text, head);
    if (place)
        tasks = atol(place + strlen(head));
    free(text);
    return tasks;
}

/* Every so often, half of what waits for its executor is put where all of them look. */
START_TEST(what_moves_from_queue_to_queue_is_there)
{
    long count = test_scale(20000), before, found;
    trale_task *spawner;

    for (unsigned i = 1; i < EXECUTORS; i++)
        hold_executor_at(&holds[i], runtime, i + 1);
    spawner = spawn_at(runtime, 1, spawn_many, (void *)count);
    do {
        before = atomic_load(&spawned);
        found = count_in_dump();
        ck_assert_int_ge(found, before + EXECUTORS - 1);
    } while (before < count / 2);
    gate_open(&looked);
    release_executors(holds + 1, EXECUTORS - 1);
    ck_assert_int_eq(join(spawner), 0);
}
END_TEST

/* The stall watch. */

static intptr_t hold_up(void *arg)
{
    struct hold *h = arg;

    gate_open(&h->held);
    gate_wait(&h->released);
    return 0;
}

static FILE *catch_reports(void)
{
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    return fdopen(ends[0], "r");
}

/* Of the one that holds up this executor; the others go on working. */
static void expect_report(FILE *reports, unsigned executor)
{
    trale_spawn_options options = {runtime, executor, 0, "our stuck one"};
    struct hold h = HOLD;
    char line[512], name[256], expected[300];

    ck_assert_int_eq(trale_spawn_with(&h.task, &options, hold_up, &h), 0);
    gate_wait(&h.held);
    dump_name(name, h.task);
    snprintf(expected, sizeof expected, "trale: %s has held up its executor for ", name);
    do {
        ck_assert_ptr_nonnull(fgets(line, sizeof line, reports));
        join(spawn_on(runtime, tell_executor, NULL));
    } while (!strstr(line, "'our stuck one'"));
    expect_begins(line, expected);
    release_executor(&h);
}

START_TEST(who_holds_up_an_executor_is_reported_whichever_it_is)
{
    FILE *reports = catch_reports();

    ck_assert_int_eq(trale_stall_watch(TRALE_MS), 0);
    for (unsigned i = 1; i <= EXECUTORS; i++)
        expect_report(reports, i);
    ck_assert_int_eq(trale_stall_watch(0), 0);
    fclose(reports);
}
END_TEST

TEST_MAIN_WITH(begin, end, "executors_dump", what_no_executor_has_taken_is_new,
               tasks_of_every_executor_are_there, a_task_waits_for_one_that_no_executor_has_taken,
               a_dump_disturbs_nobody_who_comes_and_goes, what_moves_from_queue_to_queue_is_there,
               who_holds_up_an_executor_is_reported_whichever_it_is)
