/* Async functions: they go on where they stopped, and what they await is dropped exactly once. */
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include "probe.h"
#include "settle.h"
#include "waiters.h"

/* The example of the header. */
struct tick {
    trale_async async;
    int left;
    trale_sleep_future sleep;
};

TRALE_ASYNC(tick, struct tick)
{
    TRALE_ASYNC_BEGIN;
    while (self->left-- > 0) {
        trale_sleep_init(&self->sleep, TRALE_US);
        TRALE_AWAIT(&self->sleep.future);
    }
    TRALE_RETURN(42);
    TRALE_ASYNC_END;
}

static intptr_t await_tick(void *arg)
{
    struct tick t = {.async = TRALE_ASYNC_INIT(tick), .left = 3};

    (void)arg;
    return trale_await(&t.async.future);
}

START_TEST(a_loop_goes_on)
{
    struct tick t = {.async = TRALE_ASYNC_INIT(tick), .left = 3};
    trale_task *task;

    ck_assert_int_eq(await_tick(NULL), 42);
    ck_assert_int_eq(join(spawn_on(NULL, await_tick, NULL)), 42);
    ck_assert_int_eq(trale_spawn_future(&task, &t.async.future, sizeof t), 0);
    ck_assert_int_eq(join(task), 42);
}
END_TEST

/* Awaits probes, which say where it is: one digit of path for each place it went on from. */
enum { PLACES = 6 };

struct walk {
    trale_async async;
    struct probe *probes; /* PLACES of them, each awaited once */
    int next, i, j;
    intptr_t path;
    struct probe_future await;
};

#define STEP(place) \
    do { \
        self->await = probe_future(&self->probes[self->next++]); \
        TRALE_AWAIT(&self->await.future); \
        self->path = self->path * 10 + (place) + self->await.future.output; \
    } while (0)

TRALE_ASYNC(loops, struct walk)
{
    TRALE_ASYNC_BEGIN;
    for (self->i = 0; self->i < 2; self->i++)
        for (self->j = 0; self->j < 2; self->j++)
            STEP(1 + 2 * self->i + self->j);
    do
        STEP(5);
    while (self->next < PLACES);
    TRALE_RETURN(self->path);
    TRALE_ASYNC_END;
}

TRALE_ASYNC(switches, struct walk)
{
    TRALE_ASYNC_BEGIN;
    while (self->next < PLACES)
        switch (self->next) {
        case 0:
            STEP(1);
            /* fall through */
        case 1:
            STEP(2);
            break;
        case 2:
            if (self->path == 12)
                STEP(3);
            else
                STEP(9);
            switch (self->next) {
            default:
                STEP(4);
            }
            break;
        default:
            STEP(5);
            continue;
        }
    TRALE_RETURN(self->path);
    TRALE_ASYNC_END;
}

TRALE_ASYNC(jumps, struct walk)
{
    TRALE_ASYNC_BEGIN;
again:
    STEP(1);
    if (self->next < 3)
        goto again;
    goto inside;
    while (self->next < PLACES) {
        STEP(2);
    inside:
        STEP(3);
        if (self->next == PLACES)
            goto out;
    }
    TRALE_RETURN(-1);
out:
    TRALE_RETURN(self->path);
    TRALE_ASYNC_END;
}

/* Each await waits, is woken in vain, and is dropped before the function goes on. */
static intptr_t walk(const struct trale_future_ops *ops)
{
    struct probe probes[PLACES];
    struct walk w = {.async = {.future = {.ops = ops}}, .probes = probes};
    trale_task *task;

    for (int i = 0; i < PLACES; i++)
        probes[i] = (struct probe)PROBE;
    ck_assert_int_eq(trale_spawn_future(&task, &w.async.future, sizeof w), 0);
    memset(&w, 0xff, sizeof w);
    for (int i = 0; i < PLACES; i++) {
        probe_wait_polled(&probes[i], 1);
        if (i > 0)
            ck_assert_int_eq(probe_drops(&probes[i - 1]), 1);
        probe_wake(&probes[i]);
        probe_wait_polled(&probes[i], 2);
        ck_assert_int_eq(probe_drops(&probes[i]), 0);
        probe_finish(&probes[i], 0);
    }
    intptr_t path = join(task);
    for (int i = 0; i < PLACES; i++) {
        ck_assert_int_eq(probe_faults(&probes[i]), 0);
        ck_assert_int_eq(probe_drops(&probes[i]), 1);
    }
    return path;
}

START_TEST(an_await_may_stand_anywhere)
{
    ck_assert_int_eq(walk(&loops_ops), 123455);
    ck_assert_int_eq(walk(&switches_ops), 123455);
    ck_assert_int_eq(walk(&jumps_ops), 111323);
}
END_TEST

/* What it returns. */

struct give {
    trale_async async;
    intptr_t value;
    bool early;
};

