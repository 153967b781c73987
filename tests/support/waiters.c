#include "waiters.h"

#include "executors.h"
#include "settle.h"
#include "suite.h"

static enum trale_poll watched_poll(trale_future *self, trale_context *cx)
{
    struct watched_future *f = (struct watched_future *)self;
    enum trale_poll result = trale_future_poll(f->inner, cx);

    self->output = f->inner->output;
    if (result == TRALE_PENDING && f->pending)
        gate_open(f->pending);
    return result;
}

static void watched_drop(trale_future *self)
{
    struct watched_future *f = (struct watched_future *)self;

    f->inner->output = self->output;
    trale_future_drop(f->inner);
    self->output = f->inner->output;
}

struct watched_future watched(trale_future *inner, struct gate *pending)
{
    static const struct trale_future_ops ops = {watched_poll, watched_drop, "watched"};

    return (struct watched_future){{&ops, 0}, inner, pending};
}

static void leave_line(struct line_waiter *w)
{
    struct line *line = w->line;

    pthread_mutex_lock(&line->lock);
    line->order[gate_opened(&line->through)] = (int)(w - line->waiters);
    gate_open(&line->through);
    pthread_mutex_unlock(&line->lock);
}

static intptr_t wait_in_task(void *waiter)
{
    struct line_waiter *w = waiter;

    w->result = w->call(w->object);
    leave_line(w);
    return w->result;
}

static void *wait_on_thread(void *waiter)
{
    struct line_waiter *w = waiter;
    struct watched_future f = watched(w->future, &w->waits);

    w->result = trale_await(&f.future);
    leave_line(w);
    return NULL;
}

static struct line_waiter *next_waiter(struct line *line)
{
    struct line_waiter *w = &line->waiters[line->count++];

    ck_assert_int_le(line->count, LINE_MAX_WAITERS);
    w->line = line;
    w->waits = (struct gate)GATE;
    return w;
}

struct line_waiter *line_add(struct line *line, trale_runtime *runtime,
                             intptr_t (*call)(void *object), void *object)
{
    struct line_waiter *w = next_waiter(line);

    w->call = call;
    w->object = object;
    w->task = spawn_at(runtime, 1, wait_in_task, w);
    settle_on(runtime);
    return w;
}

struct line_waiter *line_add_thread(struct line *line, trale_future *future)
{
    struct line_waiter *w = next_waiter(line);

    w->future = future;
    ck_assert_int_eq(pthread_create(&w->thread, NULL, wait_on_thread, w), 0);
    gate_wait(&w->waits);
    return w;
}

int line_through(struct line *line)
{
    return (int)gate_opened(&line->through);
}

void line_expect_first(struct line *line, int number)
{
    gate_wait_for(&line->through, line->seen + 1);
    ck_assert_int_eq(line->order[line->seen], number);
    line->seen++;
}

void line_expect(struct line *line, int number)
{
    line_expect_first(line, number);
    ck_assert_int_eq(line_through(line), line->seen);
}

intptr_t line_take(struct line_waiter *w)
{
    if (w->task)
        ck_assert_int_eq(trale_join(w->task, NULL), 0);
    else
        pthread_join(w->thread, NULL);
    w->line = NULL;
    return w->result;
}

void line_join(struct line *line, intptr_t result)
{
    for (int i = 0; i < line->count; i++)
        if (line->waiters[i].line)
            ck_assert_int_eq(line_take(&line->waiters[i]), result);
}

trale_task *spawn_on(trale_runtime *runtime, trale_fn *fn, void *arg)
{
    trale_spawn_options options = {.runtime = runtime};
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn_with(&task, &options, fn, arg), 0);
    return task;
}

trale_runtime *new_runtime(void)
{
    trale_runtime *runtime = NULL;

    ck_assert_int_eq(trale_runtime_new(&runtime, NULL), 0);
    return runtime;
}

void free_runtime(trale_runtime *runtime)
{
    ck_assert_int_eq(trale_runtime_free(runtime, trale_now() + 10 * TRALE_SEC), 0);
}
