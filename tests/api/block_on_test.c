/* trale_block_on: a spawn and a join in one, from threads and from tasks. */
#include "suite.h"

#include <errno.h>
#include <trale.h>

#include "gate.h"
#include "probe.h"
#include "settle.h"

static intptr_t return_arg(void *arg)
{
    return (intptr_t)arg;
}

START_TEST(a_thread_blocks_until_the_result_is_there)
{
    intptr_t result = 0;

    ck_assert_int_eq(trale_block_on(return_arg, (void *)INTPTR_MIN, &result), 0);
    ck_assert_int_eq(result, INTPTR_MIN);
    ck_assert_int_eq(trale_block_on(return_arg, NULL, NULL), 0);
}
END_TEST

START_TEST(no_function_is_refused)
{
    intptr_t result = 99;

    ck_assert_int_eq(trale_block_on(NULL, NULL, &result), -EINVAL);
    ck_assert_int_eq(result, 99);
}
END_TEST

/* As many tasks as the argument says, each waiting for the next. */
static intptr_t nest(void *arg)
{
    intptr_t depth = (intptr_t)arg, result = 0;
    int error = depth == 0 ? 0 : trale_block_on(nest, (void *)(depth - 1), &result);

    return error < 0 ? error : result + depth;
}

START_TEST(tasks_block_on_tasks)
{
    intptr_t result = 0;

    ck_assert_int_eq(trale_block_on(nest, (void *)20, &result), 0);
    ck_assert_int_eq(result, 210);
}
END_TEST

static intptr_t yield_twice(void *arg)
{
    (void)arg;
    return trale_yield() == 0 && trale_yield() == 0 ? 8 : -1;
}

START_TEST(the_task_may_wait)
{
    intptr_t result = 0;

    ck_assert_int_eq(trale_block_on(yield_twice, NULL, &result), 0);
    ck_assert_int_eq(result, 8);
}
END_TEST

struct nested {
    struct gate started, go_on;
    intptr_t seen;   /* what the inner task's wait returned */
    bool ended;      /* set as the last thing in the inner task */
    bool was_ended;  /* what the outer one saw as its call returned */
    int error;       /* what the call returned */
    intptr_t result; /* of the inner task */
};

static intptr_t wait_then_finish(void *arg)
{
    struct nested *n = arg;

    gate_open(&n->started);
    n->seen = trale_sleep(TRALE_NEVER);
    gate_wait(&n->go_on); /* it takes its time */
    n->ended = true;
    return 55;
}

static intptr_t block_on_waiting(void *arg)
{
    struct nested *n = arg;

    n->error = trale_block_on(wait_then_finish, n, &n->result);
    n->was_ended = n->ended;
    return trale_cancelled();
}

START_TEST(a_cancelled_caller_cancels_the_task_and_waits_for_its_end)
{
    struct nested n = {.started = GATE, .go_on = GATE};
    trale_task *outer;

    ck_assert_int_eq(trale_spawn(&outer, block_on_waiting, &n), 0);
    gate_wait(&n.started);
    settle();
    trale_cancel(outer);
    gate_open(&n.go_on);
    ck_assert_int_eq(join(outer), 1);
    ck_assert_int_eq(n.seen, -ECANCELED);
    ck_assert(n.was_ended);
    ck_assert_int_eq(n.error, 0);
    ck_assert_int_eq(n.result, 55);
}
END_TEST

static intptr_t wait_shrugging(void *arg)
{
    struct nested *n = arg;

    gate_open(&n->started);
    n->seen = trale_sleep(TRALE_NEVER);
    for (int i = 0; i < 10; i++)
        trale_yield(); /* fails at once */
    n->ended = true;
    return trale_spawn(NULL, return_arg, NULL);
}

static intptr_t block_on_shrugging(void *arg)
{
    struct nested *n = arg;

    n->error = trale_block_on(wait_shrugging, n, NULL);
    n->was_ended = n->ended;
    return 0;
}

START_TEST(a_cancelled_caller_may_ignore_the_result)
{
    struct nested n = {.started = GATE, .go_on = GATE};
    trale_task *outer;

    ck_assert_int_eq(trale_spawn(&outer, block_on_shrugging, &n), 0);
    gate_wait(&n.started);
    settle();
    trale_cancel(outer);
    join(outer);
    ck_assert(n.was_ended);
    ck_assert_int_eq(n.error, 0);
}
END_TEST

static intptr_t cancel_self_and_block_on(void *ran)
{
    trale_cancel(trale_self());
    return trale_block_on(gate_open_in_task, ran, NULL);
}

START_TEST(a_caller_that_was_cancelled_before_starts_nothing)
{
    struct gate ran = GATE;
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, cancel_self_and_block_on, &ran), 0);
    ck_assert_int_eq(join(task), -ECANCELED);
    settle();
    ck_assert_int_eq(gate_opened(&ran), 0);
}
END_TEST

START_TEST(as_a_future_it_gives_0_and_the_result)
{
    trale_block_on_future f;
    intptr_t result = 0;

    trale_block_on_init(&f, return_arg, (void *)-9, &result);
    ck_assert_int_eq(trale_await(&f.future), 0);
    ck_assert_int_eq(result, -9);
    trale_block_on_init(&f, NULL, NULL, &result);
    ck_assert_int_eq(trale_await(&f.future), -EINVAL);
}
END_TEST

static enum trale_poll poll_inner(struct probe *p, trale_context *cx)
{
    return trale_future_poll(p->arg, cx);
}

static void drop_inner(struct probe *p, trale_future *future)
{
    (void)future;
    trale_future_drop(p->arg);
}

START_TEST(as_a_future_dropped_early_it_cancels_the_task)
{
    struct nested n = {.started = GATE, .go_on = GATE};
    struct probe p = PROBE_STEP(poll_inner);
    trale_block_on_future f;
    trale_task *outer;

    trale_block_on_init(&f, wait_then_finish, &n, &n.result);
    p.arg = &f;
    p.dropping = drop_inner;
    outer = probe_spawn(&p);
    gate_wait(&n.started);
    settle();
    trale_cancel(outer);
    ck_assert_int_eq(join(outer), -ECANCELED); /* although the inner task still has to end */
    gate_open(&n.go_on);
    ck_assert_int_eq(trale_runtime_wait(trale_runtime_default()), 0);
    ck_assert_int_eq(n.seen, -ECANCELED);
    ck_assert(n.ended);
    ck_assert_int_eq(n.result, 0);
}
END_TEST

START_TEST(as_a_future_that_was_never_polled_it_starts_nothing)
{
    struct gate ran = GATE;
    trale_block_on_future f;

    trale_block_on_init(&f, gate_open_in_task, &ran, NULL);
    trale_future_drop(&f.future);
    settle();
    ck_assert_int_eq(gate_opened(&ran), 0);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "block_on", a_thread_blocks_until_the_result_is_there,
               no_function_is_refused, tasks_block_on_tasks, the_task_may_wait,
               a_cancelled_caller_cancels_the_task_and_waits_for_its_end,
               a_cancelled_caller_may_ignore_the_result,
               a_caller_that_was_cancelled_before_starts_nothing,
               as_a_future_it_gives_0_and_the_result,
               ON_THREAD(as_a_future_dropped_early_it_cancels_the_task,
                         "it waits until its runtime has no task left"),
               as_a_future_that_was_never_polled_it_starts_nothing)
