/* Sleeping: never too short, at least one yield, in tasks of both kinds and on plain threads. */
#include "suite.h"

#include <errno.h>
#include <string.h>
#include <trale.h>

#include "probe.h"
#include "seed.h"
#include "settle.h"

struct sleeper {
    int64_t duration, began, ended;
    int result;
};

static intptr_t sleep_once(void *arg)
{
    struct sleeper *s = arg;
    s->began = trale_now();
    s->result = trale_sleep(s->duration);
    s->ended = trale_now();
    return 0;
}

static void slept(const struct sleeper *s)
{
    ck_assert_int_eq(s->result, 0);
    ck_assert_int_gt(s->began, 0);
    ck_assert_msg(s->ended - s->began >= s->duration, "%lld ns were %lld", (long long)s->duration,
                  (long long)(s->ended - s->began));
}

static const int64_t special[] = {
    0,    1,      2,        -1,           INT64_MIN, -TRALE_SEC,   999,
    1000, 999999, TRALE_MS, TRALE_MS + 1, 1 << 20,   (1 << 20) - 1};

#define SPECIAL (sizeof special / sizeof *special)

START_TEST(a_task_never_wakes_early)
{
    enum { COUNT = 1000 };
    static struct sleeper sleepers[COUNT];
    static trale_task *tasks[COUNT];
    uint64_t seed = test_seed();
    for (unsigned i = 0; i < COUNT; i++) {
        sleepers[i].duration =
            i < SPECIAL ? special[i] : (int64_t)random_below(&seed, (uint32_t)(50 * TRALE_MS));
        ck_assert_int_eq(trale_spawn(&tasks[i], sleep_once, &sleepers[i]), 0);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        join(tasks[i]);
        slept(&sleepers[i]);
    }
}
END_TEST

START_TEST(a_plain_thread_never_wakes_early)
{
    uint64_t seed = test_seed();
    for (unsigned i = 0; i < 200; i++) {
        struct sleeper s = {.duration =
                                i < SPECIAL ? special[i] : (int64_t)random_below(&seed, 1000000)};
        sleep_once(&s);
        slept(&s);
    }
}
END_TEST

START_TEST(a_stackless_task_never_wakes_early)
{
    enum { COUNT = 500 };
    static trale_task *tasks[COUNT];
    static int64_t deadlines[COUNT];
    uint64_t seed = test_seed();
    for (unsigned i = 0; i < COUNT; i++) {
        trale_sleep_until_future f;
        deadlines[i] = trale_now() + (int64_t)random_below(&seed, (uint32_t)(20 * TRALE_MS));
        trale_sleep_until_init(&f, deadlines[i]);
        ck_assert_int_eq(trale_spawn_future(&tasks[i], &f.future, sizeof f), 0);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        ck_assert_int_eq(join(tasks[i]), 0);
        ck_assert_int_ge(trale_now(), deadlines[i]);
    }
}
END_TEST

START_TEST(sleep_until_a_deadline)
{
    static const int64_t past[] = {0, -1, INT64_MIN, 1};
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(trale_sleep_until(past[i]), 0);
    for (int i = 0; i < 20; i++) {
        int64_t deadline = trale_now() + i * TRALE_MS / 4;
        ck_assert_int_eq(trale_sleep_until(deadline), 0);
        ck_assert_int_ge(trale_now(), deadline);
    }
}
END_TEST

START_TEST(a_microsecond_a_thousand_times)
{
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(trale_sleep(TRALE_US), 0);
}
END_TEST

static intptr_t doze(void *arg)
{
    for (int i = 0; i < 1000; i++)
        if (trale_sleep(i % 3 == 0 ? 1 : i % 3 * TRALE_US) != 0)
            return -1;
    return (intptr_t)arg;
}

START_TEST(a_task_dozes_a_thousand_times)
{
    intptr_t result = -1;
    ck_assert_int_eq(trale_block_on(doze, (void *)7, &result), 0);
    ck_assert_int_eq(result, 7);
}
END_TEST

static intptr_t mark(void *arg)
{
    *(int *)arg = 1;
    return 0;
}

static intptr_t sleeps_that_yield(void *arg)
{
    const int64_t *duration = arg;
    int ran = 0;
    trale_spawn_options same = {.executor = 1};
    if (trale_spawn_with(NULL, &same, mark, &ran) != 0)
        return -1;
    return trale_sleep(*duration) == 0 ? ran : -1;
}

