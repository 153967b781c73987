/* Runtimes: making them, waiting for their tasks, and what they refuse. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "settle.h"
#include "system.h"

static trale_runtime *new_runtime(void)
{
    trale_runtime *runtime = NULL;
    ck_assert_int_eq(trale_runtime_new(&runtime, NULL), 0);
    return runtime;
}

static trale_task *spawn_on(trale_runtime *runtime, trale_fn *fn, void *arg)
{
    trale_spawn_options options = {.runtime = runtime};
    trale_task *task = NULL;
    ck_assert_int_eq(trale_spawn_with(&task, &options, fn, arg), 0);
    return task;
}

static void free_runtime(trale_runtime *runtime)
{
    ck_assert_int_eq(trale_runtime_free(runtime, TRALE_NEVER), 0);
}

START_TEST(bad_configs_are_refused)
{
    trale_runtime *runtime = (trale_runtime *)&runtime;
    int fds = count_fds(), threads = count_threads();
    ck_assert_int_eq(trale_runtime_new(NULL, NULL), -EINVAL);
    ck_assert_int_eq(trale_runtime_new(&runtime, &(trale_config){.executors = 1025}), -EINVAL);
    ck_assert_int_eq(trale_runtime_new(&runtime, &(trale_config){.executors = ~1u}), -EINVAL);
    ck_assert_int_eq(trale_runtime_new(&runtime, &(trale_config){.stack_size = SIZE_MAX}),
                     -EINVAL);
    ck_assert_int_eq(
        trale_runtime_new(&runtime, &(trale_config){.stack_size = ((size_t)1 << 30) + 1}),
        -EINVAL);
    ck_assert_ptr_eq(runtime, (trale_runtime *)&runtime);
    ck_assert_int_eq(count_fds(), fds);
    ck_assert_int_eq(count_threads(), threads);
}
END_TEST

START_TEST(good_configs_are_taken)
{
    static const trale_config configs[] = {
        {0}, {.executors = 1}, {.stack_size = 1}, {.stack_size = 1 << 20}, {1, 100000}};
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        trale_runtime *runtime;
        struct gate gate = GATE;
        ck_assert_int_eq(trale_runtime_new(&runtime, &configs[i]), 0);
        join(spawn_on(runtime, gate_open_in_task, &gate));
        ck_assert_int_eq(gate_opened(&gate), 1);
        free_runtime(runtime);
    }
}
END_TEST

START_TEST(null_is_refused)
{
    trale_runtime_wait_future wait;
    trale_runtime_free_future end;
    ck_assert_int_eq(trale_runtime_wait(NULL), -EINVAL);
    ck_assert_int_eq(trale_runtime_free(NULL, 0), -EINVAL);
    trale_runtime_wait_init(&wait, NULL);
    ck_assert_int_eq(trale_await(&wait.future), -EINVAL);
    trale_runtime_free_init(&end, NULL, TRALE_NEVER);
    ck_assert_int_eq(trale_await(&end.future), -EINVAL);
}
END_TEST

START_TEST(a_wait_for_no_tasks_returns_at_once)
{
    trale_runtime *runtime = new_runtime();
    ck_assert_int_eq(trale_runtime_wait(runtime), 0);
    trale_task *task = spawn_on(runtime, gate_open_in_task, &(struct gate)GATE);
    ck_assert_int_eq(trale_runtime_wait(runtime), 0);
    ck_assert_int_eq(trale_runtime_wait(runtime), 0); /* its handle is still held */
    join(task);
    free_runtime(runtime);
}
END_TEST

static intptr_t count_later(void *counter)
{
    trale_sleep(TRALE_MS);
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

START_TEST(a_wait_lasts_until_the_last_detached_task_has_ended)
{
    trale_runtime *runtime = new_runtime();
    trale_spawn_options options = {.runtime = runtime};
    for (int round = 0; round < 5; round++) {
        static atomic_int counter;
        atomic_store(&counter, 0);
        for (int i = 0; i < 20; i++)
            ck_assert_int_eq(trale_spawn_with(NULL, &options, spawn_more, &counter), 0);
        ck_assert_int_eq(trale_runtime_wait(runtime), 0);
        ck_assert_int_eq(atomic_load(&counter), 200);
    }
    free_runtime(runtime);
}
END_TEST

static void *wait_on_thread(void *runtime)
{
    return (void *)(intptr_t)trale_runtime_wait(runtime);
}

static intptr_t wait_in_task(void *runtime)
{
    return trale_runtime_wait(runtime);
}

START_TEST(several_threads_and_tasks_wait_for_one_runtime)
{
    trale_runtime *runtime = new_runtime();
    trale_task *tasks[4], *sleeper;
    pthread_t threads[4];
    static atomic_int counter;
    sleeper = spawn_on(runtime, count_later, &counter);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(trale_spawn(&tasks[i], wait_in_task, runtime), 0);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_on_thread, runtime), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *result;
        ck_assert_int_eq(join(tasks[i]), 0);
        pthread_join(threads[i], &result);
        ck_assert_ptr_null(result);
    }
    ck_assert_int_eq(atomic_load(&counter), 1);
    join(sleeper);
    free_runtime(runtime);
}
END_TEST

