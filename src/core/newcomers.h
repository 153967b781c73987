/*
 * Where new tasks of a runtime with several executors wait that come from outside, or for which a
 * steal queue had no room: for the first executor that has nothing else to do, first come, first
 * taken.
 *
 * Whoever adds one announces it in count, then looks whether an executor is idle, and kicks it; an
 * executor that parks counts itself idle, then looks at count. Both are sequentially consistent, so
 * no task waits here while an executor sleeps that has seen none.
 *
 * The kick is under the lock too: once the task is taken it may end, and the runtime with it, and
 * unlocking is the last that who adds it does here.
 *
 * Fields: L: under the lock.  A: any thread, atomically; changed under the lock.
 */
#ifndef CORE_NEWCOMERS_H
#define CORE_NEWCOMERS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "task/task.h"

struct newcomers {
    pthread_mutex_t lock;
    struct trale_link tasks; /* L: */
    atomic_size_t count;     /* A: */
};

/* Zeroed before. */
static inline void newcomers_init(struct newcomers *n)
{
    list_init(&n->tasks);
    n->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

/* Nobody adds any more, and whoever did had unlocked before the task was taken. */
static inline void newcomers_destroy(struct newcomers *n)
{
    pthread_mutex_destroy(&n->lock);
}

/*
 * Any thread. Between the two, whoever adds kicks an executor that is idle. Sequentially consistent:
 * pairs with newcomers_wait, see above.
 */
static inline void newcomers_begin_add(struct newcomers *n, trale_task *const *tasks,
                                       unsigned count)
{
    pthread_mutex_lock(&n->lock);
    for (unsigned i = 0; i < count; i++)
        list_push_back(&n->tasks, &tasks[i]->link);
    atomic_fetch_add_explicit(&n->count, count, memory_order_seq_cst);
}

static inline void newcomers_end_add(struct newcomers *n)
{
    pthread_mutex_unlock(&n->lock);
}

static inline bool newcomers_wait(const struct newcomers *n)
{
    return atomic_load_explicit(&n->count, memory_order_seq_cst) > 0;
}

/*
 * Takes so many, fewer if that is more than the share of one of so many executors; returns how
 * many. Held for moments, so an executor in a section may call it.
 */
static inline unsigned newcomers_take(struct newcomers *n, trale_task **tasks, unsigned most,
                                      unsigned executors)
{
    struct trale_link *link;
    unsigned taken = 0;
    size_t share;

    if (!newcomers_wait(n))
        return 0;
    pthread_mutex_lock(&n->lock);
    share = atomic_load_explicit(&n->count, memory_order_relaxed) / executors + 1;
    while (taken < most && taken < share && (link = list_pop_front(&n->tasks))) {
        list_init(link); /* it stands nowhere */
        tasks[taken++] = container_of(link, trale_task, link);
    }
    /* Relaxed: who sees it late looks under the lock, and finds nothing. */
    atomic_fetch_sub_explicit(&n->count, taken, memory_order_relaxed);
    pthread_mutex_unlock(&n->lock);
    return taken;
}

#endif
