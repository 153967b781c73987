/* Shields: what must be finished is, whatever comes from outside. */
#include "suite.h"

#include <errno.h>

#include "settle.h"
#include "waiters.h"

#define FAR (3600 * TRALE_SEC)

static trale_event event, cleaned;

#define EXPECT(condition) \
    do { \
        if (!(condition)) \
            return __LINE__; \
    } while (0)

static intptr_t clean_up_when_cancelled(void *arg)
{
    trale_scope shield;

    (void)arg;
    EXPECT(trale_event_wait(&event) == -ECANCELED);
    trale_scope_enter_shielded(&shield, TRALE_NEVER);
    EXPECT(trale_cancelled());
    EXPECT(trale_yield() == 0);
    EXPECT(trale_sleep(TRALE_US) == 0);
    EXPECT(trale_event_wait(&cleaned) == 0);
    EXPECT(trale_scope_leave(&shield) == 0);
    EXPECT(trale_yield() == -ECANCELED);
    return 0;
}

START_TEST(a_cancelled_task_can_clean_up)
{
    trale_task *task = spawn_on(NULL, clean_up_when_cancelled, NULL);

    settle();
    trale_cancel(task);
    settle();
    trale_cancel(task); /* again, while it cleans up */
    settle();
    ck_assert_int_eq(trale_event_notify(&cleaned), 0);
    ck_assert_int_eq(join(task), 0);
}
END_TEST

static intptr_t wait_shielded(void *arg)
{
    trale_scope shield;

    (void)arg;
    trale_scope_enter_shielded(&shield, TRALE_NEVER);
    EXPECT(trale_event_wait(&cleaned) == 0);
    EXPECT(trale_scope_leave(&shield) == 0);
    EXPECT(trale_event_wait(&event) == -ECANCELED);
    return 0;
}

START_TEST(a_cancel_waits_until_the_shield_is_left)
{
    trale_task *task = spawn_on(NULL, wait_shielded, NULL);

    settle();
    trale_cancel(task);
    settle();
    ck_assert_int_eq(trale_event_notify(&cleaned), 0);
    ck_assert_int_eq(join(task), 0);
}
END_TEST

static intptr_t keep_outer_deadline_out(void *arg)
{
    trale_scope outer, shield;

    (void)arg;
    trale_scope_enter(&outer, trale_now() + TRALE_MS);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    trale_scope_enter_shielded(&shield, TRALE_NEVER);
    EXPECT(trale_yield() == 0);
    EXPECT(trale_sleep(TRALE_US) == 0);
    EXPECT(trale_scope_leave(&shield) == 0);
    EXPECT(trale_yield() == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&outer) == -ETIMEDOUT);
    return 0;
}

/* The outer timer has been armed, and fires while the wait is shielded. */
static intptr_t let_outer_deadline_pass(void *arg)
{
    int64_t deadline = trale_now() + TRALE_MS;
    trale_scope outer, shield;

    (void)arg;
    trale_scope_enter(&outer, deadline);
    trale_sleep(TRALE_US);
    trale_scope_enter_shielded(&shield, trale_now() + FAR);
    EXPECT(trale_sleep_until(deadline + TRALE_MS) == 0);
    EXPECT(trale_scope_leave(&shield) == 0);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&outer) == -ETIMEDOUT);
    return 0;
}

static intptr_t have_own_deadline(void *arg)
{
    trale_scope outer, shield;

    (void)arg;
    trale_scope_enter(&outer, trale_now() + FAR);
    trale_scope_enter_shielded(&shield, trale_now() + TRALE_MS);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&shield) == -ETIMEDOUT);
    EXPECT(trale_yield() == 0);
    EXPECT(trale_scope_leave(&outer) == 0);
    return 0;
}

/* What is inside a shield is shielded too, and its deadline bounds it. */
static intptr_t be_inside(void *arg)
{
    trale_scope outer, shield, inner;

    (void)arg;
    trale_scope_enter(&outer, trale_now());
    trale_scope_enter_shielded(&shield, trale_now() + FAR);
    trale_scope_enter(&inner, trale_now() + 2 * FAR);
    EXPECT(trale_yield() == 0);
    EXPECT(trale_scope_leave(&inner) == 0);
    EXPECT(trale_scope_leave(&shield) == 0);
    trale_scope_enter_shielded(&shield, trale_now() + TRALE_MS);
    trale_scope_enter(&inner, trale_now() + FAR);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&inner) == 0);
    EXPECT(trale_scope_leave(&shield) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&outer) == 0);
    return 0;
}

