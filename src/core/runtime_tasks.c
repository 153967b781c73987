/* How many tasks a runtime has, the gate for new ones, and who waits for the last to end. */
#include <errno.h>

#include "core/process.h"
#include "core/runtime.h"

#define CLOSED UINT64_C(1)
#define ONE_TASK UINT64_C(2)
#define ONE_ROUND (UINT64_C(1) << 48)
#define TASKS (ONE_ROUND - ONE_TASK)

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

int runtime_count_in(trale_runtime *rt, uint16_t *round)
{
    struct executor *here = executor_current();
    uint64_t old;
    int error = here && here->runtime == rt ? count_here(here, &old) : count(rt, 1, &old);

    if (error == 0)
        *round = round_of(old);
    return error;
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

/* Release: pairs with runtime_has_tasks. True: others are left. */
static bool uncount_some(trale_runtime *rt, uint64_t change)
{
    uint64_t old = atomic_load_explicit(&rt->tasks, memory_order_relaxed);

    while ((old & TASKS) > change)
        if (atomic_compare_exchange_weak_explicit(&rt->tasks, &old, old - change,
                                                  memory_order_release, memory_order_relaxed))
            return true;
    return false;
}

/*
 * The last ones go under the lock: who frees the runtime learns of it there, and until then the
 * runtime is there for us, who may be on any thread.
 */
void runtime_uncount(trale_runtime *rt, unsigned count)
{
    struct wake_batch batch = {0};
    struct trale_link *link;

    if (uncount_some(rt, count * ONE_TASK))
        return;
    process_lock();
    atomic_fetch_sub_explicit(&rt->tasks, count * ONE_TASK, memory_order_release);
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

/* Once the process exits it stays closed. */
void runtime_reopen(trale_runtime *rt)
{
    process_lock();
    if (!process_exits())
        atomic_fetch_and(&rt->tasks, ~CLOSED);
    process_unlock();
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

void runtime_wake_waiters(trale_runtime *rt)
{
    struct wake_batch batch = {0};
    struct trale_link *link;

    process_lock();
    for (link = rt->waiters.next; link != &rt->waiters; link = link->next)
        waker_claim(container_of(link, trale_runtime_wait_future, link)->waker, &batch);
    process_unlock();
    wake_batch_deliver(&batch);
}

void runtime_wait_delist(trale_runtime_wait_future *f)
{
    process_lock();
    if (f->linked)
        list_remove(&f->link);
    f->linked = false;
    process_unlock();
}
