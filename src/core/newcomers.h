/*
 * Where new tasks of a runtime with several executors wait for the first of them that has nothing
 * else to do: first come, first taken. A task that has started stays with its executor.
 *
 * Whoever adds one announces it in count, then kicks an executor that is parked; an executor that
 * parks marks its inbox, then looks at count. Both are sequentially consistent, so no task waits
 * here while an executor sleeps that has seen none.
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

/* 0 or -errno. */
static inline int newcomers_init(struct newcomers *n)
{
    list_init(&n->tasks);
    return -pthread_mutex_init(&n->lock, NULL);
}

/* Nobody adds any more, and whoever did had unlocked before the task was taken. */
static inline void newcomers_destroy(struct newcomers *n)
{
    pthread_mutex_destroy(&n->lock);
}

/*
 * Any thread. Between the two, whoever adds kicks an executor. Sequentially consistent: pairs
 * with newcomers_wait, see above.
 */
static inline void newcomers_begin_add(struct newcomers *n, trale_task *task)
{
    pthread_mutex_lock(&n->lock);
    list_push_back(&n->tasks, &task->link);
    atomic_fetch_add_explicit(&n->count, 1, memory_order_seq_cst);
}

static inline void newcomers_end_add(struct newcomers *n)
{
    pthread_mutex_unlock(&n->lock);
}

static inline bool newcomers_wait(const struct newcomers *n)
{
    return atomic_load_explicit(&n->count, memory_order_seq_cst) > 0;
}

/* NULL: there is none. Held for moments, so an executor in a section may call it. */
static inline trale_task *newcomers_take(struct newcomers *n)
{
    struct trale_link *link;

    if (!newcomers_wait(n))
        return NULL;
    pthread_mutex_lock(&n->lock);
    link = list_pop_front(&n->tasks);
    if (link) {
        list_init(link); /* it stands nowhere */
        /* Relaxed: who sees it late looks under the lock, and finds nothing. */
        atomic_fetch_sub_explicit(&n->count, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&n->lock);
    return link ? container_of(link, trale_task, link) : NULL;
}

#endif
