#include "core/runtime.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/lots.h"
#include "core/pool.h"
#include "core/process.h"
#include "task/fiber.h"
#include "task/overflow.h"
#include "task/thread.h"

#define STACK_SIZE_DEFAULT ((size_t)64 << 10)
#define EXECUTORS_MAX 1024

static _Atomic(trale_runtime *) default_runtime; /* see get_default */

int runtime_enter(trale_runtime *rt, trale_task *new, unsigned executor)
{
    const struct executor *here = executor_current();
    int error = runtime_count_in(rt, &new->round);

    if (error != 0)
        return error;
    if (executor == 0 && rt->count > 1 && lots_draw(4) == 1)
        executor = 1 + lots_draw(rt->count);
    new->home = &rt->executors[executor > 0 ? executor - 1 : 0].queue;
    new->shared = executor == 0 && rt->count > 1;
    if (here && new->home == &here->queue && !new->shared)
        state_born_here(&new->waker.state);
    return 0;
}

void runtime_send(trale_task *new)
{
    trale_runtime *rt = container_of(new->home, struct executor, queue)->runtime;

    if (new->shared)
        share_send(rt, new);
    else
        task_submit(new);
}

bool runtime_is_here(const trale_runtime *rt)
{
    const struct executor *ex = executor_current();

    return ex && ex->runtime == rt;
}

/* The first so many executors. */
static void end_executors(trale_runtime *rt, unsigned started)
{
    for (unsigned i = 0; i < started; i++)
        executor_stop(&rt->executors[i]);
    for (unsigned i = 0; i < started; i++)
        pthread_join(rt->executors[i].thread, NULL);
}

static void end_threads(trale_runtime *rt)
{
    end_executors(rt, rt->count);
    if (!rt->executors[0].is_inline)
        reactor_stop(&rt->reactor);
}

static int start_threads(trale_runtime *rt)
{
    unsigned started = 0;
    int error;

    if (rt->executors[0].is_inline)
        return executor_start(&rt->executors[0]);
    error = reactor_start(&rt->reactor);
    if (error != 0)
        return error;
    while (error == 0 && started < rt->count) {
        error = executor_start(&rt->executors[started]);
        started += error == 0;
    }
    if (error != 0) {
        end_executors(rt, started);
        reactor_stop(&rt->reactor);
    }
    return error;
}

static int check(const trale_config *config)
{
    if (!config)
        return 0;
    if (config->stack_size > FIBER_SIZE_MAX)
        return -EINVAL;
    return config->executors > EXECUTORS_MAX && config->executors != TRALE_EXECUTORS_PER_CPU
               ? -EINVAL
               : 0;
}

/* The tests are also run with others, and with 0: one that is its own reactor. */
#ifndef EXECUTORS_DEFAULT
#define EXECUTORS_DEFAULT 1
#endif

static unsigned executors_of(const trale_config *config)
{
    if (!config || config->executors == 0)
        return EXECUTORS_DEFAULT;
    return config->executors == TRALE_EXECUTORS_PER_CPU ? spin_cpus() : config->executors;
}

static trale_runtime *allocate(unsigned count)
{
    const size_t size = sizeof(trale_runtime) + count * sizeof(struct executor);
    trale_runtime *rt = aligned_alloc(_Alignof(trale_runtime), size);

    if (!rt)
        return NULL;
    memset(rt, 0, size);
    rt->count = count;
    return rt;
}

/* Without threads; count 0: one executor that is its own reactor. 0 or -errno. */
static int make(trale_runtime **made, unsigned count, size_t stack_size)
{
    const bool is_inline = count == 0;
    int error = process_watch();
    trale_runtime *rt;

    if (error != 0)
        return error;
    count += is_inline;
    rt = allocate(count);
    if (!rt)
        return -ENOMEM;
    list_init(&rt->waiters);
    rt->stack_size = stack_size > 0 ? stack_size : STACK_SIZE_DEFAULT;
    for (unsigned i = 0; i < count; i++)
        executor_init(&rt->executors[i], rt, i);
    if (is_inline)
        executor_make_inline(&rt->executors[0]);
    newcomers_init(&rt->newcomers);
    error = reactor_init(&rt->reactor, rt->executors, count);
    if (error != 0)
        goto free_memory;
    overflow_watch();
    spin_allowed(); /* reads files: not later, when descriptors come and go */
    *made = rt;
    return 0;

free_memory:
    free(rt);
    return error;
}

static void unmake(trale_runtime *rt)
{
    reactor_destroy(&rt->reactor);
    newcomers_destroy(&rt->newcomers);
    free(rt);
}

int trale_runtime_new(trale_runtime **runtime, const trale_config *config)
{
    int error = runtime ? check(config) : -EINVAL;
    trale_runtime *rt;

    if (error == 0)
        error = make(&rt, executors_of(config), config ? config->stack_size : 0);
    if (error != 0)
        return error;
    error = start_threads(rt);
    if (error != 0)
        goto unmake;
    error = process_add(rt);
    if (error != 0)
        goto end_threads;
    *runtime = rt;
    return 0;

end_threads:
    end_threads(rt);
unmake:
    unmake(rt);
    return error;
}

int runtime_new_inline(trale_runtime **runtime)
{
    int error = make(runtime, 0, 0);

    if (error != 0)
        return error;
    error = process_add(*runtime);
    if (error != 0)
        unmake(*runtime);
    return error;
}

/* It parked in epoll_wait. */
static void await_pushers(const struct executor *ex)
{
    while (!pushers_are_gone(&ex->queue.pushers))
        sched_yield();
}

void runtime_destroy(trale_runtime *rt)
{
    trale_runtime *expected = rt;
    bool last;

    if (!process_remove(rt, &last))
        return;
    atomic_compare_exchange_strong(&default_runtime, &expected, NULL);
    if (rt->executors[0].threaded)
        end_threads(rt);
    if (rt->executors[0].is_inline)
        await_pushers(&rt->executors[0]);
    unmake(rt);
    if (!last)
        return;
    stack_pool_empty();
    block_pool_empty();
    pool_empty();
}

/* Lets two first uses make one runtime. Taken before the lock of process.h. */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

void runtime_before_fork(void)
{
    pthread_mutex_lock(&making);
}

void runtime_after_fork(bool in_child)
{
    if (in_child)
        atomic_store(&default_runtime, NULL);
    pthread_mutex_unlock(&making);
}

static int get_default(trale_runtime **runtime)
{
    int error = 0;

    if (process_exits())
        return -ESHUTDOWN; /* it may have been stopped; nobody would be woken any more */
    /* Acquire: pairs with the release below. */
    *runtime = atomic_load_explicit(&default_runtime, memory_order_acquire);
    if (*runtime)
        return 0;
    pthread_mutex_lock(&making);
    *runtime = atomic_load_explicit(&default_runtime, memory_order_relaxed);
    if (!*runtime)
        error = trale_runtime_new(runtime, NULL);
    if (error == 0)
        atomic_store_explicit(&default_runtime, *runtime, memory_order_release);
    pthread_mutex_unlock(&making);
    return error;
}

trale_runtime *trale_runtime_default(void)
{
    trale_runtime *rt;

    return get_default(&rt) == 0 ? rt : NULL;
}

int runtime_current(trale_runtime **runtime)
{
    struct executor *ex = executor_current();

    if (!ex)
        return get_default(runtime);
    *runtime = ex->runtime;
    return 0;
}

int reactor_current(struct reactor **reactor)
{
    trale_runtime *rt;
    int error = runtime_current(&rt);

    if (error == 0)
        *reactor = &rt->reactor;
    return error;
}