START_TEST(every_sleep_yields_once)
{
    for (unsigned i = 0; i < SPECIAL; i++) {
        int64_t duration = special[i];
        trale_spawn_options same = {.executor = 1};
        trale_task *task;
        ck_assert_int_eq(trale_spawn_with(&task, &same, sleeps_that_yield, &duration), 0);
        ck_assert_int_eq(join(task), 1);
    }
}
END_TEST

static intptr_t sleep_for(void *arg)
{
    return trale_sleep(*(int64_t *)arg);
}

static intptr_t sleep_till(void *arg)
{
    return trale_sleep_until(*(int64_t *)arg);
}

START_TEST(the_longest_sleeps_end_when_they_are_cancelled)
{
    int64_t times[] = {INT64_MAX, INT64_MAX - 1, INT64_MAX / 2,
                       trale_now() + 1000 * 3600 * TRALE_SEC};
    for (int i = 0; i < 8; i++) {
        trale_task *task;
        ck_assert_int_eq(trale_spawn(&task, i % 2 ? sleep_for : sleep_till, &times[i / 2]), 0);
        settle();
        ck_assert_int_eq(trale_cancel(task), 0);
        ck_assert_int_eq(join(task), -ECANCELED);
    }
    ck_assert_int_eq(trale_sleep(TRALE_MS), 0);
}
END_TEST

START_TEST(twenty_thousand_sleepers_all_wake)
{
    enum { COUNT = 20000 };
    static trale_task *tasks[COUNT];
    uint64_t seed = test_seed();
    int count = (int)test_scale(COUNT);
    for (int i = 0; i < count; i++) {
        trale_sleep_future f;
        trale_sleep_init(&f, (int64_t)random_below(&seed, (uint32_t)(200 * TRALE_MS)));
        ck_assert_int_eq(trale_spawn_future(&tasks[i], &f.future, sizeof f), 0);
    }
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(join(tasks[i]), 0);
}
END_TEST

START_TEST(two_thousand_sleeping_fibers_all_wake)
{
    enum { COUNT = 2000 };
    static struct sleeper sleepers[COUNT];
    static trale_task *tasks[COUNT];
    uint64_t seed = test_seed();
    for (int i = 0; i < COUNT; i++) {
        sleepers[i].duration = (int64_t)random_below(&seed, (uint32_t)(100 * TRALE_MS));
        ck_assert_int_eq(trale_spawn(&tasks[i], sleep_once, &sleepers[i]), 0);
    }
    for (int i = 0; i < COUNT; i++) {
        join(tasks[i]);
        slept(&sleepers[i]);
    }
}
END_TEST

/* A future made of two sleeps, one after the other. */
struct nap {
    trale_future future;
    trale_sleep_future parts[2];
    int part;
    int64_t ends;
};

static enum trale_poll nap_poll(trale_future *self, trale_context *cx)
{
    struct nap *n = (struct nap *)self;
    while (n->part < 2) {
        if (trale_future_poll(&n->parts[n->part].future, cx) == TRALE_PENDING)
            return TRALE_PENDING;
        n->part++;
    }
    self->output = trale_now() >= n->ends;
    return TRALE_READY;
}

static void nap_drop(trale_future *self)
{
    struct nap *n = (struct nap *)self;
    trale_future_drop(&n->parts[0].future);
    trale_future_drop(&n->parts[1].future);
}

static struct nap nap(int64_t first, int64_t second)
{
    static const struct trale_future_ops ops = {nap_poll, nap_drop, "nap"};
    struct nap n = {.future = {.ops = &ops}};
    trale_sleep_init(&n.parts[0], first);
    trale_sleep_init(&n.parts[1], second);
    n.ends = n.parts[first > second ? 0 : 1].timer.deadline;
    return n;
}

START_TEST(a_future_is_made_of_sleeps)
{
    struct nap n = nap(TRALE_MS, 3 * TRALE_MS);
    trale_task *task;
    ck_assert_int_eq(trale_spawn_future(&task, &n.future, sizeof n), 0);
    ck_assert_int_eq(join(task), 1);
    n = nap(2 * TRALE_MS, TRALE_MS);
    ck_assert_int_eq(trale_await(&n.future), 1);
    n = nap(0, -1);
    ck_assert_int_eq(trale_await(&n.future), 1);
}
END_TEST

