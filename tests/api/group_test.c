/* Groups: nobody leaves before all have ended, and the first that fails cancels the rest. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "settle.h"
#include "waiters.h"

static trale_group group;
static trale_event go, never;
static atomic_int begun, ended, cancelled;

/* What members do. */

static intptr_t member(void *event)
{
    int error;

    atomic_fetch_add(&begun, 1);
    error = trale_event_wait(event);
    atomic_fetch_add(error == -ECANCELED ? &cancelled : &ended, 1);
    return error;
}

static intptr_t fail_after_go(void *result)
{
    trale_event_wait(&go);
    return (intptr_t)result;
}

static intptr_t give(void *result)
{
    atomic_fetch_add(&ended, 1);
    return (intptr_t)result;
}

/* Cannot be hurried: when it is cancelled it has something to finish. */
static intptr_t finish_after_go(void *arg)
{
    trale_scope scope;
    int error = trale_event_wait(&never);

    (void)arg;
    atomic_fetch_add(&cancelled, error == -ECANCELED);
    trale_scope_enter_shielded(&scope, TRALE_NEVER);
    error = trale_event_wait(&go);
    trale_scope_leave(&scope);
    atomic_fetch_add(&ended, error == 0);
    return error;
}

static intptr_t wait_group(void *arg)
{
    (void)arg;
    return trale_group_wait(&group);
}

static void spawn(trale_fn *fn, void *arg)
{
    ck_assert_int_eq(trale_group_spawn(&group, fn, arg), 0);
}

START_TEST(arguments_are_checked)
{
    trale_group_wait_future f;

    ck_assert_int_eq(trale_group_spawn(NULL, give, NULL), -EINVAL);
    ck_assert_int_eq(trale_group_spawn(&group, NULL, NULL), -EINVAL);
    ck_assert_int_eq(trale_group_wait(NULL), -EINVAL);
    trale_group_wait_init(&f, NULL);
    ck_assert_int_eq(trale_await(&f.future), -EINVAL);
    trale_group_cancel(NULL);
    trale_group_check(NULL);
    ck_assert_int_eq(trale_group_wait(&group), 0);
    trale_group_check(&group);
}
END_TEST

START_TEST(all_are_waited_for)
{
    struct line line = LINE;

    for (int i = 0; i < 3; i++)
        spawn(member, &go);
    line_add(&line, NULL, wait_group, NULL);
    for (int i = 0; i < 2; i++) {
        trale_event_notify(&go);
        settle();
        settle();
        ck_assert_int_eq(ended, i + 1);
        ck_assert_int_eq(line_through(&line), 0);
    }
    trale_event_notify(&go);
    line_join(&line, 0);
    ck_assert_int_eq(ended, 3);
}
END_TEST

START_TEST(a_plain_thread_waits)
{
    trale_group_wait_future f;
    struct line line = LINE;

    spawn(member, &go);
    trale_group_wait_init(&f, &group);
    line_add_thread(&line, &f.future);
    ck_assert_int_eq(line_through(&line), 0);
    trale_event_notify(&go);
    line_join(&line, 0);
}
END_TEST

START_TEST(the_first_error_cancels_the_rest)
{
    spawn(member, &never);
    spawn(fail_after_go, (void *)(intptr_t)-EIO);
    spawn(member, &never);
    settle();
    ck_assert_int_eq(begun, 2);
    trale_event_notify(&go);
    ck_assert_int_eq(trale_group_wait(&group), -EIO);
    ck_assert_int_eq(cancelled, 2);
}
END_TEST

START_TEST(only_what_is_negative_is_an_error)
{
    spawn(give, (void *)(intptr_t)5);
    settle();
    spawn(give, (void *)INTPTR_MAX);
    ck_assert_int_eq(trale_group_wait(&group), 0);
    ck_assert_int_eq(ended, 2);
}
END_TEST

