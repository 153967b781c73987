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

#define CLOSED UINT64_C(1)
#define ONE_TASK UINT64_C(2)
#define ONE_ROUND (UINT64_C(1) << 48)
#define TASKS (ONE_ROUND - ONE_TASK)

#define STACK_SIZE_DEFAULT ((size_t)64 << 10)
#define EXECUTORS_MAX 1024

static _Atomic(trale_runtime *) default_runtime; /* see get_default */

static uint16_t round_of(uint64_t tasks)
{
    return (uint16_t)(tasks / ONE_ROUND);
}

/* 0, and what the word was; or -ESHUTDOWN. Relaxed: the number is all that matters here; the tasks
 * themselves go through the inbox. */
static int count(trale_runtime *rt, unsigned tasks, uint64_t *old)
{
    *old = atomic_load_explicit(&rt->tasks, memory_order_relaxed);
    do {
        if (*old & CLOSED)
            return -ESHUTDOWN;
    } while (!atomic_compare_exchange_weak_explicit(&rt->tasks, old, *old + tasks * ONE_TASK,
                                                    memory_order_relaxed, memory_order_relaxed));
    return 0;
}

/* The same on credit. */
static int count_here(struct executor *ex, uint64_t *old)
{
    uint32_t credit = atomic_load_explicit(&ex->credit, memory_order_relaxed);
    int error = 0;

    *old = atomic_load_explicit(&ex->runtime->tasks, memory_order_relaxed);
    if (credit == 0) {
        error = count(ex->runtime, CREDIT, old);
        credit = CREDIT;
    } else if (*old & CLOSED) {
        error = -ESHUTDOWN;
    }
    if (error == 0)
        atomic_store_explicit(&ex->credit, credit - 1, memory_order_relaxed);
    return error;
}

int runtime_enter(trale_runtime *rt, trale_task *new, unsigned executor)
{
    struct executor *here = executor_current();
    uint64_t old;
    int error = here && here->runtime == rt ? count_here(here, &old) : count(rt, 1, &old);

    if (error != 0)
        return error;
    if (executor == 0 && rt->count > 1 && lots_draw(4) == 1)
        executor = 1 + lots_draw(rt->count);
    new->home = &rt->executors[executor > 0 ? executor - 1 : 0].queue;
    new->shared = executor == 0 && rt->count > 1;
    new->round = round_of(old);
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

uint16_t runtime_round(const trale_runtime *rt)
{
    return round_of(atomic_load(&rt->tasks));
}

uint64_t runtime_count_tasks(const trale_runtime *rt)
{
    uint64_t tasks = (atomic_load_explicit(&rt->tasks, memory_order_acquire) & TASKS) / ONE_TASK;
    uint64_t credit = 0;

    for (unsigned i = 0; i < rt->count; i++)
        credit += atomic_load_explicit(&rt->executors[i].credit, memory_order_relaxed);
    return tasks > credit ? tasks - credit : 0;
}

bool runtime_has_tasks(const trale_runtime *rt)
{
    /* Acquire: pairs with runtime_uncount. Who waited sees what the tasks did. */
    return (atomic_load_explicit(&rt->tasks, memory_order_acquire) & TASKS) != 0;
}

void runtime_uncount(trale_runtime *rt, unsigned count)
{
    uint64_t old = atomic_fetch_sub_explicit(&rt->tasks, count * ONE_TASK, memory_order_acq_rel);
    struct wake_batch batch = {0};
    struct trale_link *link;

    if ((old & TASKS) > count * ONE_TASK)
        return;
    process_lock();
    /* Somebody may have spawned, and waits for that task: the one who ends it comes by here
     * too. */
    while (!runtime_has_tasks(rt) && (link = list_pop_front(&rt->waiters))) {
        trale_runtime_wait_future *f = container_of(link, trale_runtime_wait_future, link);

        f->linked = false;
        waker_claim(f->waker, &batch);
    }
    process_unlock();
    wake_batch_deliver(&batch);
}

void runtime_tasks_ended(struct executor *ex, unsigned count, unsigned most_credit)
{
    uint32_t old = atomic_load_explicit(&ex->credit, memory_order_relaxed);
    uint32_t credit = old + count, kept = credit > most_credit ? 0 : credit;

    if (credit == 0)
        return;
    atomic_store_explicit(&ex->credit, kept, memory_order_relaxed);
    if (kept < credit)
        runtime_uncount(ex->runtime, credit - kept);
}

bool runtime_close(trale_runtime *rt, bool round)
{
    const uint64_t change = CLOSED + (round ? ONE_ROUND : 0);
    uint64_t old = atomic_load(&rt->tasks);

    do {
        if (old & CLOSED)
            return false;
    } while (!atomic_compare_exchange_weak(&rt->tasks, &old, old + change));
    return true;
}

void runtime_reopen(trale_runtime *rt)
{
    atomic_fetch_and(&rt->tasks, ~CLOSED);
}

/* The check and the list are under the lock, and so is the wake after the last task: see
 * there. */
bool runtime_wait_enlist(trale_runtime_wait_future *f, trale_waker *waker)
{
    trale_runtime *rt = f->runtime;
    bool wait, woken;

    process_lock();
    woken = f->waker && !f->linked; /* then the runtime may be gone */
    wait = !woken && runtime_has_tasks(rt);
    if (wait && !f->linked)
        list_push_back(&rt->waiters, &f->link);
    f->linked = f->linked || wait;
    f->waker = waker;
    process_unlock();
    return wait;
}

void runtime_wait_delist(trale_runtime_wait_future *f)
{
    process_lock();
    if (f->linked)
        list_remove(&f->link);
    f->linked = false;
    process_unlock();
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

/* Acquire: pairs with the release of who was one. */
static void await_pushers(struct executor *ex)
{
    while (atomic_load_explicit(&ex->queue.pushers, memory_order_acquire) > 0)
        sched_yield();
}

void runtime_destroy(trale_runtime *rt)
{
    trale_runtime *expected = rt;
    bool last = process_remove(rt);

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
