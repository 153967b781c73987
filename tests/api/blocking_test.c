/* Blocking work: runs beside the executor, waits its turn, is withdrawn or waited for. */
#define _GNU_SOURCE
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <trale.h>
#include <unistd.h>

#include "fork.h"
#include "gate.h"
#include "settle.h"
#include "system.h"

static trale_task *spawn(trale_fn *fn, void *arg)
{
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn(&task, fn, arg), 0);
    return task;
}

static intptr_t twice(void *arg)
{
    return 2 * (intptr_t)arg;
}

static intptr_t twice_in_the_pool(void *arg)
{
    return trale_blocking(twice, arg);
}

START_TEST(a_task_gets_what_the_function_returned)
{
    ck_assert_int_eq(join(spawn(twice_in_the_pool, (void *)21)), 42);
}
END_TEST

START_TEST(a_plain_thread_gets_what_the_function_returned)
{
    ck_assert_int_eq(trale_blocking(twice, (void *)-3), -6);
}
END_TEST

/* Work that says that it has begun, and waits until it is let go. */
struct work {
    struct gate begun, go;
    atomic_int runs;
};

#define WORK \
    { \
        .begun = GATE, .go = GATE \
    }

static intptr_t block(void *arg)
{
    struct work *w = arg;

    atomic_fetch_add(&w->runs, 1);
    gate_open(&w->begun);
    gate_wait(&w->go);
    return 7;
}

static intptr_t block_in_the_pool(void *arg)
{
    return trale_blocking(block, arg);
}

START_TEST(the_executor_goes_on_meanwhile)
{
    struct work w = WORK;
    trale_task *task = spawn(block_in_the_pool, &w);

    gate_wait(&w.begun);
    settle();
    gate_open(&w.go);
    ck_assert_int_eq(join(task), 7);
}
END_TEST

static trale_task *spawn_future(trale_fn *fn, void *arg)
{
    trale_blocking_future f;
    trale_task *task = NULL;

    trale_blocking_init(&f, fn, arg);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    return task;
}

START_TEST(a_stackless_task_waits_too)
{
    ck_assert_int_eq(join(spawn_future(twice, (void *)4)), 8);
}
END_TEST

START_TEST(sixty_four_run_at_once)
{
    struct work w = WORK;
    trale_task *tasks[64];

    for (int i = 0; i < 64; i++)
        tasks[i] = spawn_future(block, &w);
    gate_wait_for(&w.begun, 64);
    gate_open(&w.go);
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(join(tasks[i]), 7);
}
END_TEST

START_TEST(above_the_limit_they_wait_their_turn)
{
    struct work first = WORK, second = WORK;
    trale_task *one, *two, *three;

    ck_assert_int_eq(trale_blocking_limit(2), 0);
    one = spawn_future(block, &first);
    two = spawn_future(block, &first);
    gate_wait_for(&first.begun, 2);
    three = spawn_future(block, &second);
    settle();
    ck_assert_int_eq(atomic_load(&second.runs), 0);
    gate_open(&first.go);
    gate_wait(&second.begun);
    gate_open(&second.go);
    join(one), join(two), join(three);
}
END_TEST

START_TEST(a_higher_limit_lets_those_begin_who_wait)
{
    struct work first = WORK, second = WORK;
    trale_task *one, *two;

    ck_assert_int_eq(trale_blocking_limit(1), 0);
    one = spawn_future(block, &first);
    gate_wait(&first.begun);
    two = spawn_future(block, &second);
    settle();
    ck_assert_int_eq(trale_blocking_limit(2), 0);
    gate_wait(&second.begun);
    gate_open(&first.go);
    gate_open(&second.go);
    join(one), join(two);
}
END_TEST

START_TEST(a_lower_limit_holds_at_once)
{
    struct work many = WORK, first = WORK, second = WORK;
    trale_task *tasks[8], *one, *two;

    for (int i = 0; i < 8; i++)
        tasks[i] = spawn_future(block, &many);
    gate_wait_for(&many.begun, 8);
    gate_open(&many.go);
    for (int i = 0; i < 8; i++)
        join(tasks[i]);
    ck_assert_int_eq(trale_blocking_limit(1), 0);
    one = spawn_future(block, &first);
    gate_wait(&first.begun);
    two = spawn_future(block, &second);
    settle();
    ck_assert_int_eq(atomic_load(&second.runs), 0);
    gate_open(&first.go);
    gate_open(&second.go);
    join(one), join(two);
}
END_TEST

START_TEST(cancelled_before_it_began_it_never_runs)
{
    struct work first = WORK, second = WORK;
    trale_task *one, *fiber, *stackless;

    ck_assert_int_eq(trale_blocking_limit(1), 0);
    one = spawn(block_in_the_pool, &first);
    gate_wait(&first.begun);
    fiber = spawn(block_in_the_pool, &second);
    stackless = spawn_future(block, &second);
    settle();
    trale_cancel(fiber);
    trale_cancel(stackless);
    ck_assert_int_eq(join(fiber), -ECANCELED);
    ck_assert_int_eq(join(stackless), -ECANCELED);
    gate_open(&first.go);
    ck_assert_int_eq(join(one), 7);
    ck_assert_int_eq(trale_blocking(twice, (void *)1), 2);
    ck_assert_int_eq(atomic_load(&second.runs), 0);
}
END_TEST