static intptr_t shield_in_shield(void *arg)
{
    trale_scope first, second;

    (void)arg;
    trale_scope_enter_shielded(&first, trale_now());
    trale_scope_enter_shielded(&second, TRALE_NEVER);
    EXPECT(trale_yield() == 0);
    EXPECT(trale_scope_leave(&second) == 0);
    EXPECT(trale_yield() == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&first) == -ETIMEDOUT);
    return 0;
}

static trale_fn *const everywhere[] = {keep_outer_deadline_out, let_outer_deadline_pass,
                                       have_own_deadline, be_inside, shield_in_shield};

START_TEST(deadlines_of_outside_are_kept_out)
{
    for (size_t i = 0; i < sizeof everywhere / sizeof *everywhere; i++) {
        intptr_t result = -1;

        ck_assert_int_eq(trale_block_on(everywhere[i], NULL, &result), 0);
        ck_assert_int_eq(result, 0);
    }
}
END_TEST

START_TEST(deadlines_of_outside_are_kept_out_on_a_thread)
{
    for (size_t i = 0; i < sizeof everywhere / sizeof *everywhere; i++)
        ck_assert_int_eq(everywhere[i](NULL), 0);
}
END_TEST

static intptr_t cancelled_inside_all(void *arg)
{
    trale_scope shield, inner, second;

    (void)arg;
    trale_cancel(trale_self());
    EXPECT(trale_yield() == -ECANCELED);
    trale_scope_enter_shielded(&shield, trale_now() + FAR);
    trale_scope_enter(&inner, trale_now() + FAR);
    EXPECT(trale_yield() == 0);
    EXPECT(trale_scope_leave(&inner) == 0);
    trale_scope_enter(&inner, trale_now() + TRALE_MS);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&inner) == -ETIMEDOUT);
    trale_scope_enter_shielded(&second, TRALE_NEVER);
    EXPECT(trale_scope_leave(&second) == 0);
    EXPECT(trale_yield() == 0);
    EXPECT(trale_scope_leave(&shield) == 0);
    EXPECT(trale_yield() == -ECANCELED);
    return 0;
}

START_TEST(a_cancel_is_kept_out_by_everything_inside)
{
    ck_assert_int_eq(join(spawn_on(NULL, cancelled_inside_all, NULL)), 0);
}
END_TEST

static intptr_t add_one(void *arg)
{
    EXPECT(trale_yield() == 0);
    return (intptr_t)arg + 1;
}

/* Spawning, joining, blocking work: all of it is to be had in a shield. */
static intptr_t use_everything(void *arg)
{
    trale_scope shield;
    trale_task *task;
    intptr_t result = 0;

    (void)arg;
    trale_cancel(trale_self());
    trale_scope_enter_shielded(&shield, TRALE_NEVER);
    EXPECT(trale_block_on(add_one, (void *)1, &result) == 0 && result == 2);
    EXPECT(trale_spawn(&task, add_one, (void *)2) == 0);
    EXPECT(trale_join(task, &result) == 0 && result == 3);
    EXPECT(trale_blocking(add_one, (void *)3) == 4);
    EXPECT(trale_scope_leave(&shield) == 0);
    return 0;
}

START_TEST(everything_works_in_a_shield)
{
    ck_assert_int_eq(join(spawn_on(NULL, use_everything, NULL)), 0);
}
END_TEST

/* Freeing a runtime waits for what is shielded, until its own deadline. */
START_TEST(a_runtime_waits_for_what_is_shielded)
{
    trale_runtime *runtime = new_runtime();
    trale_task *task = spawn_on(runtime, wait_shielded, NULL);

    settle_on(runtime);
    ck_assert_int_eq(trale_runtime_free(runtime, trale_now() + TRALE_MS), -ETIMEDOUT);
    settle_on(runtime);
    ck_assert_int_eq(trale_event_notify(&cleaned), 0);
    ck_assert_int_eq(join(task), 0);
    free_runtime(runtime);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "scope_shield", a_cancelled_task_can_clean_up,
               a_cancel_waits_until_the_shield_is_left, deadlines_of_outside_are_kept_out,
               deadlines_of_outside_are_kept_out_on_a_thread,
               a_cancel_is_kept_out_by_everything_inside, everything_works_in_a_shield,
               a_runtime_waits_for_what_is_shielded)
