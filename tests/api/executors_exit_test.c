/* exit and fork with tasks on several executors. */
#include "suite.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executors.h"
#include "steps.h"
#include "system.h"
#include "waiters.h"

ENDS_AS_IT_IS

enum { EXECUTORS = 3 };

static trale_runtime *runtime;

static void make_runtime(unsigned executors)
{
    trale_config config = {.executors = executors};

    MUST(trale_runtime_new(&runtime, &config) == 0);
}

static intptr_t spawn_for_ever(void *arg)
{
    while (atomic_fetch_add(&steps, 1) >= 0 && trale_spawn(NULL, tell_executor, arg) == 0)
        trale_sleep(TRALE_US);
    return 0;
}

static intptr_t wait_for_ever(void *nothing)
{
    trale_event event = {0};

    (void)nothing;
    return trale_event_wait(&event);
}

/* On every executor there are some that run, some that spawn, some that wait. */
static void start_work(void)
{
    MUST(atexit(nothing_runs) == 0);
    make_runtime(EXECUTORS);
    for (unsigned i = 0; i < 4 * EXECUTORS; i++) {
        trale_spawn_options options = {.runtime = runtime, .executor = i % (EXECUTORS + 1)};
        MUST(trale_spawn_with(NULL, &options, step_for_ever, NULL) == 0);
        MUST(trale_spawn_with(NULL, &options, spawn_for_ever, NULL) == 0);
        MUST(trale_spawn_with(NULL, &options, wait_for_ever, NULL) == 0);
    }
    while (atomic_load(&steps) < 1000)
        sched_yield();
}

static void exits_with(void (*fn)(void *arg), void *arg, int code)
{
    char output[1024];
    int status = test_in_child(fn, arg, output, sizeof output);

    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == code, "wait status 0x%x: %s",
                  (unsigned)status, output);
}

static void leave_tasks_behind(void *arg)
{
    (void)arg;
    start_work();
    exit(7);
}

START_TEST(the_program_exits_with_tasks_on_every_executor)
{
    exits_with(leave_tasks_behind, NULL, 7);
}
END_TEST

static intptr_t exit_in_task(void *arg)
{
    (void)arg;
    exit(9);
}

static void exit_on_executor(void *executor)
{
    trale_spawn_options options = {.executor = (unsigned)(uintptr_t)executor};

    start_work();
    options.runtime = runtime;
    MUST(trale_spawn_with(NULL, &options, exit_in_task, NULL) == 0);
    for (;;)
        pause();
}

START_TEST(a_task_of_any_executor_exits)
{
    for (uintptr_t i = 0; i <= EXECUTORS; i++)
        exits_with(exit_on_executor, (void *)i, 9);
}
END_TEST

static enum trale_poll poll_and_exit(trale_future *self, trale_context *cx)
{
    (void)self, (void)cx;
    exit(10);
}

static void exit_in_poll(void *executor)
{
    static const struct trale_future_ops ops = {poll_and_exit, NULL, NULL};
    trale_spawn_options options = {.executor = (unsigned)(uintptr_t)executor};
    trale_future f = {.ops = &ops};

    start_work();
    options.runtime = runtime;
    MUST(trale_spawn_future_with(NULL, &options, &f, sizeof f) == 0);
    for (;;)
        pause();
}

START_TEST(a_stackless_task_of_any_executor_exits)
{
    for (uintptr_t i = 0; i <= EXECUTORS; i++)
        exits_with(exit_in_poll, (void *)i, 10);
}
END_TEST

/* All executors are stuck, so some never start; exit waits for the others a moment. */

static trale_task *never_started;

static void join_at_exit(void)
{
    if (trale_join(never_started, NULL) != -ESHUTDOWN || atomic_load(&steps) != 0)
        _exit(98);
}

static intptr_t never_yield(void *gate)
{
    gate_open(gate);
    while (atomic_load(&steps) >= 0)
        sched_yield();
    return 0;
}

static void get_stuck(unsigned executors)
{
    static struct gate gate = GATE;

    MUST(atexit(join_at_exit) == 0);
    make_runtime(executors);
    for (unsigned i = 0; i < executors; i++) {
        trale_spawn_options options = {.runtime = runtime, .executor = i + 1};
        MUST(trale_spawn_with(NULL, &options, never_yield, &gate) == 0);
    }
    gate_wait_for(&gate, executors);
}