START_TEST(cancelled_while_it_runs_the_call_waits_and_says_what_it_returned)
{
    struct work w = WORK;
    trale_task *task = spawn(block_in_the_pool, &w);

    gate_wait(&w.begun);
    trale_cancel(task);
    settle();
    settle();
    gate_open(&w.go);
    ck_assert_int_eq(join(task), 7);
}
END_TEST

static intptr_t call_when_cancelled(void *arg)
{
    while (trale_yield() == 0)
        ;
    return trale_blocking(block, arg);
}

START_TEST(a_cancelled_task_does_not_begin)
{
    struct work w = WORK;
    trale_task *task = spawn(call_when_cancelled, &w);

    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    ck_assert_int_eq(atomic_load(&w.runs), 0);
}
END_TEST

START_TEST(a_future_that_is_dropped_while_it_runs_does_not_wait)
{
    static struct work w = WORK; /* it may end after the test */
    trale_task *task = spawn_future(block, &w);

    gate_wait(&w.begun);
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    gate_open(&w.go);
    ck_assert_int_eq(atomic_load(&w.runs), 1);
}
END_TEST

static intptr_t use_the_library(void *arg)
{
    intptr_t result = 0;

    if (trale_self() || trale_cancelled() || trale_sleep(TRALE_US) != 0 ||
        trale_block_on(twice, arg, &result) != 0)
        return -1;
    return result;
}

START_TEST(the_function_is_on_a_plain_thread)
{
    ck_assert_int_eq(trale_blocking(use_the_library, (void *)5), 10);
}
END_TEST

static intptr_t is_sigterm_blocked(void *arg)
{
    sigset_t blocked;

    (void)arg;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    return sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGSEGV) == 0;
}

START_TEST(signals_do_not_go_to_its_threads)
{
    ck_assert_int_eq(trale_blocking(is_sigterm_blocked, NULL), 1);
}
END_TEST

/* It may become another program, which wants its signals. */
static intptr_t fork_there(void *arg)
{
    int status = -1;
    pid_t child = test_fork();

    if (child == 0)
        _exit(is_sigterm_blocked(arg) ? 1 : 5);
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(a_child_of_its_threads_has_no_signal_blocked)
{
    ck_assert_int_eq(trale_blocking(fork_there, NULL), 5);
}
END_TEST

START_TEST(bad_arguments_are_einval)
{
    ck_assert_int_eq(trale_blocking(NULL, NULL), -EINVAL);
    ck_assert_int_eq(trale_blocking_limit(0), -EINVAL);
    ck_assert_int_eq(trale_blocking_limit(4097), -EINVAL);
    ck_assert_int_eq(trale_blocking_limit(4096), 0);
}
END_TEST

START_TEST(its_threads_end_with_the_last_runtime)
{
    int before;

    free_default_runtime(); /* ThreadSanitizer has a thread of its own from now on */
    before = count_threads();
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(join(spawn(twice_in_the_pool, (void *)1)), 2);
        free_default_runtime();
    }
    await_threads(before);
}
END_TEST

START_TEST(idle_threads_leave_after_some_seconds)
{
    int before;

    free_default_runtime();
    before = count_threads();
    ck_assert_int_eq(trale_blocking(twice, (void *)1), 2);
    ck_assert_int_ge(count_threads(), before);
    await_threads(before);
}
END_TEST

static void without_threads(void *arg)
{
    (void)arg;
    MUST(trale_runtime_default() != NULL);
    deny_call(SYS_clone, EAGAIN);
#ifdef SYS_clone3
    deny_call(SYS_clone3, EAGAIN);
#endif
    MUST(trale_blocking(twice, (void *)1) == -EAGAIN);
}

static void with_one_thread(void *arg)
{
    (void)arg;
    MUST(trale_blocking(twice, (void *)1) == 2);
    deny_call(SYS_clone, EAGAIN);
#ifdef SYS_clone3
    deny_call(SYS_clone3, EAGAIN);
#endif
    for (intptr_t i = 0; i < 10; i++)
        MUST(trale_blocking(twice, (void *)i) == 2 * i);
}

START_TEST(without_any_thread_it_is_eagain)
{
    passes_in_child(without_threads, NULL);
}
END_TEST

START_TEST(one_thread_is_enough_if_more_cannot_be_had)
{
    passes_in_child(with_one_thread, NULL);
}
END_TEST

ENDS_AS_IT_IS

TEST_MAIN("blocking", a_task_gets_what_the_function_returned,
          a_plain_thread_gets_what_the_function_returned, the_executor_goes_on_meanwhile,
          a_stackless_task_waits_too, sixty_four_run_at_once,
          above_the_limit_they_wait_their_turn, a_higher_limit_lets_those_begin_who_wait,
          a_lower_limit_holds_at_once, cancelled_before_it_began_it_never_runs,
          cancelled_while_it_runs_the_call_waits_and_says_what_it_returned,
          a_cancelled_task_does_not_begin, a_future_that_is_dropped_while_it_runs_does_not_wait,
          the_function_is_on_a_plain_thread, signals_do_not_go_to_its_threads,
          a_child_of_its_threads_has_no_signal_blocked, bad_arguments_are_einval,
          its_threads_end_with_the_last_runtime, idle_threads_leave_after_some_seconds,
          without_any_thread_it_is_eagain, one_thread_is_enough_if_more_cannot_be_had)
