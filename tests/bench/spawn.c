/*
 * Starting tasks that end at once, and joining them:
 *   join_main_hot, join_main_cold     from main, in sequence; cold: after a pause of 2 ms each
 *   join_fiber, join_stackless        from a task, in sequence
 *   few_fiber, few_stackless          from a task, detached, 100 alive at a time
 *   all_fiber, all_stackless          from a task, all alive before the first one runs
 *   flood_fiber, flood_stackless      from main, detached, as fast as it can
 */
#include <stdatomic.h>

#include "bench.h"

#define BATCH 100

struct job {
    long count;
    bool stackless;
};

/* How many have ended, by executor: each adds to its own. */
#define EXECUTORS_MOST 16
static struct {
    _Alignas(64) atomic_long count;
} ended[EXECUTORS_MOST];
static atomic_int executors;

static intptr_t end(void *arg)
{
    static _Thread_local atomic_long *own;

    (void)arg;
    if (!own)
        own = &ended[atomic_fetch_add(&executors, 1) % EXECUTORS_MOST].count;
    atomic_store_explicit(own, atomic_load_explicit(own, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    return 0;
}

static long count_ended(void)
{
    long sum = 0;

    for (int i = 0; i < EXECUTORS_MOST; i++)
        sum += atomic_load_explicit(&ended[i].count, memory_order_relaxed);
    return sum;
}

static enum trale_poll end_poll(trale_future *self, trale_context *cx)
{
    (void)cx;
    self->output = end(NULL);
    return TRALE_READY;
}

static const struct trale_future_ops end_ops = {end_poll, NULL, "end"};

static void spawn(trale_task **task, bool stackless)
{
    trale_future future = {.ops = &end_ops};

    check(stackless ? trale_spawn_future(task, &future, sizeof future)
                    : trale_spawn(task, end, NULL),
          "spawn");
}

static void spawn_and_join(bool stackless)
{
    trale_task *task;

    spawn(&task, stackless);
    check(trale_join(task, NULL), "join");
}

static void in_task(trale_fn *fn, long count, bool stackless)
{
    struct job job = {count, stackless};

    check(trale_block_on(fn, &job, NULL), "block_on");
    if (count_ended() != count)
        check(-EPROTO, "not every task has run");
}

static void join_main_hot(long count)
{
    struct span start;

    for (long i = 0; i < 1000; i++)
        spawn_and_join(false);
    start = span_start();
    for (long i = 0; i < count; i++)
        spawn_and_join(false);
    report_each(span_since(start), count);
}

static void join_main_cold(long count)
{
    int64_t *times = array(count, sizeof *times);

    for (long i = 0; i < count; i++) {
        pause_ns(2 * TRALE_MS);
        times[i] = trale_now();
        spawn_and_join(false);
        times[i] = trale_now() - times[i];
    }
    report_times(times, count);
    free(times);
}

static intptr_t join_each(void *arg)
{
    const struct job *job = arg;
    struct span start = span_start();

    for (long i = 0; i < job->count; i++)
        spawn_and_join(job->stackless);
    report_each(span_since(start), job->count);
    return 0;
}

static void join_fiber(long count)
{
    in_task(join_each, count, false);
}

static void join_stackless(long count)
{
    in_task(join_each, count, true);
}

static intptr_t in_batches(void *arg)
{
    const struct job *job = arg;
    struct span start = span_start();

    for (long i = 1; i <= job->count; i++) {
        spawn(NULL, job->stackless);
        if (i % BATCH == 0)
            trale_yield();
    }
    while (count_ended() < job->count)
        trale_yield();
    report_each(span_since(start), job->count);
    return 0;
}

static void few_fiber(long count)
{
    in_task(in_batches, count, false);
}

static void few_stackless(long count)
{
    in_task(in_batches, count, true);
}

static intptr_t all_at_once(void *arg)
{
    const struct job *job = arg;
    trale_task **tasks = array(job->count, sizeof(trale_task *));
    struct span start = span_start(), spawned;

    for (long i = 0; i < job->count; i++)
        spawn(&tasks[i], job->stackless);
    spawned = span_since(start);
    for (long i = 0; i < job->count; i++)
        check(trale_join(tasks[i], NULL), "join");
    report_each(span_since(start), job->count);
    report("spawn", (double)spawned.wall / (double)job->count, "ns");
    free(tasks);
    return 0;
}

static void all_fiber(long count)
{
    in_task(all_at_once, count, false);
}

static void all_stackless(long count)
{
    in_task(all_at_once, count, true);
}

static void flood(long count, bool stackless)
{
    struct span start;

    spawn_and_join(stackless);
    start = span_start();
    for (long i = 0; i < count; i++)
        spawn(NULL, stackless);
    check(trale_runtime_wait(trale_runtime_default()), "runtime_wait");
    report_each(span_since(start), count);
}

static void flood_fiber(long count)
{
    flood(count, false);
}

static void flood_stackless(long count)
{
    flood(count, true);
}

BENCH_MAIN({"join_main_hot", join_main_hot}, {"join_main_cold", join_main_cold},
           {"join_fiber", join_fiber}, {"join_stackless", join_stackless},
           {"few_fiber", few_fiber}, {"few_stackless", few_stackless}, {"all_fiber", all_fiber},
           {"all_stackless", all_stackless}, {"flood_fiber", flood_fiber},
           {"flood_stackless", flood_stackless})
