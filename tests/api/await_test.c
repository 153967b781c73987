/* trale_await of futures written by hand, on plain threads and in fibers. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <trale.h>

#include "gate.h"
#include "probe.h"
#include "settle.h"

static intptr_t await_probe(void *probe)
{
    struct probe_future f = probe_future(probe);

    return trale_await(&f.future);
}

static void check(struct probe *p, int polls)
{
    ck_assert_int_eq(probe_polls(p), polls);
    ck_assert_int_eq(probe_drops(p), 1);
    ck_assert_int_eq(probe_faults(p), 0);
}

START_TEST(a_future_that_is_ready_is_polled_once_and_dropped)
{
    struct probe p = PROBE;

    probe_finish(&p, INTPTR_MIN);
    ck_assert_int_eq(await_probe(&p), INTPTR_MIN);
    check(&p, 1);
}
END_TEST

static void *finish_when_polled(void *arg)
{
    struct probe *p = arg;

    probe_wait_polled(p, 1);
    probe_finish(p, 13);
    return NULL;
}

static void *finish_after_wakes(void *arg)
{
    struct probe *p = arg;

    for (int i = 1; i <= 5; i++) {
        probe_wait_polled(p, i);
        probe_wake(p);
    }
    probe_wait_polled(p, 6);
    probe_finish(p, 14);
    return NULL;
}

/* Awaits on this thread, while another does what fn says. */
static intptr_t await_with(void *(*fn)(void *), struct probe *p)
{
    pthread_t thread;
    intptr_t output;

    ck_assert_int_eq(pthread_create(&thread, NULL, fn, p), 0);
    output = await_probe(p);
    pthread_join(thread, NULL);
    return output;
}

START_TEST(a_thread_waits_until_another_wakes_it)
{
    struct probe p = PROBE;

    ck_assert_int_eq(await_with(finish_when_polled, &p), 13);
    ck_assert_int_ge(probe_polls(&p), 1); /* once if the poll still ran */
    ck_assert_int_le(probe_polls(&p), 2);
    check(&p, probe_polls(&p));
}
END_TEST

START_TEST(a_thread_polls_once_for_each_wake)
{
    struct probe p = PROBE;

    ck_assert_int_eq(await_with(finish_after_wakes, &p), 14);
    ck_assert_int_ge(probe_polls(&p), 6);
    ck_assert_int_le(probe_polls(&p), 7);
    check(&p, probe_polls(&p));
}
END_TEST

static intptr_t finish_as_task(void *arg)
{
    finish_when_polled(arg);
    return 0;
}

START_TEST(a_thread_waits_until_a_task_wakes_it)
{
    struct probe p = PROBE;

    ck_assert_int_eq(trale_spawn(NULL, finish_as_task, &p), 0);
    ck_assert_int_eq(await_probe(&p), 13);
    check(&p, probe_polls(&p));
}
END_TEST

static enum trale_poll wake_often_in_poll(struct probe *p, trale_context *cx)
{
    p->output = p->polls;
    for (int i = 0; i < 10; i++)
        trale_waker_wake(trale_context_waker(cx));
    return p->polls == 5 ? TRALE_READY : TRALE_PENDING;
}

START_TEST(wakes_by_the_poll_itself_count_once)
{
    struct probe thread = PROBE_STEP(wake_often_in_poll), fiber = PROBE_STEP(wake_often_in_poll);
    trale_task *task;

    ck_assert_int_eq(await_probe(&thread), 5);
    check(&thread, 5);
    ck_assert_int_eq(trale_spawn(&task, await_probe, &fiber), 0);
    ck_assert_int_eq(join(task), 5);
    check(&fiber, 5);
}
END_TEST

START_TEST(a_wake_that_nobody_waited_for_costs_the_next_await_one_poll_at_most)
{
    struct probe early = PROBE_STEP(wake_often_in_poll), p = PROBE;

    await_probe(&early); /* was woken in the poll that was ready */
    ck_assert_int_eq(await_with(finish_when_polled, &p), 13);
    ck_assert_int_le(probe_polls(&p), 3);
    check(&p, probe_polls(&p));
}
END_TEST

START_TEST(a_fiber_awaits_what_a_thread_finishes)
{
    struct probe p = PROBE;
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, await_probe, &p), 0);
    settle();
    ck_assert_int_eq(probe_polls(&p), 1);
    probe_finish(&p, -3);
    ck_assert_int_eq(join(task), -3);
    check(&p, 2);
}
END_TEST

static void note_drop(struct probe *p, trale_future *future)
{
    (void)future;
    *(int *)p->arg = 1;
}

START_TEST(the_drop_has_run_when_the_await_returns)
{
    struct probe p = PROBE;
    int dropped = 0;

    p.dropping = note_drop;
    p.arg = &dropped;
    probe_finish(&p, 0);
    await_probe(&p);
    ck_assert_int_eq(dropped, 1);
}
END_TEST

static intptr_t await_pointer(void *future)
{
    return trale_await(future);
}

START_TEST(what_is_no_future_is_refused)
{
    static const struct trale_future_ops no_poll = {0};
    trale_future without_ops = {0}, without_poll = {&no_poll, 0};
    intptr_t result = 0;

    ck_assert_int_eq(trale_await(NULL), -EINVAL);
    ck_assert_int_eq(trale_await(&without_ops), -EINVAL);
    ck_assert_int_eq(trale_await(&without_poll), -EINVAL);
    ck_assert_int_eq(trale_block_on(await_pointer, NULL, &result), 0);
    ck_assert_int_eq(result, -EINVAL);
}
END_TEST