START_TEST(sleeps_that_are_cancelled_leave_the_others_alone)
{
    enum { COUNT = 1000 };
    static trale_task *gone[COUNT], *staying[COUNT];
    for (int i = 0; i < COUNT; i++) {
        trale_sleep_future f;
        trale_sleep_init(&f, i % 2 ? 3600 * TRALE_SEC : 1000 * TRALE_SEC + i % 7);
        ck_assert_int_eq(trale_spawn_future(&gone[i], &f.future, sizeof f), 0);
        trale_sleep_init(&f, 10 * TRALE_MS + i % 5 * TRALE_MS);
        ck_assert_int_eq(trale_spawn_future(&staying[i], &f.future, sizeof f), 0);
    }
    settle();
    for (int i = 0; i < COUNT; i++)
        trale_cancel(gone[i]);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(join(gone[i]), -ECANCELED);
        ck_assert_int_eq(join(staying[i]), 0);
    }
}
END_TEST

static enum trale_poll poll_inner(struct probe *p, trale_context *cx)
{
    return trale_future_poll(p->arg, cx);
}

/* Polls it the first time only, and ends when the test says so. */
static enum trale_poll poll_inner_once(struct probe *p, trale_context *cx)
{
    if (p->polls == 1)
        return trale_future_poll(p->arg, cx);
    return p->finish ? TRALE_READY : TRALE_PENDING;
}

/* How often the second was polled: once if the sleep was over before it came. */
static int polled_by_two(int64_t duration)
{
    trale_sleep_future sleep;
    struct probe first = PROBE_STEP(poll_inner_once), second = PROBE_STEP(poll_inner);
    trale_sleep_init(&sleep, duration);
    first.arg = second.arg = &sleep.future;
    trale_task *one = probe_spawn(&first);
    settle();
    trale_task *two = probe_spawn(&second);
    join(two);
    ck_assert_int_ge(trale_now(), sleep.timer.deadline);
    trale_future_drop(&sleep.future);
    settle();
    int polls = probe_polls(&second);
    if (polls >= 2)
        ck_assert_int_eq(probe_polls(&first), 1);
    probe_finish(&first, 0);
    join(one);
    ck_assert_int_eq(probe_faults(&first) + probe_faults(&second), 0);
    return polls;
}

START_TEST(whoever_polled_a_sleep_last_is_woken)
{
    int64_t duration = 10 * TRALE_MS;
    while (polled_by_two(duration) < 2)
        duration *= 2;
}
END_TEST

static void drop_inner(struct probe *p, trale_future *future)
{
    (void)future;
    trale_future_drop(p->arg);
}

START_TEST(a_sleep_that_is_dropped_while_armed_wakes_nobody)
{
    enum { COUNT = 100 };
    static trale_sleep_future sleeps[COUNT];
    static struct probe probes[COUNT];
    static trale_task *tasks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        trale_sleep_init(&sleeps[i], TRALE_SEC / 10);
        probes[i] = (struct probe)PROBE_STEP(poll_inner);
        probes[i].arg = &sleeps[i].future;
        probes[i].dropping = drop_inner;
        tasks[i] = probe_spawn(&probes[i]);
    }
    settle();
    for (int i = 0; i < COUNT; i++)
        trale_cancel(tasks[i]);
    for (int i = 0; i < COUNT; i++) {
        int polls = probe_polls(&probes[i]); /* 1, but for a machine that stood still */
        intptr_t result = join(tasks[i]);
        ck_assert(result == -ECANCELED || polls > 1);
        ck_assert_int_eq(probe_drops(&probes[i]), 1);
        memset(&sleeps[i], 0xa5, sizeof sleeps[i]);
    }
    ck_assert_int_eq(trale_sleep(TRALE_SEC / 5), 0);
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(probe_faults(&probes[i]), 0);
}
END_TEST

TEST_MAIN("sleep", a_task_never_wakes_early, a_plain_thread_never_wakes_early,
          a_stackless_task_never_wakes_early, sleep_until_a_deadline,
          a_microsecond_a_thousand_times, a_task_dozes_a_thousand_times, every_sleep_yields_once,
          the_longest_sleeps_end_when_they_are_cancelled, twenty_thousand_sleepers_all_wake,
          two_thousand_sleeping_fibers_all_wake, a_future_is_made_of_sleeps,
          sleeps_that_are_cancelled_leave_the_others_alone, whoever_polled_a_sleep_last_is_woken,
          a_sleep_that_is_dropped_while_armed_wakes_nobody)
