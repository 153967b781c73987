/* What tasks spawn on a runtime with several executors: who starts it, and in what order. */
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>

#include "executors.h"
#include "gate.h"
#include "system.h"
#include "waiters.h"

enum { MANY = 2000 }; /* more than one executor's queue holds */

static trale_runtime *runtime;
static atomic_int started, first_at_home;
static int order[MANY];

static void begin(void)
{
    runtime = new_runtime_with(2);
}

static void end(void)
{
    free_runtime(runtime);
}

static intptr_t start(void *number)
{
    order[atomic_fetch_add(&started, 1)] = (int)(intptr_t)number;
    return 0;
}

static int spawn_many(intptr_t count)
{
    int error = 0;

    for (intptr_t i = 0; i < count && error == 0; i++)
        error = trale_spawn(NULL, start, (void *)i);
    return error;
}

static intptr_t spawn_many_and_spin(void *arg)
{
    int error = spawn_many(MANY);

    (void)arg;
    while (error == 0 && atomic_load(&started) < MANY)
        ;
    return error;
}

START_TEST(another_starts_all_that_a_task_spawns_which_holds_its_executor)
{
    for (unsigned n = 1; n <= 2; n++) {
        atomic_store(&started, 0);
        ck_assert_int_eq(join(spawn_at(runtime, n, spawn_many_and_spin, NULL)), 0);
    }
}
END_TEST

static intptr_t spawn_and_yield(void *count)
{
    int error = spawn_many((intptr_t)count);

    error = error ? error : trale_yield();
    return error ? error : atomic_load(&started);
}

START_TEST(what_is_spawned_starts_in_order_before_who_yields_goes_on)
{
    struct hold other = HOLD;

    hold_executor_at(&other, runtime, 2);
    ck_assert_int_eq(join(spawn_at(runtime, 1, spawn_and_yield, (void *)200)), 200);
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(order[i], i);
    release_executor(&other);
}
END_TEST

/* Two that spin on each other, and many that do not, in one go. */
static intptr_t meet(void *arg)
{
    (void)arg;
    atomic_fetch_add(&first_at_home, 1);
    while (atomic_load(&first_at_home) < 2)
        ;
    return 0;
}

static intptr_t spawn_two_that_meet(void *arg)
{
    trale_task *tasks[2] = {0};
    int error = spawn_many(100);

    (void)arg;
    for (int i = 0; i < 2 && error == 0; i++)
        error = trale_spawn(&tasks[i], meet, NULL);
    for (int i = 0; i < 2; i++)
        trale_join(tasks[i], NULL);
    return error;
}

START_TEST(two_that_spin_on_each_other_end_behind_many)
{
    for (int i = 0; i < 20; i++) {
        atomic_store(&first_at_home, 0);
        atomic_store(&started, 0);
        ck_assert_int_eq(join(spawn_on(runtime, spawn_two_that_meet, NULL)), 0);
    }
}
END_TEST

static struct gate spawned = GATE;

static intptr_t spawn_many_and_wait(void *gate)
{
    int error = spawn_many(MANY);

    gate_open(&spawned);
    gate_wait(gate);
    return error;
}

/* On the queue of the one, where nobody looks but executors; some are with those from outside. */
START_TEST(what_never_started_is_cancelled_with_the_runtime)
{
    struct hold other = HOLD;
    struct gate gate = GATE;

    hold_executor_at(&other, runtime, 2);
    trale_task *spawner = spawn_at(runtime, 1, spawn_many_and_wait, &gate);
    gate_wait(&spawned);
    ck_assert_int_eq(trale_runtime_free(runtime, trale_now() + 10 * TRALE_MS), -ETIMEDOUT);
    gate_open(&gate);
    release_executor(&other);
    ck_assert_int_eq(join(spawner), 0);
    ck_assert_int_eq(trale_runtime_wait(runtime), 0);
    ck_assert_int_eq(atomic_load(&started), 0);
}
END_TEST

/* The idle one is called, finds nothing left, and is called again. */
static intptr_t spawn_and_join_many(void *arg)
{
    trale_task *task;
    int error = 0;

    (void)arg;
    for (int i = 0; i < MANY && error == 0; i++) {
        error = trale_spawn(&task, start, NULL);
        error = error ? error : trale_join(task, NULL);
    }
    return error;
}

START_TEST(small_ones_are_spawned_and_joined_beside_an_idle_executor)
{
    ck_assert_int_eq(join(spawn_at(runtime, 1, spawn_and_join_many, NULL)), 0);
    ck_assert_int_eq(atomic_load(&started), MANY);
}
END_TEST

TEST_MAIN_WITH(begin, end, "executors_share",
               another_starts_all_that_a_task_spawns_which_holds_its_executor,
               what_is_spawned_starts_in_order_before_who_yields_goes_on,
               two_that_spin_on_each_other_end_behind_many,
               what_never_started_is_cancelled_with_the_runtime,
               small_ones_are_spawned_and_joined_beside_an_idle_executor)
