/* Several executors: new tasks are started by any of them, or by the one that was asked for. */
#define _GNU_SOURCE /* cpu_set_t */
#include "suite.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "dumped.h"
#include "executors.h"
#include "system.h"
#include "waiters.h"

BEGINS_AFRESH

/* Two tasks that take turns without ever waiting: one executor alone would not get past one. */
struct turns {
    atomic_int whose;
    trale_task *partner;
};

static void take_turns(struct turns *t, int own)
{
    for (int i = 0; i < 100; i++) {
        while (atomic_load(&t->whose) != own)
            sched_yield();
        atomic_store(&t->whose, 1 - own);
    }
}

static intptr_t go_first(void *turns)
{
    take_turns(turns, 0);
    return 1;
}

static intptr_t go_second(void *turns)
{
    take_turns(turns, 1);
    return 2;
}

static intptr_t spawn_partner_and_go_first(void *arg)
{
    struct turns *t = arg;
    int error = trale_spawn(&t->partner, go_second, t);

    return error != 0 ? error : go_first(t);
}

START_TEST(two_tasks_that_spin_on_each_other_end)
{
    trale_runtime *runtime = new_runtime_with(2);
    struct turns t = {0};
    trale_task *first = spawn_on(runtime, go_first, &t);
    trale_task *second = spawn_on(runtime, go_second, &t);

    ck_assert_int_eq(join(first), 1);
    ck_assert_int_eq(join(second), 2);
    free_runtime(runtime);
}
END_TEST

START_TEST(a_task_spins_on_one_that_it_spawned)
{
    trale_runtime *runtime = new_runtime_with(2);

    for (int i = 0; i < 20; i++) {
        struct turns t = {0};
        ck_assert_int_eq(join(spawn_on(runtime, spawn_partner_and_go_first, &t)), 1);
        ck_assert_int_eq(join(t.partner), 2);
    }
    free_runtime(runtime);
}
END_TEST

static enum trale_poll tell_in_poll(trale_future *self, trale_context *cx)
{
    (void)cx;
    self->output = executor_here();
    return TRALE_READY;
}

static const struct trale_future_ops telling = {tell_in_poll, NULL, "telling"};

/* Where it ran, or -errno; -1: the task that was refused was stored. Also in tasks. */
static int tell(int error, trale_task *task, const trale_task *before)
{
    intptr_t result;

    if (error == 0)
        return trale_join(task, &result) == 0 ? (int)result : -1;
    return task == before ? error : -1;
}

static int tell_stackless(trale_runtime *runtime, unsigned executor)
{
    trale_spawn_options options = {.runtime = runtime, .executor = executor};
    trale_future f = {.ops = &telling};
    trale_task *before = (trale_task *)&options, *task = before;
    int error = trale_spawn_future_with(&task, &options, &f, sizeof f);

    return tell(error, task, before);
}

static int tell_fiber(trale_runtime *runtime, unsigned executor)
{
    trale_spawn_options options = {.runtime = runtime, .executor = executor};
    trale_task *before = (trale_task *)&options, *task = before;
    int error = trale_spawn_with(&task, &options, tell_executor, NULL);

    return tell(error, task, before);
}

START_TEST(a_task_runs_on_the_executor_that_was_asked_for)
{
    trale_runtime *runtime = new_runtime_with(3);

    for (int i = 0; i < 10; i++) {
        for (unsigned n = 1; n <= 3; n++) {
            ck_assert_int_eq(tell_fiber(runtime, n), n);
            ck_assert_int_eq(tell_stackless(runtime, n), n);
        }
        int any = tell_fiber(runtime, 0), any_too = tell_stackless(runtime, 0);
        ck_assert(any >= 1 && any <= 3);
        ck_assert(any_too >= 1 && any_too <= 3);
    }
    free_runtime(runtime);
}
END_TEST

