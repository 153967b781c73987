/*
 * wake_hot, wake_cold: a plain thread calls a waker; how long until its task runs. Hot: again as
 *   soon as the task has run; cold: after a pause of 2 ms.
 * wake_running: a plain thread calls a waker while the executor is busy with another task.
 */
#include <sched.h>
#include <stdatomic.h>

#include "bench.h"

static _Atomic(trale_waker *) waker; /* a clone */
static atomic_bool rung;             /* what the woken task is to look at */
static atomic_bool stop;
static atomic_long seen;  /* how often it has */
static int64_t last_seen; /* when; written before seen */

/* Ready when the bell was rung. A task has one waker for life: it is cloned at the first poll. */
static enum trale_poll bell_poll(trale_future *self, trale_context *cx)
{
    (void)self;
    if (!atomic_load_explicit(&waker, memory_order_relaxed))
        atomic_store(&waker, trale_waker_clone(trale_context_waker(cx)));
    return atomic_exchange(&rung, false) ? TRALE_READY : TRALE_PENDING;
}

static const struct trale_future_ops bell_ops = {bell_poll, NULL, "bell"};

static intptr_t answer(void *arg)
{
    long count = *(long *)arg;

    for (long i = 1; i <= count; i++) {
        trale_future bell = {.ops = &bell_ops};

        trale_await(&bell);
        last_seen = trale_now();
        atomic_store_explicit(&seen, i, memory_order_release);
    }
    return 0;
}

static void ring(void)
{
    atomic_store(&rung, true);
    trale_waker_wake(waker);
}

static void wait_seen(long count)
{
    for (int i = 1; atomic_load_explicit(&seen, memory_order_acquire) < count; i++)
        if (i % 10000 == 0)
            sched_yield();
}

static void wait_waker(void)
{
    while (!atomic_load(&waker))
        sched_yield();
}

static void wake_after(int64_t pause, long count)
{
    int64_t *times = array(count, sizeof *times);
    trale_task *task;

    check(trale_spawn(&task, answer, &count), "spawn");
    wait_waker();
    for (long i = 0; i < count; i++) {
        int64_t start;

        if (pause)
            pause_ns(pause);
        start = trale_now();
        ring();
        wait_seen(i + 1);
        times[i] = last_seen - start;
    }
    check(trale_join(task, NULL), "join");
    trale_waker_drop(waker);
    report_times(times, count);
    free(times);
}

static void wake_hot(long count)
{
    wake_after(0, count);
}

static void wake_cold(long count)
{
    wake_after(2 * TRALE_MS, count);
}

static intptr_t be_busy(void *arg)
{
    (void)arg;
    while (!atomic_load_explicit(&stop, memory_order_relaxed))
        trale_yield();
    return 0;
}

static void wake_running(long count)
{
    trale_future bell = {.ops = &bell_ops};
    trale_task *woken, *busy;
    struct span start;

    check(trale_spawn(&busy, be_busy, NULL), "spawn");
    check(trale_spawn_future(&woken, &bell, sizeof bell), "spawn_future");
    wait_waker();
    start = span_start();
    for (long i = 0; i < count; i++)
        trale_waker_wake(waker);
    report_each(span_since(start), count);
    atomic_store(&stop, true);
    ring();
    check(trale_join(woken, NULL), "join");
    check(trale_join(busy, NULL), "join");
    trale_waker_drop(waker);
}

BENCH_MAIN({"wake_hot", wake_hot}, {"wake_cold", wake_cold}, {"wake_running", wake_running})
