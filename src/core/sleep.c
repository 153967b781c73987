/* Sleeping, and ticks on a fixed grid. */
#include <errno.h>
#include <limits.h>

#include <trale/time.h>

#include "base/clock.h"
#include "core/ops.h"
#include "core/reactor.h"
#include "task/await.h"
#include "task/run_queue.h"
#include "task/thread.h"

#define SOON_NS TRALE_MS

int64_t trale_now(void)
{
    return clock_now();
}

static enum trale_poll arm(trale_sleep_future *f, trale_waker *waker)
{
    struct reactor *reactor;
    int error = reactor_current(&reactor);

    if (error != 0)
        return future_ready(&f->future, error);
    timer_arm(&reactor->timers, &f->timer, waker);
    return TRALE_PENDING;
}

/*
 * What lies far from when the executor looked at the clock last has not passed, and is not worth
 * another look. If that was long ago, because a poll took so long, an overdue timer is armed, which
 * the next turn of the reactor fires.
 */
static bool has_passed(int64_t deadline)
{
    const struct run_queue *queue = this_thread.queue;

    if (queue && deadline > SOON_NS + atomic_load_explicit(&queue->now, memory_order_relaxed))
        return false;
    return clock_now() >= deadline;
}

/* The timer is armed again if it fired early, which it does when its runtime goes away. */
static enum trale_poll sleep_poll(trale_future *self, trale_context *cx)
{
    trale_sleep_future *f = container_of(self, trale_sleep_future, future);
    trale_waker *waker = trale_context_waker(cx);
    bool first = !f->timer.waker; /* the timer has had none, armed or not */

    if (f->timer.deadline == TRALE_NEVER)
        return wait_is_vain() ? future_ready(self, -ESHUTDOWN) : TRALE_PENDING;
    if (timer_pending(&f->timer) && timer_change_waker(&f->timer, waker))
        return TRALE_PENDING;
    if (timer_fired(&f->timer))
        return future_ready(self, 0);
    if (!has_passed(f->timer.deadline))
        return arm(f, waker);
    if (!first)
        return future_ready(self, 0);
    f->timer.waker = waker;
    trale_waker_wake(waker); /* every sleep yields once */
    return TRALE_PENDING;
}

static void sleep_drop(trale_future *self)
{
    timer_disarm(&container_of(self, trale_sleep_future, future)->timer);
}

const struct trale_future_ops sleep_ops = {sleep_poll, sleep_drop, "sleep"};

void trale_sleep_until_init(trale_sleep_until_future *f, int64_t deadline)
{
    *f = (trale_sleep_future){.future = {.ops = &sleep_ops}, .timer = {.deadline = deadline}};
}

void trale_sleep_init(trale_sleep_future *f, int64_t duration)
{
    trale_sleep_until_init(f, clock_after(duration));
}

int trale_sleep_until(int64_t deadline)
{
    trale_sleep_until_future f;

    trale_sleep_until_init(&f, deadline);
    return (int)await_call(__func__, &f.future);
}

int trale_sleep(int64_t duration)
{
    trale_sleep_future f;

    trale_sleep_init(&f, duration);
    return (int)await_call(__func__, &f.future);
}

void trale_interval_start(trale_interval *interval, int64_t period)
{
    if (!interval)
        return;
    *interval = (trale_interval){.period = period, .next = clock_after(period)};
}

/* The tick has come: the next one is the first on the grid that lies ahead. */
static int take_tick(trale_interval *interval)
{
    int64_t missed = (clock_now() - interval->next) / interval->period, step;

    if (__builtin_mul_overflow(missed + 1, interval->period, &step) ||
        __builtin_add_overflow(interval->next, step, &interval->next))
        interval->next = TRALE_NEVER; /* unreachable: before so long a period has passed */
    return missed < INT_MAX ? (int)missed : INT_MAX;
}

static enum trale_poll interval_poll(trale_future *self, trale_context *cx)
{
    trale_interval_wait_future *f = container_of(self, trale_interval_wait_future, future);

    if (!f->interval || f->interval->period <= 0)
        return future_ready(self, -EINVAL);
    if (!f->sleep.future.ops)
        trale_sleep_until_init(&f->sleep, f->interval->next);
    if (trale_future_poll(&f->sleep.future, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    return future_ready(self, f->sleep.future.output < 0 ? f->sleep.future.output
                                                         : take_tick(f->interval));
}

static void interval_drop(trale_future *self)
{
    trale_future_drop(&container_of(self, trale_interval_wait_future, future)->sleep.future);
}

const struct trale_future_ops interval_wait_ops = {interval_poll, interval_drop, "interval_wait"};

void trale_interval_wait_init(trale_interval_wait_future *f, trale_interval *interval)
{
    *f =
        (trale_interval_wait_future){.future = {.ops = &interval_wait_ops}, .interval = interval};
}

int trale_interval_wait(trale_interval *interval)
{
    trale_interval_wait_future f;

    trale_interval_wait_init(&f, interval);
    return (int)await_call(__func__, &f.future);
}