static void leave_newcomers_behind(void *executors)
{
    get_stuck((unsigned)(uintptr_t)executors);
    trale_spawn_options options = {.runtime = runtime};
    for (int i = 0; i < 5; i++)
        MUST(trale_spawn_with(&never_started, &options, step_for_ever, NULL) == 0);
    exit(11);
}

START_TEST(what_no_executor_has_taken_never_starts_after_the_exit)
{
    exits_with(leave_newcomers_behind, (void *)(uintptr_t)EXECUTORS, 11);
}
END_TEST

/* Not one after the other: the test would time out, but under valgrind. */
START_TEST(exit_waits_for_all_stuck_executors_at_once)
{
    uintptr_t executors = under_valgrind() ? EXECUTORS : TEST_TIMEOUT + 10;

    exits_with(leave_newcomers_behind, (void *)executors, 11);
}
END_TEST

/* Spawned by the task that exits, while the others sleep or look for work. */
static intptr_t spawn_and_exit(void *code)
{
    for (int i = 0; i < 100; i++)
        if (trale_spawn(NULL, step_for_ever, NULL) != 0)
            _exit(97);
    exit((int)(intptr_t)code);
}

static void exit_with_newcomers(void *code)
{
    trale_spawn_options options = {.executor = 2};

    MUST(atexit(nothing_runs) == 0);
    make_runtime(EXECUTORS);
    options.runtime = runtime;
    MUST(trale_spawn_with(NULL, &options, spawn_and_exit, code) == 0);
    for (;;)
        pause();
}

START_TEST(a_task_exits_that_has_just_spawned)
{
    for (long i = test_scale(20); i > 0; i--)
        exits_with(exit_with_newcomers, (void *)(intptr_t)12, 12);
}
END_TEST

/* fork. */

static intptr_t add_one(void *number)
{
    return trale_yield() == 0 ? (intptr_t)number + 1 : -1;
}

/* In the child: afresh, and again with several executors. */
static void use_library(void)
{
    trale_config config = {.executors = 2};
    trale_spawn_options options = {.executor = 2};
    trale_task *task;
    intptr_t result = 0;

    MUST(trale_self() == NULL);
    MUST(executor_here() > 0); /* its name is all that it kept */
    MUST(trale_block_on(add_one, (void *)41, &result) == 0 && result == 42);
    MUST(trale_runtime_new(&options.runtime, &config) == 0);
    MUST(trale_spawn_with(&task, &options, tell_executor, NULL) == 0);
    MUST(trale_join(task, &result) == 0 && result == 2);
    MUST(trale_runtime_free(options.runtime, TRALE_NEVER) == 0);
}

static intptr_t fork_in_task(void *arg)
{
    int status = -1;
    pid_t child = fork();

    (void)arg;
    if (child == 0) {
        /* TSan cannot start threads in a forked child; ASan's allocator may be locked there. */
        if (!UNDER_TSAN && !UNDER_ASAN)
            use_library();
        _exit(0);
    }
    return child > 0 && await_process(child, &status) == child ? status : -1;
}

/* While the others go on. */
START_TEST(a_task_of_any_executor_forks)
{
    runtime = new_runtime_with(EXECUTORS);
    for (unsigned i = 0; i < 2 * EXECUTORS; i++)
        trale_detach(spawn_on(runtime, spawn_for_ever, NULL));
    for (long round = test_scale(5); round > 0; round--)
        for (unsigned i = 0; i <= EXECUTORS; i++)
            ck_assert_int_eq(join(spawn_at(runtime, i, fork_in_task, NULL)), 0);
    atomic_store(&steps, LONG_MIN); /* ends them */
    free_runtime(runtime);
}
END_TEST

TESTS_ON_THREAD("what it hands to atexit has to come before the library's own")
TEST_MAIN("executors_exit", the_program_exits_with_tasks_on_every_executor,
          a_task_of_any_executor_exits, a_stackless_task_of_any_executor_exits,
          what_no_executor_has_taken_never_starts_after_the_exit,
          exit_waits_for_all_stuck_executors_at_once, a_task_exits_that_has_just_spawned,
          a_task_of_any_executor_forks)
