/* exit with tasks pending: orderly, whoever calls it, and nothing of theirs runs any more. */
#include "suite.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executors.h"
#include "gate.h"
#include "steps.h"
#include "system.h"
#include "wait_task.h"

ENDS_AS_IT_IS

static intptr_t doze_for_ever(void *arg)
{
    while (atomic_fetch_add(&steps, 1) >= 0)
        trale_sleep(TRALE_US);
    return (intptr_t)arg;
}

static enum trale_poll wake_itself(trale_future *self, trale_context *cx)
{
    (void)self;
    atomic_fetch_add(&steps, 1);
    trale_waker_wake(trale_context_waker(cx));
    return TRALE_PENDING;
}

/* Tasks of every kind: running, dozing, sleeping, waiting, never started. */
static void start_work(trale_runtime *runtime)
{
    static const struct trale_future_ops ops = {wake_itself, NULL, NULL};
    trale_spawn_options options = {.runtime = runtime};
    trale_future restless = {.ops = &ops};
    trale_sleep_future sleep;
    trale_wait_future wait;
    trale_io *io;
    int ends[2];
    MUST(pipe(ends) == 0 && trale_io_open(&io, ends[0]) == 0);
    trale_wait_init(&wait, io, TRALE_READABLE);
    trale_sleep_init(&sleep, 3600 * TRALE_SEC);
    for (int i = 0; i < 20; i++) {
        MUST(trale_spawn_with(NULL, &options, step_for_ever, NULL) == 0);
        MUST(trale_spawn_with(NULL, &options, doze_for_ever, NULL) == 0);
        MUST(trale_spawn_future_with(NULL, &options, &restless, sizeof restless) == 0);
        MUST(trale_spawn_future_with(NULL, &options, &sleep.future, sizeof sleep) == 0);
        MUST(trale_spawn_future_with(NULL, &options, &wait.future, sizeof wait) == 0);
    }
    while (atomic_load(&steps) < 1000)
        sched_yield();
}

static void exits_with(void (*fn)(void *arg), int code)
{
    char output[1024];
    int status = test_in_child(fn, NULL, output, sizeof output);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == code, "wait status 0x%x: %s",
                  (unsigned)status, output);
}

static void leave_tasks_behind(void *arg)
{
    (void)arg;
    MUST(atexit(nothing_runs) == 0);
    start_work(NULL);
    exit(7);
}

START_TEST(the_program_exits_with_tasks_pending)
{
    exits_with(leave_tasks_behind, 7);
}
END_TEST

static void leave_runtimes_behind(void *arg)
{
    trale_runtime *runtimes[5];
    (void)arg;
    MUST(atexit(nothing_runs) == 0);
    /* One busy thread each: more of them leave this one no time where atomics are slow. */
    trale_config config = {.executors = default_executors() > 1};
    for (int i = 0; i < 5; i++) {
        MUST(trale_runtime_new(&runtimes[i], &config) == 0);
        start_work(runtimes[i]);
    }
    exit(8);
}

START_TEST(the_program_exits_with_several_runtimes)
{
    exits_with(leave_runtimes_behind, 8);
}
END_TEST

/* Another thread is in exit: a wait may say so, and then there is nothing to do but to end. */
static _Noreturn void wait_for_the_exit(void)
{
    for (;;)
        pause();
}

static intptr_t exit_in_task(void *arg)
{
    (void)arg;
    exit(9);
}

static void exit_from_a_task(void *arg)
{
    MUST(atexit(nothing_runs) == 0);
    start_work(NULL);
    trale_block_on(exit_in_task, arg, NULL);
    wait_for_the_exit();
}

START_TEST(a_task_exits)
{
    exits_with(exit_from_a_task, 9);
}
END_TEST

static void exit_from_a_task_beside_another_runtime(void *arg)
{
    trale_runtime *other;
    MUST(atexit(nothing_runs) == 0);
    MUST(trale_runtime_new(&other, NULL) == 0);
    start_work(other);
    trale_block_on(exit_in_task, arg, NULL);
    wait_for_the_exit();
}

START_TEST(a_task_exits_while_another_runtime_has_tasks)
{
    exits_with(exit_from_a_task_beside_another_runtime, 9);
}
END_TEST

static enum trale_poll poll_and_exit(trale_future *self, trale_context *cx)
{
    (void)self, (void)cx;
    exit(10);
}

static void exit_from_a_poll(void *arg)
{
    static const struct trale_future_ops ops = {poll_and_exit, NULL, NULL};
    trale_future f = {.ops = &ops};
    trale_task *task;
    (void)arg;
    MUST(atexit(nothing_runs) == 0);
    start_work(NULL);
    MUST(trale_spawn_future(&task, &f, sizeof f) == 0);
    trale_join(task, NULL);
    wait_for_the_exit();
}

START_TEST(a_stackless_task_exits)
{
    exits_with(exit_from_a_poll, 10);
}
END_TEST

static void leave_idle(void *arg)
{
    (void)arg;
    MUST(trale_sleep(1) == 0);
    exit(11);
}

START_TEST(an_idle_program_exits)
{
    exits_with(leave_idle, 11);
}
END_TEST

static intptr_t never_yield(void *gate)
{
    gate_open(gate);
    while (atomic_load(&steps) >= 0)
        sched_yield();
    return 0;
}

/* Nobody can stop it; exit waits a moment and goes on without. */
static void leave_a_stuck_task(void *arg)
{
    struct gate gate = GATE;
    (void)arg;
    MUST(trale_spawn(NULL, never_yield, &gate) == 0);
    gate_wait(&gate);
    exit(12);
}

START_TEST(a_task_that_never_yields_does_not_hold_up_the_exit_for_ever)
{
    exits_with(leave_a_stuck_task, 12);
}
END_TEST

static void interrupt(int number)
{
    (void)number;
}

/* Each interrupts the wait, and none may begin it anew. */
static void leave_a_stuck_task_under_signals(void *arg)
{
    struct sigaction action = {.sa_handler = interrupt};
    struct itimerval millisecond = {{0, 1000}, {0, 1000}};
    MUST(sigaction(SIGALRM, &action, NULL) == 0);
    MUST(setitimer(ITIMER_REAL, &millisecond, NULL) == 0);
    leave_a_stuck_task(arg);
}

START_TEST(nor_does_it_where_signals_come_all_the_time)
{
    exits_with(leave_a_stuck_task_under_signals, 12);
}
END_TEST

static void spawn_at_exit(void)
{
    trale_task *task;
    if (trale_spawn(&task, step_for_ever, NULL) == 0)
        _exit(98); /* nothing can run any more */
}

static void spawn_after_all(void *arg)
{
    (void)arg;
    MUST(atexit(spawn_at_exit) == 0);
    start_work(NULL);
    exit(13);
}

START_TEST(nothing_is_spawned_after_the_exit)
{
    exits_with(spawn_after_all, 13);
}
END_TEST

TEST_MAIN("exit",
          ON_THREAD(the_program_exits_with_tasks_pending,
                    "what it hands to atexit has to come before the library's own"),
          ON_THREAD(the_program_exits_with_several_runtimes,
                    "what it hands to atexit has to come before the library's own"),
          a_task_exits,
          ON_THREAD(a_task_exits_while_another_runtime_has_tasks,
                    "what it hands to atexit has to come before the library's own"),
          a_stackless_task_exits, an_idle_program_exits,
          a_task_that_never_yields_does_not_hold_up_the_exit_for_ever,
          nor_does_it_where_signals_come_all_the_time,
          ON_THREAD(nothing_is_spawned_after_the_exit,
                    "what it hands to atexit has to come before the library's own"))
