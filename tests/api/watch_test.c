/* Watches: the latest value, to each at most once. */
#include "suite.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "settle.h"
#include "system.h"
#include "waiters.h"

ENDS_AS_IT_IS

static trale_watch *level;

static void set_up(void)
{
    ck_assert_int_eq(trale_watch_new(&level, sizeof(int)), 0);
}

static void tear_down(void)
{
    trale_watch_free(level);
    free_default_runtime();
}

static void set(int value)
{
    ck_assert_int_eq(trale_watch_set(level, &value), 0);
}

/* The value, or the error. */
static intptr_t wait_newer(void *seen)
{
    int value = -1;
    int error = trale_watch_wait(level, seen, &value);

    return error != 0 ? error : value;
}

static int try_newer(uint64_t *seen)
{
    int value = -1;
    int error = trale_watch_try_wait(level, seen, &value);

    return error != 0 ? error : value;
}

START_TEST(arguments_are_checked)
{
    trale_watch_wait_future f;
    trale_watch *none = NULL;
    uint64_t seen = 0;
    int value = 5;

    ck_assert_int_eq(trale_watch_new(NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_watch_new(&none, SIZE_MAX / 2), -EINVAL);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(trale_watch_set(NULL, &value), -EINVAL);
    ck_assert_int_eq(trale_watch_set(level, NULL), -EINVAL);
    ck_assert_int_eq(trale_watch_wait(NULL, &seen, &value), -EINVAL);
    ck_assert_int_eq(trale_watch_wait(level, NULL, &value), -EINVAL);
    ck_assert_int_eq(trale_watch_wait(level, &seen, NULL), -EINVAL);
    ck_assert_int_eq(trale_watch_try_wait(level, &seen, NULL), -EINVAL);
    trale_watch_wait_init(&f, level, NULL, &value);
    ck_assert_int_eq(trale_await(&f.future), -EINVAL);
    ck_assert_int_eq(trale_watch_close(NULL), -EINVAL);
    trale_watch_free(NULL);
    ck_assert(value == 5 && seen == 0);
}
END_TEST

START_TEST(only_what_is_newer_is_seen)
{
    uint64_t seen = 0, fresh = 0;

    ck_assert_int_eq(try_newer(&seen), -EAGAIN);
    set(1);
    ck_assert_int_eq(try_newer(&seen), 1);
    ck_assert_int_eq(try_newer(&seen), -EAGAIN);
    set(2);
    set(3);
    set(3);
    ck_assert_int_eq(wait_newer(&seen), 3); /* 0, however many it did not see */
    ck_assert_int_eq(try_newer(&seen), -EAGAIN);
    ck_assert_int_eq(wait_newer(&fresh), 3);
    set(3); /* the same again is newer */
    ck_assert_int_eq(join(spawn_on(NULL, wait_newer, &seen)), 3);
}
END_TEST

START_TEST(all_who_wait_see_it)
{
    trale_runtime *other = new_runtime();
    trale_watch_wait_future f;
    uint64_t seen[5] = {0};
    struct line line = LINE;
    int value = -1;

    for (int i = 0; i < 4; i++)
        line_add(&line, i % 2 ? other : NULL, wait_newer, &seen[i]);
    trale_watch_wait_init(&f, level, &seen[4], &value);
    line_add_thread(&line, &f.future);
    ck_assert_int_eq(line_through(&line), 0);
    set(42);
    ck_assert_int_eq(line_take(&line.waiters[4]), 0);
    ck_assert_int_eq(value, 42);
    line_join(&line, 42);
    free_runtime(other);
}
END_TEST

START_TEST(who_wakes_late_sees_the_latest)
{
    uint64_t seen = 0;
    struct line line = LINE;
    struct hold h = HOLD;

    line_add(&line, NULL, wait_newer, &seen);
    hold_executor(&h);
    for (int i = 0; i < 5; i++)
        set(i);
    release_executor(&h);
    line_join(&line, 4);
    ck_assert_int_eq(try_newer(&seen), -EAGAIN);
}
END_TEST

START_TEST(closed_the_latest_is_the_last)
{
    uint64_t seen = 0, fresh = 0;
    struct line line = LINE;
    int value = 2;

    set(1);
    ck_assert_int_eq(wait_newer(&seen), 1);
    line_add(&line, NULL, wait_newer, &seen);
    ck_assert_int_eq(trale_watch_close(level), 0);
    line_join(&line, -EPIPE);
    ck_assert_int_eq(trale_watch_close(level), 0);
    ck_assert_int_eq(trale_watch_set(level, &value), -EPIPE);
    ck_assert_int_eq(wait_newer(&fresh), 1);
    ck_assert_int_eq(wait_newer(&fresh), -EPIPE);
    ck_assert_int_eq(try_newer(&seen), -EPIPE);
}
END_TEST

START_TEST(closed_without_a_value_there_is_none)
{
    uint64_t seen = 0;

    ck_assert_int_eq(trale_watch_close(level), 0);
    ck_assert_int_eq(wait_newer(&seen), -EPIPE);
}
END_TEST

START_TEST(who_is_cancelled_has_seen_nothing)
{
    uint64_t seen[3] = {0};
    struct line line = LINE;
    struct hold h = HOLD;

    for (int i = 0; i < 3; i++)
        line_add(&line, NULL, wait_newer, &seen[i]);
    trale_cancel(line.waiters[0].task);
    ck_assert_int_eq(line_take(&line.waiters[0]), -ECANCELED);
    hold_executor(&h);
    set(42);
    trale_cancel(line.waiters[1].task); /* let through, and does not know it */
    release_executor(&h);
    ck_assert_int_eq(line_take(&line.waiters[1]), -ECANCELED);
    line_join(&line, 42);
    ck_assert(seen[0] == 0 && seen[1] == 0 && seen[2] != 0);
    ck_assert_int_eq(wait_newer(&seen[1]), 42);
}
END_TEST

static intptr_t wait_in_scope(void *seen)
{
    trale_scope scope;
    intptr_t result;

    trale_scope_enter(&scope, trale_now() + TRALE_MS);
    result = wait_newer(seen);
    return trale_scope_leave(&scope) == result ? result : -1;
}

START_TEST(a_deadline_ends_the_wait)
{
    uint64_t seen = 0;

    ck_assert_int_eq(wait_in_scope(&seen), -ETIMEDOUT);
    ck_assert_int_eq(join(spawn_on(NULL, wait_in_scope, &seen)), -ETIMEDOUT);
    set(42);
    ck_assert_int_eq(wait_newer(&seen), 42);
}
END_TEST

START_TEST(a_stackless_task_and_a_select_wait)
{
    trale_watch_wait_future f, g;
    uint64_t seen = 0, same;
    trale_task *task;
    int value = -1, none = -1;

    set(1);
    set(2);
    trale_watch_wait_init(&f, level, &seen, &value);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    ck_assert_int_eq(join(task), 0);
    ck_assert_int_eq(value, 2);
    same = seen;
    set(3);
    trale_watch_wait_init(&g, level, &seen, &value);
    trale_watch_wait_init(&f, level, &same, &none);
    ck_assert_int_eq(TRALE_SELECT(&g.future, &f.future), 0);
    ck_assert(value == 3 && none == -1 && same + 1 == seen);
}
END_TEST

START_TEST(a_value_may_have_no_size)
{
    trale_watch *changed;
    uint64_t seen = 0;

    ck_assert_int_eq(trale_watch_new(&changed, 0), 0);
    ck_assert_int_eq(trale_watch_set(changed, NULL), 0);
    ck_assert_int_eq(trale_watch_wait(changed, &seen, NULL), 0);
    ck_assert_int_eq(trale_watch_try_wait(changed, &seen, NULL), -EAGAIN);
    trale_watch_free(changed);
}
END_TEST

static void free_with_waiter(void *arg)
{
    uint64_t seen = 0;

    (void)arg;
    MUST(trale_spawn(NULL, wait_newer, &seen) == 0);
    settle();
    trale_watch_free(level);
}

/* Let through, but it has not been there since. */
static void free_with_late_waiter(void *arg)
{
    struct hold h = HOLD;
    uint64_t seen = 0;
    int value = 1;

    (void)arg;
    MUST(trale_spawn(NULL, wait_newer, &seen) == 0);
    settle();
    hold_executor(&h);
    MUST(trale_watch_set(level, &value) == 0);
    trale_watch_free(level);
}

START_TEST(freeing_it_while_somebody_waits_aborts)
{
    char output[1000] = "";

    test_in_child(free_with_waiter, NULL, output, sizeof output);
    ck_assert_msg(strstr(output, "trale_watch_free: somebody waits") != NULL, "%s", output);
    memset(output, 0, sizeof output);
    test_in_child(free_with_late_waiter, NULL, output, sizeof output);
    ck_assert_msg(strstr(output, "trale_watch_free: somebody waits") != NULL, "%s", output);
}
END_TEST

TEST_MAIN_WITH(set_up, tear_down, "watch", arguments_are_checked, only_what_is_newer_is_seen,
               all_who_wait_see_it, who_wakes_late_sees_the_latest, closed_the_latest_is_the_last,
               closed_without_a_value_there_is_none, who_is_cancelled_has_seen_nothing,
               a_deadline_ends_the_wait, a_stackless_task_and_a_select_wait,
               a_value_may_have_no_size, freeing_it_while_somebody_waits_aborts)
