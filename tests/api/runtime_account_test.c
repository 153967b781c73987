/* A runtime that is waited for or freed knows at once of every task whose end can be known; and who
 * waited for it is told, even if it is gone before he looks. */
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <trale.h>

#include "gate.h"
#include "settle.h"
#include "obstinate.h"

enum { ROUNDS = 500 };

static trale_runtime *new_runtime(void)
{
    trale_runtime *runtime = NULL;
    ck_assert_int_eq(trale_runtime_new(&runtime, NULL), 0);
    return runtime;
}

static enum trale_poll be_ready(trale_future *self, trale_context *cx)
{
    (void)cx;
    self->output = 1;
    return TRALE_READY;
}

static intptr_t return_one(void *arg)
{
    (void)arg;
    return 1;
}

/* A fiber or a stackless task, in turn. */
static trale_task *spawn_short(trale_runtime *runtime, int round)
{
    static const struct trale_future_ops ops = {be_ready, NULL, NULL};
    trale_spawn_options options = {.runtime = runtime};
    trale_future f = {.ops = &ops};
    trale_task *task = NULL;
    if (round % 2)
        ck_assert_int_eq(trale_spawn_with(&task, &options, return_one, NULL), 0);
    else
        ck_assert_int_eq(trale_spawn_future_with(&task, &options, &f, sizeof f), 0);
    return task;
}

START_TEST(a_task_that_was_joined_does_not_count_for_free)
{
    for (int i = 0; i < test_scale(ROUNDS); i++) {
        trale_runtime *runtime = new_runtime();
        ck_assert_int_eq(join(spawn_short(runtime, i)), 1);
        ck_assert_int_eq(trale_runtime_free(runtime, trale_now()), 0);
    }
}
END_TEST

static intptr_t join_in_task(void *task)
{
    intptr_t result = 0;
    return trale_join(task, &result) == 0 ? result : -1;
}

START_TEST(a_task_that_a_task_elsewhere_joined_does_not_count_for_free)
{
    for (int i = 0; i < test_scale(ROUNDS); i++) {
        trale_runtime *runtime = new_runtime();
        intptr_t result = 0;
        ck_assert_int_eq(trale_block_on(join_in_task, spawn_short(runtime, i), &result), 0);
        ck_assert_int_eq(result, 1);
        ck_assert_int_eq(trale_runtime_free(runtime, trale_now()), 0);
    }
}
END_TEST

START_TEST(tasks_that_were_waited_for_do_not_count_for_free)
{
    for (int i = 0; i < test_scale(ROUNDS); i++) {
        trale_runtime *runtime = new_runtime();
        trale_task *task = spawn_short(runtime, i);
        ck_assert_int_eq(trale_runtime_wait(runtime), 0);
        ck_assert_int_eq(trale_runtime_free(runtime, trale_now()), 0);
        ck_assert_int_eq(join(task), 1); /* it has ended: free cancelled nothing */
    }
}
END_TEST

/* Its end cannot be known from outside, so that free may have to wait for it; it comes. */
START_TEST(a_detached_task_that_did_its_work_does_not_hold_up_free)
{
    for (int i = 0; i < test_scale(ROUNDS); i++) {
        trale_runtime *runtime = new_runtime();
        trale_spawn_options options = {.runtime = runtime};
        struct gate gate = GATE;
        ck_assert_int_eq(trale_spawn_with(NULL, &options, gate_open_in_task, &gate), 0);
        gate_wait(&gate);
        ck_assert_int_eq(trale_runtime_free(runtime, trale_now() + 10 * TRALE_SEC), 0);
    }
}
END_TEST

START_TEST(a_detached_task_that_did_its_work_does_not_hold_up_wait)
{
    trale_runtime *runtime = new_runtime();
    trale_spawn_options options = {.runtime = runtime};
    for (int i = 0; i < test_scale(ROUNDS); i++) {
        struct gate gate = GATE;
        ck_assert_int_eq(trale_spawn_with(NULL, &options, gate_open_in_task, &gate), 0);
        gate_wait(&gate);
        ck_assert_int_eq(trale_runtime_wait(runtime), 0);
    }
    ck_assert_int_eq(trale_runtime_free(runtime, trale_now()), 0);
}
END_TEST

START_TEST(the_earliest_deadline_of_all_has_passed)
{
    static const int64_t deadlines[] = {INT64_MIN, INT64_MIN + 1, -1, 0};
    for (int i = 0; i < 4; i++) {
        trale_runtime *runtime = new_runtime();
        struct obstinate s = OBSTINATE;
        trale_task *task = spawn_obstinate(runtime, &s);
        ck_assert_int_eq(trale_runtime_free(runtime, deadlines[i]), -ETIMEDOUT);
        release_obstinate(&s);
        ck_assert_int_eq(join(task), 77);
        ck_assert_int_eq(trale_runtime_free(runtime, deadlines[i]), 0);
    }
}
END_TEST

static intptr_t wait_in_fiber(void *runtime)
{
    return trale_runtime_wait(runtime);
}

static trale_task *spawn_waiter(trale_runtime *awaited, bool stackless)
{
    trale_runtime_wait_future f;
    trale_task *task = NULL;
    trale_runtime_wait_init(&f, awaited);
    if (stackless)
        ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    else
        ck_assert_int_eq(trale_spawn(&task, wait_in_fiber, awaited), 0);
    return task;
}

/* Another runtime, most likely at the same address, has a task: it is not the one that was meant. */
static void replace(trale_runtime *awaited, bool stackless, bool cancel)
{
    struct obstinate s = OBSTINATE, next = OBSTINATE;
    trale_task *other = spawn_obstinate(awaited, &s);
    struct hold h = HOLD;
    trale_task *waiter = spawn_waiter(awaited, stackless);
    settle(); /* the waiter waits */
    hold_executor(&h);
    release_obstinate(&s);
    ck_assert_int_eq(trale_runtime_free(awaited, TRALE_NEVER), 0);
    ck_assert_int_eq(join(other), 77);

    trale_runtime *replacement = new_runtime();
    other = spawn_obstinate(replacement, &next);
    if (cancel)
        trale_cancel(waiter);
    release_executor(&h);
    intptr_t result = join(waiter);
    ck_assert(result == 0 || (cancel && result == -ECANCELED));
    release_obstinate(&next);
    ck_assert_int_eq(join(other), 77);
    ck_assert_int_eq(trale_runtime_free(replacement, trale_now()), 0);
}

START_TEST(a_wait_ends_though_its_runtime_is_gone_before_the_waiter_looks)
{
    for (int i = 0; i < 40; i++)
        replace(new_runtime(), i % 2, i % 4 / 2);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "runtime_account",
               a_task_that_was_joined_does_not_count_for_free,
               a_task_that_a_task_elsewhere_joined_does_not_count_for_free,
               tasks_that_were_waited_for_do_not_count_for_free,
               a_detached_task_that_did_its_work_does_not_hold_up_free,
               a_detached_task_that_did_its_work_does_not_hold_up_wait,
               the_earliest_deadline_of_all_has_passed,
               a_wait_ends_though_its_runtime_is_gone_before_the_waiter_looks)
