#include "core/reactor.h"

#include <errno.h>
#include <sched.h>

#include "core/executor.h"
#include "core/thread_start.h"

#define EVENTS 256
#define RETIRED_MAX 1024 /* sources that may wait for the next turn to be freed */
#define NAP_NS 1000000   /* how long events may wait for an executor that is held up by a poll */

int reactor_init(struct reactor *r, const struct executor *executors, unsigned count)
{
    int error;

    r->executors = executors;
    r->count = count;
    list_init(&r->sources);
    list_init(&r->retired);
    error = poller_open(&r->poller);
    if (error != 0)
        return error;
    error = timer_queue_init(&r->timers, &r->poller);
    if (error != 0)
        goto close_poller;
    error = -pthread_mutex_init(&r->lock, NULL);
    if (error != 0)
        goto destroy_timers;
    return 0;

destroy_timers:
    timer_queue_destroy(&r->timers);
close_poller:
    poller_close(&r->poller);
    return error;
}

int reactor_add(struct reactor *r, trale_io *io, bool write)
{
    int error;

    pthread_mutex_lock(&r->lock);
    error = poller_add(&r->poller, io->fd, io, write);
    if (error == 0) {
        list_push_back(&r->sources, &io->link);
        /* Relaxed: whoever turns and misses it has the reactor thread or itself turn again. */
        atomic_fetch_add_explicit(&r->registered, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&r->lock);
    return error;
}

int reactor_add_write(struct reactor *r, trale_io *io)
{
    return poller_write(&r->poller, io->fd, io);
}

int reactor_detach(struct reactor *r, trale_io *io)
{
    return poller_remove(&r->poller, io->fd);
}

int reactor_attach(struct reactor *r, trale_io *io, bool write)
{
    return poller_add(&r->poller, io->fd, io, write);
}

/* The reactor's reference lives on until the batch that may still name the source is done. */
void reactor_remove(struct reactor *r, trale_io *io)
{
    unsigned retired;

    if (!io->detached)
        reactor_detach(r, io);
    pthread_mutex_lock(&r->lock);
    list_remove(&io->link);
    list_push_back(&r->retired, &io->link);
    retired = 1 + atomic_fetch_add_explicit(&r->retired_count, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&r->registered, 1, memory_order_relaxed);
    if (retired == RETIRED_MAX) /* the holder may have been waiting for long */
        poller_interrupt(&r->poller);
    pthread_mutex_unlock(&r->lock);
}

/* After a batch: what was deregistered before now is named by no batch to come. */
static void release_retired(struct reactor *r)
{
    struct trale_link retired, *link;

    if (atomic_load_explicit(&r->retired_count, memory_order_relaxed) == 0)
        return;
    list_init(&retired);
    pthread_mutex_lock(&r->lock);
    list_append(&retired, &r->retired);
    atomic_store_explicit(&r->retired_count, 0, memory_order_relaxed);
    pthread_mutex_unlock(&r->lock);
    while ((link = list_pop_front(&retired)))
        source_release(container_of(link, trale_io, link));
}

static void collect(struct reactor *r, int timeout_ms, struct wake_batch *batch)
{
    struct poller_event events[EVENTS];
    int count;

    if (timeout_ms == 0 && atomic_load_explicit(&r->registered, memory_order_relaxed) == 0)
        return;
    count = poller_wait(&r->poller, events, EVENTS, timeout_ms);
    counter_add(&r->waits, 1);
    counter_add(&r->events, (uint64_t)count);
    for (int i = 0; i < count; i++)
        source_ready(events[i].tag, events[i].ready, batch);
}

/* Not while the inbox, if there is one, has something: what was due earlier may be in it. */
static void expire(struct reactor *r, const struct inbox *inbox)
{
    struct wake_batch batch = {0};
    bool all = false;

    if (!timer_queue_claim(&r->timers))
        return;
    while (!all && !(inbox && inbox_filled(inbox))) {
        all = timer_queue_expire(&r->timers, &batch);
        wake_batch_deliver(&batch);
    }
    timer_queue_release(&r->timers);
}

static void turn(struct reactor *r, bool block, const struct inbox *inbox)
{
    struct wake_batch batch = {0};
    int timeout_ms = 0;

    if (block)
        timeout_ms = timer_queue_block(&r->timers) ? -1 : 1;
    collect(r, timeout_ms, &batch);
    if (block)
        timer_queue_unblock(&r->timers);
    wake_batch_deliver(&batch);
    expire(r, inbox);
    release_retired(r);
    counter_add(&r->turns, 1); /* stand_by compares it */
}

void reactor_turn(struct reactor *r, bool block)
{
    turn(r, block, NULL);
}

static bool one_is_parked(const struct reactor *r)
{
    for (unsigned i = 0; i < r->count; i++)
        if (inbox_parked(&r->executors[i].queue.inbox))
            return true;
    return false;
}

void reactor_turn_for(struct reactor *r, const struct inbox *inbox)
{
    if (!baton_take(&r->baton)) {
        expire(r, inbox);
        return;
    }
    if (!inbox_filled(inbox))
        turn(r, false, inbox);
    baton_return(&r->baton);
    if (r->count > 1 && one_is_parked(r))
        baton_hand_over(&r->baton);
}

/*
 * Stands by while every executor is awake: they turn the reactor themselves now and then, and hand the
 * baton over when they park. Only if they have made no turn during a whole nap, because one poll
 * takes so long, do we step in. True: the next turn is to block.
 */
static bool stand_by(struct reactor *r)
{
    uint64_t turns;

    baton_put_down(&r->baton);
    if (one_is_parked(r) && baton_take_back(&r->baton))
        return true;
    for (;;) {
        turns = counter_read(&r->turns);
        if (baton_nap(&r->baton, NAP_NS))
            return true;
        if (turns == counter_read(&r->turns) && baton_take_back(&r->baton))
            return false;
    }
}

static void *reactor_main(void *arg)
{
    struct reactor *r = arg;
    bool block = true;

    thread_name("trale-reactor");
    while (!atomic_load(&r->stopping)) {
        reactor_turn(r, block);
        block = stand_by(r);
    }
    return NULL;
}

int reactor_start(struct reactor *r)
{
    return thread_start(&r->thread, reactor_main, r);
}

void reactor_stop(struct reactor *r)
{
    atomic_store(&r->stopping, true);
    poller_interrupt(&r->poller);
    pthread_join(r->thread, NULL);
}

/* Under the lock, for a close may be taking the last one out at this moment. */
static bool has_sources(struct reactor *r)
{
    bool has;

    pthread_mutex_lock(&r->lock);
    has = !list_empty(&r->sources);
    pthread_mutex_unlock(&r->lock);
    return has;
}

/* Against the order of locks, so it only tries: whoever has the source's lock may want ours. */
static bool evict_first(struct reactor *r, struct wake_batch *batch)
{
    trale_io *io;
    bool evicted;

    pthread_mutex_lock(&r->lock);
    io = container_of(r->sources.next, trale_io, link);
    evicted = !list_empty(&r->sources) && lock_try(&io->lock);
    if (evicted)
        list_remove(&io->link);
    pthread_mutex_unlock(&r->lock);
    if (!evicted)
        return false;
    if (!io->detached)
        reactor_detach(r, io);
    source_evict(io, batch);
    lock_give(&io->lock);
    source_release(io);
    return true;
}

void reactor_destroy(struct reactor *r)
{
    struct wake_batch batch = {0};

    while (has_sources(r))
        if (!evict_first(r, &batch))
            sched_yield();
    timer_queue_evict(&r->timers, &batch);
    wake_batch_deliver(&batch);
    release_retired(r);
    pthread_mutex_destroy(&r->lock);
    timer_queue_destroy(&r->timers);
    poller_close(&r->poller);
}