START_TEST(an_executor_over_the_count_is_refused)
{
    static const unsigned counts[] = {1, 2, 5};

    for (int i = 0; i < 3; i++) {
        trale_runtime *runtime = new_runtime_with(counts[i]);
        ck_assert_int_eq(tell_fiber(runtime, counts[i]), counts[i]);
        ck_assert_int_eq(tell_fiber(runtime, counts[i] + 1), -EINVAL);
        ck_assert_int_eq(tell_stackless(runtime, counts[i] + 1), -EINVAL);
        ck_assert_int_eq(tell_fiber(runtime, UINT_MAX), -EINVAL);
        ck_assert_int_eq(tell_stackless(runtime, UINT_MAX), -EINVAL);
        free_runtime(runtime);
    }
}
END_TEST

static intptr_t ask_for_each(void *arg)
{
    bool good = tell_fiber(NULL, 4) == -EINVAL && tell_stackless(NULL, 4) == -EINVAL;

    for (unsigned n = 1; n <= 3; n++)
        good = good && tell_fiber(NULL, n) == (int)n && tell_stackless(NULL, n) == (int)n;
    (void)arg;
    return good;
}

START_TEST(a_task_asks_for_an_executor_of_its_own_runtime)
{
    trale_runtime *runtime = new_runtime_with(3);

    for (unsigned n = 1; n <= 3; n++)
        ck_assert_int_eq(join(spawn_at(runtime, n, ask_for_each, NULL)), 1);
    free_runtime(runtime);
}
END_TEST

/* One executor spins at a gate, or is held: the other one starts what comes. */

static intptr_t spawn_and_spin(void *arg)
{
    struct gate *started = arg;
    trale_group group = {0};
    int error = trale_spawn(NULL, gate_open_in_task, started);

    error = error ? error : trale_spawn_copy(NULL, tell_executor, "", 1);
    error = error ? error : trale_group_spawn(&group, gate_open_in_task, started);
    gate_wait_for(started, 2);
    return error ? error : trale_group_wait(&group);
}

START_TEST(what_a_task_spawns_that_holds_its_executor_is_started_by_another)
{
    trale_runtime *runtime = new_runtime_with(2);

    for (unsigned i = 0; i < 20; i++) {
        struct gate started = GATE;
        ck_assert_int_eq(join(spawn_at(runtime, 1 + i % 2, spawn_and_spin, &started)), 0);
    }
    free_runtime(runtime);
}
END_TEST

START_TEST(what_comes_from_outside_is_started_by_an_executor_that_is_not_held)
{
    trale_runtime *runtime = new_runtime_with(2);

    for (unsigned held = 1; held <= 2; held++) {
        struct hold h = HOLD;
        hold_executor_at(&h, runtime, held);
        for (int i = 0; i < 20; i++) {
            ck_assert_int_eq(tell_fiber(runtime, 0), 3 - held);
            ck_assert_int_eq(tell_stackless(runtime, 0), 3 - held);
        }
        release_executor(&h);
    }
    free_runtime(runtime);
}
END_TEST

START_TEST(a_task_of_a_held_executor_is_not_started_by_another)
{
    trale_runtime *runtime = new_runtime_with(2);
    struct hold h = HOLD;
    struct gate gate = GATE;

    hold_executor_at(&h, runtime, 1);
    trale_task *waits = spawn_at(runtime, 1, tell_executor, NULL);
    trale_task *waits_too = spawn_at(runtime, 1, gate_open_in_task, &gate);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(tell_fiber(runtime, 0), 2);
    ck_assert_int_eq(gate_opened(&gate), 0);
    release_executor(&h);
    ck_assert_int_eq(join(waits), 1);
    ck_assert_int_eq(join(waits_too), 0);
    free_runtime(runtime);
}
END_TEST

/* How many there are. */

static int count_executors(trale_runtime *runtime)
{
    int n = 0;

    while (tell_fiber(runtime, (unsigned)n + 1) != -EINVAL)
        n++;
    return n;
}

