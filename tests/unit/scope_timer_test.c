/*
 * The timers of scopes, counted: fibers on a run queue that is driven by hand, deadlines that pass
 * when the test says so.
 */
#include "suite.h"

#include <errno.h>
#include <string.h>

#include <trale/scope.h>

#include "probe.h"
#include "task/fiber.h"
#include "task/task.h"
#include "task/thread.h"

#define FAR (3600 * TRALE_SEC)

static struct run_queue queue;
static int armed, disarmed, wrong;
static trale_waker *wakers[8]; /* of what is armed; the timer's place is its number + 1 */

static void arm(struct run_queue *home, struct trale_timer *timer, trale_waker *waker)
{
    wrong += home != &queue || timer->place != 0;
    wakers[armed] = waker;
    timer->place = (unsigned)++armed;
}

static void disarm(struct trale_timer *timer)
{
    disarmed += timer->place != 0;
    timer->place = 0;
}

/* The deadline of that scope passes. */
static void fire(trale_scope *scope)
{
    trale_waker *waker;

    ck_assert_uint_ne(scope->timer.place, 0);
    waker = wakers[scope->timer.place - 1];
    scope->timer.place = 0;
    scope->deadline = 0;
    trale_waker_wake(waker);
}

static void account(struct run_queue *q)
{
    q->ended = 0;
}

static void setup(void)
{
    static const struct deadline_ops ops = {arm, disarm};

    memset(&queue, 0, sizeof queue);
    list_init(&queue.ready);
    list_init(&queue.waiting);
    queue.account = account;
    queue.deadlines = &ops;
    this_thread.queue = &queue;
    armed = disarmed = wrong = 0;
}

static trale_task *spawn(trale_fn *fn)
{
    trale_task *task =
        fiber_new(&(struct fiber_options){.fn = fn, .stack_size = 65536, .handle = true});

    ck_assert_ptr_nonnull(task);
    task->home = &queue;
    state_born_here(&task->waker.state);
    task_submit(task);
    return task;
}

static void poll_all(void)
{
    run_queue_poll(&queue, 100, NULL);
}

/* The task has ended well, and has left no timer behind; so many were armed in all. */
static void check(trale_task *task, int timers, int still_pending)
{
    ck_assert(state_is_done(&task->waker.state));
    ck_assert_int_eq(task->result, 0);
    ck_assert_int_eq(armed, timers);
    ck_assert_int_eq(disarmed, still_pending);
    ck_assert_int_eq(wrong, 0);
    trale_detach(task);
}

static struct probe probes[4];
static trale_scope outer, inner;

static intptr_t await(int number)
{
    struct probe_future f = probe_future(&probes[number]);

    return trale_await(&f.future);
}

static void new_probes(void)
{
    for (int i = 0; i < 4; i++)
        probes[i] = (struct probe)PROBE;
}

#define EXPECT(condition) \
    do { \
        if (!(condition)) \
            return __LINE__; \
    } while (0)

static intptr_t find_all_ready(void *arg)
{
    (void)arg;
    trale_scope_enter(&outer, trale_now() + FAR);
    for (int i = 0; i < 3; i++)
        EXPECT(await(i) == 1);
    EXPECT(trale_yield() == 0);
    EXPECT(trale_scope_leave(&outer) == 0);
    return 0;
}

START_TEST(what_need_not_wait_arms_nothing)
{
    trale_task *task;

    new_probes();
    for (int i = 0; i < 3; i++)
        probe_finish(&probes[i], 1);
    task = spawn(find_all_ready);
    poll_all();
    check(task, 0, 0);
}
END_TEST

START_TEST(a_scope_has_one_timer_for_all_its_waits)
{
    trale_task *task;

    new_probes();
    task = spawn(find_all_ready);
    poll_all();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(armed, 1);
        ck_assert_int_eq(disarmed, 0);
        probe_wake(&probes[i]); /* for nothing */
        poll_all();
        probe_finish(&probes[i], 1);
        poll_all();
    }
    check(task, 1, 1);
}
END_TEST

