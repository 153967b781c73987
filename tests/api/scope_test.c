/* A deadline in a fiber: what it ends, what it leaves alone, and what the scope says of it. */
#include "suite.h"

#include <errno.h>

#include "gate.h"
#include "settle.h"
#include "waiters.h"

static trale_event event;

static intptr_t run(trale_fn *fn)
{
    intptr_t result = -1;

    ck_assert_int_eq(trale_block_on(fn, NULL, &result), 0);
    return result;
}

/* In a task: what is wrong, as the line where it is; 0: nothing. */
#define EXPECT(condition) \
    do { \
        if (!(condition)) \
            return __LINE__; \
    } while (0)

static intptr_t wait_too_long(void *arg)
{
    int64_t deadline = trale_now() + TRALE_MS;
    trale_scope scope;

    (void)arg;
    trale_scope_enter(&scope, deadline);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_now() >= deadline);
    EXPECT(trale_scope_leave(&scope) == -ETIMEDOUT);
    EXPECT(trale_yield() == 0);
    return 0;
}

START_TEST(a_wait_ends_when_the_deadline_passes_and_not_before)
{
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(run(wait_too_long), 0);
    ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(trale_event_try_wait(&event), 0);
}
END_TEST

static intptr_t wait_for_what_is_there(void *arg)
{
    trale_scope scope;

    (void)arg;
    trale_scope_enter(&scope, trale_now() + 3600 * TRALE_SEC);
    EXPECT(trale_event_wait(&event) == 0);
    EXPECT(trale_sleep(TRALE_MS) == 0);
    EXPECT(trale_yield() == 0);
    EXPECT(trale_scope_leave(&scope) == 0);
    return 0;
}

START_TEST(what_comes_in_time_comes)
{
    ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(run(wait_for_what_is_there), 0);
}
END_TEST

static intptr_t try_everything_too_late(void *arg)
{
    trale_scope scope;
    intptr_t result;

    (void)arg;
    trale_scope_enter(&scope, trale_now());
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_yield() == -ETIMEDOUT);
    EXPECT(trale_sleep(0) == -ETIMEDOUT);
    EXPECT(trale_block_on(wait_too_long, NULL, &result) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&scope) == -ETIMEDOUT);
    trale_scope_enter(&scope, INT64_MIN);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&scope) == -ETIMEDOUT);
    return 0;
}

START_TEST(after_the_deadline_nothing_begins)
{
    ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(run(try_everything_too_late), 0);
    ck_assert_int_eq(trale_event_try_wait(&event), 0);
}
END_TEST

/* Once the timer has fired the scope knows it from that, and it stays so. */
static intptr_t go_on_after_the_deadline(void *arg)
{
    trale_scope scope;

    (void)arg;
    trale_scope_enter(&scope, trale_now() + TRALE_MS);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    trale_event_notify(&event);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_yield() == -ETIMEDOUT);
    EXPECT(trale_sleep(TRALE_NEVER) == -ETIMEDOUT);
    EXPECT(trale_event_try_wait(&event) == 0); /* what does not wait does not care */
    EXPECT(trale_scope_leave(&scope) == -ETIMEDOUT);
    return 0;
}

START_TEST(a_deadline_that_has_passed_stays)
{
    ck_assert_int_eq(run(go_on_after_the_deadline), 0);
}
END_TEST

static intptr_t leave_too_late(void *arg)
{
    trale_scope scope;

    (void)arg;
    trale_scope_enter(&scope, trale_now());
    EXPECT(trale_scope_leave(&scope) == 0);
    trale_scope_enter(&scope, TRALE_NEVER);
    EXPECT(trale_sleep(TRALE_MS) == 0);
    EXPECT(trale_scope_leave(&scope) == 0);
    return 0;
}

START_TEST(a_deadline_that_ended_nothing_is_not_told)
{
    ck_assert_int_eq(run(leave_too_late), 0);
}
END_TEST

/* Its timer must be gone: a scope that is left ends nothing, and its memory is used again. */
static intptr_t enter_and_leave(void *arg)
{
    union {
        trale_scope scope;
        char bytes[sizeof(trale_scope)];
    } u;

    (void)arg;
    for (int i = 0; i < 300; i++) {
        trale_scope_enter(&u.scope, trale_now() + (i % 3 ? TRALE_MS : 3600 * TRALE_SEC));
        trale_sleep(TRALE_US);
        trale_scope_leave(&u.scope);
        for (size_t b = 0; b < sizeof u; b++)
            u.bytes[b] = (char)0xa5;
    }
    return trale_sleep(2 * TRALE_MS);
}

START_TEST(a_scope_that_was_left_is_over)
{
    ck_assert_int_eq(run(enter_and_leave), 0);
}
END_TEST

static intptr_t wait_a_while(void *arg)
{
    (void)arg;
    return trale_sleep(3 * TRALE_MS);
}

static intptr_t spawn_inside(void *arg)
{
    trale_task *task;
    trale_scope scope;
    intptr_t result = -1;

    (void)arg;
    trale_scope_enter(&scope, trale_now() + TRALE_MS);
    EXPECT(trale_spawn(&task, wait_a_while, NULL) == 0);
    EXPECT(trale_join(task, &result) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&scope) == -ETIMEDOUT);
    EXPECT(trale_join(task, &result) == 0 && result == 0);
    return 0;
}

START_TEST(what_is_spawned_inside_is_outside)
{
    ck_assert_int_eq(run(spawn_inside), 0);
}
END_TEST

