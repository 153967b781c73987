/* Wait groups: nobody is through before the last one is done, and then everybody. */
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "settle.h"
#include "system.h"
#include "waiters.h"

ENDS_AS_IT_IS

static trale_wait_group group;

static intptr_t wait_group(void *arg)
{
    (void)arg;
    return trale_wait_group_wait(&group);
}

static intptr_t done(void *arg)
{
    (void)arg;
    return trale_wait_group_done(&group);
}

START_TEST(arguments_are_checked)
{
    trale_wait_group_wait_future f;

    ck_assert_int_eq(trale_wait_group_add(NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_wait_group_done(NULL), -EINVAL);
    ck_assert_int_eq(trale_wait_group_wait(NULL), -EINVAL);
    trale_wait_group_wait_init(&f, NULL);
    ck_assert_int_eq(trale_await(&f.future), -EINVAL);
    ck_assert_int_eq(trale_wait_group_done(&group), -EINVAL);
}
END_TEST

START_TEST(there_are_only_so_many)
{
    struct line line = LINE;

    ck_assert_int_eq(trale_wait_group_add(&group, TRALE_COUNT_MAX + 1u), -EOVERFLOW);
    ck_assert_int_eq(trale_wait_group_add(&group, ~0u), -EOVERFLOW);
    ck_assert_int_eq(trale_wait_group_add(&group, TRALE_COUNT_MAX), 0);
    ck_assert_int_eq(trale_wait_group_add(&group, 1), -EOVERFLOW);
    line_add(&line, NULL, wait_group, NULL);
    ck_assert_int_eq(trale_wait_group_add(&group, 1), -EOVERFLOW); /* with a waiter */
    ck_assert_int_eq(trale_wait_group_done(&group), 0);
    ck_assert_int_eq(trale_wait_group_add(&group, 1), 0);
    ck_assert_int_eq(line_through(&line), 0);
    trale_cancel(line.waiters[0].task);
    line_join(&line, -ECANCELED);
}
END_TEST

START_TEST(with_nothing_to_wait_for_nobody_waits)
{
    trale_wait_group_wait_future f;

    ck_assert_int_eq(trale_wait_group_wait(&group), 0);
    ck_assert_int_eq(trale_wait_group_add(&group, 0), 0);
    ck_assert_int_eq(trale_wait_group_add(&group, 1), 0);
    ck_assert_int_eq(trale_wait_group_done(&group), 0);
    trale_wait_group_wait_init(&f, &group);
    ck_assert_int_eq(trale_await(&f.future), 0);
    ck_assert_int_eq(join(spawn_on(NULL, wait_group, NULL)), 0);
    ck_assert_int_eq(trale_wait_group_done(&group), -EINVAL);
}
END_TEST

START_TEST(all_wait_for_the_last_one)
{
    trale_runtime *other = new_runtime();
    trale_wait_group_wait_future f;
    struct line line = LINE;

    ck_assert_int_eq(trale_wait_group_add(&group, 2), 0);
    for (int i = 0; i < 4; i++)
        line_add(&line, i % 2 ? other : NULL, wait_group, NULL);
    trale_wait_group_wait_init(&f, &group);
    line_add_thread(&line, &f.future);
    ck_assert_int_eq(trale_wait_group_add(&group, 1), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(join(spawn_on(other, done, NULL)), 0);
        settle();
        settle_on(other);
        ck_assert_int_eq(line_through(&line), 0);
    }
    ck_assert_int_eq(join(spawn_on(NULL, done, NULL)), 0);
    line_join(&line, 0);
    ck_assert_int_eq(trale_wait_group_done(&group), -EINVAL);
    free_runtime(other);
}
END_TEST

/* Who was let through is, even if more is added before it runs. */
START_TEST(a_group_may_be_used_again)
{
    struct line line = LINE;
    struct hold h = HOLD;

    ck_assert_int_eq(trale_wait_group_add(&group, 1), 0);
    line_add(&line, NULL, wait_group, NULL);
    hold_executor(&h);
    ck_assert_int_eq(trale_wait_group_done(&group), 0);
    ck_assert_int_eq(trale_wait_group_add(&group, 1), 0);
    release_executor(&h);
    line_expect(&line, 0);
    line_add(&line, NULL, wait_group, NULL);
    ck_assert_int_eq(line_through(&line), 1);
    ck_assert_int_eq(trale_wait_group_done(&group), 0);
    line_join(&line, 0);
}
END_TEST

START_TEST(a_cancelled_waiter_leaves_the_others)
{
    struct line line = LINE;
    struct line_waiter *w;

    ck_assert_int_eq(trale_wait_group_add(&group, 1), 0);
    line_add(&line, NULL, wait_group, NULL);
    w = line_add(&line, NULL, wait_group, NULL);
    line_add(&line, NULL, wait_group, NULL);
    trale_cancel(w->task);
    ck_assert_int_eq(line_take(w), -ECANCELED);
    settle();
    ck_assert_int_eq(line_through(&line), 1);
    ck_assert_int_eq(trale_wait_group_done(&group), 0);
    line_join(&line, 0);
}
END_TEST

static intptr_t wait_cancelled(void *arg)
{
    (void)arg;
    trale_cancel(trale_self());
    return trale_wait_group_wait(&group);
}

START_TEST(a_cancelled_task_does_not_get_through)
{
    ck_assert_int_eq(join(spawn_on(NULL, wait_cancelled, NULL)), -ECANCELED);
}
END_TEST

START_TEST(a_stackless_task_waits)
{
    trale_wait_group_wait_future f;
    trale_task *tasks[2];

    ck_assert_int_eq(trale_wait_group_add(&group, 1), 0);
    trale_wait_group_wait_init(&f, &group);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(trale_spawn_future(&tasks[i], &f.future, sizeof f), 0);
    settle();
    trale_cancel(tasks[0]);
    ck_assert_int_eq(join(tasks[0]), -ECANCELED);
    ck_assert_int_eq(trale_wait_group_done(&group), 0);
    ck_assert_int_eq(join(tasks[1]), 0);
}
END_TEST

/* After exit: what another thread has made come true is not in vain. */
static struct gate waits = GATE;
static pthread_t waiting;

static void *wait_on_thread(void *arg)
{
    trale_wait_group_wait_future f;
    struct watched_future w;

    trale_wait_group_wait_init(&f, &group);
    w = watched(&f.future, &waits);
    MUST(trale_await(&w.future) == 0);
    return arg;
}

static void finish_after_exit(void)
{
    MUST(trale_wait_group_wait(&group) == -ESHUTDOWN);
    MUST(trale_wait_group_done(&group) == 0);
    MUST(trale_wait_group_wait(&group) == 0);
    MUST(pthread_join(waiting, NULL) == 0);
    _exit(21);
}

static void exit_while_somebody_waits(void *arg)
{
    (void)arg;
    signal(SIGALRM, SIG_DFL);
    alarm(10);
    MUST(atexit(finish_after_exit) == 0);
    MUST(trale_spawn(NULL, gate_open_in_task, &waits) == 0); /* there is a runtime to stop */
    MUST(trale_wait_group_add(&group, 1) == 0);
    MUST(pthread_create(&waiting, NULL, wait_on_thread, NULL) == 0);
    gate_wait_for(&waits, 2);
    exit(0);
}

START_TEST(after_exit_only_those_wait_in_vain_who_would_wait)
{
    char output[1000];
    int status = test_in_child(exit_while_somebody_waits, NULL, output, sizeof output);

    ck_assert_msg(status == 21 << 8, "status %x: %s", (unsigned)status, output);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "wait_group", arguments_are_checked,
               there_are_only_so_many, with_nothing_to_wait_for_nobody_waits,
               all_wait_for_the_last_one, a_group_may_be_used_again,
               a_cancelled_waiter_leaves_the_others, a_cancelled_task_does_not_get_through,
               a_stackless_task_waits,
               ON_THREAD(after_exit_only_those_wait_in_vain_who_would_wait,
                         "what it hands to atexit has to come before the library's own"))
