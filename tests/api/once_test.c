/* Once: one runs it, all wait for it; a failure leaves it to the next. */
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "settle.h"
#include "system.h"
#include "waiters.h"

ENDS_AS_IT_IS

static trale_once once;
static trale_event go_on;
static struct gate runs = GATE;

static intptr_t run_at_once(void *result)
{
    gate_open(&runs);
    return (intptr_t)result;
}

static intptr_t run_when_told(void *result)
{
    gate_open(&runs);
    while (trale_event_wait(&go_on) == -ECANCELED && gate_opened(&runs) < 100)
        gate_open(&runs); /* goes on, so that the test sees how it ends */
    return (intptr_t)result;
}

static intptr_t do_when_told(void *result)
{
    return trale_once_do(&once, run_when_told, result);
}

static intptr_t do_at_once(void *result)
{
    return trale_once_do(&once, run_at_once, result);
}

START_TEST(arguments_are_checked)
{
    trale_once_do_future f;

    ck_assert_int_eq(trale_once_do(NULL, run_at_once, NULL), -EINVAL);
    ck_assert_int_eq(trale_once_do(&once, NULL, NULL), -EINVAL);
    trale_once_do_init(&f, NULL, run_at_once, NULL);
    ck_assert_int_eq(trale_await(&f.future), -EINVAL);
    trale_once_do_init(&f, &once, NULL, NULL);
    ck_assert_int_eq(trale_await(&f.future), -EINVAL);
}
END_TEST

START_TEST(it_runs_once)
{
    for (intptr_t i = 0; i < 3; i++) {
        ck_assert_int_eq(trale_once_do(&once, run_at_once, (void *)5), 0);
        ck_assert_int_eq(join(spawn_on(NULL, do_at_once, (void *)-EIO)), 0);
    }
    ck_assert_int_eq(gate_opened(&runs), 1);
}
END_TEST

START_TEST(a_failure_leaves_it_to_the_next_call)
{
    ck_assert_int_eq(trale_once_do(&once, run_at_once, (void *)-EIO), -EIO);
    ck_assert_int_eq(trale_once_do(&once, run_at_once, (void *)-ENOENT), -ENOENT);
    ck_assert_int_eq(trale_once_do(&once, run_at_once, (void *)0), 0);
    ck_assert_int_eq(trale_once_do(&once, run_at_once, (void *)-EIO), 0);
    ck_assert_int_eq(gate_opened(&runs), 3);
}
END_TEST

START_TEST(all_wait_for_the_one_who_runs_it)
{
    trale_runtime *other = new_runtime();
    trale_once_do_future f;
    struct line line = LINE;

    line_add(&line, NULL, do_when_told, NULL);
    for (int i = 0; i < 3; i++)
        line_add(&line, i % 2 ? other : NULL, do_at_once, NULL);
    trale_once_do_init(&f, &once, run_at_once, NULL);
    line_add_thread(&line, &f.future);
    ck_assert_int_eq(line_through(&line), 0);
    trale_event_notify(&go_on);
    line_join(&line, 0);
    ck_assert_int_eq(gate_opened(&runs), 1);
    free_runtime(other);
}
END_TEST

START_TEST(a_failure_leaves_it_to_who_waited_longest)
{
    struct line line = LINE;
    struct line_waiter *first = line_add(&line, NULL, do_when_told, (void *)-EIO);
    struct line_waiter *second = line_add(&line, NULL, do_when_told, (void *)-EBUSY);
    struct line_waiter *third = line_add(&line, NULL, do_at_once, (void *)1);

    ck_assert_int_eq(gate_opened(&runs), 1);
    trale_event_notify(&go_on);
    ck_assert_int_eq(line_take(first), -EIO);
    gate_wait_for(&runs, 2);
    settle();
    ck_assert_int_eq(line_through(&line), 1);
    trale_event_notify(&go_on);
    ck_assert_int_eq(line_take(second), -EBUSY);
    ck_assert_int_eq(line_take(third), 0);
    ck_assert_int_eq(gate_opened(&runs), 3);
}
END_TEST

/* The one who was to try again is cancelled before it does: the next one does. */
START_TEST(who_is_cancelled_leaves_it_to_the_next)
{
    trale_runtime *other = new_runtime();
    struct line line = LINE;
    struct hold h = HOLD;
    struct line_waiter *first = line_add(&line, other, do_when_told, (void *)-EIO);
    struct line_waiter *second = line_add(&line, NULL, do_at_once, NULL);

    line_add(&line, NULL, do_at_once, NULL);
    hold_executor(&h);
    trale_event_notify(&go_on);
    ck_assert_int_eq(line_take(first), -EIO);
    trale_cancel(second->task);
    release_executor(&h);
    ck_assert_int_eq(line_take(second), -ECANCELED);
    line_join(&line, 0);
    ck_assert_int_eq(gate_opened(&runs), 2);
    free_runtime(other);
}
END_TEST

