/* Ticks on a fixed grid: none early, none off the grid, missed ones counted. */
#include "suite.h"

#include <errno.h>
#include <trale.h>

#include "settle.h"

struct ticks {
    trale_interval interval;
    int64_t period;
    int count, error;
    int64_t first, ticked[50], woke[50];
};

/* Notes for every tick where it stood on the grid, and when it came. */
static intptr_t tick(void *arg)
{
    struct ticks *t = arg;
    trale_interval_start(&t->interval, t->period);
    t->first = t->interval.next;
    for (t->count = 0; t->count < 50; t->count++) {
        int missed = trale_interval_wait(&t->interval);
        if (missed < 0)
            return t->error = missed;
        t->woke[t->count] = trale_now();
        t->ticked[t->count] = t->interval.next - t->period;
    }
    return 0;
}

static void ticked_on_the_grid(const struct ticks *t)
{
    int64_t last = t->first - t->period;
    ck_assert_int_eq(t->error, 0);
    ck_assert_int_eq(t->count, 50);
    for (int i = 0; i < t->count; i++) {
        ck_assert_int_eq((t->ticked[i] - t->first) % t->period, 0);
        ck_assert_int_gt(t->ticked[i], last);
        ck_assert_int_ge(t->woke[i], t->ticked[i]);
        last = t->ticked[i];
    }
}

START_TEST(ticks_stand_on_a_grid_and_none_is_early)
{
    static const int64_t periods[] = {1, TRALE_US, 77 * TRALE_US, TRALE_MS};
    for (int i = 0; i < 4; i++) {
        struct ticks t = {.period = periods[i]};
        ck_assert_int_eq(trale_block_on(tick, &t, NULL), 0);
        ticked_on_the_grid(&t);
        tick(&t); /* on a plain thread */
        ticked_on_the_grid(&t);
    }
}
END_TEST

START_TEST(the_first_tick_is_one_period_after_the_start)
{
    trale_interval interval;
    int64_t before = trale_now();
    trale_interval_start(&interval, TRALE_MS);
    ck_assert_int_ge(interval.next, before + TRALE_MS);
    ck_assert_int_le(interval.next, trale_now() + TRALE_MS);
    ck_assert_int_ge(trale_interval_wait(&interval), 0);
    ck_assert_int_ge(trale_now(), before + TRALE_MS);
}
END_TEST

START_TEST(missed_ticks_are_counted_and_skipped)
{
    trale_interval interval;
    for (int lag = 0; lag < 10; lag++) {
        trale_interval_start(&interval, TRALE_MS);
        int64_t due = interval.next;
        ck_assert_int_eq(trale_sleep_until(due + lag * TRALE_MS), 0);
        int64_t before = trale_now();
        int missed = trale_interval_wait(&interval);
        ck_assert_int_ge(missed, lag);
        ck_assert_int_ge(missed, (before - due) / TRALE_MS);
        ck_assert_int_le(missed, (trale_now() - due) / TRALE_MS);
        ck_assert_int_eq(interval.next, due + (missed + 1) * TRALE_MS);
        ck_assert_int_gt(interval.next, before);
    }
}
END_TEST

START_TEST(a_period_must_be_positive)
{
    static const int64_t periods[] = {0, -1, INT64_MIN};
    for (int i = 0; i < 3; i++) {
        trale_interval interval;
        trale_interval_start(&interval, periods[i]);
        ck_assert_int_eq(trale_interval_wait(&interval), -EINVAL);
        ck_assert_int_eq(trale_interval_wait(&interval), -EINVAL);
    }
}
END_TEST

START_TEST(null_is_refused)
{
    trale_interval_wait_future f;
    trale_task *task;
    trale_interval_start(NULL, TRALE_MS);
    ck_assert_int_eq(trale_interval_wait(NULL), -EINVAL);
    trale_interval_wait_init(&f, NULL);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    ck_assert_int_eq(join(task), -EINVAL);
}
END_TEST

static intptr_t wait_for_tick(void *interval)
{
    return trale_interval_wait(interval);
}

START_TEST(a_cancelled_wait_takes_no_tick)
{
    static const int64_t periods[] = {TRALE_SEC * 3600, INT64_MAX, INT64_MAX - 1};
    for (int i = 0; i < 3; i++) {
        trale_interval interval;
        trale_task *task;
        trale_interval_start(&interval, periods[i]);
        int64_t next = interval.next;
        ck_assert_int_eq(trale_spawn(&task, wait_for_tick, &interval), 0);
        settle();
        trale_cancel(task);
        ck_assert_int_eq(join(task), -ECANCELED);
        ck_assert_int_eq(interval.next, next);
    }
}
END_TEST

START_TEST(a_tick_can_be_awaited_as_a_future)
{
    trale_interval interval;
    trale_interval_wait_future f;
    trale_task *task;
    trale_interval_start(&interval, TRALE_MS);
    for (int i = 0; i < 10; i++) {
        int64_t due = interval.next;
        trale_interval_wait_init(&f, &interval);
        ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
        ck_assert_int_ge(join(task), 0);
        ck_assert_int_ge(trale_now(), due);
    }
}
END_TEST

TEST_MAIN("interval", ticks_stand_on_a_grid_and_none_is_early,
          the_first_tick_is_one_period_after_the_start, missed_ticks_are_counted_and_skipped,
          a_period_must_be_positive, null_is_refused, a_cancelled_wait_takes_no_tick,
          a_tick_can_be_awaited_as_a_future)