static intptr_t time_out(void *arg)
{
    (void)arg;
    trale_scope_enter(&outer, trale_now() + FAR);
    EXPECT(await(0) == -ETIMEDOUT);
    EXPECT(await(1) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&outer) == -ETIMEDOUT);
    EXPECT(await(2) == 1);
    return 0;
}

START_TEST(a_timer_that_fires_ends_the_wait_and_is_not_armed_again)
{
    trale_task *task;

    new_probes();
    task = spawn(time_out);
    poll_all();
    fire(&outer);
    poll_all();
    ck_assert_int_eq(probe_polls(&probes[0]), 1);
    ck_assert_int_eq(probe_drops(&probes[0]), 1);
    ck_assert_int_eq(probes[0].output_at_drop, -ETIMEDOUT);
    ck_assert_int_eq(probe_polls(&probes[1]), 0);
    ck_assert_int_eq(probe_drops(&probes[1]), 1);
    probe_finish(&probes[2], 1);
    poll_all();
    check(task, 1, 0);
}
END_TEST

/* Both wakes come before the next poll, in either order. */
static void fire_with_finish(bool finish_first)
{
    trale_task *task;

    new_probes();
    task = spawn(time_out);
    poll_all();
    if (finish_first)
        probe_finish(&probes[0], 5);
    fire(&outer);
    if (!finish_first)
        probe_finish(&probes[0], 5);
    probe_finish(&probes[2], 1);
    poll_all();
    ck_assert_int_eq(probe_drops(&probes[0]), 1);
    ck_assert_int_eq(probe_faults(&probes[0]), 0);
    check(task, 1, 0);
}

START_TEST(a_deadline_and_readiness_at_once_are_one_poll)
{
    fire_with_finish(false);
    setup();
    fire_with_finish(true);
}
END_TEST

/* It finds in its drop that it was completed by somebody else. */
static void take_effect(struct probe *p, trale_future *future)
{
    (void)p;
    future->output = 9;
}

static intptr_t be_completed_in_time(void *arg)
{
    (void)arg;
    trale_scope_enter(&outer, trale_now() + FAR);
    EXPECT(await(0) == 9);
    EXPECT(trale_scope_leave(&outer) == 0);
    return 0;
}

START_TEST(what_took_effect_was_not_ended)
{
    trale_task *task;

    new_probes();
    probes[0].dropping = take_effect;
    task = spawn(be_completed_in_time);
    poll_all();
    fire(&outer);
    poll_all();
    check(task, 1, 0);
}
END_TEST

static intptr_t wait_outside_too(void *arg)
{
    (void)arg;
    trale_scope_enter(&outer, trale_now() + FAR);
    trale_scope_enter_shielded(&inner, TRALE_NEVER);
    EXPECT(await(0) == 1); /* shields arm nothing */
    EXPECT(trale_scope_leave(&inner) == 0);
    EXPECT(await(1) == 1); /* arms the outer one */
    trale_scope_enter_shielded(&inner, TRALE_NEVER);
    EXPECT(await(2) == 1); /* meanwhile that fires */
    EXPECT(trale_scope_leave(&inner) == 0);
    EXPECT(await(3) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&outer) == -ETIMEDOUT);
    return 0;
}

START_TEST(a_timer_that_fires_during_another_wait_is_one_poll_for_nothing)
{
    trale_task *task;

    new_probes();
    task = spawn(wait_outside_too);
    poll_all();
    ck_assert_int_eq(armed, 0);
    probe_finish(&probes[0], 1);
    poll_all();
    ck_assert_int_eq(armed, 1);
    probe_finish(&probes[1], 1);
    poll_all();
    ck_assert_int_eq(probe_polls(&probes[2]), 1);
    fire(&outer);
    poll_all();
    ck_assert_int_eq(probe_polls(&probes[2]), 2);
    probe_finish(&probes[2], 1);
    poll_all();
    ck_assert_int_eq(probe_drops(&probes[3]), 1);
    check(task, 1, 0);
}
END_TEST