START_TEST(a_cancelled_waiter_stops_waiting)
{
    trale_runtime *runtime = new_runtime();
    struct gate gate = GATE, begun = GATE;
    trale_task *waiter;
    trale_sleep_future sleep;
    trale_sleep_init(&sleep, TRALE_NEVER);
    trale_spawn_options options = {.runtime = runtime};
    trale_task *sleeper;
    ck_assert_int_eq(trale_spawn_future_with(&sleeper, &options, &sleep.future, sizeof sleep), 0);
    join(spawn_on(runtime, gate_open_in_task, &gate));
    ck_assert_int_eq(trale_spawn(NULL, gate_open_in_task, &begun), 0);
    ck_assert_int_eq(trale_spawn(&waiter, wait_in_task, runtime), 0);
    settle();
    trale_cancel(waiter);
    ck_assert_int_eq(join(waiter), -ECANCELED);
    trale_cancel(sleeper);
    ck_assert_int_eq(join(sleeper), -ECANCELED);
    ck_assert_int_eq(trale_runtime_wait(runtime), 0);
    free_runtime(runtime);
}
END_TEST

static intptr_t free_in_task(void *runtime)
{
    return trale_runtime_free(runtime, TRALE_NEVER);
}

START_TEST(a_task_can_neither_await_nor_free_its_own_runtime)
{
    trale_runtime *runtime = new_runtime();
    ck_assert_int_eq(join(spawn_on(runtime, wait_in_task, runtime)), -EDEADLK);
    ck_assert_int_eq(join(spawn_on(runtime, free_in_task, runtime)), -EDEADLK);
    struct gate gate = GATE; /* and it still works */
    join(spawn_on(runtime, gate_open_in_task, &gate));
    free_runtime(runtime);
}
END_TEST

START_TEST(a_task_of_another_runtime_frees_one)
{
    for (int i = 0; i < 10; i++) {
        trale_runtime *runtime = new_runtime();
        trale_spawn_options options = {.runtime = runtime};
        trale_task *task;
        static atomic_int counter;
        ck_assert_int_eq(trale_spawn_with(NULL, &options, spawn_more, &counter), 0);
        ck_assert_int_eq(trale_spawn(&task, free_in_task, runtime), 0);
        ck_assert_int_eq(join(task), 0);
    }
}
END_TEST

static pthread_barrier_t barrier;

static void *get_default(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&barrier);
    return trale_runtime_default();
}

START_TEST(all_threads_get_the_same_default_runtime)
{
    enum { THREADS = 16 };
    for (long round = test_scale(20); round > 0; round--) {
        pthread_t threads[THREADS];
        void *found[THREADS];
        pthread_barrier_init(&barrier, NULL, THREADS);
        for (int i = 0; i < THREADS; i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, get_default, NULL), 0);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], &found[i]);
        ck_assert_ptr_nonnull(found[0]);
        for (int i = 1; i < THREADS; i++)
            ck_assert_ptr_eq(found[i], found[0]);
        ck_assert_ptr_eq(trale_runtime_default(), found[0]);
        pthread_barrier_destroy(&barrier);
        free_default_runtime();
    }
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "runtime", bad_configs_are_refused,
               good_configs_are_taken, null_is_refused, a_wait_for_no_tasks_returns_at_once,
               a_wait_lasts_until_the_last_detached_task_has_ended,
               several_threads_and_tasks_wait_for_one_runtime, a_cancelled_waiter_stops_waiting,
               a_task_can_neither_await_nor_free_its_own_runtime,
               a_task_of_another_runtime_frees_one, all_threads_get_the_same_default_runtime)
