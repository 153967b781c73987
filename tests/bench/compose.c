/*
 * What composing costs, in one fiber unless it says otherwise:
 *   await_ready, await_scope   a future that is ready at once; the same under a deadline
 *   select_ready               a select of two such futures
 *   mutex                      lock and unlock, nobody waits
 *   mutex_100                  a hundred tasks lock, yield, unlock
 *   event                      notify and wait, in turn between two tasks
 *   channel_0, _1024           one message between two tasks, handed over, and through a buffer
 *   blocking                   a function that does nothing, on the pool
 */
#include "bench.h"

struct job {
    long count;
    struct span span;
    trale_channel *channel;
    trale_event ping, pong;
    trale_mutex mutex;
};

static void run(trale_fn *fn, long count, trale_channel *channel)
{
    struct job job = {.count = count, .channel = channel};

    check(trale_block_on(fn, &job, NULL), "block_on");
    report_each(job.span, count);
}

static enum trale_poll ready_poll(trale_future *self, trale_context *cx)
{
    (void)cx;
    self->output = 1;
    return TRALE_READY;
}

static const struct trale_future_ops ready_ops = {ready_poll, NULL, "ready"};

static intptr_t await_many(void *arg)
{
    struct job *job = arg;

    job->span = span_start();
    for (long i = 0; i < job->count; i++) {
        trale_future f = {.ops = &ready_ops};

        trale_await(&f);
    }
    job->span = span_since(job->span);
    return 0;
}

static intptr_t await_many_in_scope(void *arg)
{
    trale_scope scope;

    trale_scope_enter(&scope, trale_now() + 3600 * TRALE_SEC);
    trale_sleep(1);
    await_many(arg);
    return trale_scope_leave(&scope);
}

static intptr_t select_many(void *arg)
{
    struct job *job = arg;

    job->span = span_start();
    for (long i = 0; i < job->count; i++) {
        trale_future one = {.ops = &ready_ops}, two = {.ops = &ready_ops};

        TRALE_SELECT(&one, &two);
    }
    job->span = span_since(job->span);
    return 0;
}

static intptr_t lock_many(void *arg)
{
    struct job *job = arg;

    job->span = span_start();
    for (long i = 0; i < job->count; i++) {
        trale_mutex_lock(&job->mutex);
        trale_mutex_unlock(&job->mutex);
    }
    job->span = span_since(job->span);
    return 0;
}

static intptr_t contend(void *arg)
{
    struct job *job = arg;

    for (long i = 0; i < job->count / 100; i++) {
        trale_mutex_lock(&job->mutex);
        trale_yield();
        trale_mutex_unlock(&job->mutex);
    }
    return 0;
}

/* Runs so many tasks of it, and times them from before the first to after the last. */
static void run_tasks(struct job *job, trale_fn *first, trale_fn *others, int tasks)
{
    trale_group group = {0};

    job->span = span_start();
    check(trale_group_spawn(&group, first, job), "spawn");
    for (int i = 1; i < tasks; i++)
        check(trale_group_spawn(&group, others, job), "spawn");
    check(trale_group_wait(&group), "wait");
    job->span = span_since(job->span);
}

static intptr_t contend_all(void *arg)
{
    run_tasks(arg, contend, contend, 100);
    return 0;
}

static intptr_t ping(void *arg)
{
    struct job *job = arg;

    for (long i = 0; i < job->count; i += 2) {
        trale_event_notify(&job->ping);
        trale_event_wait(&job->pong);
    }
    return 0;
}

static intptr_t pong(void *arg)
{
    struct job *job = arg;

    for (long i = 0; i < job->count; i += 2) {
        trale_event_wait(&job->ping);
        trale_event_notify(&job->pong);
    }
    return 0;
}

static intptr_t ping_pong(void *arg)
{
    run_tasks(arg, ping, pong, 2);
    return 0;
}

static intptr_t send_all(void *arg)
{
    struct job *job = arg;

    for (long i = 0; i < job->count; i++)
        trale_channel_send(job->channel, &i);
    return 0;
}

static intptr_t receive_all(void *arg)
{
    struct job *job = arg;
    long item;

    for (long i = 0; i < job->count; i++)
        trale_channel_recv(job->channel, &item);
    return 0;
}

static intptr_t exchange(void *arg)
{
    run_tasks(arg, send_all, receive_all, 2);
    return 0;
}

static intptr_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

static intptr_t block_many(void *arg)
{
    struct job *job = arg;

    trale_blocking(nothing, NULL);
    job->span = span_start();
    for (long i = 0; i < job->count; i++)
        trale_blocking(nothing, NULL);
    job->span = span_since(job->span);
    return 0;
}

static void through(size_t capacity, long count)
{
    trale_channel *channel;

    check(trale_channel_new(&channel, sizeof(long), capacity), "channel");
    run(exchange, count, channel);
    trale_channel_free(channel);
}

static void await_ready(long count)
{
    run(await_many, count, NULL);
}

static void await_scope(long count)
{
    run(await_many_in_scope, count, NULL);
}

static void select_ready(long count)
{
    run(select_many, count, NULL);
}

static void mutex(long count)
{
    run(lock_many, count, NULL);
}

static void mutex_100(long count)
{
    run(contend_all, count, NULL);
}

static void event(long count)
{
    run(ping_pong, count, NULL);
}

static void channel_0(long count)
{
    through(0, count);
}

static void channel_1024(long count)
{
    through(1024, count);
}

static void blocking(long count)
{
    run(block_many, count, NULL);
}

BENCH_MAIN({"await_ready", await_ready}, {"await_scope", await_scope},
           {"select_ready", select_ready}, {"mutex", mutex}, {"mutex_100", mutex_100},
           {"event", event}, {"channel_0", channel_0}, {"channel_1024", channel_1024},
           {"blocking", blocking})
