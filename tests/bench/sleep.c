/*
 * sleepers_stackless, sleepers_fiber: COUNT tasks, each sleeps once, a random time of up to one
 *   second from its spawn on; CPU and wall time of it all, and how late each was.
 * sleep_1ms: one fiber sleeps a millisecond, COUNT times; by how much it overslept.
 */
#include "bench.h"

#define BATCH 100

static int64_t *late;
static long awake; /* executor thread only */

struct sleeper {
    trale_future future;
    int64_t deadline;
    trale_sleep_until_future sleep;
};

static void wake_up(int64_t deadline)
{
    late[awake++] = trale_now() - deadline;
}

static enum trale_poll sleeper_poll(trale_future *self, trale_context *cx)
{
    struct sleeper *s = (struct sleeper *)(void *)self;

    if (trale_future_poll(&s->sleep.future, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    wake_up(s->deadline);
    return TRALE_READY;
}

static void sleeper_drop(trale_future *self)
{
    trale_future_drop(&((struct sleeper *)(void *)self)->sleep.future);
}

static intptr_t sleeper_main(void *arg)
{
    int64_t deadline = *(int64_t *)arg;

    check(trale_sleep_until(deadline), "sleep_until");
    wake_up(deadline);
    return 0;
}

static void spawn_stackless(void)
{
    static const struct trale_future_ops ops = {sleeper_poll, sleeper_drop, "sleeper"};
    struct sleeper s = {.future = {.ops = &ops}, .deadline = random_deadline()};

    trale_sleep_until_init(&s.sleep, s.deadline);
    check(trale_spawn_future(NULL, &s.future, sizeof s), "spawn_future");
}

static void spawn_fiber(void)
{
    int64_t deadline = random_deadline();

    check(trale_spawn_copy(NULL, sleeper_main, &deadline, sizeof deadline), "spawn_copy");
}

struct job {
    long count;
    void (*spawn)(void);
};

/* Lets the tasks of each batch begin their sleep before the next batch is made. */
static intptr_t spawn_all(void *arg)
{
    const struct job *job = arg;

    for (long i = 1; i <= job->count; i++) {
        job->spawn();
        if (i % BATCH == 0)
            trale_yield();
    }
    return 0;
}

static void sleepers(long count, void (*spawn)(void))
{
    struct job job = {count, spawn};
    struct span span;

    late = array(count, sizeof *late);
    check(trale_block_on(spawn_all, &(struct job){0}, NULL), "block_on");
    span = span_start();
    check(trale_spawn(NULL, spawn_all, &job), "spawn");
    check(trale_runtime_wait(trale_runtime_default()), "runtime_wait");
    span = span_since(span);
    if (awake != count)
        check(-EPROTO, "not every sleeper woke up");
    report_sleepers(span, late, count);
}

static void sleepers_stackless(long count)
{
    sleepers(count, spawn_stackless);
}

static void sleepers_fiber(long count)
{
    sleepers(count, spawn_fiber);
}

static intptr_t sleep_often(void *arg)
{
    long count = *(long *)arg;

    for (long i = 0; i < count; i++) {
        int64_t deadline = trale_now() + TRALE_MS;

        check(trale_sleep_until(deadline), "sleep_until");
        wake_up(deadline);
    }
    return 0;
}

static void sleep_1ms(long count)
{
    struct span span = span_start();

    late = array(count, sizeof *late);
    check(trale_block_on(sleep_often, &count, NULL), "block_on");
    report_times(late, count);
    report("cpu", (double)span_since(span).cpu / (double)count / 1000, "us");
}

BENCH_MAIN({"sleepers_stackless", sleepers_stackless}, {"sleepers_fiber", sleepers_fiber},
           {"sleep_1ms", sleep_1ms})
