/* In which order sleepers wake: by deadline, and equal deadlines by arming. */
#include "suite.h"

#include <stdlib.h>
#include <string.h>
#include <trale.h>

#include "seed.h"
#include "settle.h"

enum { COUNT = 2000 };

/* What the sleepers note on their executor, one poll at a time. */
static struct {
    int woken[COUNT];
    int count;
    int64_t armed; /* when the last of them had armed its timer */
} notes;

struct sleeper {
    trale_future future;
    trale_sleep_until_future sleep;
    int number;
    bool polled;
};

static enum trale_poll sleeper_poll(trale_future *self, trale_context *cx)
{
    struct sleeper *s = (struct sleeper *)self;
    enum trale_poll poll = trale_future_poll(&s->sleep.future, cx);
    if (!s->polled)
        notes.armed = trale_now();
    s->polled = true;
    if (poll == TRALE_READY)
        notes.woken[notes.count++] = s->number;
    return poll;
}

static void sleeper_drop(trale_future *self)
{
    trale_future_drop(&((struct sleeper *)self)->sleep.future);
}

static trale_task *start(int number, int64_t deadline)
{
    static const struct trale_future_ops ops = {sleeper_poll, sleeper_drop, "sleeper"};
    const trale_spawn_options same = {.executor = 1}; /* on which they wake one after the other */
    struct sleeper s = {.future = {.ops = &ops}, .number = number};
    trale_task *task = NULL;
    trale_sleep_until_init(&s.sleep, deadline);
    ck_assert_int_eq(trale_spawn_future_with(&task, &same, &s.future, sizeof s), 0);
    return task;
}

/*
 * Starts count sleepers, in order, and waits for them. False: the first deadline passed before
 * all had armed, which says nothing about the order.
 */
static bool sleep_all(const int64_t *deadlines, int count, int64_t first)
{
    static trale_task *tasks[COUNT];
    struct hold hold = HOLD;
    notes.count = 0;
    hold_executor(&hold);
    for (int i = 0; i < count; i++)
        tasks[i] = start(i, deadlines[i]);
    release_executor(&hold);
    for (int i = 0; i < count; i++)
        join(tasks[i]);
    ck_assert_int_eq(notes.count, count);
    return notes.armed < first;
}

START_TEST(equal_deadlines_wake_in_the_order_of_arming)
{
    static int64_t deadlines[COUNT];
    int64_t delay = 10 * TRALE_MS, deadline;
    do {
        delay *= 2;
        deadline = trale_now() + delay;
        for (int i = 0; i < COUNT; i++)
            deadlines[i] = deadline;
    } while (!sleep_all(deadlines, COUNT, deadline));
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(notes.woken[i], i);
}
END_TEST

/* Deadlines in random order: spread over range from now + delay on. */
static void wake_in_order(uint64_t *seed, uint32_t range, uint32_t step)
{
    static int64_t deadlines[COUNT];
    int64_t delay = 10 * TRALE_MS, first;
    do {
        delay *= 2;
        first = trale_now() + delay;
        for (int i = 0; i < COUNT; i++)
            deadlines[i] = first + (int64_t)random_below(seed, range) / step * step;
    } while (!sleep_all(deadlines, COUNT, first));
    for (int i = 1; i < COUNT; i++) {
        int a = notes.woken[i - 1], b = notes.woken[i];
        ck_assert_msg(deadlines[a] < deadlines[b] || (deadlines[a] == deadlines[b] && a < b),
                      "sleeper %d, due %lld ns later and armed as %d, woke before sleeper %d", a,
                      (long long)(deadlines[a] - deadlines[b]), a, b);
    }
}

START_TEST(deadlines_close_together_wake_in_order)
{
    uint64_t seed = test_seed();
    for (int i = 0; i < 5; i++)
        wake_in_order(&seed, (uint32_t)(5 * TRALE_MS), 1);
}
END_TEST

START_TEST(deadlines_far_apart_wake_in_order)
{
    uint64_t seed = test_seed();
    for (int i = 0; i < 3; i++)
        wake_in_order(&seed, (uint32_t)(200 * TRALE_MS), 1);
}
END_TEST

START_TEST(deadlines_that_are_often_equal_wake_in_order)
{
    uint64_t seed = test_seed();
    for (int i = 0; i < 5; i++)
        wake_in_order(&seed, (uint32_t)(20 * TRALE_MS), (uint32_t)(TRALE_MS / 10));
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "sleep_order",
               equal_deadlines_wake_in_the_order_of_arming,
               deadlines_close_together_wake_in_order, deadlines_far_apart_wake_in_order,
               deadlines_that_are_often_equal_wake_in_order)
