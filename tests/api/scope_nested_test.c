/* Scopes in scopes: the nearest deadline counts, and the scope that it is of says so. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>

#include "settle.h"
#include "waiters.h"

#define FAR (3600 * TRALE_SEC)

static trale_event event;

/* In a task, or on a thread: what is wrong, as the line where it is; 0: nothing. */
#define EXPECT(condition) \
    do { \
        if (!(condition)) \
            return __LINE__; \
    } while (0)

static void *on_thread(void *fn)
{
    return (void *)((trale_fn *)fn)(NULL);
}

/* In a fiber, and on a plain thread that has not waited for anything before. */
static void run_everywhere(trale_fn *fn)
{
    intptr_t result = -1;
    pthread_t thread;
    void *returned;

    ck_assert_int_eq(trale_block_on(fn, NULL, &result), 0);
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, on_thread, (void *)fn), 0);
    ck_assert_int_eq(pthread_join(thread, &returned), 0);
    ck_assert_int_eq((intptr_t)returned, 0);
}

static intptr_t inner_is_nearer(void *arg)
{
    trale_scope outer, inner;

    (void)arg;
    trale_scope_enter(&outer, trale_now() + FAR);
    trale_scope_enter(&inner, trale_now() + TRALE_MS);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_yield() == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&inner) == -ETIMEDOUT);
    EXPECT(trale_yield() == 0);
    EXPECT(trale_sleep(TRALE_US) == 0);
    EXPECT(trale_scope_leave(&outer) == 0);
    return 0;
}

START_TEST(an_inner_deadline_ends_what_is_inside)
{
    run_everywhere(inner_is_nearer);
}
END_TEST

static intptr_t outer_is_nearer(void *arg)
{
    trale_scope outer, inner;

    (void)arg;
    trale_scope_enter(&outer, trale_now() + TRALE_MS);
    trale_scope_enter(&inner, trale_now() + FAR);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&inner) == 0);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&outer) == -ETIMEDOUT);
    EXPECT(trale_yield() == 0);
    return 0;
}

START_TEST(an_outer_deadline_counts_inside_and_is_the_outer_ones)
{
    run_everywhere(outer_is_nearer);
}
END_TEST

/* An inner scope that had its own timer goes, and the outer one gets one. */
static intptr_t one_after_the_other(void *arg)
{
    int64_t start = trale_now();
    trale_scope outer, inner;

    (void)arg;
    trale_scope_enter(&outer, start + 4 * TRALE_MS);
    for (int i = 0; i < 3; i++) {
        int64_t nearer = start + (i + 1) * TRALE_MS;

        trale_scope_enter(&inner, nearer);
        EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
        EXPECT(trale_now() >= nearer);
        EXPECT(trale_scope_leave(&inner) == -ETIMEDOUT);
    }
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_now() >= start + 4 * TRALE_MS);
    EXPECT(trale_scope_leave(&outer) == -ETIMEDOUT);
    return 0;
}

START_TEST(the_outer_deadline_comes_after_the_inner_ones)
{
    run_everywhere(one_after_the_other);
}
END_TEST

static intptr_t same_deadline(void *arg)
{
    int64_t deadline = trale_now() + TRALE_MS;
    trale_scope outer, inner;

    (void)arg;
    trale_scope_enter(&outer, deadline);
    trale_scope_enter(&inner, deadline);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&inner) == 0);
    EXPECT(trale_scope_leave(&outer) == -ETIMEDOUT);
    return 0;
}

START_TEST(of_equal_deadlines_the_outer_one_is_told)
{
    run_everywhere(same_deadline);
}
END_TEST

static intptr_t without_own_deadline(void *arg)
{
    trale_scope outer, inner;

    (void)arg;
    trale_scope_enter(&outer, TRALE_NEVER);
    trale_scope_enter(&inner, TRALE_NEVER);
    EXPECT(trale_sleep(TRALE_US) == 0);
    EXPECT(trale_scope_leave(&inner) == 0);
    trale_scope_enter(&inner, trale_now() + TRALE_MS);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&inner) == -ETIMEDOUT);
    EXPECT(trale_yield() == 0);
    EXPECT(trale_scope_leave(&outer) == 0);
    return 0;
}