static intptr_t yield_meanwhile(void *arg)
{
    (void)arg;
    trale_scope_enter(&outer, trale_now() + FAR);
    EXPECT(await(0) == 1);
    EXPECT(trale_yield() == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&outer) == -ETIMEDOUT);
    EXPECT(await(1) == 1);
    return 0;
}

/* It stands on the run queue, and does not come to stand there twice. */
START_TEST(a_timer_that_fires_while_its_task_is_ready_adds_no_poll)
{
    trale_task *task;

    new_probes();
    task = spawn(yield_meanwhile);
    poll_all();
    probe_finish(&probes[0], 1);
    run_queue_poll(&queue, 1, NULL);
    fire(&outer);
    ck_assert_ptr_eq(queue.ready.next, &task->link);
    ck_assert_ptr_eq(task->link.next, &queue.ready);
    poll_all();
    ck_assert_int_eq(probe_polls(&probes[1]), 1);
    probe_finish(&probes[1], 1);
    poll_all();
    check(task, 1, 0);
}
END_TEST

static intptr_t nest(void *arg)
{
    (void)arg;
    trale_scope_enter(&outer, trale_now() + FAR);
    trale_scope_enter(&inner, trale_now() + FAR / 2);
    EXPECT(await(0) == 1);
    EXPECT(trale_scope_leave(&inner) == 0);
    EXPECT(await(1) == 1);
    trale_scope_enter(&inner, trale_now() + 2 * FAR); /* the outer one counts, and has a timer */
    EXPECT(await(2) == 1);
    EXPECT(trale_scope_leave(&inner) == 0);
    EXPECT(trale_scope_leave(&outer) == 0);
    return 0;
}

START_TEST(only_the_nearest_deadline_has_a_timer)
{
    trale_task *task;

    new_probes();
    task = spawn(nest);
    poll_all();
    ck_assert_int_eq(armed, 1);
    ck_assert_uint_eq(outer.timer.place, 0);
    probe_finish(&probes[0], 1);
    poll_all();
    ck_assert_int_eq(disarmed, 1);
    ck_assert_int_eq(armed, 2);
    probe_finish(&probes[1], 1);
    poll_all();
    probe_finish(&probes[2], 1);
    poll_all();
    check(task, 2, 2);
}
END_TEST

static intptr_t be_cancelled(void *arg)
{
    (void)arg;
    trale_scope_enter(&outer, trale_now() + FAR);
    EXPECT(await(0) == -ECANCELED);
    EXPECT(trale_scope_leave(&outer) == 0);
    return 0;
}

START_TEST(a_cancel_disarms_it)
{
    trale_task *task;

    new_probes();
    task = spawn(be_cancelled);
    poll_all();
    trale_cancel(task);
    poll_all();
    check(task, 1, 1);
}
END_TEST

static intptr_t have_no_deadline(void *arg)
{
    (void)arg;
    trale_scope_enter(&outer, TRALE_NEVER);
    EXPECT(await(0) == 1);
    EXPECT(trale_scope_leave(&outer) == 0);
    trale_scope_enter(&outer, trale_now());
    EXPECT(await(1) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&outer) == -ETIMEDOUT);
    return 0;
}

START_TEST(no_deadline_and_one_that_has_passed_arm_nothing)
{
    trale_task *task;

    new_probes();
    task = spawn(have_no_deadline);
    poll_all();
    probe_finish(&probes[0], 1);
    poll_all();
    check(task, 0, 0);
}
END_TEST

TEST_MAIN_WITH(setup, NULL, "scope_timer", what_need_not_wait_arms_nothing,
               a_scope_has_one_timer_for_all_its_waits,
               a_timer_that_fires_ends_the_wait_and_is_not_armed_again,
               a_deadline_and_readiness_at_once_are_one_poll, what_took_effect_was_not_ended,
               a_timer_that_fires_during_another_wait_is_one_poll_for_nothing,
               a_timer_that_fires_while_its_task_is_ready_adds_no_poll,
               only_the_nearest_deadline_has_a_timer, a_cancel_disarms_it,
               no_deadline_and_one_that_has_passed_arm_nothing)
