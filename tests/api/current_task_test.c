/* What trale_self, trale_cancelled and trale_yield say in a task, and outside. */
#include "suite.h"

#include <errno.h>
#include <trale.h>

#include "gate.h"
#include "probe.h"
#include "settle.h"

/* Of one executor, for what they do depends on each other's turns. */
static const trale_spawn_options on_first = {.executor = 1};

START_TEST(a_plain_thread_is_no_task)
{
    ck_assert_ptr_null(trale_self());
    ck_assert(!trale_cancelled());
}
END_TEST

START_TEST(a_plain_thread_may_yield)
{
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(trale_yield(), 0);
}
END_TEST

START_TEST(a_plain_thread_may_await_a_yield)
{
    trale_yield_future f;

    trale_yield_init(&f);
    ck_assert_int_eq(trale_await(&f.future), 0);
}
END_TEST

static intptr_t self_over_time(void *arg)
{
    trale_task *self = trale_self();
    bool same = self != NULL;

    (void)arg;
    for (int i = 0; i < 5; i++)
        same = same && trale_yield() == 0 && trale_self() == self;
    same = same && trale_sleep(TRALE_US) == 0 && trale_self() == self;
    return same && !trale_cancelled() ? (intptr_t)self : -1;
}

START_TEST(a_fiber_knows_its_handle)
{
    trale_task *one, *two;

    ck_assert_int_eq(trale_spawn(&one, self_over_time, NULL), 0);
    ck_assert_int_eq(trale_spawn(&two, self_over_time, NULL), 0);
    ck_assert_int_eq(join(one), (intptr_t)one);
    ck_assert_int_eq(join(two), (intptr_t)two);
}
END_TEST

struct self_note {
    struct gate noted;
    trale_task *self;
};

static intptr_t note_self(void *arg)
{
    struct self_note *n = arg;

    n->self = trale_self();
    gate_open(&n->noted);
    return 0;
}

START_TEST(a_detached_fiber_is_a_task_too)
{
    struct self_note n = {.noted = GATE};

    ck_assert_int_eq(trale_spawn(NULL, note_self, &n), 0);
    gate_wait(&n.noted);
    ck_assert_ptr_nonnull(n.self);
}
END_TEST

static enum trale_poll self_in_poll(struct probe *p, trale_context *cx)
{
    (void)cx;
    p->output = (intptr_t)trale_self();
    return TRALE_READY;
}

static void self_in_drop(struct probe *p, trale_future *future)
{
    (void)future;
    p->arg = trale_self();
}

START_TEST(a_stackless_task_knows_its_handle_in_poll_and_drop)
{
    struct probe p = PROBE_STEP(self_in_poll);
    trale_task *task;

    p.dropping = self_in_drop;
    task = probe_spawn(&p);
    ck_assert_int_eq(join(task), (intptr_t)task);
    ck_assert_ptr_eq(p.arg, task);
}
END_TEST

static intptr_t await_self(void *arg)
{
    struct probe p = PROBE_STEP(self_in_poll);
    struct probe_future f = probe_future(&p);

    (void)arg;
    return trale_await(&f.future) == (intptr_t)trale_self();
}

START_TEST(the_poll_of_what_a_fiber_awaits_belongs_to_the_fiber)
{
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, await_self, NULL), 0);
    ck_assert_int_eq(join(task), 1);
}
END_TEST

START_TEST(a_poll_on_a_plain_thread_belongs_to_no_task)
{
    struct probe p = PROBE_STEP(self_in_poll);
    struct probe_future f = probe_future(&p);

    ck_assert_int_eq(trale_await(&f.future), 0);
}
END_TEST

struct question {
    struct gate started, cancelled;
    bool before, after;
    trale_task *self;
};

static intptr_t ask(void *arg)
{
    struct question *q = arg;

    q->self = trale_self();
    q->before = trale_cancelled();
    gate_open(&q->started);
    gate_wait(&q->cancelled);
    q->after = trale_cancelled();
    return 0;
}

START_TEST(a_task_sees_that_it_was_asked_to_stop)
{
    struct question q = {.started = GATE, .cancelled = GATE};
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, ask, &q), 0);
    gate_wait(&q.started);
    trale_cancel(task);
    ck_assert(!trale_cancelled()); /* it is not about us */
    gate_open(&q.cancelled);
    join(task);
    ck_assert_ptr_eq(q.self, task);
    ck_assert(!q.before && q.after);
}
END_TEST

static intptr_t await_yield(void *order)
{
    trale_yield_future f;

    *(int *)order = 1;
    trale_yield_init(&f);
    intptr_t output = trale_await(&f.future);
    return output == 0 ? *(int *)order : output;
}

static intptr_t set_two(void *order)
{
    *(int *)order = 2;
    return 0;
}

START_TEST(a_yield_is_a_future_as_well)
{
    struct hold h = HOLD;
    trale_task *one, *two;
    int order = 0;

    hold_executor(&h);
    ck_assert_int_eq(trale_spawn_with(&one, &on_first, await_yield, &order), 0);
    ck_assert_int_eq(trale_spawn_with(&two, &on_first, set_two, &order), 0);
    release_executor(&h);
    ck_assert_int_eq(join(one), 2);
    join(two);
}
END_TEST

TEST_MAIN_WITH(
    NULL, free_default_runtime, "current_task",
    ON_THREAD(a_plain_thread_is_no_task, "it is about plain threads"), a_plain_thread_may_yield,
    a_plain_thread_may_await_a_yield, a_fiber_knows_its_handle, a_detached_fiber_is_a_task_too,
    a_stackless_task_knows_its_handle_in_poll_and_drop,
    the_poll_of_what_a_fiber_awaits_belongs_to_the_fiber,
    ON_THREAD(a_poll_on_a_plain_thread_belongs_to_no_task, "it is about plain threads"),
    ON_THREAD(a_task_sees_that_it_was_asked_to_stop, "it stops a poll and goes on meanwhile"),
    a_yield_is_a_future_as_well)
