/*
 * Messages between two tasks that stay on two executors, and what waking costs of it.
 *
 * across_0, across_1024: through a channel without and with room; wakes: how often, for each
 *   message, an executor had to be called out of its sleep.
 * across_ping: there and back by two events, half of it.
 * across_cold: one way, by an event, after a pause of 2 ms: the other executor sleeps.
 * across_spawn: spawned and joined by a task, small ones: wakes as above.
 * across_spread: tasks that compute for 20 us each, all spawned at once by a task; speed: how often
 *   that goes into the time that it took.
 */
#include "bench.h"

struct side {
    trale_runtime *runtime;
    long count;
    trale_channel *channel;
    trale_event there, back;
    int64_t sent, *times;
    bool cold;
};

#define WORK_NS (20 * TRALE_US)

static uint64_t wakes(const trale_runtime *rt)
{
    trale_executor_metrics m;
    uint64_t sum = 0;

    for (unsigned i = 1; i <= 2; i++) {
        check(trale_executor_metrics_read(rt, i, &m), "metrics");
        sum += m.futex_wakes;
    }
    return sum;
}

static void report_wakes(const struct side *s)
{
    report("wakes", (double)wakes(s->runtime) / (double)s->count, "/op");
}

static trale_task *spawn_on(struct side *s, unsigned executor, trale_fn *fn)
{
    trale_spawn_options options = {.runtime = s->runtime, .executor = executor};
    trale_task *task;

    check(trale_spawn_with(&task, &options, fn, s), "spawn");
    return task;
}

/* Both on their executors, or the second NULL; how long both took. */
static struct span both(struct side *s, trale_fn *first, trale_fn *second)
{
    trale_config config = {.executors = 2};
    trale_task *tasks[2] = {0};
    struct span start;

    check(trale_runtime_new(&s->runtime, &config), "runtime_new");
    start = span_start();
    tasks[0] = spawn_on(s, 1, first);
    if (second)
        tasks[1] = spawn_on(s, 2, second);
    for (int i = 0; i < 2 && tasks[i]; i++)
        check(trale_join(tasks[i], NULL), "join");
    return span_since(start);
}

static void end(struct side *s)
{
    check(trale_runtime_free(s->runtime, TRALE_NEVER), "runtime_free");
}

static intptr_t send_all(void *arg)
{
    struct side *s = arg;

    for (long i = 0; i < s->count; i++)
        check(trale_channel_send(s->channel, &i), "send");
    return 0;
}

static intptr_t receive_all(void *arg)
{
    struct side *s = arg;
    long item;

    for (long i = 0; i < s->count; i++)
        check(trale_channel_recv(s->channel, &item), "recv");
    return 0;
}

static void through_channel(long count, size_t capacity)
{
    struct side s = {.count = count};

    check(trale_channel_new(&s.channel, sizeof(long), capacity), "channel_new");
    report_each(both(&s, send_all, receive_all), count);
    report_wakes(&s);
    trale_channel_free(s.channel);
    end(&s);
}

static void across_0(long count)
{
    through_channel(count, 0);
}

static void across_1024(long count)
{
    through_channel(count, 1024);
}

static intptr_t serve(void *arg)
{
    struct side *s = arg;

    for (long i = 0; i < s->count; i++) {
        if (s->cold)
            trale_sleep(2 * TRALE_MS);
        s->sent = trale_now();
        trale_event_notify(&s->there);
        trale_event_wait(&s->back);
    }
    return 0;
}

static intptr_t answer(void *arg)
{
    struct side *s = arg;

    for (long i = 0; i < s->count; i++) {
        trale_event_wait(&s->there);
        if (s->cold)
            s->times[i] = trale_now() - s->sent;
        trale_event_notify(&s->back);
    }
    return 0;
}

static void across_ping(long count)
{
    struct side s = {.count = count};

    report_each(both(&s, serve, answer), 2 * count);
    report_wakes(&s);
    end(&s);
}

static void across_cold(long count)
{
    struct side s = {.count = count, .cold = true, .times = array(count, sizeof(int64_t))};

    both(&s, serve, answer);
    report_times(s.times, count);
    report_wakes(&s);
    free(s.times);
    end(&s);
}

static intptr_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

static intptr_t spawn_and_join(void *arg)
{
    struct side *s = arg;
    trale_task *task;

    for (long i = 0; i < s->count; i++) {
        check(trale_spawn(&task, nothing, NULL), "spawn");
        check(trale_join(task, NULL), "join");
    }
    return 0;
}

static void across_spawn(long count)
{
    struct side s = {.count = count};

    report_each(both(&s, spawn_and_join, NULL), count);
    report_wakes(&s);
    end(&s);
}

static intptr_t compute(void *arg)
{
    int64_t end = trale_now() + WORK_NS;

    (void)arg;
    while (trale_now() < end)
        ;
    return 0;
}

static intptr_t spread(void *arg)
{
    struct side *s = arg;
    trale_task **tasks = array(s->count, sizeof(trale_task *));

    for (long i = 0; i < s->count; i++)
        check(trale_spawn(&tasks[i], compute, NULL), "spawn");
    for (long i = 0; i < s->count; i++)
        check(trale_join(tasks[i], NULL), "join");
    free(tasks);
    return 0;
}

static void across_spread(long count)
{
    struct side s = {.count = count};
    struct span took = both(&s, spread, NULL);

    report("speed", (double)count * WORK_NS / (double)took.wall, "x");
    report_wakes(&s);
    end(&s);
}

BENCH_MAIN({"across_0", across_0}, {"across_1024", across_1024}, {"across_ping", across_ping},
           {"across_cold", across_cold}, {"across_spawn", across_spawn},
           {"across_spread", across_spread})
