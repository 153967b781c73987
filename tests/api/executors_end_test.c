/* Waiting for, and freeing, a runtime with several executors, whatever its tasks are at. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "dumped.h"
#include "executors.h"
#include "probe.h"
#include "system.h"
#include "waiters.h"

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

/* Tasks of every kind: one that waits on each executor, then all executors are held, and one of
 * each kind stands with the newcomers. */
struct tasks {
    trale_task *waiting[EXECUTORS], *new_fiber, *new_stackless;
    struct gate started;
    struct probe probe;
};

static struct tasks tasks = {.started = GATE, .probe = PROBE};

static trale_task *spawn_probe(struct probe *p)
{
    struct probe_future f = probe_future(p);
    trale_spawn_options options = {.runtime = runtime};
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn_future_with(&task, &options, &f.future, sizeof f), 0);
    return task;
}

static void hold_everything(void)
{
    for (unsigned i = 0; i < EXECUTORS; i++) /* the hold comes after it, so it waits by then */
        tasks.waiting[i] = spawn_at(runtime, i + 1, wait_for_event, &event);
    hold_executors(holds, runtime, EXECUTORS);
    tasks.new_fiber = spawn_on(runtime, gate_open_in_task, &tasks.started);
    trale_detach(spawn_on(runtime, gate_open_in_task, &tasks.started));
    tasks.new_stackless = spawn_probe(&tasks.probe);
}

static void expect_cancelled(void)
{
    for (int i = 0; i < EXECUTORS; i++)
        ck_assert_int_eq(join(tasks.waiting[i]), -ECANCELED);
    ck_assert_int_eq(join(tasks.new_fiber), -ECANCELED);
    ck_assert_int_eq(join(tasks.new_stackless), -ECANCELED);
    ck_assert_int_eq(gate_opened(&tasks.started), 0);
    ck_assert_int_eq(probe_polls(&tasks.probe), 0);
    ck_assert_int_eq(probe_drops(&tasks.probe), 1);
    ck_assert_int_eq(probe_faults(&tasks.probe), 0);
}

static void *free_on_thread(void *rt)
{
    return (void *)(intptr_t)trale_runtime_free(rt, TRALE_NEVER);
}

START_TEST(freeing_cancels_what_waits_and_what_never_started)
{
    trale_spawn_options options = {.runtime = runtime};
    pthread_t thread;
    void *result;

    hold_everything();
    ck_assert_int_eq(pthread_create(&thread, NULL, free_on_thread, runtime), 0);
    options.executor = 1; /* so that none of those stands in the way */
    while (trale_spawn_with(NULL, &options, tell_executor, NULL) == 0)
        sched_yield();
    release_executors(holds, EXECUTORS);
    pthread_join(thread, &result);
    ck_assert_ptr_null(result);
    expect_cancelled();
}
END_TEST

START_TEST(a_deadline_that_passes_leaves_the_runtime_standing)
{
    struct gate after = GATE;

    hold_everything();
    int64_t deadline = trale_now() + TRALE_MS;
    ck_assert_int_eq(trale_runtime_free(runtime, deadline), -ETIMEDOUT);
    ck_assert_int_ge(trale_now(), deadline);
    trale_task *later = spawn_on(runtime, gate_open_in_task, &after);
    trale_task *waits_later = spawn_on(runtime, wait_for_event, &event);
    release_executors(holds, EXECUTORS);
    expect_cancelled();
    ck_assert_int_eq(join(later), 0);
    ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(join(waits_later), 0);
    for (unsigned i = 1; i <= EXECUTORS; i++)
        ck_assert_int_eq(join(spawn_at(runtime, i, tell_executor, NULL)), i);
    free_runtime(runtime);
}
END_TEST

START_TEST(a_task_of_any_executor_that_does_not_end_holds_up_the_free)
{
    for (unsigned i = 1; i <= EXECUTORS; i++) {
        struct hold h = HOLD;
        hold_executor_at(&h, runtime, i);
        ck_assert_int_eq(trale_runtime_free(runtime, trale_now() + TRALE_MS), -ETIMEDOUT);
        release_executor(&h);
    }
    free_runtime(runtime);
}
END_TEST

static intptr_t free_own(void *deadline)
{
    return trale_runtime_free(runtime, *(int64_t *)deadline);
}

static intptr_t wait_for_own(void *nothing)
{
    (void)nothing;
    return trale_runtime_wait(runtime);
}

