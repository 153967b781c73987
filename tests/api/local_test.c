/* Task locals: each task has its own values, each plain thread too, and destructors run once. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <trale.h>
#include <unistd.h>

#include "fork.h"
#include "gate.h"
#include "probe.h"
#include "settle.h"
#include "system.h"

ENDS_AS_IT_IS

static atomic_long destroyed, sum;

static void count(void *value)
{
    atomic_fetch_add(&destroyed, 1);
    atomic_fetch_add(&sum, (long)(intptr_t)value);
}

static const trale_local plain, counted = {.destructor = count};

static void *number(intptr_t n)
{
    return (void *)n;
}

static trale_task *spawn(trale_fn *fn, void *arg)
{
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn(&task, fn, arg), 0);
    return task;
}

/* Returns how many of its values were not as they should be. */
static intptr_t keep_own(void *arg)
{
    static trale_local many[10];
    intptr_t wrong = 0;

    for (intptr_t i = 0; i < 10; i++) {
        wrong += trale_local_get(&many[i]) != NULL;
        wrong += trale_local_set(&many[i], (char *)arg + i) != 0;
    }
    for (int round = 0; round < 5; round++) {
        trale_yield();
        for (intptr_t i = 0; i < 10; i++)
            wrong += trale_local_get(&many[i]) != (char *)arg + i;
    }
    return wrong;
}

START_TEST(each_task_has_its_own)
{
    trale_task *tasks[20];

    for (int i = 0; i < 20; i++)
        tasks[i] = spawn(keep_own, number(100 * (i + 1)));
    ck_assert_int_eq(keep_own(number(5000)), 0); /* a plain thread */
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(join(tasks[i]), 0);
}
END_TEST

static intptr_t set_counted(void *value)
{
    return trale_local_set(&counted, value) + trale_local_set(&plain, value);
}

START_TEST(destructors_run_before_the_join_returns)
{
    ck_assert_int_eq(join(spawn(set_counted, number(7))), 0);
    ck_assert_int_eq(atomic_load(&destroyed), 1);
    ck_assert_int_eq(atomic_load(&sum), 7);
    ck_assert_int_eq(join(spawn(set_counted, NULL)), 0);
    ck_assert_int_eq(atomic_load(&destroyed), 1);
}
END_TEST

static intptr_t set_and_change(void *arg)
{
    set_counted(number(1));
    set_counted(number(2)); /* the first one is forgotten */
    (void)arg;
    return (intptr_t)trale_local_get(&counted);
}

static intptr_t set_and_take_back(void *arg)
{
    set_counted(number(3));
    trale_local_set(&counted, NULL);
    (void)arg;
    return trale_local_get(&counted) != NULL;
}

START_TEST(what_was_replaced_is_not_destroyed)
{
    ck_assert_int_eq(join(spawn(set_and_change, NULL)), 2);
    ck_assert_int_eq(atomic_load(&sum), 2);
    ck_assert_int_eq(join(spawn(set_and_take_back, NULL)), 0);
    ck_assert_int_eq(atomic_load(&destroyed), 1);
}
END_TEST

static intptr_t set_and_wait(void *gate)
{
    set_counted(number(4));
    gate_open(gate);
    return trale_sleep(TRALE_NEVER);
}

/* A future that sets a local at its first poll, and never is ready. */
static enum trale_poll set_and_pend(struct probe *p, trale_context *cx)
{
    (void)p, (void)cx;
    set_counted(number(5));
    return TRALE_PENDING;
}

START_TEST(a_cancelled_task_destroys_its_own)
{
    struct gate set = GATE;
    struct probe probe = PROBE_STEP(set_and_pend);
    trale_task *task = spawn(set_and_wait, &set);

    gate_wait(&set);
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    ck_assert_int_eq(atomic_load(&sum), 4);
    task = probe_spawn(&probe);
    probe_wait_polled(&probe, 1);
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    ck_assert_int_eq(atomic_load(&sum), 9);
}
END_TEST

static void set_again(void *value);
static const trale_local again = {.destructor = set_again};

/* More than fit before, so all of them move. */
static void set_again(void *value)
{
    static trale_local others[8];

    count(value);
    trale_local_set(&again, value);
    for (int i = 0; i < 8; i++)
        trale_local_set(&others[i], value);
}

static intptr_t set_obstinate(void *arg)
{
    return trale_local_set(&again, arg);
}

START_TEST(destructors_that_set_values_run_four_times)
{
    ck_assert_int_eq(join(spawn(set_obstinate, number(1))), 0);
    ck_assert_int_eq(atomic_load(&destroyed), 4);
}
END_TEST

static trale_task *seen;

static void look(void *value)
{
    seen = trale_self();
    atomic_store(&sum, (long)(intptr_t)trale_local_get(&plain));
    (void)value;
}

static intptr_t set_looking(void *arg)
{
    static const trale_local looking = {.destructor = look};

    trale_local_set(&looking, arg);
    return trale_local_set(&plain, number(6));
}

/* The one that looks was set first. */
START_TEST(a_destructor_runs_in_the_task)
{
    trale_task *task = spawn(set_looking, number(1));

    ck_assert_int_eq(join(task), 0);
    ck_assert_ptr_eq(seen, task);
    ck_assert_int_eq(atomic_load(&sum), 6);
}
END_TEST

static void *set_in_thread(void *value)
{
    intptr_t error = set_counted(value);

    return trale_local_get(&plain) == value ? number(error) : number(1);
}

START_TEST(plain_threads_have_their_own)
{
    pthread_t thread;
    void *result = NULL;

    ck_assert_int_eq(trale_local_set(&plain, number(1)), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_create(&thread, NULL, set_in_thread, number(8)), 0);
        ck_assert_int_eq(pthread_join(thread, &result), 0);
        ck_assert_ptr_null(result);
        ck_assert_int_eq(atomic_load(&destroyed), i + 1);
    }
    ck_assert_ptr_eq(trale_local_get(&plain), number(1));
}
END_TEST

START_TEST(no_local_at_all)
{
    ck_assert_ptr_null(trale_local_get(NULL));
    ck_assert_int_eq(trale_local_set(NULL, number(1)), -EINVAL);
    ck_assert_ptr_null(trale_local_get(&plain));
    ck_assert_int_eq(trale_local_set(&plain, NULL), 0);
}
END_TEST

/* In the child it is a plain thread. */
static intptr_t fork_in_task(void *arg)
{
    (void)arg;
    set_counted(number(9));
    pid_t child = test_fork();

    if (child == 0)
        _exit(trale_local_get(&plain) != NULL || trale_local_set(&plain, number(1)) != 0);
    return child;
}

START_TEST(a_child_forked_in_a_task_has_none)
{
    intptr_t child = join(spawn(fork_in_task, NULL));
    int status = 1;

    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(await_process((pid_t)child, &status), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

TEST_MAIN("local", each_task_has_its_own, destructors_run_before_the_join_returns,
          what_was_replaced_is_not_destroyed, a_cancelled_task_destroys_its_own,
          destructors_that_set_values_run_four_times, a_destructor_runs_in_the_task,
          plain_threads_have_their_own, no_local_at_all, a_child_forked_in_a_task_has_none)
