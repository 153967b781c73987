/* One-shots: one value, for everybody, once. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settle.h"
#include "system.h"
#include "waiters.h"

ENDS_AS_IT_IS

static trale_oneshot oneshot;

/* The value, or the error. */
static intptr_t get(void *arg)
{
    intptr_t value = -1;
    int error = trale_oneshot_get(arg, &value);

    return error == 0 ? value : error;
}

START_TEST(arguments_are_checked)
{
    trale_oneshot_get_future f;
    intptr_t value = 5;

    ck_assert_int_eq(trale_oneshot_set(NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_oneshot_get(NULL, &value), -EINVAL);
    ck_assert_int_eq(trale_oneshot_try_get(NULL, &value), -EINVAL);
    ck_assert_int_eq(trale_oneshot_close(NULL), -EINVAL);
    trale_oneshot_get_init(&f, NULL, &value);
    ck_assert_int_eq(trale_await(&f.future), -EINVAL);
    ck_assert_int_eq(value, 5);
}
END_TEST

START_TEST(a_value_stays)
{
    trale_oneshot_get_future f;
    intptr_t value = 5;

    ck_assert_int_eq(trale_oneshot_try_get(&oneshot, &value), -EAGAIN);
    ck_assert_int_eq(value, 5);
    ck_assert_int_eq(trale_oneshot_set(&oneshot, INTPTR_MIN), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(trale_oneshot_set(&oneshot, i), -EALREADY);
        ck_assert_int_eq(trale_oneshot_close(&oneshot), 0);
        ck_assert_int_eq(get(&oneshot), INTPTR_MIN);
        ck_assert_int_eq(join(spawn_on(NULL, get, &oneshot)), INTPTR_MIN);
        ck_assert_int_eq(trale_oneshot_try_get(&oneshot, NULL), 0);
        ck_assert_int_eq(trale_oneshot_get(&oneshot, NULL), 0);
        value = 5;
        trale_oneshot_get_init(&f, &oneshot, &value);
        ck_assert_int_eq(trale_await(&f.future), 0);
        ck_assert_int_eq(value, INTPTR_MIN);
    }
}
END_TEST

static void everybody_waits(struct line *line, trale_runtime *other, trale_future *future)
{
    for (int i = 0; i < 4; i++)
        line_add(line, i % 2 ? other : NULL, get, &oneshot);
    line_add_thread(line, future);
    ck_assert_int_eq(line_through(line), 0);
}

START_TEST(everybody_gets_it)
{
    trale_runtime *other = new_runtime();
    trale_oneshot_get_future f;
    struct line line = LINE;
    intptr_t value = -1;

    trale_oneshot_get_init(&f, &oneshot, &value);
    everybody_waits(&line, other, &f.future);
    ck_assert_int_eq(trale_oneshot_set(&oneshot, 42), 0);
    ck_assert_int_eq(line_take(&line.waiters[4]), 0);
    ck_assert_int_eq(value, 42);
    line_join(&line, 42);
    free_runtime(other);
}
END_TEST

START_TEST(closed_without_a_value_nobody_does)
{
    trale_runtime *other = new_runtime();
    trale_oneshot_get_future f;
    struct line line = LINE;
    intptr_t value = 5;

    trale_oneshot_get_init(&f, &oneshot, &value);
    everybody_waits(&line, other, &f.future);
    ck_assert_int_eq(trale_oneshot_close(&oneshot), 0);
    line_join(&line, -EPIPE);
    ck_assert_int_eq(trale_oneshot_close(&oneshot), 0);
    ck_assert_int_eq(trale_oneshot_set(&oneshot, 1), -EPIPE);
    ck_assert_int_eq(trale_oneshot_get(&oneshot, &value), -EPIPE);
    ck_assert_int_eq(trale_oneshot_try_get(&oneshot, &value), -EPIPE);
    ck_assert_int_eq(value, 5);
    free_runtime(other);
}
END_TEST

START_TEST(who_is_cancelled_leaves_the_others)
{
    struct line line = LINE;
    struct hold h = HOLD;

    for (int i = 0; i < 4; i++)
        line_add(&line, NULL, get, &oneshot);
    trale_cancel(line.waiters[0].task);
    ck_assert_int_eq(line_take(&line.waiters[0]), -ECANCELED);
    hold_executor(&h);
    ck_assert_int_eq(trale_oneshot_set(&oneshot, 42), 0);
    trale_cancel(line.waiters[1].task); /* let through, and does not know it */
    release_executor(&h);
    ck_assert_int_eq(line_take(&line.waiters[1]), -ECANCELED);
    line_join(&line, 42);
}
END_TEST

static intptr_t get_until(void *deadline)
{
    trale_scope scope;
    intptr_t result;

    trale_scope_enter(&scope, (intptr_t)deadline);
    result = get(&oneshot);
    return trale_scope_leave(&scope) == result ? result : -1;
}

START_TEST(a_deadline_ends_the_wait)
{
    intptr_t deadline = trale_now() + TRALE_MS;

    ck_assert_int_eq(get_until((void *)deadline), -ETIMEDOUT);
    ck_assert_int_eq(join(spawn_on(NULL, get_until, (void *)deadline)), -ETIMEDOUT);
    ck_assert_int_eq(trale_oneshot_set(&oneshot, 42), 0);
    ck_assert_int_eq(get(&oneshot), 42);
}
END_TEST

START_TEST(stackless_tasks_get_it)
{
    trale_oneshot_get_future f;
    intptr_t values[3] = {0};
    trale_task *tasks[3];

    for (int i = 0; i < 3; i++) {
        trale_oneshot_get_init(&f, &oneshot, &values[i]);
        ck_assert_int_eq(trale_spawn_future(&tasks[i], &f.future, sizeof f), 0);
    }
    settle();
    trale_cancel(tasks[1]);
    ck_assert_int_eq(join(tasks[1]), -ECANCELED);
    ck_assert_int_eq(trale_oneshot_set(&oneshot, 42), 0);
    ck_assert_int_eq(join(tasks[0]), 0);
    ck_assert_int_eq(join(tasks[2]), 0);
    ck_assert(values[0] == 42 && values[1] == 0 && values[2] == 42);
}
END_TEST

/* On the stack of who waits, and gone with it. */
static void *set_on_thread(void *arg)
{
    trale_oneshot_set(arg, 42);
    return NULL;
}

START_TEST(it_may_go_when_the_wait_returns)
{
    for (long i = 0; i < test_scale(1000); i++) {
        trale_oneshot here = {0};
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, set_on_thread, &here), 0);
        ck_assert_int_eq(i % 2 ? get(&here) : join(spawn_on(NULL, get, &here)), 42);
        memset(&here, 0xff, sizeof here);
        pthread_join(thread, NULL);
        ck_assert_int_eq(here.list.word, UINT32_MAX);
    }
}
END_TEST

static void get_after_exit(void)
{
    MUST(get(&oneshot) == -ESHUTDOWN);
    MUST(trale_oneshot_set(&oneshot, 42) == 0);
    MUST(get(&oneshot) == 42);
    _exit(21);
}

static void exit_with_runtime(void *arg)
{
    (void)arg;
    MUST(atexit(get_after_exit) == 0);
    MUST(trale_spawn(NULL, get, &oneshot) == 0);
    exit(0);
}

START_TEST(after_exit_only_waiting_is_in_vain)
{
    char output[1000];
    int status = test_in_child(exit_with_runtime, NULL, output, sizeof output);

    ck_assert_msg(status == 21 << 8, "status %x: %s", (unsigned)status, output);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "oneshot", arguments_are_checked, a_value_stays,
               everybody_gets_it, closed_without_a_value_nobody_does,
               who_is_cancelled_leaves_the_others, a_deadline_ends_the_wait,
               stackless_tasks_get_it, it_may_go_when_the_wait_returns,
               ON_THREAD(after_exit_only_waiting_is_in_vain,
                         "what it hands to atexit has to come before the library's own"))