static enum trale_poll count_down(trale_future *self, trale_context *cx)
{
    if (--self->output > 0) {
        trale_waker_wake(trale_context_waker(cx));
        return TRALE_PENDING;
    }
    return TRALE_READY;
}

static const struct trale_future_ops count_down_ops = {count_down, NULL, NULL};

static enum trale_poll poll_inner(struct probe *p, trale_context *cx)
{
    enum trale_poll poll = trale_future_poll(p->arg, cx);

    p->output = poll == TRALE_READY ? 100 + ((trale_future *)p->arg)->output : 0;
    return poll;
}

START_TEST(a_future_made_of_another_passes_its_context_on)
{
    trale_future inner = {&count_down_ops, 4};
    struct probe p = PROBE_STEP(poll_inner);

    p.arg = &inner;
    ck_assert_int_eq(await_probe(&p), 100);
    check(&p, 4);
}
END_TEST

START_TEST(dropping_what_has_no_drop_does_nothing)
{
    trale_future without_drop = {&count_down_ops, 0}, without_ops = {0};

    trale_future_drop(NULL);
    trale_future_drop(&without_drop);
    trale_future_drop(&without_ops);
}
END_TEST

/* Two sides that take turns: each waits until the number has its parity, and adds one. */
#define TURNS 5000

static struct {
    pthread_mutex_t lock;
    int number;
    trale_waker *waker[2];
} game = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct turn_future {
    trale_future future;
    int side;
};

static enum trale_poll turn_poll(trale_future *self, trale_context *cx)
{
    int side = ((struct turn_future *)self)->side;
    trale_waker *other = NULL, *old = NULL;
    bool mine;

    pthread_mutex_lock(&game.lock);
    mine = game.number % 2 == side;
    if (mine) {
        game.number++;
        other = trale_waker_clone(game.waker[!side]);
    } else {
        old = game.waker[side];
        game.waker[side] = trale_waker_clone(trale_context_waker(cx));
    }
    pthread_mutex_unlock(&game.lock);
    trale_waker_drop(old);
    trale_waker_wake(other);
    trale_waker_drop(other);
    return mine ? TRALE_READY : TRALE_PENDING;
}

static intptr_t play(void *side)
{
    static const struct trale_future_ops ops = {turn_poll, NULL, "turn"};
    intptr_t output = 0;

    for (int i = 0; i < TURNS && output == 0; i++) {
        struct turn_future f = {{&ops, 0}, (int)(intptr_t)side};
        output = trale_await(&f.future);
    }
    return output;
}

static void *play_in_thread(void *side)
{
    return (void *)play(side);
}

static void finish_game(void)
{
    ck_assert_int_eq(game.number, 2 * TURNS);
    trale_waker_drop(game.waker[0]);
    trale_waker_drop(game.waker[1]);
}

START_TEST(two_threads_that_take_turns_lose_no_wake)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, play_in_thread, (void *)1), 0);
    ck_assert_int_eq(play((void *)0), 0);
    pthread_join(thread, NULL);
    finish_game();
}
END_TEST

START_TEST(a_thread_and_a_fiber_that_take_turns_lose_no_wake)
{
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, play, (void *)1), 0);
    ck_assert_int_eq(play((void *)0), 0);
    ck_assert_int_eq(join(task), 0);
    finish_game();
}
END_TEST

START_TEST(two_fibers_that_take_turns_lose_no_wake)
{
    trale_task *one, *two;

    ck_assert_int_eq(trale_spawn(&one, play, (void *)1), 0);
    ck_assert_int_eq(trale_spawn(&two, play, (void *)0), 0);
    ck_assert_int_eq(join(one), 0);
    ck_assert_int_eq(join(two), 0);
    finish_game();
}
END_TEST

static enum trale_poll return_seven(trale_future *self, trale_context *cx)
{
    (void)cx;
    self->output++;
    return (enum trale_poll)7;
}

static const struct trale_future_ops sevens = {return_seven, NULL, NULL};

static intptr_t await_seven(void *arg)
{
    trale_future f = {&sevens, (intptr_t)arg};

    return trale_await(&f);
}

/* Only TRALE_PENDING is pending, whoever waits: nobody is going to wake for the rest. */
START_TEST(what_is_neither_pending_nor_ready_counts_as_ready)
{
    trale_future f = {&sevens, 30};
    trale_task *task;
    intptr_t result = 0;

    ck_assert_int_eq(await_seven((void *)10), 11);
    ck_assert_int_eq(trale_block_on(await_seven, (void *)20, &result), 0);
    ck_assert_int_eq(result, 21);
    ck_assert_int_eq(trale_spawn_future(&task, &f, sizeof f), 0);
    ck_assert_int_eq(join(task), 31);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "await",
               a_future_that_is_ready_is_polled_once_and_dropped,
               a_thread_waits_until_another_wakes_it, a_thread_polls_once_for_each_wake,
               a_thread_waits_until_a_task_wakes_it, wakes_by_the_poll_itself_count_once,
               a_wake_that_nobody_waited_for_costs_the_next_await_one_poll_at_most,
               a_fiber_awaits_what_a_thread_finishes, the_drop_has_run_when_the_await_returns,
               what_is_no_future_is_refused, a_future_made_of_another_passes_its_context_on,
               dropping_what_has_no_drop_does_nothing, two_threads_that_take_turns_lose_no_wake,
               a_thread_and_a_fiber_that_take_turns_lose_no_wake,
               two_fibers_that_take_turns_lose_no_wake,
               what_is_neither_pending_nor_ready_counts_as_ready)
