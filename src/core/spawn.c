/* Starting tasks: choose the runtime, make the task, let it in, send it to its executor. */
#define TRALE_NO_SPAWN_SITES
#include <errno.h>

#include "core/spawn.h"

#include "base/inline.h"
#include "core/ops.h"
#include "core/runtime.h"
#include "task/await.h"
#include "task/fiber.h"
#include "task/thread.h"
#include "task/thread_waker.h"

const char *spawn_site(void)
{
    const char *site = this_thread.site;

    this_thread.site = NULL;
    return site;
}

ALWAYS_INLINE int choose(trale_runtime **rt, const trale_spawn_options *options)
{
    const struct executor *here = executor_current();
    int error = 0;

    if (options && options->runtime)
        *rt = options->runtime;
    else if (here)
        *rt = here->runtime;
    else
        error = runtime_current(rt);
    if (error == 0 && options && options->executor > (*rt)->count)
        error = -EINVAL;
    return error;
}

ALWAYS_INLINE int let_in(trale_runtime *rt, const trale_spawn_options *options, trale_task *new)
{
    int error;

    if (!new)
        return -ENOMEM;
    error = runtime_enter(rt, new, options ? options->executor : 0);
    if (error != 0)
        task_free(new);
    return error;
}

/* The handle is stored first: the task may have ended before the caller goes on. */
static void send(trale_task *new, trale_task **task)
{
    if (task)
        *task = new;
    runtime_send(new);
}

/* Inline, with choose and let_in: mostly there are no options. */
ALWAYS_INLINE int prepare(trale_task **new, const trale_spawn_options *options,
                          struct fiber_options *fiber)
{
    trale_runtime *rt;
    int error;

    if (!fiber->fn || fiber->copy > FIBER_SIZE_MAX ||
        (options && options->stack_size > FIBER_SIZE_MAX))
        return -EINVAL;
    error = choose(&rt, options);
    if (error != 0)
        return error;
    fiber->stack_size = options && options->stack_size ? options->stack_size : rt->stack_size;
    fiber->name = options ? options->name : NULL;
    *new = fiber_new(fiber);
    return let_in(rt, options, *new);
}

int spawn_prepare(trale_task **new, const trale_spawn_options *options,
                  struct fiber_options *fiber)
{
    return prepare(new, options, fiber);
}

void spawn_abandon(trale_task *new)
{
    struct executor *ex = container_of(new->home, struct executor, queue);

    task_free(new);
    runtime_uncount(ex->runtime, 1);
}

ALWAYS_INLINE int spawn_fiber(trale_task **task, const trale_spawn_options *options,
                              struct fiber_options *fiber)
{
    trale_task *new;
    int error;

    fiber->handle = task != NULL;
    error = prepare(&new, options, fiber);
    if (error == 0)
        send(new, task);
    return error;
}

int trale_spawn_with(trale_task **task, const trale_spawn_options *options, trale_fn *fn,
                     void *arg)
{
    return spawn_fiber(task, options,
                       &(struct fiber_options){.fn = fn, .arg = arg, .site = spawn_site()});
}

int trale_spawn(trale_task **task, trale_fn *fn, void *arg)
{
    return spawn_fiber(task, NULL,
                       &(struct fiber_options){.fn = fn, .arg = arg, .site = spawn_site()});
}

int trale_spawn_copy(trale_task **task, trale_fn *fn, const void *arg, size_t size)
{
    struct fiber_options fiber = {.fn = fn, .copied = arg, .copy = size, .site = spawn_site()};

    if (!arg && size != 0)
        return -EINVAL;
    return spawn_fiber(task, NULL, &fiber);
}

int trale_spawn_future_with(trale_task **task, const trale_spawn_options *options,
                            const trale_future *future, size_t size)
{
    const char *site = spawn_site();
    trale_runtime *rt;
    trale_task *new;
    int error;

    if (!future || !future->ops || !future->ops->poll || size < sizeof *future)
        return -EINVAL;
    error = choose(&rt, options);
    if (error != 0)
        return error;
    new = task_new(future, size, task != NULL, options ? options->name : NULL);
    error = let_in(rt, options, new);
    if (error != 0)
        return error;
    new->site = site;
    send(new, task);
    return 0;
}

int trale_spawn_future(trale_task **task, const trale_future *future, size_t size)
{
    return trale_spawn_future_with(task, NULL, future, size);
}

static enum trale_poll block_on_poll(trale_future *self, trale_context *cx)
{
    trale_block_on_future *f = container_of(self, trale_block_on_future, future);

    if (!f->join.task) {
        self->output = trale_spawn(&f->join.task, f->fn, f->arg);
        if (self->output != 0)
            return TRALE_READY;
    }
    self->output = 0;
    return trale_future_poll(&f->join.future, cx);
}

static void block_on_drop(trale_future *self)
{
    trale_block_on_future *f = container_of(self, trale_block_on_future, future);
    trale_task *task = f->join.task; /* NULL once it is joined */

    trale_future_drop(&f->join.future);
    trale_cancel(task);
    trale_detach(task);
}

const struct trale_future_ops block_on_ops = {block_on_poll, block_on_drop, "block_on"};

void trale_block_on_init(trale_block_on_future *f, trale_fn *fn, void *arg, intptr_t *result)
{
    *f = (trale_block_on_future){.future = {.ops = &block_on_ops}, .fn = fn, .arg = arg};
    trale_join_init(&f->join, NULL, result);
}

/* Not an await of the future above: arg may live on our stack, so even a caller that is cancelled
 * waits for the end. Nor may the wait fail: what a plain thread needs for it comes first. */
int trale_block_on(trale_fn *fn, void *arg, intptr_t *result)
{
    struct fiber_options fiber = {.fn = fn, .arg = arg, .site = spawn_site()};
    trale_join_future join;
    trale_task *task;
    int error;

    await_check(__func__);
    error = await_verdict();
    if (!this_thread.task && !thread_waker())
        error = -ENOMEM;
    if (error == 0)
        error = spawn_fiber(&task, NULL, &fiber);
    if (error != 0)
        return error;
    error = trale_join(task, result);
    if (error == 0)
        return 0;
    trale_cancel(task);
    trale_join_init(&join, task, result);
    return (int)await_shielded(&join.future);
}