/* An int does not hold it, and it must not come out as 0. */
START_TEST(an_error_of_any_size_is_one)
{
    spawn(give, (void *)(-((intptr_t)1 << 32)));
    ck_assert_int_lt(trale_group_wait(&group), 0);
    spawn(give, (void *)INTPTR_MIN);
    ck_assert_int_lt(trale_group_wait(&group), 0);
}
END_TEST

START_TEST(a_group_is_cancelled)
{
    spawn(member, &never);
    spawn(finish_after_go, NULL);
    settle();
    trale_group_cancel(&group);
    trale_group_cancel(&group);
    settle();
    settle();
    ck_assert_int_eq(cancelled, 2);
    trale_event_notify(&go);
    ck_assert_int_eq(trale_group_wait(&group), -ECANCELED);
    ck_assert_int_eq(ended, 1);
}
END_TEST

/* Nor who stands now where one of them stood, for their executor uses its stacks again. */
static intptr_t spawn_into(void *other)
{
    int error = 0;

    for (int i = 0; i < 4 && error == 0; i++)
        error = trale_group_spawn(other, member, &go);
    return error;
}

START_TEST(who_has_ended_is_not_cancelled)
{
    TRALE_GROUP(other);

    spawn(give, NULL);
    settle();
    ck_assert_int_eq(join(spawn_on(NULL, spawn_into, &other)), 0);
    trale_group_cancel(&group);
    for (int i = 0; i < 4; i++)
        trale_event_notify(&go);
    ck_assert_int_eq(trale_group_wait(&other), 0);
    ck_assert_int_eq(trale_group_wait(&group), 0);
}
END_TEST

/* It is what they return that counts. */
START_TEST(a_cancelled_group_may_succeed)
{
    spawn(finish_after_go, NULL);
    settle();
    trale_group_cancel(&group);
    trale_event_notify(&go);
    ck_assert_int_eq(trale_group_wait(&group), 0);
}
END_TEST

START_TEST(a_cancelled_group_takes_nobody)
{
    trale_group_cancel(&group); /* it has nobody yet */
    ck_assert_int_eq(trale_group_spawn(&group, give, NULL), -ECANCELED);
    ck_assert_int_eq(trale_group_spawn(&group, give, NULL), -ECANCELED);
    ck_assert_int_eq(trale_group_wait(&group), 0);
    ck_assert_int_eq(ended, 0);
    spawn(give, NULL);
    ck_assert_int_eq(trale_group_wait(&group), 0);
    ck_assert_int_eq(ended, 1);
    ck_assert_int_eq(trale_runtime_wait(trale_runtime_default()), 0); /* nobody is left over */
}
END_TEST

START_TEST(a_failed_group_takes_nobody_and_then_again)
{
    spawn(give, (void *)(intptr_t)-EIO);
    settle();
    ck_assert_int_eq(trale_group_spawn(&group, give, NULL), -ECANCELED);
    ck_assert_int_eq(trale_group_wait(&group), -EIO);
    ck_assert_int_eq(trale_group_wait(&group), 0);
    spawn(give, NULL);
    ck_assert_int_eq(trale_group_wait(&group), 0);
    ck_assert_int_eq(ended, 2);
}
END_TEST

START_TEST(who_never_started_does_not_start)
{
    struct hold h = HOLD;

    hold_executor(&h);
    spawn(member, &never);
    spawn(member, &never);
    trale_group_cancel(&group);
    release_executor(&h);
    ck_assert_int_eq(trale_group_wait(&group), -ECANCELED);
    ck_assert_int_eq(begun, 0);
}
END_TEST

static intptr_t spawn_member(void *event)
{
    int error = trale_group_spawn(&group, member, event);

    return error == 0 ? trale_event_wait(&go) : error;
}

START_TEST(members_spawn_members)
{
    struct line line = LINE;

    spawn(spawn_member, &go);
    line_add(&line, NULL, wait_group, NULL);
    trale_event_notify(&go);
    settle();
    ck_assert_int_eq(line_through(&line), 0);
    trale_event_notify(&go);
    line_join(&line, 0);
    ck_assert_int_eq(ended, 1);
}
END_TEST