START_TEST(a_cancelled_waiter_leaves)
{
    struct line line = LINE;
    struct line_waiter *first = line_add(&line, NULL, do_when_told, NULL);
    struct line_waiter *second = line_add(&line, NULL, do_at_once, NULL);

    trale_cancel(second->task);
    ck_assert_int_eq(line_take(second), -ECANCELED);
    trale_event_notify(&go_on);
    ck_assert_int_eq(line_take(first), 0);
    ck_assert_int_eq(gate_opened(&runs), 1);
}
END_TEST

static intptr_t do_cancelled(void *arg)
{
    (void)arg;
    trale_cancel(trale_self());
    return trale_once_do(&once, run_at_once, NULL);
}

START_TEST(a_cancelled_task_does_not_run_it)
{
    ck_assert_int_eq(join(spawn_on(NULL, do_cancelled, NULL)), -ECANCELED);
    ck_assert_int_eq(gate_opened(&runs), 0);
    ck_assert_int_eq(trale_once_do(&once, run_at_once, NULL), 0);
    ck_assert_int_eq(join(spawn_on(NULL, do_cancelled, NULL)), -ECANCELED);
}
END_TEST

/* Who runs it goes on when it is cancelled, and what it makes of that counts. */
START_TEST(a_cancel_of_who_runs_it_is_its_own_affair)
{
    struct line line = LINE;
    struct line_waiter *first = line_add(&line, NULL, do_when_told, (void *)-ECANCELED);

    line_add(&line, NULL, do_at_once, NULL);
    trale_cancel(first->task);
    ck_assert_int_eq(line_take(first), -ECANCELED);
    line_join(&line, 0);
}
END_TEST

START_TEST(futures_run_it_inside_the_poll)
{
    trale_once_do_future f;
    struct line line = LINE;
    trale_task *task[2];

    line_add(&line, NULL, do_when_told, (void *)-EIO);
    for (int i = 0; i < 2; i++) {
        trale_once_do_init(&f, &once, run_at_once, NULL);
        ck_assert_int_eq(trale_spawn_future(&task[i], &f.future, sizeof f), 0);
    }
    settle();
    trale_event_notify(&go_on);
    ck_assert_int_eq(join(task[0]), 0);
    ck_assert_int_eq(join(task[1]), 0);
    ck_assert_int_eq(gate_opened(&runs), 2);
    line_join(&line, -EIO);
}
END_TEST

/* After exit: the task that runs it never goes on. */
static void wait_after_exit(void)
{
    trale_once fresh = {0};

    MUST(trale_once_do(&once, run_at_once, NULL) == -ESHUTDOWN);
    MUST(trale_once_do(&once, run_at_once, NULL) == -ESHUTDOWN);
    MUST(trale_once_do(&fresh, run_at_once, NULL) == 0);
    MUST(trale_once_do(&fresh, run_at_once, NULL) == 0);
    _exit(21);
}

static void exit_while_it_runs(void *arg)
{
    (void)arg;
    signal(SIGALRM, SIG_DFL);
    alarm(10); /* what waits for ever is killed */
    MUST(atexit(wait_after_exit) == 0);
    MUST(trale_spawn(NULL, do_when_told, NULL) == 0);
    gate_wait(&runs);
    exit(0);
}

START_TEST(after_exit_nobody_waits)
{
    char output[1000];
    int status = test_in_child(exit_while_it_runs, NULL, output, sizeof output);

    ck_assert_msg(status == 21 << 8, "status %x: %s", (unsigned)status, output);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "once", arguments_are_checked, it_runs_once,
               a_failure_leaves_it_to_the_next_call, all_wait_for_the_one_who_runs_it,
               a_failure_leaves_it_to_who_waited_longest,
               ON_THREAD(who_is_cancelled_leaves_it_to_the_next,
                         "others go on while its executor is held up"),
               a_cancelled_waiter_leaves, a_cancelled_task_does_not_run_it,
               a_cancel_of_who_runs_it_is_its_own_affair, futures_run_it_inside_the_poll,
               ON_THREAD(after_exit_nobody_waits,
                         "what it hands to atexit has to come before the library's own"))