START_TEST(a_task_of_any_executor_can_neither_free_nor_await_its_runtime)
{
    static int64_t deadlines[] = {0, TRALE_NEVER};

    for (unsigned i = 0; i <= EXECUTORS; i++) {
        for (int d = 0; d < 2; d++)
            ck_assert_int_eq(join(spawn_at(runtime, i, free_own, &deadlines[d])), -EDEADLK);
        ck_assert_int_eq(join(spawn_at(runtime, i, wait_for_own, NULL)), -EDEADLK);
        ck_assert_int_gt(join(spawn_on(runtime, tell_executor, NULL)), 0);
    }
    free_runtime(runtime);
}
END_TEST

static intptr_t free_another(void *rt)
{
    return trale_runtime_free(rt, TRALE_NEVER);
}

START_TEST(a_task_of_another_runtime_with_several_frees_it)
{
    for (unsigned i = 0; i <= EXECUTORS; i++) {
        trale_runtime *other = new_runtime_with(2);
        for (unsigned n = 1; n <= 2; n++)
            trale_detach(spawn_at(other, n, wait_for_event, &event));
        ck_assert_int_eq(join(spawn_at(runtime, i, free_another, other)), 0);
    }
    free_runtime(runtime);
}
END_TEST

/* Waiting for the last task. */

static intptr_t count_later(void *counter)
{
    trale_yield();
    atomic_fetch_add((atomic_int *)counter, 1);
    return 0;
}

static intptr_t spawn_more(void *counter)
{
    for (int i = 0; i < 10; i++)
        if (trale_spawn(NULL, count_later, counter) == 0)
            trale_yield();
    return 0;
}

static void *wait_on_thread(void *rt)
{
    return (void *)(intptr_t)trale_runtime_wait(rt);
}

START_TEST(a_wait_lasts_until_the_last_task_of_any_executor_has_ended)
{
    static atomic_int counter;
    trale_scope scope;
    pthread_t thread;
    void *result;

    for (int round = 0; round < 10; round++) {
        atomic_store(&counter, 0);
        for (int i = 0; i < EXECUTORS; i++)
            holds[i] = (struct hold)HOLD;
        hold_executors(holds, runtime, EXECUTORS);
        for (int i = 0; i < 20; i++)
            trale_detach(spawn_on(runtime, spawn_more, &counter));
        trale_scope_enter(&scope, trale_now() + TRALE_US);
        ck_assert_int_eq(trale_runtime_wait(runtime), -ETIMEDOUT);
        trale_scope_leave(&scope);
        ck_assert_int_eq(pthread_create(&thread, NULL, wait_on_thread, runtime), 0);
        release_executors(holds, EXECUTORS);
        pthread_join(thread, &result);
        ck_assert_ptr_null(result);
        ck_assert_int_eq(atomic_load(&counter), 200);
    }
    free_runtime(runtime);
}
END_TEST

/* Again and again, with work in flight: nothing is left, and nobody hangs. */

static intptr_t be_busy(void *arg)
{
    static atomic_int counter;
    trale_task *task;

    (void)arg;
    while (trale_yield() == 0 && trale_spawn(&task, count_later, &counter) == 0)
        if (trale_join(task, NULL) != 0)
            trale_detach(task);
    return 0;
}

static void make_and_free(unsigned round)
{
    trale_runtime *rt = new_runtime_with(1 + round % 5);

    for (unsigned i = 0; i < 10; i++) {
        trale_detach(spawn_on(rt, be_busy, NULL));
        trale_detach(spawn_on(rt, wait_for_event, &event));
    }
    if (round % 3 == 0)
        ck_assert_int_eq(trale_sleep(TRALE_MS), 0);
    ck_assert_int_eq(trale_runtime_free(rt, TRALE_NEVER), 0);
}

START_TEST(many_runtimes_leave_nothing_behind)
{
    unsigned rounds = (unsigned)test_scale(200);

    settle();
    int threads = count_threads(), fds = count_fds();
    for (unsigned i = 0; i < rounds; i++)
        make_and_free(i);
    ck_assert_int_eq(count_fds(), fds);
    await_threads(threads);
    free_runtime(runtime);
}
END_TEST

TEST_MAIN_WITH(begin, free_default_runtime, "executors_end",
               freeing_cancels_what_waits_and_what_never_started,
               a_deadline_that_passes_leaves_the_runtime_standing,
               a_task_of_any_executor_that_does_not_end_holds_up_the_free,
               a_task_of_any_executor_can_neither_free_nor_await_its_runtime,
               a_task_of_another_runtime_with_several_frees_it,
               a_wait_lasts_until_the_last_task_of_any_executor_has_ended,
               many_runtimes_leave_nothing_behind)