static intptr_t spawn_from_elsewhere(void *event)
{
    return trale_group_spawn(&group, member, event);
}

/* The last one has ended, and the one who waits does not know it yet: who comes now is one more
 * to be waited for. */
START_TEST(who_comes_late_is_waited_for)
{
    trale_runtime *other = new_runtime();
    trale_event late = {0};
    struct line line = LINE;
    struct hold h = HOLD;

    ck_assert_int_eq(join(spawn_on(other, spawn_from_elsewhere, &go)), 0);
    line_add(&line, NULL, wait_group, NULL);
    hold_executor(&h);
    trale_event_notify(&go);
    while (atomic_load(&ended) == 0)
        settle_on(other);
    settle_on(other);
    ck_assert_int_eq(join(spawn_on(other, spawn_from_elsewhere, &late)), 0);
    release_executor(&h);
    settle();
    ck_assert_int_eq(line_through(&line), 0);
    trale_event_notify(&late);
    line_join(&line, 0);
    ck_assert_int_eq(ended, 2);
    free_runtime(other);
}
END_TEST

static intptr_t wait_for_group_of_ones_own(void *arg)
{
    TRALE_GROUP(own);

    (void)arg;
    if (trale_group_spawn(&own, member, &never) != 0 ||
        trale_group_spawn(&own, finish_after_go, NULL) != 0)
        return 1;
    return trale_group_wait(&own);
}

START_TEST(a_group_in_a_group_ends_first)
{
    struct line line = LINE;

    spawn(wait_for_group_of_ones_own, NULL);
    line_add(&line, NULL, wait_group, NULL);
    trale_group_cancel(&group);
    for (int i = 0; i < 4; i++)
        settle();
    ck_assert_int_eq(cancelled, 2);
    ck_assert_int_eq(line_through(&line), 0);
    trale_event_notify(&go);
    line_join(&line, -ECANCELED);
    ck_assert_int_eq(ended, 1);
}
END_TEST

START_TEST(an_error_goes_up_group_by_group)
{
    spawn(wait_for_group_of_ones_own, NULL);
    spawn(fail_after_go, (void *)(intptr_t)-EIO);
    settle();
    trale_event_notify(&go);
    trale_event_notify(&go);
    ck_assert_int_eq(trale_group_wait(&group), -EIO);
    ck_assert_int_eq(ended, 1);
}
END_TEST

START_TEST(a_cancelled_caller_cancels_and_waits)
{
    struct line line = LINE;

    spawn(member, &never);
    spawn(finish_after_go, NULL);
    line_add(&line, NULL, wait_group, NULL);
    trale_cancel(line.waiters[0].task);
    for (int i = 0; i < 3; i++)
        settle();
    ck_assert_int_eq(cancelled, 2);
    ck_assert_int_eq(line_through(&line), 0);
    ck_assert_int_eq(trale_group_spawn(&group, give, NULL), -ECANCELED);
    trale_event_notify(&go);
    line_join(&line, -ECANCELED);
    ck_assert_int_eq(ended, 1);
}
END_TEST

static intptr_t wait_cancelled(void *arg)
{
    (void)arg;
    trale_cancel(trale_self());
    return trale_group_wait(&group);
}

START_TEST(who_is_cancelled_before_waits_too)
{
    spawn(member, &never);
    settle();
    ck_assert_int_eq(join(spawn_on(NULL, wait_cancelled, NULL)), -ECANCELED);
    ck_assert_int_eq(cancelled, 1);
}
END_TEST

/* 0, if the wait ended with the group and the scope says why. */
static intptr_t wait_until(void *deadline)
{
    trale_scope scope;
    int error;

    trale_scope_enter(&scope, (intptr_t)deadline);
    error = trale_group_wait(&group);
    return trale_scope_leave(&scope) == -ETIMEDOUT && error == -ECANCELED ? 0 : -1;
}