TRALE_ASYNC(give, struct give)
{
    TRALE_ASYNC_BEGIN;
    if (self->early)
        TRALE_RETURN(self->value);
    TRALE_ASYNC_END;
}

START_TEST(it_returns_any_value)
{
    const intptr_t values[] = {0, 1, -1, -EIO, INTPTR_MAX, INTPTR_MIN};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct give g = {TRALE_ASYNC_INIT(give), values[i], true};
        ck_assert_int_eq(trale_await(&g.async.future), values[i]);
    }
}
END_TEST

START_TEST(at_its_end_it_returns_0)
{
    struct give g = {TRALE_ASYNC_INIT(give), 1, false};

    g.async.future.output = 7;
    ck_assert_int_eq(trale_await(&g.async.future), 0);
}
END_TEST

/* Dropped. */

/* Awaits two probes; its drop counts, after what it awaits. */
struct pair {
    trale_async async;
    struct probe *first, *second;
    struct probe_future await;
    int *drops;
};

static void pair_drop(trale_future *self)
{
    struct pair *p = (struct pair *)self;

    trale_async_drop(self);
    ++*p->drops;
}

TRALE_ASYNC_WITH(pair, struct pair, pair_drop)
{
    TRALE_ASYNC_BEGIN;
    self->await = probe_future(self->first);
    TRALE_AWAIT(&self->await.future);
    self->await = probe_future(self->second);
    TRALE_AWAIT(&self->await.future);
    TRALE_RETURN(self->await.future.output);
    TRALE_ASYNC_END;
}

static struct probe one = PROBE, two = PROBE;
static int drops;

static struct pair new_pair(void)
{
    one = (struct probe)PROBE;
    two = (struct probe)PROBE;
    drops = 0;
    return (struct pair){
        .async = TRALE_ASYNC_INIT(pair), .first = &one, .second = &two, .drops = &drops};
}

static trale_task *spawn_pair(void)
{
    struct pair p = new_pair();
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn_future(&task, &p.async.future, sizeof p), 0);
    return task;
}

static void expect_drops(int of_first, int of_second)
{
    ck_assert_int_eq(probe_drops(&one), of_first);
    ck_assert_int_eq(probe_drops(&two), of_second);
    ck_assert_int_eq(probe_faults(&one) + probe_faults(&two), 0);
    ck_assert_int_eq(drops, 1);
}

START_TEST(at_its_end_nothing_is_dropped_again)
{
    trale_task *task = spawn_pair();

    probe_wait_polled(&one, 1);
    probe_finish(&one, 0);
    probe_wait_polled(&two, 1);
    probe_finish(&two, 42);
    ck_assert_int_eq(join(task), 42);
    expect_drops(1, 1);
}
END_TEST

START_TEST(cancelled_it_drops_what_it_awaits)
{
    trale_task *task = spawn_pair();

    probe_wait_polled(&one, 1);
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    expect_drops(1, 0);

    task = spawn_pair();
    probe_wait_polled(&one, 1);
    probe_finish(&one, 0);
    probe_wait_polled(&two, 1);
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    expect_drops(1, 1);
}
END_TEST

START_TEST(never_polled_it_drops_nothing)
{
    struct hold h = HOLD;
    trale_task *task;

    hold_executor(&h);
    task = spawn_pair();
    trale_cancel(task);
    release_executor(&h);
    ck_assert_int_eq(join(task), -ECANCELED);
    expect_drops(0, 0);
    ck_assert_int_eq(probe_polls(&one), 0);
}
END_TEST

static intptr_t await_pair_in_scope(void *patience)
{
    struct pair p = new_pair();
    trale_scope scope;
    intptr_t output;

    trale_scope_enter(&scope, trale_now() + *(int64_t *)patience);
    output = trale_await(&p.async.future);
    return trale_scope_leave(&scope) == -ETIMEDOUT ? output : -1;
}

/* It may not have been polled in time: then again, with more. */
START_TEST(a_deadline_drops_what_it_awaits)
{
    new_pair();
    for (int64_t patience = TRALE_MS; probe_polls(&one) == 0; patience *= 2)
        ck_assert_int_eq(await_pair_in_scope(&patience), -ETIMEDOUT);
    expect_drops(1, 0);
    new_pair();
    for (int64_t patience = TRALE_MS; probe_polls(&one) == 0; patience *= 2)
        ck_assert_int_eq(join(spawn_on(NULL, await_pair_in_scope, &patience)), -ETIMEDOUT);
    expect_drops(1, 0);
}
END_TEST

/* One awaits another, which awaits another. */
struct nest {
    trale_async async;
    int depth;
    struct nest *inner;
    struct pair pair;
};

TRALE_ASYNC(nest, struct nest)
{
    TRALE_ASYNC_BEGIN;
    TRALE_AWAIT(self->depth > 0 ? &self->inner->async.future : &self->pair.async.future);
    TRALE_RETURN(
        (self->depth > 0 ? self->inner->async.future.output : self->pair.async.future.output) +
        1);
    TRALE_ASYNC_END;
}

