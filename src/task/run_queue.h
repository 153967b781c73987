/*
 * The queues of one executor. A task stands on exactly one of ready and waiting from its arrival to
 * its end. One that is on its way through the inbox stands there still, or on none if it is new, or
 * over.
 *
 * Fields: X: executor thread only.  S: changed by the executor thread in sections (freeze.h), read
 * by others while it is frozen.  A: any thread, atomically; but for the inbox and freeze, written
 * by the executor thread.
 */
#ifndef TASK_RUN_QUEUE_H
#define TASK_RUN_QUEUE_H

#include "base/counter.h"
#include "base/list.h"
#include "task/freeze.h"
#include "task/inbox.h"
#include "task/pushers.h"

struct run_queue;

/* The timers of the runtime, for the deadlines of its fibers: X: */
struct deadline_ops {
    void (*arm)(struct run_queue *queue, struct trale_timer *timer, trale_waker *waker);
    void (*disarm)(struct trale_timer *timer);
};

struct run_queue {
    _Alignas(64) struct inbox inbox;      /* A: */
    _Alignas(64) struct trale_link ready; /* S: the run queue, first in, first out */
    struct trale_link waiting;            /* S: the wait queue */
    void *sp;                             /* X: the executor's own stack, while a fiber runs */
    uint64_t control;                     /* X: see switch.h; no poll leaves it changed */
    const struct trale_link *last; /* X: it is polled, and then no other; NULL: does not matter */
    uint32_t until;                /* X: or when there were so many polls */
    unsigned spent;                /* X: operations that the polls have made */
    unsigned ended;                /* X: tasks that have ended and are not accounted for */
    unsigned expected;             /* X: ended tasks that are on their way to the inbox */
    void (*account)(struct run_queue *);  /* I: accounts for them, and makes it 0 */
    const struct deadline_ops *deadlines; /* I: */
    /* I: calls the executor out of where it is parked, if that is not the inbox; else NULL. */
    void (*interrupt)(struct run_queue *);
    struct pushers pushers;            /* A: by anybody; those who may call interrupt */
    struct freeze freeze;              /* A: */
    _Atomic(trale_task *) polled;      /* A: set in sections; NULL: none, at any time */
    _Atomic(uint32_t) polls;           /* A: begun so far */
    _Atomic(uint32_t) looked;          /* A: the same, when it last looked at the clock */
    _Atomic(int64_t) now;              /* A: what it saw */
    counter polled_so_far, woken_here; /* A: for metrics */
};

#endif