START_TEST(a_deadline_cancels_and_waits)
{
    for (int i = 0; i < 3; i++) {
        intptr_t deadline = i % 2 ? trale_now() + 2 * TRALE_MS : 0;
        spawn(member, &never);
        if (i < 2)
            ck_assert_int_eq(join(spawn_on(NULL, wait_until, (void *)deadline)), 0);
        else
            ck_assert_int_eq(wait_until((void *)deadline), 0);
        ck_assert_int_eq(cancelled, begun);
    }
}
END_TEST

/* From everywhere at once. */

enum { SPAWNERS = 4, EACH = 100 };

static intptr_t spawn_many(void *arg)
{
    int error = 0;

    (void)arg;
    for (int i = 0; i < EACH && error == 0; i++)
        error = trale_group_spawn(&group, give, NULL);
    return error;
}

static void *spawn_many_on_thread(void *result)
{
    *(intptr_t *)result = spawn_many(NULL);
    return NULL;
}

START_TEST(tasks_and_threads_spawn_at_once)
{
    trale_runtime *other = new_runtime();
    pthread_t threads[SPAWNERS];
    intptr_t results[SPAWNERS];
    trale_task *tasks[SPAWNERS];

    for (int i = 0; i < SPAWNERS; i++) {
        tasks[i] = spawn_on(i % 2 ? other : NULL, spawn_many, NULL);
        pthread_create(&threads[i], NULL, spawn_many_on_thread, &results[i]);
    }
    for (int i = 0; i < SPAWNERS; i++) {
        ck_assert_int_eq(join(tasks[i]), 0);
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(results[i], 0);
    }
    ck_assert_int_eq(trale_group_wait(&group), 0);
    ck_assert_int_eq(ended, 2 * SPAWNERS * EACH);
    free_runtime(other);
}
END_TEST

/* The group may go when the wait returns, wherever its last task is then. */
START_TEST(a_group_may_live_on_the_stack)
{
    for (long i = 0; i < test_scale(2000); i++) {
        TRALE_GROUP(here);
        intptr_t result = i % 3 ? 0 : -EIO;
        ck_assert_int_eq(trale_group_spawn(&here, give, (void *)result), 0);
        if (i % 2)
            trale_group_cancel(&here);
        int error = trale_group_wait(&here);
        ck_assert(error == result || (i % 2 && error == -ECANCELED));
        memset(&here, 0, sizeof here);
    }
}
END_TEST

/* A runtime that is being freed takes no members, and cancels those it has. */
static intptr_t spawn_when_cancelled(void *arg)
{
    (void)arg;
    trale_event_wait(&never);
    return trale_group_spawn(&group, give, NULL) == -ESHUTDOWN ? -EIO : -1;
}

START_TEST(a_runtime_that_ends_takes_no_members)
{
    spawn(spawn_when_cancelled, NULL);
    settle();
    free_default_runtime();
    ck_assert_int_eq(trale_group_wait(&group), -EIO);
    ck_assert_int_eq(ended, 0);
}
END_TEST

TEST_MAIN_WITH(
    NULL, free_default_runtime, "group", arguments_are_checked, all_are_waited_for,
    a_plain_thread_waits, the_first_error_cancels_the_rest, only_what_is_negative_is_an_error,
    an_error_of_any_size_is_one, a_group_is_cancelled, who_has_ended_is_not_cancelled,
    a_cancelled_group_may_succeed, a_cancelled_group_takes_nobody,
    a_failed_group_takes_nobody_and_then_again, who_never_started_does_not_start,
    members_spawn_members,
    ON_THREAD(who_comes_late_is_waited_for, "others go on while its executor is held up"),
    a_group_in_a_group_ends_first, an_error_goes_up_group_by_group,
    a_cancelled_caller_cancels_and_waits, who_is_cancelled_before_waits_too,
    a_deadline_cancels_and_waits, tasks_and_threads_spawn_at_once, a_group_may_live_on_the_stack,
    ON_THREAD(a_runtime_that_ends_takes_no_members, "it ends the runtime that its tasks are in"))