static trale_task *spawn_nest(struct nest nests[3])
{
    trale_task *task = NULL;

    for (int i = 0; i < 3; i++)
        nests[i] = (struct nest){
            .async = TRALE_ASYNC_INIT(nest), .depth = i, .inner = i > 0 ? &nests[i - 1] : NULL};
    nests[0].pair = new_pair();
    ck_assert_int_eq(trale_spawn_future(&task, &nests[2].async.future, sizeof nests[2]), 0);
    probe_wait_polled(&one, 1);
    return task;
}

START_TEST(functions_await_functions)
{
    struct nest nests[3];
    trale_task *task = spawn_nest(nests);

    probe_finish(&one, 0);
    probe_wait_polled(&two, 1);
    probe_finish(&two, 42);
    ck_assert_int_eq(join(task), 45);
    expect_drops(1, 1);
}
END_TEST

START_TEST(the_innermost_is_dropped_once)
{
    struct nest nests[3];
    trale_task *task = spawn_nest(nests);

    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    expect_drops(1, 0);
}
END_TEST

/* With other futures. */

static intptr_t select_pair(void *wins)
{
    struct pair p = new_pair();
    trale_yield_future yield;

    trale_yield_init(&yield);
    one.finish = two.finish = wins != NULL;
    return TRALE_SELECT(&p.async.future, &yield.future);
}

START_TEST(it_is_an_arm_of_a_select)
{
    ck_assert_int_eq(join(spawn_on(NULL, select_pair, NULL)), 1);
    expect_drops(1, 0);
    ck_assert_int_eq(select_pair(NULL), 1);
    expect_drops(1, 0);
    ck_assert_int_eq(select_pair(&one), 0);
    expect_drops(1, 1);
}
END_TEST

START_TEST(it_is_joined_with_others)
{
    struct tick a = {.async = TRALE_ASYNC_INIT(tick), .left = 1};
    struct tick b = {.async = TRALE_ASYNC_INIT(tick), .left = 5};

    ck_assert_int_eq(TRALE_JOIN_ALL(&a.async.future, &b.async.future), 0);
    ck_assert_int_eq(a.async.future.output + b.async.future.output, 84);
}
END_TEST

/* A send without a buffer is completed by who receives, here by way of a function and a select. */
struct send {
    trale_async async;
    trale_channel *channel;
    int item;
    trale_channel_send_future send;
};

TRALE_ASYNC(send, struct send)
{
    TRALE_ASYNC_BEGIN;
    trale_channel_send_init(&self->send, self->channel, &self->item);
    TRALE_AWAIT(&self->send.future);
    TRALE_RETURN(self->send.future.output + self->item);
    TRALE_ASYNC_END;
}

static intptr_t select_send(void *channel)
{
    struct send s = {.async = TRALE_ASYNC_INIT(send), .channel = channel, .item = 7};
    struct probe_future p = probe_future(&one);
    int arm = TRALE_SELECT(&p.future, &s.async.future);

    return arm == 1 ? s.async.future.output : -1;
}

START_TEST(it_is_completed_from_outside)
{
    trale_channel *channel;
    trale_task *task;
    int item = 0;

    ck_assert_int_eq(trale_channel_new(&channel, sizeof item, 0), 0);
    task = spawn_on(NULL, select_send, channel);
    settle();
    ck_assert_int_eq(trale_channel_recv(channel, &item), 0);
    ck_assert_int_eq(item, 7);
    ck_assert_int_eq(join(task), 7);
    trale_channel_free(channel);
}
END_TEST

TRALE_ASYNC(nothing, struct give)
{
    TRALE_ASYNC_BEGIN;
    TRALE_AWAIT(NULL);
    TRALE_ASYNC_END;
}

static void await_nothing(void *arg)
{
    struct give g = {.async = TRALE_ASYNC_INIT(nothing)};

    (void)arg;
    trale_await(&g.async.future);
}

START_TEST(an_await_of_nothing_aborts)
{
    char output[1024];
    int status = test_in_child(await_nothing, NULL, output, sizeof output);

    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%#x %s", status, output);
    ck_assert_msg(strstr(output, "trale_future_poll") != NULL, "%s", output);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "async", a_loop_goes_on, an_await_may_stand_anywhere,
               it_returns_any_value, at_its_end_it_returns_0, at_its_end_nothing_is_dropped_again,
               cancelled_it_drops_what_it_awaits, never_polled_it_drops_nothing,
               a_deadline_drops_what_it_awaits, functions_await_functions,
               the_innermost_is_dropped_once, it_is_an_arm_of_a_select, it_is_joined_with_others,
               it_is_completed_from_outside, an_await_of_nothing_aborts)