/* The notification and the deadline are there together: one of the two, and what it says. */
static intptr_t wait_until(void *deadline)
{
    trale_scope scope;
    int error, left;

    trale_scope_enter(&scope, *(int64_t *)deadline);
    error = trale_event_wait(&event);
    left = trale_scope_leave(&scope);
    return error == left ? error : -1000;
}

START_TEST(a_deadline_and_readiness_at_once_are_one_of_the_two)
{
    for (int i = 0; i < 50; i++) {
        int64_t deadline = trale_now() + TRALE_MS;
        struct hold h = HOLD;
        trale_task *task;
        intptr_t result;

        ck_assert_int_eq(trale_spawn(&task, wait_until, &deadline), 0);
        settle();
        hold_executor(&h);
        while (trale_now() <= deadline)
            ;
        ck_assert_int_eq(trale_event_notify(&event), 0);
        release_executor(&h);
        result = join(task);
        ck_assert(result == 0 || result == -ETIMEDOUT);
        ck_assert_int_eq(trale_event_try_wait(&event), result == 0 ? -EAGAIN : 0);
    }
}
END_TEST

static struct gate begun = GATE, go = GATE;

static intptr_t work(void *arg)
{
    gate_open(&begun);
    gate_wait(&go);
    return (intptr_t)arg;
}

static intptr_t work_past(void *deadline)
{
    trale_scope scope;
    intptr_t result;
    int left;

    trale_scope_enter(&scope, *(int64_t *)deadline);
    result = trale_blocking(work, (void *)5);
    left = trale_scope_leave(&scope);
    return result == 5 && left == 0 ? 5 : left;
}

/* The deadline ends nothing here, so the scope says nothing. */
START_TEST(what_cannot_be_stopped_is_not_ended)
{
    int64_t deadline, patience = TRALE_MS;
    trale_task *task;
    intptr_t result;

    gate_open(&go);
    ck_assert_int_eq(trale_blocking(work, (void *)5), 5); /* there is a thread for it */
    do {
        go = (struct gate)GATE;
        deadline = trale_now() + patience;
        ck_assert_int_eq(trale_spawn(&task, work_past, &deadline), 0);
        ck_assert_int_eq(trale_sleep_until(deadline + 1), 0);
        settle();
        gate_open(&go);
        result = join(task);
        patience *= 2;
    } while (gate_opened(&begun) == 1); /* it had not begun in time */
    ck_assert_int_eq(result, 5);
}
END_TEST

static intptr_t wait_for_event(void *arg)
{
    (void)arg;
    return trale_event_wait(&event);
}

/* As a cancelled one it ends its task, and waits for that. -ETIMEDOUT: it did not begin. */
static intptr_t block_on_too_long(void *patience)
{
    trale_scope scope;
    intptr_t result = -1;
    int error, left;

    trale_scope_enter(&scope, trale_now() + *(int64_t *)patience);
    error = trale_block_on(wait_for_event, NULL, &result);
    left = trale_scope_leave(&scope);
    EXPECT(left == -ETIMEDOUT);
    EXPECT(error == 0 || error == -ETIMEDOUT);
    EXPECT(result == (error == 0 ? -ECANCELED : -1));
    return error;
}

START_TEST(block_on_ends_its_task)
{
    int64_t patience = TRALE_MS;
    intptr_t result;

    do {
        result = join(spawn_on(NULL, block_on_too_long, &patience));
        patience *= 2;
    } while (result == -ETIMEDOUT);
    ck_assert_int_eq(result, 0);
}
END_TEST

static intptr_t cancelled_inside(void *arg)
{
    trale_scope scope;

    (void)arg;
    trale_scope_enter(&scope, trale_now());
    trale_cancel(trale_self());
    EXPECT(trale_event_wait(&event) == -ECANCELED);
    EXPECT(trale_scope_leave(&scope) == 0);
    return 0;
}

START_TEST(a_cancel_comes_before_the_deadline)
{
    ck_assert_int_eq(run(cancelled_inside), 0);
}
END_TEST

static intptr_t wait_for_ever_inside(void *arg)
{
    trale_scope outer, inner;

    (void)arg;
    trale_scope_enter(&outer, trale_now() + 3600 * TRALE_SEC);
    trale_scope_enter(&inner, trale_now() + 1800 * TRALE_SEC);
    while (trale_sleep(100 * TRALE_US) == 0)
        ;
    trale_scope_leave(&inner);
    trale_scope_leave(&outer);
    return 7;
}

START_TEST(a_runtime_is_freed_while_its_tasks_are_in_scopes)
{
    trale_runtime *runtime = new_runtime();
    trale_task *tasks[20];

    for (int i = 0; i < 20; i++)
        tasks[i] = spawn_on(runtime, wait_for_ever_inside, NULL);
    settle_on(runtime);
    free_runtime(runtime);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(join(tasks[i]), 7);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "scope",
               a_wait_ends_when_the_deadline_passes_and_not_before, what_comes_in_time_comes,
               after_the_deadline_nothing_begins, a_deadline_that_has_passed_stays,
               a_deadline_that_ended_nothing_is_not_told, a_scope_that_was_left_is_over,
               what_is_spawned_inside_is_outside,
               a_deadline_and_readiness_at_once_are_one_of_the_two,
               what_cannot_be_stopped_is_not_ended, block_on_ends_its_task,
               a_cancel_comes_before_the_deadline,
               a_runtime_is_freed_while_its_tasks_are_in_scopes)