START_TEST(every_executor_is_a_thread_that_goes_with_the_runtime)
{
    settle(); /* and whatever the default runtime and a sanitizer keep */
    int threads = count_threads(), fds = count_fds();

    for (int n = 1; n <= 9; n++) {
        trale_runtime *runtime = new_runtime_with((unsigned)n);
        ck_assert_int_eq(count_threads(), threads + 1 + n);
        ck_assert_int_eq(count_fds(), fds + 3);
        ck_assert_int_eq(count_executors(runtime), n);
        free_runtime(runtime);
        await_threads(threads);
        ck_assert_int_eq(count_fds(), fds);
    }
}
END_TEST

START_TEST(as_many_as_there_are_cpus_to_run_on)
{
    cpu_set_t allowed;

    ck_assert_int_eq(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    trale_runtime *runtime = new_runtime_with(TRALE_EXECUTORS_PER_CPU);
    int count = count_executors(runtime); /* fewer, if there is a quota */
    ck_assert_int_ge(count, 1);
    ck_assert_int_le(count, CPU_COUNT(&allowed));
    free_runtime(runtime);
}
END_TEST

static void run_on_one_cpu(void *arg)
{
    cpu_set_t allowed, one;
    trale_runtime *runtime;
    int cpu = 0;

    (void)arg;
    MUST(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    while (!CPU_ISSET(cpu, &allowed))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    MUST(sched_setaffinity(0, sizeof one, &one) == 0);
    trale_config config = {.executors = TRALE_EXECUTORS_PER_CPU};
    MUST(trale_runtime_new(&runtime, &config) == 0);
    MUST(count_executors(runtime) == 1);
    MUST(trale_runtime_free(runtime, TRALE_NEVER) == 0);
}

START_TEST(one_if_there_is_one_cpu)
{
    passes_in_child(run_on_one_cpu, NULL);
}
END_TEST

static int64_t cpu_time(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * TRALE_SEC + t.tv_nsec;
}

/* An idle one takes none at all, one that spins takes all it gets of two CPUs or more. */
START_TEST(executors_that_have_nothing_to_do_sleep_and_wake_again)
{
    trale_runtime *runtime = new_runtime_with(4);
    struct timespec while_idle = {.tv_nsec = 400000000};

    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 200; i++)
            ck_assert_int_gt(tell_fiber(runtime, i % 5), 0);
        int64_t before = cpu_time();
        nanosleep(&while_idle, NULL);
        ck_assert_int_le(cpu_time() - before, 100 * TRALE_MS);
    }
    free_runtime(runtime);
}
END_TEST

static intptr_t notify_event(void *event)
{
    return trale_event_notify(event);
}

/* The other two sleep meanwhile. */
START_TEST(one_task_wakes_another_from_executor_to_executor)
{
    trale_runtime *runtime = new_runtime_with(4);

    for (unsigned n = 1; n <= 4; n++) {
        trale_event event = {0};
        trale_task *waits = spawn_at(runtime, n, wait_for_event, &event);
        trale_task *notifies = spawn_at(runtime, 1 + n % 4, notify_event, &event);
        ck_assert_int_eq(join(notifies), 0);
        ck_assert_int_eq(join(waits), 0);
    }
    free_runtime(runtime);
}
END_TEST

TEST_MAIN_WITH(
    NULL, free_default_runtime, "executors", two_tasks_that_spin_on_each_other_end,
    a_task_spins_on_one_that_it_spawned, a_task_runs_on_the_executor_that_was_asked_for,
    an_executor_over_the_count_is_refused, a_task_asks_for_an_executor_of_its_own_runtime,
    what_a_task_spawns_that_holds_its_executor_is_started_by_another,
    what_comes_from_outside_is_started_by_an_executor_that_is_not_held,
    a_task_of_a_held_executor_is_not_started_by_another,
    every_executor_is_a_thread_that_goes_with_the_runtime, as_many_as_there_are_cpus_to_run_on,
    ON_THREAD(one_if_there_is_one_cpu, "it wants a process that has not used the library"),
    executors_that_have_nothing_to_do_sleep_and_wake_again,
    one_task_wakes_another_from_executor_to_executor)
