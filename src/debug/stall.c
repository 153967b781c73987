/*
 * The stall watch: a thread that looks now and then whether an executor is still in the poll in
 * which it was found before. Executors only count their polls (run_queue.h).
 */
#include <trale/debug.h>

#include <errno.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/futex.h"
#include "core/process.h"
#include "core/runtime.h"
#include "core/thread_start.h"
#include "debug/text.h"
#include "debug/walk.h"

#define INTERVAL_MIN_NS 100000
#define INTERVAL_MAX_NS 250000000

/* Under the lock of process.h, but for the limit and the turn, which only change under it. */
static struct {
    pthread_t thread;
    bool running;
    unsigned generation;    /* of fork: in which there is the thread */
    _Atomic(int64_t) limit; /* ns */
    _Atomic(uint32_t) turn; /* futex: a thread runs while it is what it was at its start */
} watch;

/* The task, if that is the poll that the executor is in; the janitor is none. NULL: it is not. */
static const trale_task *in_poll(const struct executor *ex, uint32_t polls)
{
    const trale_task *task = atomic_load_explicit(&ex->queue.polled, memory_order_relaxed);

    if (task == &ex->janitor ||
        atomic_load_explicit(&ex->queue.polls, memory_order_relaxed) != polls)
        return NULL; /* race: the poll has ended meanwhile */
    return task;
}

/* Frozen, the executor may end the poll at any moment, but not the task: it is there to be read. */
static void report(struct executor *ex, int64_t now, struct text *text)
{
    const trale_task *task;

    if (!freeze_one(ex))
        return;
    task = in_poll(ex, ex->stall.polls);
    if (task) {
        text_add(text, "trale: ");
        text_add_task(text, task);
        text_add(text, " has held up its executor for ");
        text_add_time(text, now - ex->stall.since, 3);
        text_add(text, "\n");
    }
    thaw_one(ex);
    ex->stall.reported = true;
}

static void look_at(struct executor *ex, int64_t limit, struct text *text)
{
    uint32_t polls = atomic_load_explicit(&ex->queue.polls, memory_order_relaxed);
    int64_t now = clock_now();

    if (!in_poll(ex, polls) || polls != ex->stall.polls)
        ex->stall = (struct stall_seen){polls, now, false};
    else if (!ex->stall.reported && now - ex->stall.since >= limit)
        report(ex, now, text);
}

static void look_at_all(int64_t limit)
{
    struct text text = {0};
    trale_runtime *rt = NULL;

    process_lock();
    while ((rt = process_next(rt)))
        for_each_executor(ex, rt)
            look_at(ex, limit, &text);
    process_unlock();
    if (text.length > 0)
        fwrite(text.at, 1, text.length, stderr);
    text_free(&text);
}

static int64_t interval(int64_t limit)
{
    if (limit / 4 < INTERVAL_MIN_NS)
        return INTERVAL_MIN_NS;
    return limit / 4 < INTERVAL_MAX_NS ? limit / 4 : INTERVAL_MAX_NS;
}

static void *watch_main(void *arg)
{
    uint32_t turn = (uint32_t)(uintptr_t)arg;
    int64_t limit;

    thread_name("trale-stall");
    do {
        limit = atomic_load(&watch.limit);
        look_at_all(limit);
        futex_wait(&watch.turn, turn, interval(limit));
    } while (atomic_load(&watch.turn) == turn);
    return NULL;
}

/* Under the lock. */
static int start(void)
{
    uintptr_t turn = atomic_load(&watch.turn);
    int error = thread_start(&watch.thread, watch_main, (void *)turn);

    watch.running = error == 0;
    watch.generation = process_generation();
    return error;
}

static void stop(pthread_t thread)
{
    futex_wake_all(&watch.turn);
    pthread_join(thread, NULL);
}

int trale_stall_watch(int64_t limit)
{
    pthread_t thread;
    bool running, stops;
    int error = 0;

    if (limit < 0)
        return -EINVAL;
    process_lock();
    running = watch.running && watch.generation == process_generation();
    stops = running && limit == 0;
    thread = watch.thread;
    if (stops) {
        watch.running = false;
        atomic_fetch_add(&watch.turn, 1);
    }
    if (limit > 0) {
        atomic_store(&watch.limit, limit);
        error = running ? 0 : start();
    }
    process_unlock();
    if (stops)
        stop(thread);
    return error;
}