START_TEST(a_scope_without_deadline_is_nothing)
{
    run_everywhere(without_own_deadline);
}
END_TEST

enum { DEPTH = 100 };

/* The one in the middle is the nearest. */
static intptr_t deep(void *arg)
{
    trale_scope scopes[DEPTH];
    int64_t now = trale_now();

    (void)arg;
    for (int i = 0; i < DEPTH; i++)
        trale_scope_enter(&scopes[i], i == DEPTH / 2 ? now + TRALE_MS : now + FAR - i);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    for (int i = DEPTH - 1; i > DEPTH / 2; i--) {
        EXPECT(trale_yield() == -ETIMEDOUT);
        EXPECT(trale_scope_leave(&scopes[i]) == 0);
    }
    EXPECT(trale_scope_leave(&scopes[DEPTH / 2]) == -ETIMEDOUT);
    for (int i = DEPTH / 2 - 1; i >= 0; i--) {
        EXPECT(trale_yield() == 0);
        EXPECT(trale_scope_leave(&scopes[i]) == 0);
    }
    return 0;
}

START_TEST(scopes_nest_as_deep_as_one_likes)
{
    run_everywhere(deep);
}
END_TEST

static intptr_t inside_a_call(void *arg)
{
    trale_scope scope;

    (void)arg;
    trale_scope_enter(&scope, trale_now() + TRALE_MS);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&scope) == -ETIMEDOUT);
    return 0;
}

/* fn of trale_once_do runs in the caller's scopes, with its own inside. */
static intptr_t once_inside(void *arg)
{
    trale_once once = {0};
    trale_scope scope;

    (void)arg;
    trale_scope_enter(&scope, trale_now() + FAR);
    EXPECT(trale_once_do(&once, inside_a_call, NULL) == 0);
    EXPECT(trale_scope_leave(&scope) == 0);
    return 0;
}

START_TEST(a_function_that_is_called_has_its_own)
{
    run_everywhere(once_inside);
}
END_TEST

static intptr_t cancelled_in_both(void *arg)
{
    trale_scope outer, inner;

    (void)arg;
    trale_scope_enter(&outer, trale_now() + FAR);
    trale_scope_enter(&inner, trale_now() + FAR / 2);
    EXPECT(trale_event_wait(&event) == -ECANCELED);
    EXPECT(trale_scope_leave(&inner) == 0);
    EXPECT(trale_yield() == -ECANCELED);
    EXPECT(trale_scope_leave(&outer) == 0);
    EXPECT(trale_yield() == -ECANCELED);
    return 0;
}

START_TEST(a_cancel_goes_through_all_of_them)
{
    trale_task *task = spawn_on(NULL, cancelled_in_both, NULL);

    settle();
    trale_cancel(task);
    ck_assert_int_eq(join(task), 0);
}
END_TEST

/* Two fibers in scopes of their own, one inside the other in time but not in nesting. */
static trale_event turn[2];

static intptr_t crossing(void *arg)
{
    int me = *(int *)arg;
    trale_scope scope;

    trale_scope_enter(&scope, trale_now() + FAR + me);
    for (int i = 0; i < 10; i++) {
        trale_event_notify(&turn[!me]);
        EXPECT(trale_event_wait(&turn[me]) == 0);
    }
    EXPECT(trale_scope_leave(&scope) == 0);
    return 0;
}

START_TEST(scopes_of_two_tasks_do_not_touch)
{
    static int who[2] = {0, 1};
    trale_task *one = spawn_on(NULL, crossing, &who[0]), *two = spawn_on(NULL, crossing, &who[1]);

    ck_assert_int_eq(join(one), 0);
    ck_assert_int_eq(join(two), 0);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "scope_nested", an_inner_deadline_ends_what_is_inside,
               an_outer_deadline_counts_inside_and_is_the_outer_ones,
               the_outer_deadline_comes_after_the_inner_ones,
               of_equal_deadlines_the_outer_one_is_told, a_scope_without_deadline_is_nothing,
               scopes_nest_as_deep_as_one_likes, a_function_that_is_called_has_its_own,
               a_cancel_goes_through_all_of_them, scopes_of_two_tasks_do_not_touch)
