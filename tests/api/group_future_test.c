/* The wait for a group as a future: in stackless tasks, in a select, and by who must not wait. */
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "settle.h"
#include "system.h"
#include "waiters.h"

ENDS_AS_IT_IS

static trale_group group;
static trale_event go, never;
static atomic_int ended, cancelled;

static intptr_t member(void *event)
{
    int error = trale_event_wait(event);

    atomic_fetch_add(error == -ECANCELED ? &cancelled : &ended, 1);
    return error;
}

static intptr_t give(void *result)
{
    return (intptr_t)result;
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

START_TEST(a_stackless_task_waits)
{
    trale_group_wait_future f;
    trale_task *task;

    spawn(member, &go);
    trale_group_wait_init(&f, &group);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    settle();
    trale_event_notify(&go);
    ck_assert_int_eq(join(task), 0);
    ck_assert_int_eq(ended, 1);
}
END_TEST

static void select_with_ready(bool group_first)
{
    trale_group_wait_future f;
    trale_yield_future ready;
    trale_future *both[2] = {&f.future, &ready.future};

    spawn(member, &never);
    settle();
    trale_yield_init(&ready);
    ready.yielded = true;
    trale_group_wait_init(&f, &group);
    if (!group_first)
        both[0] = &ready.future, both[1] = &f.future;
    ck_assert_int_eq(trale_select(both, 2), group_first);
    ck_assert_int_eq(trale_group_spawn(&group, give, NULL), -ECANCELED);
    ck_assert_int_eq(trale_group_wait(&group), -ECANCELED);
}

START_TEST(a_dropped_wait_cancels)
{
    select_with_ready(true);
    select_with_ready(false); /* it was never polled */
    ck_assert_int_eq(cancelled, 2);
}
END_TEST

START_TEST(a_wait_that_is_over_cancels_nothing)
{
    trale_group_wait_future f;

    trale_group_wait_init(&f, &group);
    ck_assert_int_eq(trale_await(&f.future), 0);
    spawn(give, NULL);
    ck_assert_int_eq(trale_group_wait(&group), 0);
}
END_TEST

START_TEST(a_member_does_not_wait_for_itself)
{
    spawn(wait_group, NULL);
    settle();
    ck_assert_int_eq(trale_group_wait(&group), -EDEADLK);
}
END_TEST

/* A deadline that stopped nobody. */
static int wait_too_late(void)
{
    trale_scope scope;
    int error;

    trale_scope_enter(&scope, 0);
    error = trale_group_wait(&group);
    ck_assert_int_eq(trale_scope_leave(&scope), 0);
    return error;
}

START_TEST(a_scope_says_only_what_its_deadline_did)
{
    ck_assert_int_eq(wait_too_late(), 0); /* there is nobody */
    spawn(member, &never);
    trale_group_cancel(&group);
    ck_assert_int_eq(wait_too_late(), -ECANCELED); /* somebody else did it */
    spawn(give, (void *)(intptr_t)-EIO);
    settle();
    ck_assert_int_eq(wait_too_late(), -EIO);
}
END_TEST

/* After exit nobody ends any more. */
static void wait_after_exit(void)
{
    MUST(trale_group_wait(&group) == -ESHUTDOWN);
    _exit(21);
}

static void exit_with_members(void *arg)
{
    (void)arg;
    MUST(atexit(wait_after_exit) == 0);
    MUST(trale_group_spawn(&group, member, &never) == 0);
    exit(0);
}

START_TEST(after_exit_it_is_in_vain)
{
    char output[1000];
    int status = test_in_child(exit_with_members, NULL, output, sizeof output);

    ck_assert_msg(status == 21 << 8, "status %x: %s", (unsigned)status, output);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "group_future", a_stackless_task_waits,
               a_dropped_wait_cancels, a_wait_that_is_over_cancels_nothing,
               a_member_does_not_wait_for_itself, a_scope_says_only_what_its_deadline_did,
               ON_THREAD(after_exit_it_is_in_vain,
                         "what it hands to atexit has to come before the library's own"))
