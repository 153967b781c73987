/* Waiting with a deadline: what is ready first ends it, and the future is dropped once. */
#include "suite.h"

#include <errno.h>

#include "gate.h"
#include "within.h"

/* Ready at its so-manieth poll, or never; late: its drop finds that it took effect. */
struct fake {
    trale_future future;
    int polls, ready_at, drops;
    bool late;
    struct gate *polled;
};

static enum trale_poll fake_poll(trale_future *self, trale_context *cx)
{
    struct fake *fake = (struct fake *)self;

    fake->polls++;
    if (fake->polled)
        gate_open(fake->polled);
    if (fake->polls == fake->ready_at) {
        self->output = 42;
        return TRALE_READY;
    }
    if (fake->ready_at > 0)
        trale_waker_wake(trale_context_waker(cx));
    return TRALE_PENDING;
}

static void fake_drop(trale_future *self)
{
    struct fake *fake = (struct fake *)self;

    fake->drops++;
    if (fake->late)
        self->output = 43;
}

static const struct trale_future_ops fake_ops = {fake_poll, fake_drop, "fake"};

START_TEST(ready_in_time)
{
    struct fake at_once = {.future.ops = &fake_ops, .ready_at = 1};
    struct fake later = {.future.ops = &fake_ops, .ready_at = 3};

    ck_assert_int_eq(within(TRALE_NEVER, &at_once.future), 42);
    ck_assert_int_eq(at_once.drops, 1);
    ck_assert_int_eq(within(TRALE_NEVER, &later.future), 42);
    ck_assert_int_eq(later.polls, 3);
    ck_assert_int_eq(later.drops, 1);
}
END_TEST

START_TEST(ready_whatever_the_time)
{
    struct fake fake = {.future.ops = &fake_ops, .ready_at = 1};

    ck_assert_int_eq(within(0, &fake.future), 42);
}
END_TEST

START_TEST(never_ready)
{
    struct fake fake = {.future.ops = &fake_ops};
    int64_t deadline = trale_now() + 10 * TRALE_MS;

    ck_assert_int_eq(within(deadline, &fake.future), -ETIMEDOUT);
    ck_assert_int_ge(trale_now(), deadline);
    ck_assert_int_eq(fake.drops, 1);
}
END_TEST

START_TEST(too_late_and_yet_it_took_effect)
{
    struct fake fake = {.future.ops = &fake_ops, .late = true};

    ck_assert_int_eq(within(0, &fake.future), 43);
    ck_assert_int_eq(fake.drops, 1);
}
END_TEST

static intptr_t wait_for_it(void *arg)
{
    return within(TRALE_NEVER, arg);
}

static intptr_t cancelled(struct fake *fake)
{
    struct gate polled = GATE;
    trale_task *task;
    intptr_t result = 0;

    fake->polled = &polled;
    ck_assert_int_eq(trale_spawn(&task, wait_for_it, fake), 0);
    gate_wait(&polled);
    trale_cancel(task);
    ck_assert_int_eq(trale_join(task, &result), 0);
    ck_assert_int_eq(fake->drops, 1);
    return result;
}

START_TEST(cancelled_meanwhile)
{
    struct fake fake = {.future.ops = &fake_ops};
    struct fake late = {.future.ops = &fake_ops, .late = true};

    ck_assert_int_eq(cancelled(&fake), -ECANCELED);
    ck_assert_int_eq(cancelled(&late), 43);
}
END_TEST

TEST_MAIN("within", ready_in_time, ready_whatever_the_time, never_ready,
          too_late_and_yet_it_took_effect, cancelled_meanwhile)
