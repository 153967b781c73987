/*
 * The reactor: turns what the poller reports, and the passing of time, into wakes. It is a role
 * with one holder at a time (baton.h): the reactor thread, or an executor that ran dry.
 *
 * Fields: I: immutable.  L: the lock.  B: holder of the baton.  A: any thread, atomically.
 */
#ifndef CORE_REACTOR_H
#define CORE_REACTOR_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/baton.h"
#include "core/io_source.h"
#include "core/poller.h"
#include "core/timer_queue.h"

struct executor;

struct reactor {
    struct poller poller;            /* I: (its functions may be called from any thread) */
    struct trale_timer_queue timers; /* has its own lock */
    struct baton baton;              /* A: */
    atomic_bool stopping;            /* A: set once; then the poller is interrupted */
    atomic_uint registered;    /* A: sources; with none, a turn that does not block skips epoll */
    atomic_uint retired_count; /* A: changed under the lock */
    counter turns, waits, events; /* A: so far; by the holder of the baton */
    pthread_mutex_t lock;
    struct trale_link sources; /* L: registered; the reactor has a reference to each */
    struct trale_link retired; /* L: deregistered; a reference that the holder gives back */
    const struct executor *executors; /* I: that the reactor works for */
    unsigned count;                   /* I: of them */
    pthread_t thread;                 /* I: */
};

/* Zeroed before. 0 or -errno; on failure nothing is left of it. The thread is started by reactor_start. */
int reactor_init(struct reactor *r, const struct executor *executors, unsigned count);
int reactor_start(struct reactor *r);

/* Ends the thread. The executors have ended before. */
void reactor_stop(struct reactor *r);

/* Sends whoever still waits here elsewhere, and frees what it has. After reactor_stop. */
void reactor_destroy(struct reactor *r);

/* The reactor of the runtime that the caller belongs to, or of the default one. 0 or -errno. */
int reactor_current(struct reactor **reactor);

/* Under the source's lock. See poller_add; 0 or -errno. */
int reactor_add(struct reactor *r, trale_io *io, bool write);
int reactor_add_write(struct reactor *r, trale_io *io);
void reactor_remove(struct reactor *r, trale_io *io);

/* The same for one that stays registered, but is not watched in between. */
int reactor_detach(struct reactor *r, trale_io *io);
int reactor_attach(struct reactor *r, trale_io *io, bool write);

/* Holder of the baton: collects events and due timers, and wakes who waits for them. */
void reactor_turn(struct reactor *r, bool block);

/*
 * Executor: a turn that does not block, if the baton is to be had; otherwise the due timers alone.
 * Not while its inbox has something: what others delivered there comes before what this turn would
 * deliver.
 */
void reactor_turn_for(struct reactor *r, const struct inbox *inbox);

#endif
