/* Tasks and a plain thread that wait for each other: no fault reaches them there. */
#include "scenarios.h"

#include <stdatomic.h>

#include "fault.h"
#include "steps.h"

#define PARTIES 3
#define ROUNDS 10

struct objects {
    trale_wait_group arrived, gone;
    trale_event start, tokens, end;
    trale_mutex mutex;
    trale_cond changed;
    trale_semaphore semaphore;
    trale_rwlock rwlock;
    trale_barrier barrier;
    trale_once once[ROUNDS];
    int guarded, met; /* by the mutex */
    int permitted;    /* by the semaphore */
    int written;      /* by the rwlock */
    atomic_int done_once;
};

static intptr_t do_once(void *arg)
{
    EXPECT(trale_yield() == 0);
    return atomic_fetch_add((atomic_int *)arg, 1);
}

static void exclude(struct objects *o)
{
    EXPECT(trale_mutex_lock(&o->mutex) == 0);
    o->guarded++;
    EXPECT(trale_yield() == 0);
    EXPECT(trale_mutex_unlock(&o->mutex) == 0);

    EXPECT(trale_semaphore_acquire(&o->semaphore, 2) == 0);
    o->permitted++;
    EXPECT(trale_yield() == 0);
    EXPECT(trale_semaphore_release(&o->semaphore, 2) == 0);

    EXPECT(trale_rwlock_wrlock(&o->rwlock) == 0);
    o->written++;
    EXPECT(trale_yield() == 0);
    EXPECT(trale_rwlock_unlock(&o->rwlock) == 0);
    EXPECT(trale_rwlock_rdlock(&o->rwlock) == 0);
    EXPECT(o->written > 0);
    EXPECT(trale_rwlock_unlock(&o->rwlock) == 0);
}

static void meet(struct objects *o, int round)
{
    EXPECT(trale_mutex_lock(&o->mutex) == 0);
    if (++o->met == PARTIES * (round + 1))
        EXPECT(trale_cond_broadcast(&o->changed) == 0);
    while (o->met < PARTIES * (round + 1))
        EXPECT(trale_cond_wait(&o->changed, &o->mutex) == 0);
    EXPECT(trale_mutex_unlock(&o->mutex) == 0);

    EXPECT(trale_event_notify(&o->tokens) == 0);
    EXPECT(trale_event_wait(&o->tokens) == 0);
    EXPECT(trale_once_do(&o->once[round], do_once, &o->done_once) == 0);
    EXPECT(trale_barrier_wait(&o->barrier) >= 0);
}

static void take_part(struct objects *o)
{
    for (int round = 0; round < ROUNDS; round++) {
        exclude(o);
        meet(o, round);
    }
}

static intptr_t partner(void *arg)
{
    struct objects *o = arg;

    EXPECT(trale_wait_group_done(&o->arrived) == 0);
    EXPECT(trale_event_wait(&o->start) == 0);
    take_part(o);
    EXPECT(trale_wait_group_done(&o->gone) == 0);
    EXPECT(trale_event_wait(&o->end) == 0); /* a task that ends gives back its stack */
    return 1;
}

/* A thread's first wait makes its waker, which takes memory. */
static void wait_first(void)
{
    trale_yield_future yield;

    CALL((trale_yield_init(&yield), trale_await(&yield.future)), true);
}

static intptr_t nothing(void *arg)
{
    return (intptr_t)arg;
}

/* An executor's thread, too, takes memory when it begins: all of them have. */
static void begin_executors(void)
{
    trale_metrics metrics = {0};

    EXPECT(trale_metrics_read(trale_runtime_default(), &metrics) == 0);
    for (unsigned n = 1; n <= metrics.executors; n++) {
        trale_spawn_options options = {.executor = n};
        trale_task *task = NULL;

        CALL(trale_spawn_with(&task, &options, nothing, (void *)1), !task);
        join_for(task, 1);
    }
}

/* What a reactor and an executor do to begin and to stand by is all that has been called. */
static void expect_untouched(const unsigned before[FAULT_POINTS],
                             const unsigned after[FAULT_POINTS])
{
    for (enum fault_point point = 0; point < FAULT_POINTS; point++)
        if (point != FAULT_THREAD_NAME && point != FAULT_FUTEX_WAIT &&
            point != FAULT_EPOLL_WAIT && point != FAULT_WRITE_OWN_FD &&
            before[point] != after[point])
            give_up("waiting calls %s", fault_point_name(point));
}

static void wait_for_each_other(struct objects *o)
{
    unsigned before[FAULT_POINTS], after[FAULT_POINTS];

    fault_counts(before);
    EXPECT(trale_event_notify(&o->start) == 0);
    EXPECT(trale_event_notify(&o->start) == 0);
    take_part(o);
    EXPECT(trale_wait_group_wait(&o->gone) == 0);
    fault_counts(after);
    EXPECT(trale_event_notify(&o->end) == 0);
    EXPECT(trale_event_notify(&o->end) == 0);
    expect_untouched(before, after);
    EXPECT(o->guarded == PARTIES * ROUNDS && o->permitted == PARTIES * ROUNDS &&
           o->written == PARTIES * ROUNDS);
    EXPECT(atomic_load(&o->done_once) == ROUNDS);
}

void waiting_for_each_other(void)
{
    struct objects o = {.barrier = {.parties = PARTIES}};
    trale_task *tasks[PARTIES - 1] = {0};

    EXPECT(trale_semaphore_release(&o.semaphore, 2) == 0);
    EXPECT(trale_wait_group_add(&o.arrived, PARTIES - 1) == 0);
    EXPECT(trale_wait_group_add(&o.gone, PARTIES - 1) == 0);
    wait_first();
    for (int i = 0; i < PARTIES - 1; i++)
        CALL(trale_spawn(&tasks[i], partner, &o), !tasks[i]);
    begin_executors();
    EXPECT(trale_wait_group_wait(&o.arrived) == 0);
    wait_for_each_other(&o);
    for (int i = 0; i < PARTIES - 1; i++)
        join_for(tasks[i], 1);
}
